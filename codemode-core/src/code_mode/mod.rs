//! [`CodeMode`]: tools in, one tool out. What most hosts use, and all they need.

mod artifact;
mod builder;
pub(crate) mod catalog;
mod check;
mod definition;
mod discovery;
mod event_stream;
mod execute;
mod explain;
mod front_end;
mod host;
mod options;
mod prompt;
mod replay;
mod reply;
mod result_formatter;

use std::{collections::HashSet, fmt, sync::Arc};

use codemode_typescript::names;
use serde_json::{Value, json};

pub use self::{
    artifact::{Artifact, ArtifactStore, Chunk},
    builder::CodeModeBuilder,
    check::Checked,
    definition::ToolDefinition,
    event_stream::EventStream,
    options::ExecuteOptions,
    reply::{Reply, ReplyError},
    result_formatter::{FormattedResult, ResultFormatter},
};
use self::{catalog::Catalog, prompt::SystemPrompt};
use crate::{
    driver::IsolateDriver,
    stubs::{self, ToolSignature},
    tool::Tool,
    types::{Limits, Listener, ToolNames},
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

    pub(crate) fn names(&self) -> &ToolNames {
        &self.inner.catalog.names
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }
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
