//! From the tools that a server lists to [`Tool`]s of the sandbox. A server is not trusted: its texts are bounded here and
//! escaped by core.

use std::sync::Arc;

use codemode_core::{ArtifactStore, Tool, ToolError};
use rmcp::model;
use serde_json::{Value, json};

use super::{result_value::result_value, server::ServerHandle};

/// A tool of a server as a tool of the sandbox: `external_<server>_<tool>`.
pub(crate) fn tool(name: String, handle: &Arc<ServerHandle>, listed: &model::Tool, store: &ArtifactStore) -> Tool {
    let input = Value::Object((*listed.input_schema).clone());
    let output = listed.output_schema.as_ref().map(|schema| Value::Object((**schema).clone()));
    let is_lazy = handle.server.is_lazy();
    let (handle, own_name, store) = (handle.clone(), Arc::<str>::from(&*listed.name), store.clone());
    let tool = Tool::from_schema(name, description(listed), input, output, move |input, context| {
        let (handle, own_name, store) = (handle.clone(), own_name.clone(), store.clone());
        async move {
            let result = handle.server.call(&own_name, input, &context).await?;
            result_value(result, &store)
        }
    });
    if is_lazy { tool.lazy() } else { tool }
}

/// The tool with which a program reads content that was too large to return.
pub(crate) fn read_handle(store: &ArtifactStore) -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "handle": { "type": "string" },
            "offset": { "type": "integer", "minimum": 0, "default": 0 },
            "length": { "type": "integer", "minimum": 1, "maximum": MAX_READ_BYTES, "default": MAX_READ_BYTES },
        },
        "required": ["handle"],
        "additionalProperties": false,
    });
    let output = json!({
        "type": "object",
        "properties": {
            "mimeType": { "type": "string" },
            "encoding": { "enum": ["text", "base64"] },
            "size": { "type": "integer" },
            "data": { "type": "string" },
            "nextOffset": { "type": "integer" },
        },
        "required": ["mimeType", "encoding", "size", "data"],
    });
    let about = "Read content behind the `handle` that stands in place of large images, audio and files";
    let store = store.clone();
    Tool::from_schema("read_handle", about, input, Some(output), move |input, _context| {
        let number = |name: &str| input.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let handle = input.get("handle").and_then(Value::as_str).unwrap_or_default();
        let chunk = store.chunk(handle, number("offset").unwrap_or(0), number("length").unwrap_or(MAX_READ_BYTES));
        std::future::ready(chunk.map(|chunk| chunk.to_json()).map_err(|why| ToolError::new(why).code("NO_SUCH_HANDLE")))
    })
}

/// The server's description, bounded, with its hints marked as the server's claim.
fn description(tool: &model::Tool) -> String {
    let mut text = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default().to_owned();
    if text.len() > MAX_DESCRIPTION_BYTES {
        text.truncate(text.floor_char_boundary(MAX_DESCRIPTION_BYTES));
        text.push_str(" … (cut)");
    }
    let Some(hints) = &tool.annotations else { return text };
    let hints = [
        (hints.read_only_hint == Some(true), "read-only"),
        (hints.destructive_hint == Some(true) && hints.read_only_hint != Some(true), "destructive"),
        (hints.idempotent_hint == Some(true) && hints.read_only_hint != Some(true), "idempotent"),
    ];
    let hints: Vec<&str> = hints.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    if !hints.is_empty() {
        text.push_str(&format!("\n(its server says: {})", hints.join(", ")));
    }
    text
}

const MAX_DESCRIPTION_BYTES: usize = 16 << 10;
const MAX_READ_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_shown_as_the_servers_claim() {
        let listed = json!({ "name": "drop", "inputSchema": { "type": "object" } });
        let mut tool: model::Tool = serde_json::from_value(listed).expect("a tool");
        tool.description = Some("Drops a table".into());
        tool.annotations = Some(model::ToolAnnotations::new().destructive(true).idempotent(true));
        assert_eq!(description(&tool), "Drops a table\n(its server says: destructive, idempotent)");
    }
}
