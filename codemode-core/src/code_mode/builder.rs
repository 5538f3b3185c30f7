//! [`CodeModeBuilder`]: names the tools, declares their types and writes the prompt.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
};

use codemode_typescript::names;

use super::{CodeMode, Inner};
use crate::{
    code_mode::{
        catalog::Catalog,
        definition::ToolDefinition,
        discovery::{self, Discovery, search_tool},
        prompt::{self, BYTES_PER_TOKEN, PromptParts},
    },
    driver::IsolateDriver,
    stubs::{self, ToolSignature},
    tool::{
        Tool,
        secrets::{SecretCheck, secret_parameters},
    },
    types::{Error, ErrorKind, Event, Limits, Listener, ToolNames},
};

const MAX_CHECKED_AT_START: usize = 256;
const LAZY_TOKENS: usize = 2_000;

/// Collects what a [`CodeMode`] is made of. Clone it to build again with other tools.
#[derive(Clone, Default)]
pub struct CodeModeBuilder {
    driver: Option<Arc<dyn IsolateDriver>>,
    tools: Vec<Tool>,
    limits: Limits,
    on_event: Option<Listener>,
    on_warning: Option<Arc<dyn Fn(String) + Send + Sync>>,
    description: Option<String>,
    secrets: SecretCheck,
    catalog_tokens: Option<usize>,
    lazy_tokens: Option<usize>,
    notes: Vec<String>,
}

impl CodeMode {
    /// Begins with nothing: give it a driver and tools.
    pub fn builder() -> CodeModeBuilder {
        CodeModeBuilder::default()
    }
}

impl CodeModeBuilder {
    /// The driver that runs the programs. Required. One that is shared with others is an [`Arc`], such as that of
    /// `codemode::driver("quickjs")?`.
    #[must_use]
    pub fn driver(mut self, driver: impl IsolateDriver) -> Self {
        self.driver = Some(Arc::new(driver));
        self
    }

    /// Adds a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Adds tools.
    #[must_use]
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// The limits of each execution; [`ExecuteOptions::limits`](super::ExecuteOptions::limits) can give others.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Receives the events of all executions, in order within each; see [`Host::event`](crate::Host::event) for the
    /// threads.
    #[must_use]
    pub fn on_event(mut self, listen: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(listen));
        self
    }

    /// Receives what is odd but not wrong, such as an answer that does not fit its tool's schema. Without it, warnings
    /// go to standard error.
    #[must_use]
    pub fn on_warning(mut self, listen: impl Fn(String) + Send + Sync + 'static) -> Self {
        self.on_warning = Some(Arc::new(listen));
        self
    }

    /// The description of `execute_typescript` in your own words; `{{types}}` becomes the declarations of the tools.
    #[must_use]
    pub fn description(mut self, template: impl Into<String>) -> Self {
        self.description = Some(template.into());
        self
    }

    /// What to do about parameters of tools that look like secrets. Without it, they are warned of.
    #[must_use]
    pub fn secret_parameters(mut self, check: SecretCheck) -> Self {
        self.secrets = check;
        self
    }

    /// How many tokens the declarations may take in the prompt, about. A catalog that needs more is not declared: all its
    /// tools are [lazy](Tool::lazy) then. Without it there is no bound.
    #[must_use]
    pub fn catalog_tokens(mut self, tokens: usize) -> Self {
        self.catalog_tokens = Some(tokens);
        self
    }

    /// How many tokens the lines of [lazy](Tool::lazy) tools may take in the prompt, about; 2,000 without it. Tools beyond
    /// are found by searching.
    #[must_use]
    pub fn lazy_tokens(mut self, tokens: usize) -> Self {
        self.lazy_tokens = Some(tokens);
        self
    }

    /// Ends the system prompt with a line of your own, such as what is missing today and why. One line: what would
    /// begin another becomes a space.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Names the tools, declares their types and writes the prompt.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a driver, with two tools of the same name, or with limits out of range. A tool
    /// with a broken schema is no error: see [`CodeMode::problems`].
    pub fn build(self) -> Result<CodeMode, Error> {
        let Self { driver, mut tools, limits, on_event, on_warning, description, secrets, notes, .. } = self;
        let driver = driver.ok_or_else(|| {
            Error::new(ErrorKind::Config, "no driver was chosen; give one to CodeMode::builder().driver(…)")
        })?;
        limits.check()?;
        let mut seen = HashSet::new();
        if let Some(twice) = tools.iter().find(|tool| !seen.insert(tool.name().to_owned())) {
            return Err(Error::new(ErrorKind::Config, "two tools have the same name; rename one of them")
                .with("tool", twice.name()));
        }
        let on_warning = on_warning.unwrap_or_else(|| Arc::new(|warning| eprintln!("codemode: {warning}")));
        let found = tools.iter().flat_map(|tool| secret_parameters(tool.name(), tool.input_schema())).collect();
        let warnings =
            secrets.judge(found).map_err(|parameter| Error::new(ErrorKind::Config, parameter.to_string()))?;
        warnings.into_iter().for_each(|warning| on_warning(warning));
        if self.catalog_tokens.is_some_and(|most| is_larger(&tools, most.saturating_mul(BYTES_PER_TOKEN))) {
            tools = tools.into_iter().map(Tool::lazy).collect();
        }
        let lazy = tools.iter().any(Tool::is_lazy);
        let discovery = Arc::new(OnceLock::new());
        if lazy {
            // First, so that no tool of the host can take its name.
            tools.insert(0, search_tool(discovery.clone()));
        }
        let functions = names::assign_names(tools.iter().map(Tool::name));
        let pairs = functions.iter().map(String::as_str).zip(tools.iter().map(|tool| tool.definition.name.clone()));
        let names = Arc::new(ToolNames::new(pairs));
        if lazy {
            // Nobody has set it before.
            let _ = discovery.set(Discovery::new(tools.iter().cloned().zip(names.functions().iter().cloned()).skip(1)));
        }
        let eager = tools.iter().zip(&functions).filter(|(tool, _)| !tool.is_lazy());
        let signatures: Vec<ToolSignature<'_>> = eager.map(|(tool, function)| tool.signature(function)).collect();
        let declared = stubs::declare(&signatures);
        let mut problems: Vec<String> =
            declared.problems.iter().map(|problem| format!("{}: {}", problem.tool, problem.message)).collect();
        // Preparing a schema costs some 50 µs; a catalog of thousands does it at the first call of each tool.
        if tools.len() <= MAX_CHECKED_AT_START {
            problems
                .extend(tools.iter().filter_map(|tool| Some(format!("{}: {}", tool.name(), tool.schema_problem()?))));
        }
        let budget = self.lazy_tokens.unwrap_or(LAZY_TOKENS).saturating_mul(BYTES_PER_TOKEN);
        let catalog = discovery::catalog_text(&tools, &functions, &declared, budget);
        // The example is made of the host's own tools.
        let own = signatures.get(usize::from(lazy)..).unwrap_or_default();
        let lazy_count = tools.len() - signatures.len();
        let parts = PromptParts { catalog: &catalog, tools: own, lazy: lazy_count, limits: &limits };
        let description = match &description {
            Some(template) => prompt::fill_template(template, &parts),
            None => prompt::tool_description(&parts),
        };
        let mut system_prompt = prompt::system_prompt(&parts);
        system_prompt.push_notes(&notes);
        Ok(CodeMode {
            inner: Arc::new(Inner {
                driver,
                catalog: Arc::new(Catalog { tools, names, stubs: declared, discovery, on_warning }),
                limits,
                on_event,
                definition: ToolDefinition::new(description),
                lazy_definitions: lazy.then(|| (discovery::discovery_definition(), discovery::search_definition())),
                system_prompt,
                problems,
            }),
        })
    }
}

/// Whether the declarations of the tools that are not lazy have more bytes.
fn is_larger(tools: &[Tool], most_bytes: usize) -> bool {
    let eager: Vec<&Tool> = tools.iter().filter(|tool| !tool.is_lazy()).collect();
    let functions = names::assign_names(eager.iter().map(|tool| tool.name()));
    let signatures: Vec<_> = eager.iter().zip(&functions).map(|(tool, function)| tool.signature(function)).collect();
    stubs::declare(&signatures).text.len() > most_bytes
}
