//! The texts a model reads before it writes, as reviewed snapshots, and how they behave when tools are added.
#![cfg(feature = "quickjs")]

use codemode::{CodeMode, CodeModeBuilder, ErrorKind, ExecuteOptions, SecretCheck, Tool, ToolContext};
use serde_json::{Value, json};

fn tool(name: &str, description: &str, input: Value, output: Option<Value>) -> Tool {
    Tool::from_schema(name, description, input, output, |input, _: ToolContext| async move { Ok(input) })
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn eager() -> Vec<Tool> {
    let user = object(json!({ "id": { "type": "integer" }, "name": { "type": "string" } }), &["id", "name"]);
    vec![
        tool(
            "getUser",
            "Finds a user by id.",
            object(json!({ "id": { "type": "integer", "description": "The user's number." } }), &["id"]),
            Some(user),
        ),
        tool(
            "list-orders",
            "Lists orders, newest first.",
            object(
                json!({ "status": { "enum": ["open", "paid"] }, "limit": { "type": "integer", "default": 20 } }),
                &[],
            ),
            None,
        ),
    ]
}

fn lazy(count: usize) -> impl Iterator<Item = Tool> {
    (0..count).map(|n| {
        let input = object(json!({ "amount": { "type": "number" } }), &["amount"]);
        tool(&format!("report{n}"), &format!("Makes report number {n}. It takes a while."), input, None).lazy()
    })
}

fn builder(tools: impl IntoIterator<Item = Tool>) -> CodeModeBuilder {
    CodeMode::builder().driver(codemode::quickjs()).tools(tools).on_warning(|_| {})
}

fn build(tools: impl IntoIterator<Item = Tool>) -> CodeMode {
    builder(tools).build().expect("the tools are right")
}

#[test]
fn the_prompt_of_two_tools() {
    let code_mode = build(eager());
    insta::assert_snapshot!("system_prompt", code_mode.system_prompt());
    insta::assert_snapshot!("tool_description", code_mode.tool_definition().description);
    assert!(code_mode.discovery_definition().is_none());
}

#[test]
fn the_prompt_with_lazy_tools() {
    let code_mode = builder(eager().into_iter().chain(lazy(30))).lazy_tokens(50).build().expect("the tools are right");
    insta::assert_snapshot!("system_prompt_lazy", code_mode.system_prompt());
    insta::assert_json_snapshot!("discovery_definition", code_mode.discovery_definition());
}

#[test]
fn a_catalog_over_its_budget_is_not_declared() {
    let whole = build(eager());
    let needed = whole.stubs().len().div_ceil(4);
    let declared = builder(eager()).catalog_tokens(needed).build().expect("the tools are right");
    assert_eq!((declared.system_prompt(), declared.search_definition()), (whole.system_prompt(), None));
    let listed = builder(eager()).catalog_tokens(needed - 1).build().expect("the tools are right");
    assert!(listed.declarations().contains("\n// external_getUser: Finds a user by id\n"), "{}", listed.declarations());
    assert!(!listed.declarations().contains("function external_getUser"));
    assert!(listed.tool_definition().description.ends_with(" There are 2 tools."));
    let found = listed.search(&json!({ "query": "user" }));
    assert_eq!((&found["total"], &found["tools"][0]["name"]), (&json!(1), &json!("external_getUser")));
}

#[test]
fn the_catalog_can_stand_elsewhere() {
    let code_mode =
        builder(eager().into_iter().chain(lazy(2))).note("mail is away").build().expect("the tools are right");
    let (prompt, catalog) = (code_mode.system_prompt(), code_mode.declarations());
    assert!(catalog.starts_with("The functions in comments") && catalog.ends_with("```\n"), "{catalog}");
    let elsewhere = code_mode.system_prompt_without_catalog("They are below.");
    assert_eq!(elsewhere, prompt.replace(catalog, "They are below.\n"));
    assert!(elsewhere.ends_with("\nTools:\nThey are below.\n\nNote: mail is away\n"), "{elsewhere}");
}

#[test]
fn lazy_tools_alone_are_searched_in_the_example() {
    let code_mode = build(lazy(3));
    assert!(code_mode.system_prompt().contains("const { tools } = await external_searchTools({ query: \"report\" });"));
}

#[test]
fn a_description_of_the_host_holds_the_types() {
    let code_mode =
        builder(eager()).description("Our shop.\n{{types}}\nBe kind.").build().expect("the tools are right");
    let description = &code_mode.tool_definition().description;
    assert_eq!(*description, format!("Our shop.\n{}\nBe kind.", code_mode.stubs().trim_end()));
}

#[test]
fn the_prompt_grows_at_its_end() {
    let before = build(eager().into_iter().chain(lazy(3)));
    let more = tool("newest", "Came last.", object(json!({}), &[]), None);
    let after = build(eager().into_iter().chain(lazy(3)).chain([more]).chain(lazy(5).skip(3)));
    // All but the fence that closes the block.
    let kept = before.system_prompt().trim_end().trim_end_matches('`');
    assert!(after.system_prompt().starts_with(kept), "{}\n{}", before.system_prompt(), after.system_prompt());
}

#[tokio::test]
async fn a_program_finds_and_calls_lazy_tools() {
    let code_mode = build(eager().into_iter().chain(lazy(30)));
    let program = "
        const { total, tools, nextOffset } = await external_searchTools({ query: 'report 7', limit: 2 });
        return { total, nextOffset, first: tools[0], called: await external_report7({ amount: 3 }) };";
    let outcome = code_mode.execute(program, ExecuteOptions::default()).await.expect("the host is well");
    let result = outcome.result.expect("the program is right").expect("a value").value().expect("JSON");
    let declaration = "/** Makes report number 7. It takes a while. @returns unknown */\ndeclare function external_report7(input: { amount: number }): Promise<unknown>;";
    assert_eq!(
        result,
        json!({ "total": 30, "nextOffset": 2, "first": { "name": "external_report7", "declaration": declaration }, "called": { "amount": 3 } })
    );
    let discovered = code_mode.discover(&json!({ "toolNames": ["report7"] }));
    assert_eq!(discovered["tools"][0]["declaration"], declaration);
}

#[test]
fn secrets_are_refused_on_demand() {
    let login = || tool("login", "Logs in.", object(json!({ "password": { "type": "string" } }), &["password"]), None);
    assert!(builder([login()]).build().is_ok());
    let error = builder([login()]).secret_parameters(SecretCheck::Refuse).build().expect_err("a secret");
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.to_string().contains("password"), "{error}");
}
