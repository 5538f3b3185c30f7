//! The tools that a client sees, its instructions, and the tools beside `execute_typescript`. Core searches and declares;
//! here its answers become texts.

use std::sync::Arc;

use codemode_core::{CodeMode, FormattedResult, ResultFormatter, ToolDefinition};
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

/// The tools. The description of the first holds the catalog: every client passes descriptions on to its model, while not
/// all pass on the instructions.
pub(crate) fn tools(code_mode: &CodeMode) -> Vec<Tool> {
    let definition = code_mode.tool_definition();
    let mut description = definition.description.clone();
    if !code_mode.declarations().is_empty() {
        description.push_str("\n\nTools:\n");
        description.push_str(code_mode.declarations().trim_end());
    }
    let mut output = definition.output_schema.clone();
    if let Some(properties) = output.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("truncated".into(), ResultFormatter::truncation_schema());
    }
    let run = Tool::new(definition.name, description, object(definition.input_schema.clone()));
    let mut tools = vec![run.with_raw_output_schema(object(output))];
    // They answer with texts only: a client that passes structured content on would pass the answer on twice.
    let finders = [code_mode.search_definition(), code_mode.discovery_definition()].into_iter().flatten();
    tools.extend(finders.map(|ToolDefinition { name, description, input_schema, .. }| {
        read_only(name, description.clone(), input_schema.clone())
    }));
    tools.push(read_only("read_result", READ_RESULT.into(), read_result_schema()));
    tools
}

/// The system prompt without the catalog.
pub(crate) fn instructions(code_mode: &CodeMode) -> String {
    code_mode.system_prompt_without_catalog("They stand in the description of execute_typescript.")
}

/// `search_tools`.
pub(crate) fn search_tools(code_mode: &CodeMode, formatter: &ResultFormatter, input: JsonObject) -> CallToolResult {
    let answer = code_mode.search(&Value::Object(input));
    let mut text = declarations(code_mode, &answer);
    match (answer["total"].as_u64(), answer["nextOffset"].as_u64()) {
        (Some(0), _) => text.push_str("// Nothing fits. Try other words, or an empty query for all tools."),
        (Some(total), Some(next)) => {
            text.push_str(&format!("// {} more of {total} from offset {next}", total - next.min(total)))
        }
        _ => {}
    }
    found(formatter, &answer, text)
}

/// `discover_tools`.
pub(crate) fn discover_tools(code_mode: &CodeMode, formatter: &ResultFormatter, input: JsonObject) -> CallToolResult {
    let answer = code_mode.discover(&Value::Object(input));
    let mut text = declarations(code_mode, &answer);
    let list = |name: &str| answer[name].as_array().into_iter().flatten();
    for unknown in list("unknown") {
        let hint = unknown["hint"].as_str().unwrap_or_default();
        text.push_str(&format!("// there is no {}: {hint}\n", unknown["name"]));
    }
    let left: Vec<&str> = list("left").filter_map(Value::as_str).collect();
    if !left.is_empty() {
        text.push_str(&format!("// too much for one answer; ask again for {}\n", left.join(", ")));
    }
    found(formatter, &answer, text)
}

/// The declarations of the tools of an answer, with the types they share once.
fn declarations(code_mode: &CodeMode, answer: &Value) -> String {
    let tools = answer["tools"].as_array().into_iter().flatten();
    let names: Vec<&str> = tools.filter_map(|tool| tool["name"].as_str()).collect();
    code_mode.stubs_of(&names)
}

fn found(formatter: &ResultFormatter, answer: &Value, text: String) -> CallToolResult {
    match answer["error"].as_str() {
        Some(why) => error(why),
        None => CallToolResult::success(vec![ContentBlock::text(formatter.truncate("answer", &text))]),
    }
}

/// `read_result`.
pub(crate) fn read_result(formatter: &ResultFormatter, input: &JsonObject) -> CallToolResult {
    let Some(handle) = input.get("handle").and_then(Value::as_str) else {
        return error("handle is missing; it must be a string");
    };
    let length = number(input, "length").unwrap_or(usize::MAX).min(formatter.max_bytes());
    match formatter.store().chunk(handle, number(input, "offset").unwrap_or(0), length) {
        Ok(chunk) => {
            let more = chunk.next_offset.map(|at| format!("\n\n[More from offset {at}.]")).unwrap_or_default();
            let mut result = CallToolResult::success(vec![ContentBlock::text(format!("{}{more}", chunk.data))]);
            result.structured_content = Some(chunk.to_json());
            result
        }
        Err(why) => error(&why),
    }
}

fn read_only(name: &'static str, about: String, input: Value) -> Tool {
    Tool::new(name, about, object(input)).with_annotations(ToolAnnotations::new().read_only(true))
}

/// An execution's result as MCP content.
pub(crate) fn result(formatted: FormattedResult) -> CallToolResult {
    let FormattedResult { success, text, structured, images, .. } = formatted;
    let mut content = vec![ContentBlock::text(text)];
    content.extend(images.iter().map(|image| ContentBlock::image(&*image.data, &*image.mime_type)));
    let mut result = if success { CallToolResult::success(content) } else { CallToolResult::error(content) };
    result.structured_content = Some(structured);
    result
}

pub(crate) fn error(why: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why)])
}

fn number(input: &JsonObject, name: &str) -> Option<usize> {
    input.get(name)?.as_u64().and_then(|number| usize::try_from(number).ok())
}

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(fields) => Arc::new(fields),
        _ => Arc::default(),
    }
}

fn read_result_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "handle": { "type": "string", "description": "The handle that stands in the truncated result, or in an image or file" },
            "offset": { "type": "integer", "minimum": 0, "default": 0 },
            "length": { "type": "integer", "minimum": 1, "description": "At most so many bytes" }
        },
        "required": ["handle"],
        "additionalProperties": false
    })
}

const READ_RESULT: &str =
    "Reads on in a result that was too long, or in content behind a handle. Prefer a program that returns less.";
