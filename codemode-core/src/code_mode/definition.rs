//! [`ToolDefinition`]: what a host registers with its model.

use serde::Serialize;
use serde_json::{Value, json};

/// What to register with the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolDefinition {
    /// `execute_typescript`, `discover_tools` or `search_tools`.
    pub name: &'static str,
    /// What it is for.
    pub description: String,
    /// JSON Schema of its input, for `execute_typescript` `{ typescriptCode }`.
    pub input_schema: Value,
    /// JSON Schema of its answer, for `execute_typescript` `{ success, result?, logs?, error? }`.
    pub output_schema: Value,
}

impl ToolDefinition {
    pub(crate) fn new(description: String) -> Self {
        let text = |description: &str| json!({ "type": "string", "description": description });
        Self {
            name: "execute_typescript",
            description,
            input_schema: json!({
                "type": "object",
                "properties": { "typescriptCode": text("The body of an async TypeScript function: await the external_* functions, return the result") },
                "required": ["typescriptCode"],
                "additionalProperties": false
            }),
            output_schema: json!({
                "type": "object",
                "properties": {
                    "success": { "type": "boolean" },
                    "result": { "description": "What the program returned" },
                    "logs": { "type": "array", "items": { "type": "string" }, "description": "Console lines and warnings" },
                    "error": {
                        "type": "object",
                        "properties": {
                            "kind": { "type": "string" },
                            "name": { "type": "string" },
                            "message": { "type": "string" },
                            "line": { "type": "integer", "description": "Line of the program, from 1" },
                            "column": { "type": "integer" },
                            "codeFrame": { "type": "string" },
                            "stack": { "type": "string" },
                            "hint": text("What to do next"),
                            "code": {},
                            "data": {}
                        },
                        "required": ["kind", "name", "message"]
                    }
                },
                "required": ["success"]
            }),
        }
    }
}
