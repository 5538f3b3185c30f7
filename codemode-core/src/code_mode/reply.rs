//! [`Reply`]: what the model gets back, as one JSON object.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::types::{ConsoleLine, Error, Failure, FailureKind, Json, Level, Outcome};

/// What the model gets back: `{ success, result?, logs?, error? }`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reply {
    /// Whether the program returned.
    pub success: bool,
    /// What it returned; absent for `undefined`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    /// Console lines, `[level]` in front where it is not `log`, then warnings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<String>,
    /// How it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ReplyError>,
}

/// How a program failed, for the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // Named and documented as in `Failure`.
#[non_exhaustive]
pub struct ReplyError {
    pub kind: FailureKind,
    pub name: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_frame: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl Reply {
    /// The model's view of an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        let mut logs: Vec<String> = outcome.console.iter().map(log_text).collect();
        logs.extend(outcome.warnings.iter().map(|warning| format!("[warning] {warning}")));
        let (result, error) = match &outcome.result {
            Ok(result) => (result.clone(), None),
            Err(failure) => (None, Some(ReplyError::of(failure))),
        };
        Self { success: error.is_none(), result, logs, error }
    }

    /// The model's view of a host that could not run its program.
    pub fn of_host_error(error: &Error) -> Self {
        let failure = Failure::new(FailureKind::EngineFailed, "HostError", error.to_string())
            .hint("the program was not the cause; try once more, and tell the user if it fails again");
        Self { success: false, result: None, logs: Vec::new(), error: Some(ReplyError::of(&failure)) }
    }

    /// The model's view of a call of `execute_typescript` that has no program.
    pub(crate) fn of_bad_input(why: &str) -> Self {
        let failure = Failure::new(FailureKind::Invalid, "InvalidInput", why)
            .hint("call execute_typescript with {\"typescriptCode\": \"…\"}");
        Self { success: false, result: None, logs: Vec::new(), error: Some(ReplyError::of(&failure)) }
    }
}

impl ReplyError {
    fn of(failure: &Failure) -> Self {
        Self {
            kind: failure.kind,
            name: failure.name.clone(),
            message: failure.message.clone(),
            line: failure.position.map(|at| at.line),
            column: failure.position.map(|at| at.column),
            code_frame: failure.code_frame.clone(),
            // One frame without a name says no more than line and column.
            stack: failure
                .stack()
                .filter(|_| failure.frames.len() > 1 || failure.frames.iter().any(|frame| !frame.function.is_empty())),
            hint: failure.hint.clone(),
            code: failure.code.clone(),
            // The mismatches stand in the message.
            data: failure.data.clone().filter(|_| failure.name != "ToolInputError"),
        }
    }
}

impl fmt::Display for Reply {
    /// The JSON text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

fn log_text(line: &ConsoleLine) -> String {
    match line.level {
        Level::Log => line.text.to_string(),
        level => format!("[{}] {}", level.as_str(), line.text),
    }
}
