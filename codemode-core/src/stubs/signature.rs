//! [`ToolSignature`]: what a declaration is made of.

use serde_json::Value;

/// What is known of a tool before it runs.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ToolSignature<'a> {
    /// The name the host gave it.
    pub name: &'a str,
    /// The function's name inside the sandbox, from [`assign_names`](codemode_typescript::names::assign_names).
    pub function: &'a str,
    /// What the tool does, in its author's words.
    pub description: &'a str,
    /// JSON Schema of the input, of any draft from 4 on or of OpenAPI.
    pub input: &'a Value,
    /// JSON Schema of the output, where the tool declares one.
    pub output: Option<&'a Value>,
}

impl<'a> ToolSignature<'a> {
    /// A tool that declares no output.
    pub fn new(name: &'a str, function: &'a str, description: &'a str, input: &'a Value) -> Self {
        Self { name, function, description, input, output: None }
    }

    /// With the JSON Schema of its output, if it declares one.
    #[must_use]
    pub fn output(mut self, output: impl Into<Option<&'a Value>>) -> Self {
        self.output = output.into();
        self
    }
}
