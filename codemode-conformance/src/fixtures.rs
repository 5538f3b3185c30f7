//! What the suites share: a runtime, the tool `echo`, a [`CodeMode`] over a driver, and a check of what came out.

use std::sync::Arc;

use codemode_core::{CodeMode, Error, IsolateDriver, Limits, Outcome, Tool, ToolError};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// A runtime on the current thread.
pub(crate) fn runtime() -> Result<Runtime, String> {
    Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

pub(crate) fn code_mode(
    driver: &Arc<dyn IsolateDriver>,
    tools: impl IntoIterator<Item = Tool>,
    limits: Limits,
) -> Result<CodeMode, String> {
    let builder = CodeMode::builder().driver(driver.clone()).tools(tools).limits(limits);
    builder.build().map_err(|error| error.to_string())
}

/// A tool that takes any input.
pub(crate) fn tool<F, Fut>(name: &str, run: F) -> Tool
where
    F: Fn(Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, ToolError>> + Send + 'static,
{
    Tool::from_schema(name, "A tool of a test.", json!({}), None, move |input, _| run(input))
}

/// Gives back its input.
pub(crate) fn echo() -> Tool {
    tool("echo", |input| async { Ok(input) })
}

/// The error says what happened instead of the program returning `expected`.
pub(crate) fn returned(outcome: Result<Outcome, Error>, expected: &Value) -> Result<(), String> {
    let result = outcome.map_err(|error| format!("the host failed: {error}"))?.result;
    let json = result.map_err(|failure| format!("the program failed: {failure}"))?;
    let value = json.map(|json| json.value()).transpose().map_err(|error| error.to_string())?;
    if value.as_ref() == Some(expected) { Ok(()) } else { Err(format!("expected {expected}, got {value:?}")) }
}
