//! The tools beside `execute_typescript`, and what a client is told of all of them.

use std::sync::Arc;

use codemode_core::{CodeMode, FunctionInfo};
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use wildmatch::WildMatch;

use super::{reply::Shaper, search};

/// What a client is told of the catalog before it asks.
pub(crate) struct Told {
    declarations: String,
    /// Some functions are not declared: they are found by search.
    is_searched: bool,
}

impl Told {
    /// Declares the functions that are not `lazy`, if that takes no more than `most_bytes`.
    pub(crate) fn of(code_mode: &CodeMode, lazy: &[WildMatch], most_bytes: usize) -> Self {
        let is_lazy = |function: &FunctionInfo<'_>| lazy.iter().any(|glob| glob.matches(function.tool));
        let eager: Vec<&str> =
            code_mode.functions().filter(|function| !is_lazy(function)).map(|function| function.name).collect();
        let is_whole = eager.len() == code_mode.functions().count();
        let declarations = if is_whole { code_mode.stubs().to_owned() } else { code_mode.stubs_of(&eager) };
        let fits = declarations.len() <= most_bytes;
        Self { declarations: if fits { declarations } else { String::new() }, is_searched: !(is_whole && fits) }
    }

    /// The tools.
    pub(crate) fn tools(&self, code_mode: &CodeMode) -> Vec<Tool> {
        let definition = code_mode.tool_definition();
        let mut description = definition.description.clone();
        if self.is_searched {
            description.push_str(HOW_TO_SEARCH);
        }
        if !self.declarations.is_empty() {
            description.push_str("\n\nDeclarations:\n");
            description.push_str(self.declarations.trim_end());
        }
        let mut output = definition.output_schema.clone();
        if let Some(properties) = output.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("truncated".into(), truncated_schema());
        }
        let read_only = |name: &'static str, about: &'static str, input: Value| {
            Tool::new(name, about, object(input)).with_annotations(ToolAnnotations::new().read_only(true))
        };
        let run = Tool::new(definition.name.to_owned(), description, object(definition.input_schema.clone()));
        let mut tools = vec![run.with_raw_output_schema(object(output))];
        if self.is_searched {
            tools.push(read_only("search_tools", SEARCH_TOOLS, search_schema()));
            tools.push(read_only("discover_tools", DISCOVER_TOOLS, discover_schema()));
        }
        tools.push(read_only("read_result", READ_RESULT, read_result_schema()));
        tools
    }

    /// The system prompt without the declarations: they stand in the description of the tool, which every client passes
    /// on, while not all pass on this.
    pub(crate) fn instructions(&self, code_mode: &CodeMode) -> String {
        let place = if self.is_searched {
            "// search_tools finds functions, discover_tools declares them"
        } else {
            "// in the description of execute_typescript"
        };
        match code_mode.stubs().trim_end() {
            "" => code_mode.system_prompt().to_owned(),
            stubs => code_mode.system_prompt().replace(stubs, place),
        }
    }
}

/// `search_tools`.
pub(crate) fn search_tools(code_mode: &CodeMode, input: &JsonObject) -> CallToolResult {
    let query = input.get("query").and_then(Value::as_str).unwrap_or_default();
    let (offset, limit) =
        (number(input, "offset").unwrap_or(0), number(input, "limit").unwrap_or(20).clamp(1, MOST_FOUND));
    let found = search::search(code_mode.functions(), query);
    let mut text = String::new();
    for one in found.iter().skip(offset).take(limit) {
        text.push_str(&format!("{}: {}\n", one.function, one.summary));
    }
    let last = offset.saturating_add(limit);
    if found.is_empty() {
        text = format!("Nothing fits {query:?}. Try other words, or an empty query for the whole list.");
    } else if last < found.len() {
        text.push_str(&format!("({} more from offset {last})", found.len() - last));
    }
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// `discover_tools`.
pub(crate) fn discover_tools(code_mode: &CodeMode, input: &JsonObject, most_bytes: usize) -> CallToolResult {
    let Some(names) = input.get("toolNames").and_then(Value::as_array) else {
        return wrong("toolNames is missing; it must be a list of names such as external_files_read");
    };
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).take(MOST_FOUND).collect();
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| code_mode.functions().any(|function| function.name == *name));
    let mut text = code_mode.stubs_of(&known);
    if text.len() > most_bytes {
        text.truncate(text.floor_char_boundary(most_bytes));
        text.push_str("\n// … cut: ask for fewer at once");
    }
    for name in unknown {
        let near = search::search(code_mode.functions(), name).into_iter().take(3).map(|found| found.function);
        let near: Vec<&str> = near.collect();
        let hint = if near.is_empty() { String::new() } else { format!("; near: {}", near.join(", ")) };
        text.push_str(&format!("// there is no function {name:?}{hint}\n"));
    }
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// `read_result`.
pub(crate) fn read_result(shaper: &Shaper, input: &JsonObject) -> CallToolResult {
    let Some(handle) = input.get("handle").and_then(Value::as_str) else {
        return wrong("handle is missing; it must be a string");
    };
    let length = number(input, "length").unwrap_or(usize::MAX).min(shaper.most_bytes);
    match shaper.store.part(handle, number(input, "offset").unwrap_or(0), length) {
        Ok(part) => {
            let more = part.next_offset.map(|at| format!("\n\n[More from offset {at}.]")).unwrap_or_default();
            let mut result = CallToolResult::success(vec![ContentBlock::text(format!("{}{more}", part.data))]);
            result.structured_content = Some(part.to_json());
            result
        }
        Err(why) => wrong(&why),
    }
}

pub(crate) fn wrong(why: &str) -> CallToolResult {
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

fn truncated_schema() -> Value {
    json!({
        "type": "object",
        "description": "The result was too long: `result` is the beginning of its text; read_result gives the rest",
        "properties": {
            "bytes": { "type": "integer" },
            "shown": { "type": "integer" },
            "handle": { "type": ["string", "null"] },
            "nextOffset": { "type": "integer" }
        },
        "required": ["bytes", "shown", "handle", "nextOffset"]
    })
}

fn search_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "query": { "type": "string", "description": "What the function should do, in a few words; empty lists all" },
            "limit": { "type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": 20 },
            "offset": { "type": "integer", "minimum": 0, "default": 0 }
        },
        "required": ["query"],
        "additionalProperties": false
    })
}

fn discover_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "toolNames": { "type": "array", "items": { "type": "string" }, "maxItems": MOST_FOUND, "description": "Names that search_tools found" }
        },
        "required": ["toolNames"],
        "additionalProperties": false
    })
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

const HOW_TO_SEARCH: &str = "\n\nFirst find the functions with the tool search_tools and get their declarations with the tool \
                             discover_tools; inside the program, call the functions themselves.";
const SEARCH_TOOLS: &str =
    "Finds functions that programs of execute_typescript can call. Gives names with one line each, best first.";
const DISCOVER_TOOLS: &str = "Gives the TypeScript declarations of functions that search_tools found.";
const READ_RESULT: &str =
    "Reads on in a result that was too long, or in content behind a handle. Prefer a program that returns less.";
const MOST_FOUND: usize = 100;
