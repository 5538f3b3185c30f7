//! What a prompt costs: the tools of published MCP servers as our prompt, as JSON tool definitions, and in the form of
//! another code mode, in tokens. `docs/prompt.md` has the table that this test prints.

use std::{fs, path::Path};

use codemode_core::{
    BoxFuture, CodeMode, ContextConfig, Error, ErrorKind, IsolateContext, IsolateDriver, Tool, ToolContext,
};
use serde_json::{Value, json};
use tiktoken_rs::o200k_base;

#[test]
fn prompts_cost_less_than_tool_definitions_and_than_the_rival() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("tools").join("schemas");
    if !folder.join("rival").is_dir() {
        let message =
            "THE PUBLISHED SCHEMAS ARE MISSING: THE LENGTH OF PROMPTS WAS NOT MEASURED; run `cargo xtask setup`";
        assert!(std::env::var_os("CODEMODE_REQUIRE_ALL").is_none(), "{message}");
        return println!("{message}");
    }
    let tokenizer = o200k_base().expect("the vocabulary is part of the crate");
    let count = |text: &str| tokenizer.encode_ordinary(text).len();
    let mut files: Vec<_> =
        fs::read_dir(folder.join("mcp")).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    println!("| server | tools | JSON definitions | other form | ours |\n|---|---:|---:|---:|---:|");
    let (mut total, mut all) = ([0; 4], Vec::new());
    for file in &files {
        let name = file.file_stem().expect("a name").to_string_lossy();
        let answer: Value = serde_json::from_str(&fs::read_to_string(file).expect("the answer")).expect("JSON");
        let list = answer["result"]["tools"].as_array().expect("tools");
        let definitions: Vec<Value> = list.iter().map(definition).collect();
        let rival = fs::read_to_string(folder.join("rival").join(format!("{name}.md"))).expect("the other form");
        let code_mode = CodeMode::builder().driver(NoDriver).tools(list.iter().map(tool)).build().expect("it builds");
        let ours = format!("{}{}", code_mode.system_prompt(), definition(&json!(code_mode.tool_definition())));
        let row = [list.len(), count(&json!(definitions).to_string()), count(&rival), count(&ours)];
        println!("| {name} | {} | {} | {} | {} |", row[0], row[1], row[2], row[3]);
        all.extend(list.iter().map(|listed| {
            let mut listed = listed.clone();
            listed["name"] = json!(format!("{name}/{}", listed["name"].as_str().unwrap_or_default()));
            tool(&listed)
        }));
        for (sum, n) in total.iter_mut().zip(row) {
            *sum += n;
        }
    }
    println!("| all | {} | {} | {} | {} |", total[0], total[1], total[2], total[3]);
    let code_mode = CodeMode::builder().driver(NoDriver).tools(all).catalog_tokens(4_000).build().expect("it builds");
    let finders = [code_mode.search_definition(), code_mode.discovery_definition()];
    let definitions = finders.into_iter().flatten().chain([code_mode.tool_definition()]);
    let definitions: Vec<Value> = definitions.map(|tool| definition(&json!(tool))).collect();
    let lazy = count(code_mode.system_prompt()) + count(&json!(definitions).to_string());
    println!("all of them in one catalog that is not declared: {lazy}");
    assert!(lazy < 4_000, "{lazy}");
    assert!(files.len() >= 10, "only {} servers", files.len());
    assert!(total[3] < total[1] && total[3] < total[2], "{total:?}");
}

fn definition(tool: &Value) -> Value {
    json!({ "name": tool["name"], "description": tool["description"], "input_schema": tool["inputSchema"] })
}

fn tool(listed: &Value) -> Tool {
    let text = |key: &str| listed[key].as_str().unwrap_or_default().to_owned();
    let output = listed.get("outputSchema").cloned();
    Tool::from_schema(
        text("name"),
        text("description"),
        listed["inputSchema"].clone(),
        output,
        |_, _: ToolContext| async { Ok(Value::Null) },
    )
}

/// Prompts need no sandbox.
#[derive(Debug)]
struct NoDriver;

impl IsolateDriver for NoDriver {
    fn name(&self) -> &str {
        "none"
    }

    fn create_context(&self, _: ContextConfig) -> BoxFuture<'_, Result<Box<dyn IsolateContext>, Error>> {
        Box::pin(async { Err(Error::new(ErrorKind::Unsupported, "prompts need no sandbox")) })
    }
}
