//! The schemas: made by hand, and published by others.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Map, Value, json};

use crate::compiler::tools;

/// Tools that are declared together.
pub struct Group {
    pub name: String,
    pub tools: Vec<Tool>,
}

pub struct Tool {
    pub name: String,
    pub description: String,
    pub input: Option<Value>,
    pub output: Option<Value>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    Input,
    Output,
}

impl Side {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

impl Tool {
    pub fn with_output(name: String, output: Value) -> Self {
        Self { name, description: String::new(), input: None, output: Some(output) }
    }

    pub fn sides(&self) -> impl Iterator<Item = (Side, &Value)> {
        let input = self.input.iter().map(|schema| (Side::Input, schema));
        input.chain(self.output.iter().map(|schema| (Side::Output, schema)))
    }
}

/// One schema for each way of writing one that we know of.
pub fn handmade() -> Group {
    let lines = include_str!("handmade.jsonl").lines().map(|line| serde_json::from_str(line).expect(line));
    let long = [
        json!({ "enum": (0..250).map(|n| format!("v{n}")).collect::<Vec<_>>() }),
        json!({ "enum": ["short", "x".repeat(600)] }),
        json!({ "type": "object", "properties": { "a": { "type": "sausage" } }, "required": ["a"] }),
    ];
    let tools = lines.chain(long).enumerate().map(|(at, schema)| Tool::with_output(format!("line{}", at + 1), schema));
    Group { name: "handmade".into(), tools: tools.collect() }
}

/// The tools of MCP servers, and the models of OpenAPI documents.
pub fn published() -> Result<Vec<Group>, String> {
    let folder = tools().join("schemas");
    let mut groups = Vec::new();
    for (name, text) in files(&folder.join("mcp"))? {
        let answer: Value = serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
        let list = answer.pointer("/result/tools").and_then(Value::as_array).ok_or(format!("{name} lists no tools"))?;
        let text = |tool: &Value, key: &str| tool.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let tools = list.iter().map(|tool| Tool {
            name: text(tool, "name"),
            description: text(tool, "description"),
            input: tool.get("inputSchema").cloned(),
            output: tool.get("outputSchema").cloned(),
        });
        groups.push(Group { name, tools: tools.collect() });
    }
    if groups.len() < 10 {
        return Err(format!("only {} MCP servers answered", groups.len()));
    }
    for (name, text) in files(&folder.join("openapi"))? {
        let document: Value = serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
        groups.push(models(name, &document));
    }
    Ok(groups)
}

fn files(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let read = || -> std::io::Result<Vec<(String, String)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fs::read_to_string(&path)?));
        }
        files.sort();
        Ok(files)
    };
    read().map_err(|error| format!("{}: {error}", folder.display()))
}

/// Each model of a document, with the others that it refers to.
fn models(name: String, document: &Value) -> Group {
    let (prefix, schemas) = match document.pointer("/components/schemas").and_then(Value::as_object) {
        Some(schemas) => ("#/components/schemas/", schemas),
        None => ("#/definitions/", document["definitions"].as_object().expect("a document has models")),
    };
    let tools = schemas.keys().filter_map(|model| {
        let mut needed = BTreeSet::new();
        reach(model, prefix, schemas, &mut needed);
        if needed.len() > MAX_MODELS {
            return None;
        }
        let needed: Map<String, Value> = needed.iter().map(|name| (name.clone(), schemas[name].clone())).collect();
        let mut schema = json!({ "$ref": format!("{prefix}{model}") });
        match prefix {
            "#/definitions/" => schema["definitions"] = needed.into(),
            _ => schema["components"] = json!({ "schemas": needed }),
        }
        Some(Tool::with_output(model.clone(), schema))
    });
    Group { name, tools: tools.collect() }
}

/// Collects the models that one refers to, itself included.
fn reach(model: &str, prefix: &str, schemas: &Map<String, Value>, into: &mut BTreeSet<String>) {
    let Some(schema) = schemas.get(model).filter(|_| into.len() <= MAX_MODELS && !into.contains(model)) else {
        return;
    };
    into.insert(model.to_owned());
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        if let Some(other) = value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(prefix)) {
            reach(other, prefix, schemas, into);
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
}

/// Models that need more than this are left out: they differ from the others in length alone.
const MAX_MODELS: usize = 12;
