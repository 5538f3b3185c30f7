//! [`ToolError`]: why a tool failed, as its author says it.

use std::{error::Error, fmt};

use serde_json::Value;

use crate::types::CallError;

/// Why a tool failed. The program sees an `Error` with these fields; anything that is a Rust error becomes one
/// through `?`, with its message and without its backtrace.
///
/// For that reason it cannot be a [`std::error::Error`] itself: Rust allows only one of the two. [`as_error`](Self::as_error)
/// and the conversion into `Box<dyn Error>` give the [`CallError`] in it, which is one.
///
/// ```
/// use codemode_core::ToolError;
///
/// fn parse(text: &str) -> Result<u32, ToolError> {
///     Ok(text.parse::<u32>()?)
/// }
/// fn host() -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
///     Ok(parse("seven")?)
/// }
/// assert_eq!(host().unwrap_err().to_string(), "ToolError: invalid digit found in string");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ToolError(CallError);

impl ToolError {
    /// An error named `ToolError`. The message is read by a model: say what to do differently.
    pub fn new(message: impl Into<String>) -> Self {
        Self(CallError::new("ToolError", message))
    }

    pub(crate) fn invalid_input(message: String) -> Self {
        Self::new(format!("invalid input: {message}")).named("ToolInputError").code("INVALID_INPUT")
    }

    /// Changes the error's name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.0.name = name.into();
        self
    }

    /// Adds a code to match on.
    #[must_use]
    pub fn code(self, code: impl Into<Value>) -> Self {
        Self(self.0.code(code))
    }

    /// Adds anything else the program may want to read.
    #[must_use]
    pub fn data(self, data: impl Into<Value>) -> Self {
        Self(self.0.data(data))
    }

    /// The error that the program will see.
    pub fn as_error(&self) -> &CallError {
        &self.0
    }

    pub(crate) fn into_call_error(self) -> CallError {
        self.0
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<ToolError> for Box<dyn Error + Send + Sync> {
    fn from(error: ToolError) -> Self {
        Box::new(error.0)
    }
}

impl From<ToolError> for Box<dyn Error> {
    fn from(error: ToolError) -> Self {
        Box::new(error.0)
    }
}

impl<E: Error> From<E> for ToolError {
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
