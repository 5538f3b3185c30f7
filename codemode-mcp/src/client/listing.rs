//! Checks the tools that a server lists: names and schemas are bounded, duplicates and excluded tools are left out.

use std::collections::HashSet;

use rmcp::model::{JsonObject, Tool};

/// The tools that can be used, and a sentence for each problem with the others.
pub(crate) fn accept(server: &str, includes: impl Fn(&str) -> bool, listed: Vec<Tool>) -> (Vec<Tool>, Vec<String>) {
    let (mut tools, mut problems, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    let mut more = 0;
    for mut tool in listed {
        let shown: String = tool.name.chars().take(60).collect();
        let mut problem = |what: &str| {
            if problems.len() < MAX_PROBLEMS {
                problems.push(format!("tool {shown:?} of server {server:?} {what}"));
            } else {
                more += 1;
            }
        };
        if tool.name.is_empty() || tool.name.len() > MAX_NAME_BYTES {
            problem("is left out: its name is empty or has more than 256 bytes");
            continue;
        }
        if !includes(&tool.name) {
            continue;
        }
        if !seen.insert(tool.name.to_string()) {
            problem("is listed twice; the first counts");
            continue;
        }
        if size(&tool.input_schema) > MAX_SCHEMA_BYTES {
            problem("is left out: its input schema has more than 256 KiB");
            continue;
        }
        if tool.output_schema.as_ref().is_some_and(|schema| size(schema) > MAX_SCHEMA_BYTES) {
            problem("has an output schema of more than 256 KiB, which is ignored");
            tool.output_schema = None;
        }
        // Nothing shows them, and they may be large.
        (tool.icons, tool.meta) = (None, None);
        tools.push(tool);
    }
    if more > 0 {
        problems.push(format!("{more} more tools of server {server:?} have such problems"));
    }
    (tools, problems)
}

fn size(schema: &JsonObject) -> usize {
    serde_json::to_vec(schema).map_or(usize::MAX, |text| text.len())
}

const MAX_NAME_BYTES: usize = 256;
/// How many problems of one server are told.
const MAX_PROBLEMS: usize = 20;
const MAX_SCHEMA_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn listed(name: &str, input: Value) -> Tool {
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
        let (accepted, problems) = accept("s", |name| name != "hidden", tools);
        let names: Vec<&str> = accepted.iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, ["a", "big_output"]);
        assert_eq!(accepted[1].output_schema, None);
        assert_eq!(problems.len(), 5);
        assert_eq!(problems[0], "tool \"a\" of server \"s\" is listed twice; the first counts");
    }
}
