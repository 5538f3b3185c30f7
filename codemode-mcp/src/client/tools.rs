//! From what a server says of its tools to [`Tool`]s of the sandbox. Nothing a server says is believed or left unbounded:
//! core escapes its names and texts, here they are counted.

use std::{collections::HashSet, sync::Arc};

use codemode_core::{Tool, ToolError};
use rmcp::model;
use serde_json::{Value, json};

use super::server::Held;
use crate::store::Store;

/// The tools of a server that its config takes, and what is wrong with the others.
pub(crate) fn accepted(
    server: &str,
    takes: impl Fn(&str) -> bool,
    listed: Vec<model::Tool>,
) -> (Vec<model::Tool>, Vec<String>) {
    let (mut tools, mut problems, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for mut tool in listed {
        if !takes(&tool.name) {
            continue;
        }
        let shown: String = tool.name.chars().take(60).collect();
        let mut wrong = |what: &str| problems.push(format!("tool {shown:?} of server {server:?} {what}"));
        if tool.name.is_empty() || tool.name.len() > MOST_NAME_BYTES {
            wrong("is left out: its name is empty or has more than 256 bytes");
            continue;
        }
        if !seen.insert(tool.name.to_string()) {
            wrong("is listed twice; the first counts");
            continue;
        }
        if size(&tool.input_schema) > MOST_SCHEMA_BYTES {
            wrong("is left out: its input schema has more than 256 KiB");
            continue;
        }
        if tool.output_schema.as_ref().is_some_and(|schema| size(schema) > MOST_SCHEMA_BYTES) {
            wrong("has an output schema of more than 256 KiB, which is ignored");
            tool.output_schema = None;
        }
        tools.push(tool);
    }
    (tools, problems)
}

/// A tool of a server as a tool of the sandbox: `external_<server>_<tool>`.
pub(crate) fn tool(name: String, held: &Arc<Held>, listed: &model::Tool, store: &Store) -> Tool {
    let input = Value::Object((*listed.input_schema).clone());
    let output = listed.output_schema.as_ref().map(|schema| Value::Object((**schema).clone()));
    let is_lazy = held.server.is_lazy();
    let (held, own_name, store) = (held.clone(), Arc::<str>::from(&*listed.name), store.clone());
    let tool = Tool::from_schema(name, description(listed), input, output, move |input, context| {
        let (held, own_name, store) = (held.clone(), own_name.clone(), store.clone());
        async move {
            let result = held.server.call(&own_name, input, &context).await?;
            super::unwrap::value(result, &store)
        }
    });
    if is_lazy { tool.lazy() } else { tool }
}

/// Lets a program read content that was too large to give.
pub(crate) fn reader(store: &Store) -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "handle": { "type": "string" },
            "offset": { "type": "integer", "minimum": 0, "default": 0 },
            "length": { "type": "integer", "minimum": 1, "maximum": MOST_READ_BYTES, "default": MOST_READ_BYTES },
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
        let part = store.part(handle, number("offset").unwrap_or(0), number("length").unwrap_or(MOST_READ_BYTES));
        std::future::ready(part.map(|part| part.to_json()).map_err(|why| ToolError::new(why).code("NO_SUCH_HANDLE")))
    })
}

/// The server's text, bounded, with its hints marked as what they are.
fn description(tool: &model::Tool) -> String {
    let mut text = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default().to_owned();
    if text.len() > MOST_DESCRIPTION_BYTES {
        text.truncate(text.floor_char_boundary(MOST_DESCRIPTION_BYTES));
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

fn size(schema: &model::JsonObject) -> usize {
    serde_json::to_vec(schema).map_or(usize::MAX, |text| text.len())
}

const MOST_NAME_BYTES: usize = 256;
const MOST_SCHEMA_BYTES: usize = 256 << 10;
const MOST_DESCRIPTION_BYTES: usize = 16 << 10;
const MOST_READ_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, input: Value) -> model::Tool {
        serde_json::from_value(json!({ "name": name, "inputSchema": input })).expect("a tool")
    }

    #[test]
    fn what_cannot_be_a_tool_is_left_out_with_the_reason() {
        let large = json!({ "type": "object", "description": "x".repeat(300 << 10) });
        let mut with_output = listed("big_output", json!({ "type": "object" }));
        with_output.output_schema = Some(Arc::new(large.as_object().expect("an object").clone()));
        let tools = vec![
            listed("a", json!({ "type": "object" })),
            listed("a", json!({ "type": "object" })),
            listed("", json!({ "type": "object" })),
            listed(&"n".repeat(300), json!({ "type": "object" })),
            listed("big", large),
            with_output,
            listed("hidden", json!({ "type": "object" })),
        ];
        let (accepted, problems) = accepted("s", |name| name != "hidden", tools);
        let names: Vec<&str> = accepted.iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, ["a", "big_output"]);
        assert_eq!(accepted[1].output_schema, None);
        assert_eq!(problems.len(), 5);
        assert_eq!(problems[0], "tool \"a\" of server \"s\" is listed twice; the first counts");
    }

    #[test]
    fn hints_are_shown_as_the_servers_word() {
        let mut tool = listed("drop", json!({ "type": "object" }));
        tool.description = Some("Drops a table".into());
        tool.annotations = Some(model::ToolAnnotations::new().destructive(true).idempotent(true));
        assert_eq!(description(&tool), "Drops a table\n(its server says: destructive, idempotent)");
    }
}
