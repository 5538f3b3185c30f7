//! [`ToolError`]: why a tool failed, as its author says it.

use serde_json::Value;

use crate::types::CallError;

/// Why a tool failed. The program sees an `Error` with these fields; anything that is a Rust error becomes one
/// through `?`, with its message and without its backtrace.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolError {
    name: String,
    message: String,
    code: Option<Value>,
    data: Option<Value>,
}

impl ToolError {
    /// An error named `ToolError`. The message is read by a model: say what to do differently.
    pub fn new(message: impl Into<String>) -> Self {
        Self { name: "ToolError".into(), message: message.into(), code: None, data: None }
    }

    pub(crate) fn invalid_input(message: String) -> Self {
        Self::new(format!("invalid input: {message}")).named("ToolInputError").code("INVALID_INPUT")
    }

    /// Changes the error's name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a code to match on.
    #[must_use]
    pub fn code(mut self, code: impl Into<Value>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Adds anything else the program may want to read.
    #[must_use]
    pub fn data(mut self, data: impl Into<Value>) -> Self {
        self.data = Some(data.into());
        self
    }

    pub(crate) fn into_call_error(self) -> CallError {
        CallError { name: self.name, message: self.message, code: self.code, data: self.data }
    }
}

impl<E: std::error::Error> From<E> for ToolError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut below = error.source();
        while let Some(source) = below {
            let text = source.to_string();
            // Many errors already repeat what is below them.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            below = source.source();
        }
        Self::new(message)
    }
}
