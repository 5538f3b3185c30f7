//! The sandbox as a server over a pair of streams: what a client sees, and what it cannot do.

mod support {
    pub mod gate;
}

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use codemode_core::{CodeMode, Tool};
use codemode_mcp::{McpServer, McpServerOptions};
use rmcp::{
    ClientHandler, RoleClient, ServiceExt,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotificationParam, ClientRequest,
        ProgressNotificationParam,
    },
    service::{NotificationContext, PeerRequestOptions, RunningService},
};
use serde_json::{Value, json};
use support::gate::Gate;
use tokio::sync::Notify;

fn code_mode(tools: Vec<Tool>) -> CodeMode {
    CodeMode::builder().driver(codemode_driver_quickjs::driver()).tools(tools).build().expect("it builds")
}

fn double() -> Tool {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "number" } }, "required": ["n"] });
    Tool::from_schema("double", "Twice a number", schema, None, |input: Value, _context| async move {
        Ok(json!(input["n"].as_f64().unwrap_or_default() * 2.0))
    })
}

/// A client that records its notifications.
#[derive(Clone, Default)]
struct Client {
    progress: Arc<Mutex<Vec<String>>>,
    tools_changed: Arc<Notify>,
}

impl ClientHandler for Client {
    async fn on_progress(&self, params: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.progress.lock().expect("no test panics here").push(params.message.unwrap_or_default());
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.tools_changed.notify_one();
    }
}

async fn connected(server: &McpServer) -> (RunningService<RoleClient, Client>, Client) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let server = server.clone();
    tokio::spawn(async move { server.serve(tokio::io::split(theirs)).await });
    let client = Client::default();
    (client.clone().serve(ours).await.expect("they agree"), client)
}

fn params(code: &str) -> CallToolRequestParams {
    let arguments = json!({ "typescriptCode": code }).as_object().cloned().unwrap_or_default();
    CallToolRequestParams::new("execute_typescript").with_arguments(arguments)
}

async fn run(client: &RunningService<RoleClient, Client>, code: &str) -> CallToolResult {
    client.call_tool(params(code)).await.expect("the server answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_and_reports_its_progress() {
    let (client, notified) = connected(&McpServer::new(code_mode(vec![double()]), McpServerOptions::default())).await;
    let result = run(&client, "console.warn('hi'); return await external_double({ n: 21 });").await;
    assert_eq!(result.structured_content, Some(json!({ "success": true, "result": 42, "logs": ["[warn] hi"] })));
    // The client's SDK handles each in a task of its own: in no order, and perhaps after the answer.
    for expected in ["hi", "external_double({\"n\":21})"] {
        let is_reported = || notified.progress.lock().expect("no test panics here").iter().any(|text| text == expected);
        let wait = async {
            while !is_reported() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it is reported");
    }
    let listed = client.list_all_tools().await.expect("it lists them");
    let description = listed[0].description.as_deref().unwrap_or_default();
    assert!(description.contains("external_double(input: { n: number })"), "{description}");
    let info = client.peer_info().expect("it said who it is");
    let instructions = info.instructions.as_deref().unwrap_or_default();
    assert!(
        instructions.contains("They stand in the description of execute_typescript.")
            && !instructions.contains("input: {"),
        "{instructions}"
    );
    let wrong = run(&client, "return await external_duble({ n: 1 })").await;
    let text = wrong.content[0].as_text().map(|text| text.text.clone()).unwrap_or_default();
    assert!(wrong.is_error == Some(true) && text.contains("external_double"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_the_program_and_its_calls() {
    let gate = Gate::default();
    let (client, _) = connected(&McpServer::new(code_mode(vec![gate.tool()]), McpServerOptions::default())).await;
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params("await external_wait({});")));
    let handle = client.send_request_with_option(request, PeerRequestOptions::no_options()).await.expect("it is sent");
    gate.until_open(1).await;
    client.notify_cancelled(CancelledNotificationParam::new(Some(handle.id.clone()), None)).await.expect("it is sent");
    gate.until_open(0).await;
    assert_eq!(run(&client, "return 1").await.structured_content, Some(json!({ "success": true, "result": 1 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_stops_its_programs() {
    let gate = Gate::default();
    let (client, _) = connected(&McpServer::new(code_mode(vec![gate.tool()]), McpServerOptions::default())).await;
    let peer = client.peer().clone();
    let calls = tokio::spawn(async move { peer.call_tool_once(params("await external_wait({});")).await });
    gate.until_open(1).await;
    client.cancel().await.expect("the client ends");
    gate.until_open(0).await;
    assert!(calls.await.expect("no panic").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_run_together_up_to_the_bound() {
    let gate = Gate::default();
    let options = McpServerOptions::default().max_executions(3);
    let (client, _) = connected(&McpServer::new(code_mode(vec![gate.tool()]), options)).await;
    let peer = client.peer().clone();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move { peer.call_tool_once(params("await external_wait({});")).await })
        })
        .collect();
    gate.until_open(3).await;
    // Two are cancelled; the one that waited begins.
    calls[0].abort();
    calls[1].abort();
    gate.until_open(2).await;
    for call in calls {
        call.abort();
    }
    gate.until_open(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_catalog_is_announced() {
    let server = McpServer::new(code_mode(vec![double()]), McpServerOptions::default());
    let (client, notified) = connected(&server).await;
    let tool = Tool::from_schema("triple", "Three times", json!({ "type": "object" }), None, |_input, _| async {
        Ok(json!(3))
    });
    server.replace(code_mode(vec![tool]));
    tokio::time::timeout(Duration::from_secs(30), notified.tools_changed.notified()).await.expect("it is announced");
    assert_eq!(
        run(&client, "return await external_triple({})").await.structured_content,
        Some(json!({ "success": true, "result": 3 }))
    );
}

async fn ask(client: &RunningService<RoleClient, Client>, name: &'static str, input: Value) -> String {
    let input = input.as_object().cloned().unwrap_or_default();
    let result = client.call_tool(CallToolRequestParams::new(name).with_arguments(input)).await.expect("it answers");
    result.content[0].as_text().map(|text| text.text.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_over_its_budget_is_searched() {
    let tool = |n: usize| {
        let schema = json!({ "type": "object", "properties": { "id": { "type": "integer" } } });
        Tool::from_schema(
            format!("customers_{n}"),
            format!("Customers of region {n}"),
            schema,
            None,
            |input, _| async { Ok(input) },
        )
    };
    let builder = CodeMode::builder().driver(codemode_driver_quickjs::driver()).tools((0..500).map(tool));
    let code_mode = builder.catalog_tokens(1_000).lazy_tokens(200).build().expect("it builds");
    let (client, _) = connected(&McpServer::new(code_mode, McpServerOptions::default())).await;
    let listed = client.list_all_tools().await.expect("it lists them");
    let names: Vec<&str> = listed.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["execute_typescript", "search_tools", "discover_tools", "read_result"]);
    let bytes = serde_json::to_string(&listed).expect("JSON").len()
        + client.peer_info().and_then(|info| info.instructions.clone()).map_or(0, |text| text.len());
    assert!(bytes < 8_000, "{bytes} bytes before the first search");
    let found = ask(&client, "search_tools", json!({ "query": "customers region 77", "limit": 2 })).await;
    assert!(
        found.starts_with(
            "/** Customers of region 77 @returns unknown */\ndeclare function external_customers_77(input"
        ),
        "{found}"
    );
    assert!(found.ends_with("// 498 more of 500 from offset 2"), "{found}");
    let none = ask(&client, "search_tools", json!({ "query": "teleport" })).await;
    assert_eq!(none, "// Nothing fits. Try other words, or an empty query for all tools.");
    let names = json!({ "toolNames": ["external_customers_77", "external_custmers_78"] });
    let declared = ask(&client, "discover_tools", names).await;
    assert!(declared.contains("declare function external_customers_77(input"), "{declared}");
    let unknown = declared.lines().last().unwrap_or_default();
    assert!(
        unknown.starts_with("// there is no \"external_custmers_78\": did you mean ")
            && unknown.contains("external_customers_78"),
        "{declared}"
    );
    let program = "const { tools } = await external_searchTools({ query: 'region 77', limit: 1 });
                   return [tools[0].name, await external_customers_77({ id: 5 })];";
    assert_eq!(
        run(&client, program).await.structured_content,
        Some(json!({ "success": true, "result": ["external_customers_77", { "id": 5 }] }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declaration_too_long_for_an_answer_is_cut_with_a_handle() {
    let schema = json!({ "type": "object" });
    let tool = Tool::from_schema("talk", "word ".repeat(2_000), schema, None, |_, _| async { Ok(Value::Null) }).lazy();
    let options = McpServerOptions::default().result_tokens(500);
    let (client, _) = connected(&McpServer::new(code_mode(vec![tool]), options)).await;
    let declared = ask(&client, "discover_tools", json!({ "toolNames": ["external_talk"] })).await;
    assert!(declared.starts_with("[The answer has ") && declared.contains("read_result"), "{declared}");
    assert!(declared.len() < 2_500, "{}", declared.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn lazy_tools_are_found_beside_the_declared_ones() {
    let schema = || json!({ "type": "object" });
    let lazy =
        Tool::from_schema("crm/find", "Finds customers. Slowly.", schema(), None, |_, _| async { Ok(json!("found")) });
    let code_mode = code_mode(vec![double(), lazy.lazy()]);
    let server = McpServer::new(code_mode, McpServerOptions::default());
    let (client, _) = connected(&server).await;
    let listed = client.list_all_tools().await.expect("it lists them");
    assert_eq!(listed.len(), 4);
    let description = listed[0].description.as_deref().unwrap_or_default();
    assert!(
        description.contains("declare function external_double(")
            && description.contains("\n// external_crm_find: Finds customers\n")
            && !description.contains("function external_crm_find"),
        "{description}"
    );
    assert_eq!(
        run(&client, "return await external_crm_find({})").await.structured_content,
        Some(json!({ "success": true, "result": "found" }))
    );
    // A client that has not noticed yet that there is no search gets an answer.
    server.replace(self::code_mode(vec![double()]));
    let answer = ask(&client, "search_tools", json!({ "query": "double" })).await;
    assert_eq!(answer, "there is nothing to look for: all tools are declared already");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_answered_and_wrong_names_too() {
    let (client, _) = connected(&McpServer::new(code_mode(vec![double()]), McpServerOptions::default())).await;
    for arguments in [json!({}), json!({ "typescriptCode": 5 }), json!({ "code": "return 1" })] {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let call = CallToolRequestParams::new("execute_typescript").with_arguments(arguments);
        let result = client.call_tool(call).await.expect("the server answers");
        assert_eq!(result.is_error, Some(true));
        assert!(result.content[0].as_text().is_some_and(|text| text.text.contains("typescriptCode")));
    }
    let error =
        client.call_tool(CallToolRequestParams::new("external_double")).await.expect_err("there is no such tool");
    assert!(error.to_string().contains("external_* functions inside its program"), "{error}");
    let read = client.call_tool(CallToolRequestParams::new("read_result")).await.expect("the server answers");
    assert_eq!(read.is_error, Some(true));
}
