//! [`CodeMode`]: tools in, one tool out. What most hosts use, and all they need.

mod artifact;
mod builder;
pub(crate) mod catalog;
mod check;
mod definition;
mod discovery;
mod explain;
mod host;
mod options;
mod prompt;
mod reply;
mod result_formatter;

use std::{collections::HashSet, fmt, sync::Arc};

use codemode_typescript::{
    CompileOptions, Compiled, Diagnostic, LiteralInput, compile,
    names::{self, is_global},
};
use serde_json::{Value, json};

pub use self::{
    artifact::{Artifact, ArtifactStore, Chunk},
    builder::CodeModeBuilder,
    check::Checked,
    definition::ToolDefinition,
    options::{EventStream, ExecuteOptions},
    reply::{Reply, ReplyError},
    result_formatter::{FormattedResult, ResultFormatter},
};
use self::{
    catalog::Catalog,
    explain::{Explainer, rejection},
    host::{EventSink, ToolHost, fresh_id},
    prompt::SystemPrompt,
};
use crate::{
    driver::{ContextConfig, IsolateDriver, Program, reject},
    journal::{Journal, Recording},
    stubs::{self, ToolSignature},
    tool::Tool,
    types::{Error, Limits, Listener, Outcome, ToolNames},
};

/// One tool for a model, `execute_typescript`, in front of all the tools of a host. Cheap to clone.
#[derive(Clone)]
pub struct CodeMode {
    inner: Arc<Inner>,
}

struct Inner {
    driver: Arc<dyn IsolateDriver>,
    catalog: Arc<Catalog>,
    limits: Limits,
    on_event: Option<Listener>,
    definition: ToolDefinition,
    /// Of `discover_tools` and `search_tools`.
    lazy_definitions: Option<(ToolDefinition, ToolDefinition)>,
    system_prompt: SystemPrompt,
    problems: Vec<String>,
}

/// A function of the sandbox and the tool behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionInfo<'a> {
    /// What programs call.
    pub name: &'a str,
    /// The tool's own name.
    pub tool: &'a str,
    /// What it does, in its author's words.
    pub description: &'a str,
}

impl CodeMode {
    /// What to register with the model: name, description and schemas of `execute_typescript`.
    pub fn tool_definition(&self) -> &ToolDefinition {
        &self.inner.definition
    }

    /// The second tool to register when there are [lazy](Tool::lazy) tools: `discover_tools` gives their declarations.
    pub fn discovery_definition(&self) -> Option<&ToolDefinition> {
        self.inner.lazy_definitions.as_ref().map(|(discovery, _)| discovery)
    }

    /// A third tool to register when there are lazy tools: `search_tools` finds them by words, as `external_searchTools`
    /// does for programs. It saves a model that knows no names an execution.
    pub fn search_definition(&self) -> Option<&ToolDefinition> {
        self.inner.lazy_definitions.as_ref().map(|(_, search)| search)
    }

    /// Answers a model's call of `discover_tools`: takes `{ "toolNames": […] }`, gives the declarations, and the nearest
    /// names where there is no such tool.
    pub fn discover(&self, input: &Value) -> Value {
        self.inner.catalog.discovery.get().map_or_else(nothing_lazy, |discovery| discovery.discover(input))
    }

    /// Answers a model's call of `search_tools`: takes `{ "query", "limit"?, "offset"? }`, gives a page of declarations.
    pub fn search(&self, input: &Value) -> Value {
        self.inner.catalog.discovery.get().map_or_else(nothing_lazy, |discovery| discovery.answer_search(input))
    }

    /// A system prompt that ends with the [declarations](Self::declarations).
    pub fn system_prompt(&self) -> &str {
        &self.inner.system_prompt.text
    }

    /// The tools as the system prompt shows them: declarations, a line for each lazy tool, and how to get its declaration.
    pub fn declarations(&self) -> &str {
        self.inner.system_prompt.catalog()
    }

    /// The system prompt with a sentence in place of the catalog, for hosts that show that elsewhere.
    pub fn system_prompt_without_catalog(&self, instead: &str) -> String {
        self.inner.system_prompt.without_catalog(instead)
    }

    /// The TypeScript declarations of all tools that are not [lazy](Tool::lazy).
    pub fn stubs(&self) -> &str {
        &self.inner.catalog.stubs.text
    }

    /// Each function of the sandbox, in order, for hosts that show a large catalog in parts.
    pub fn functions(&self) -> impl Iterator<Item = FunctionInfo<'_>> {
        let Catalog { names, tools, .. } = &*self.inner.catalog;
        names.functions().iter().zip(tools).map(|(name, tool)| FunctionInfo {
            name,
            tool: tool.name(),
            description: &tool.definition.description,
        })
    }

    /// The declarations of some functions with the types they need, each once. Unknown names are ignored.
    pub fn stubs_of(&self, functions: &[&str]) -> String {
        let (mut text, mut types) = (String::new(), HashSet::new());
        for stub in functions.iter().filter_map(|name| self.inner.catalog.stub(name)) {
            for named in stub.types.iter().filter(|named| types.insert(named.name.as_str())) {
                text.push_str(named.text.trim_end());
                text.push('\n');
            }
            text.push_str(stub.text.trim_end());
            text.push('\n');
        }
        text
    }

    /// What is wrong with single tools, such as an invalid schema. The other tools are not affected.
    pub fn problems(&self) -> &[String] {
        &self.inner.problems
    }

    /// The driver that runs the programs.
    pub fn driver(&self) -> &Arc<dyn IsolateDriver> {
        &self.inner.driver
    }

    /// Answers a model's call of `execute_typescript`: takes `{ "typescriptCode": "…" }`, gives what the model is to
    /// see. Whatever goes wrong is in the reply.
    pub async fn call(&self, input: &Value, options: ExecuteOptions) -> Reply {
        let code = match input.get("typescriptCode") {
            Some(Value::String(code)) => code,
            Some(other) => {
                let kind = match other {
                    Value::Null => "null",
                    Value::Bool(_) => "a boolean",
                    Value::Number(_) => "a number",
                    Value::Array(_) => "an array",
                    Value::Object(_) | Value::String(_) => "an object",
                };
                return Reply::of_bad_input(&format!("typescriptCode is {kind}; it must be a string"));
            }
            None => return Reply::of_bad_input("typescriptCode is missing"),
        };
        match self.execute(code, options).await {
            Ok(outcome) => Reply::of(&outcome),
            Err(error) => Reply::of_host_error(&error),
        }
    }

    /// Runs one program. Dropping the future cancels it.
    ///
    /// # Errors
    /// Only when the host fails; whatever the program does, also a syntax error, is in the [`Outcome`].
    pub async fn execute(&self, code: &str, options: ExecuteOptions) -> Result<Outcome, Error> {
        let limits = options.limits.unwrap_or_else(|| self.inner.limits.clone());
        limits.check()?;
        let (catalog, names) = (&self.inner.catalog, &self.inner.catalog.names);
        let tool_call_id = options.tool_call_id.unwrap_or_else(fresh_id);
        let mut host = ToolHost {
            catalog: catalog.clone(),
            tool_call_id: tool_call_id.clone(),
            events: EventSink([self.inner.on_event.clone(), options.listener]),
            explainer: None,
        };
        let compiled = match self.compile(code, names, &limits) {
            Ok(compiled) => Arc::new(compiled),
            Err(diagnostics) => {
                return reject(tool_call_id, code.len(), rejection(code, &diagnostics), Arc::new(host));
            }
        };
        let program = program(&compiled, names, tool_call_id)
            .code_length(code.len())
            .seed(options.seed)
            .epoch_ms(options.epoch_ms)
            .journal(options.journal.map(|recorder| Box::new(recorder) as Box<dyn Journal>));
        let explainer = Arc::new(Explainer::new(code, compiled, names.clone(), catalog.clone()));
        host.explainer = Some(explainer.clone());
        let config = ContextConfig { limits, tools: names.clone() };
        let outcome = self.inner.driver.execute(config, program, Arc::new(host)).await?;
        Ok(explainer.complete(outcome))
    }

    /// Runs a recorded execution again: no tool is called, every answer comes from the record.
    ///
    /// `code` is the program to run; give the recorded one to audit, a changed one to see where it departs.
    ///
    /// # Errors
    /// [`ErrorKind::Diverged`](crate::ErrorKind::Diverged) at the first message that differs from the record.
    pub async fn replay(&self, code: &str, recording: Recording) -> Result<Outcome, Error> {
        let (limits, names) = (recording.header.limits.clone(), Arc::new(recording.header.tool_names()));
        limits.check()?;
        let compiled = match self.compile(code, &names, &limits) {
            Ok(compiled) => Arc::new(compiled),
            Err(diagnostics) => return Ok(Outcome::new(Err(rejection(code, &diagnostics)))),
        };
        let program = program(&compiled, &names, fresh_id());
        let config = ContextConfig { limits, tools: names.clone() };
        let outcome = self.inner.driver.replay(config, program, recording).await?;
        Ok(Explainer::new(code, compiled, names, self.inner.catalog.clone()).complete(outcome))
    }

    pub(crate) fn compile(&self, code: &str, names: &ToolNames, limits: &Limits) -> Result<Compiled, Vec<Diagnostic>> {
        let known = |name: &str| names.find(name).is_some() || is_global(name);
        let catalog = &self.inner.catalog;
        let check_input = |function: &str, input: Option<&LiteralInput>| {
            let tool = catalog.names.find(function).and_then(|(index, _)| catalog.tools.get(index));
            tool.map(|tool| tool.literal_problems(input)).unwrap_or_default()
        };
        let declaration = |function: &str| self.inner.catalog.stub(function).map(explain::declaration);
        let options = CompileOptions::new(limits.source_bytes, &known, names.functions())
            .check_input(&check_input)
            .declaration(&declaration)
            .ticks(self.inner.driver.wants_ticks());
        compile(code, &options)
    }

    pub(crate) fn names(&self) -> &ToolNames {
        &self.inner.catalog.names
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }
}

/// The compiled program with the functions that it can reach.
fn program(compiled: &Compiled, names: &ToolNames, tool_call_id: Arc<str>) -> Program {
    let reachable = || compiled.externals.iter().filter(|name| names.find(name).is_some()).cloned().collect();
    Program::new(compiled.javascript.as_str(), tool_call_id).functions((!compiled.dynamic_globals).then(reachable))
}

fn nothing_lazy() -> Value {
    json!({ "error": "there is nothing to look for: all tools are declared already" })
}

impl fmt::Debug for CodeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools = self.inner.catalog.tools.len();
        f.debug_struct("CodeMode").field("driver", &self.inner.driver).field("tools", &tools).finish_non_exhaustive()
    }
}

/// The TypeScript declarations of tools, as the prompt has them, for hosts that show them in a place of their own.
///
/// ```
/// use codemode_core::{Tool, generate_types};
/// use serde_json::{Value, json};
///
/// let input = json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] });
/// let tool = Tool::from_schema("get-user", "Finds a user.", input, None, |_, _| async { Ok(Value::Null) });
/// assert_eq!(
///     generate_types(&[tool]),
///     "/** Finds a user. @returns unknown */\n\
///      declare function external_get_user(input: { id: string }): Promise<unknown>;\n"
/// );
/// ```
pub fn generate_types(tools: &[Tool]) -> String {
    let functions = names::assign_names(tools.iter().map(Tool::name));
    let signatures: Vec<ToolSignature<'_>> =
        tools.iter().zip(&functions).map(|(tool, function)| tool.signature(function)).collect();
    stubs::declare(&signatures).text
}
