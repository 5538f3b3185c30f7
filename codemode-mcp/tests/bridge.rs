//! The sandbox as a server: what a client sees, and what a client cannot do to it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use codemode_core::{CodeMode, Tool};
use codemode_mcp::{Bridge, BridgeOptions, HttpOptions};
use rmcp::{
    ClientHandler, RoleClient, ServiceExt,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotificationParam, ClientRequest,
        ProgressNotificationParam,
    },
    service::{NotificationContext, PeerRequestOptions, RunningService},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

/// Shows whether a call is open.
#[derive(Clone, Default)]
struct Gate {
    open: Arc<AtomicUsize>,
    changed: Arc<Notify>,
}

struct Entered(Gate);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

impl Gate {
    /// A tool that waits inside for ever.
    fn tool(&self) -> Tool {
        let gate = self.clone();
        Tool::from_schema("wait", "Waits", json!({ "type": "object" }), None, move |_input, _context| {
            gate.open.fetch_add(1, Ordering::SeqCst);
            gate.changed.notify_waiters();
            let entered = Entered(gate.clone());
            async move {
                let _entered = entered;
                std::future::pending::<()>().await;
                Ok(Value::Null)
            }
        })
    }

    async fn until_open(&self, count: usize) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if self.open.load(Ordering::SeqCst) == count {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the calls open or close");
    }
}

fn code_mode(tools: Vec<Tool>) -> CodeMode {
    CodeMode::builder().driver(codemode_driver_quickjs::driver()).tools(tools).build().expect("it builds")
}

fn double() -> Tool {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "number" } }, "required": ["n"] });
    Tool::from_schema("double", "Twice a number", schema, None, |input: Value, _context| async move {
        Ok(json!(input["n"].as_f64().unwrap_or_default() * 2.0))
    })
}

/// A client that remembers what it was told.
#[derive(Clone, Default)]
struct Client {
    heard: Arc<Mutex<Vec<String>>>,
    tools_changed: Arc<Notify>,
}

impl ClientHandler for Client {
    async fn on_progress(&self, said: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.heard.lock().expect("no test panics here").push(said.message.unwrap_or_default());
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.tools_changed.notify_one();
    }
}

async fn joined(bridge: &Bridge) -> (RunningService<RoleClient, Client>, Client) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let bridge = bridge.clone();
    tokio::spawn(async move { bridge.serve(tokio::io::split(theirs)).await });
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
async fn a_program_runs_and_is_told_live() {
    let (client, heard) = joined(&Bridge::new(code_mode(vec![double()]), BridgeOptions::default())).await;
    let result = run(&client, "console.warn('hi'); return await external_double({ n: 21 });").await;
    assert_eq!(result.structured_content, Some(json!({ "success": true, "result": 42, "logs": ["[warn] hi"] })));
    // The client's SDK handles each in a task of its own: in no order, and perhaps after the answer.
    for said in ["hi", "external_double({\"n\":21})"] {
        let is_heard = || heard.heard.lock().expect("no test panics here").iter().any(|one| one == said);
        let wait = async {
            while !is_heard() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it is told");
    }
    let listed = client.list_all_tools().await.expect("it lists them");
    let description = listed[0].description.as_deref().unwrap_or_default();
    assert!(description.contains("external_double(input: { n: number })"), "{description}");
    let info = client.peer_info().expect("it said who it is");
    let instructions = info.instructions.as_deref().unwrap_or_default();
    assert!(
        instructions.contains("in the description of execute_typescript") && !instructions.contains("input: {"),
        "{instructions}"
    );
    let wrong = run(&client, "return await external_duble({ n: 1 })").await;
    let text = wrong.content[0].as_text().map(|text| text.text.clone()).unwrap_or_default();
    assert!(wrong.is_error == Some(true) && text.contains("external_double"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_the_program_and_its_calls() {
    let gate = Gate::default();
    let (client, _) = joined(&Bridge::new(code_mode(vec![gate.tool()]), BridgeOptions::default())).await;
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
    let (client, _) = joined(&Bridge::new(code_mode(vec![gate.tool()]), BridgeOptions::default())).await;
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
    let options = BridgeOptions { executions: 3, ..BridgeOptions::default() };
    let (client, _) = joined(&Bridge::new(code_mode(vec![gate.tool()]), options)).await;
    let peer = client.peer().clone();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move { peer.call_tool_once(params("await external_wait({});")).await })
        })
        .collect();
    gate.until_open(3).await;
    // One goes; the one that waited takes its place.
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
    let bridge = Bridge::new(code_mode(vec![double()]), BridgeOptions::default());
    let (client, heard) = joined(&bridge).await;
    let tool = Tool::from_schema("triple", "Three times", json!({ "type": "object" }), None, |_input, _| async {
        Ok(json!(3))
    });
    bridge.replace(code_mode(vec![tool]));
    tokio::time::timeout(Duration::from_secs(30), heard.tools_changed.notified()).await.expect("it is announced");
    assert_eq!(
        run(&client, "return await external_triple({})").await.structured_content,
        Some(json!({ "success": true, "result": 3 }))
    );
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
    let options = BridgeOptions { catalog_tokens: 1_000, ..BridgeOptions::default() };
    let (client, _) = joined(&Bridge::new(code_mode((0..500).map(tool).collect()), options)).await;
    let listed = client.list_all_tools().await.expect("it lists them");
    let names: Vec<&str> = listed.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["execute_typescript", "search_tools", "discover_tools", "read_result"]);
    let told = serde_json::to_string(&listed).expect("JSON").len()
        + client.peer_info().and_then(|info| info.instructions.clone()).map_or(0, |text| text.len());
    assert!(told < 6_000, "{told} bytes are told before anybody asks");
    let call = async |name: &'static str, input: Value| {
        let input = input.as_object().cloned().unwrap_or_default();
        let result =
            client.call_tool(CallToolRequestParams::new(name).with_arguments(input)).await.expect("it answers");
        result.content[0].as_text().map(|text| text.text.clone()).unwrap_or_default()
    };
    let found = call("search_tools", json!({ "query": "customers region 77", "limit": 2 })).await;
    assert_eq!(found.lines().next(), Some("external_customers_77: Customers of region 77"), "{found}");
    assert!(found.ends_with("(498 more from offset 2)"), "{found}");
    let declared =
        call("discover_tools", json!({ "toolNames": ["external_customers_77", "external_custmers_78"] })).await;
    assert!(declared.contains("declare function external_customers_77(input"), "{declared}");
    assert!(
        declared.contains("// there is no function \"external_custmers_78\"; near: external_customers_78"),
        "{declared}"
    );
    assert_eq!(
        run(&client, "return await external_customers_77({ id: 5 })").await.structured_content,
        Some(json!({ "success": true, "result": { "id": 5 } }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lazy_tools_are_found_beside_the_declared_ones() {
    let schema = || json!({ "type": "object" });
    let lazy = Tool::from_schema("crm/find", "Finds customers", schema(), None, |_, _| async { Ok(json!("found")) });
    let options = BridgeOptions { lazy: vec!["crm/*".into()], ..BridgeOptions::default() };
    let (client, _) = joined(&Bridge::new(code_mode(vec![double(), lazy]), options)).await;
    let listed = client.list_all_tools().await.expect("it lists them");
    assert_eq!(listed.len(), 4);
    let description = listed[0].description.as_deref().unwrap_or_default();
    assert!(
        description.contains("declare function external_double(")
            && !description.contains("function external_crm_find"),
        "{description}"
    );
    assert_eq!(
        run(&client, "return await external_crm_find({})").await.structured_content,
        Some(json!({ "success": true, "result": "found" }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_answered_and_wrong_names_too() {
    let (client, _) = joined(&Bridge::new(code_mode(vec![double()]), BridgeOptions::default())).await;
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

/// A bridge over HTTP.
struct Served {
    url: String,
    options: HttpOptions,
    http: reqwest::Client,
}

impl Served {
    async fn start(tools: Vec<Tool>, options: HttpOptions) -> Self {
        // Another test may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let (bridge, given) = (Bridge::new(code_mode(tools), BridgeOptions::default()), options.clone());
        tokio::spawn(async move { bridge.serve_http(listener, given).await });
        Self { url, options, http: reqwest::Client::builder().no_proxy().build().expect("a client") }
    }

    fn post(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(body)
    }

    async fn status(request: reqwest::RequestBuilder) -> u16 {
        request.send().await.expect("an answer").status().as_u16()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.options.stop.cancel();
    }
}

fn initialize() -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn http_wants_the_token_and_refuses_other_hosts_and_origins() {
    let token = "a long enough token";
    let options = HttpOptions {
        token: Some(token.into()),
        origins: vec!["https://good.example:443".into()],
        ..HttpOptions::default()
    };
    let served = Served::start(vec![], options).await;
    assert_eq!(Served::status(served.post(initialize())).await, 401);
    assert_eq!(Served::status(served.post(initialize()).bearer_auth("a long enough tokem")).await, 401);
    assert_eq!(Served::status(served.post(initialize()).bearer_auth(token)).await, 200);
    let with =
        |name: &'static str, value: &'static str| served.post(initialize()).bearer_auth(token).header(name, value);
    assert_eq!(Served::status(with("origin", "https://evil.example")).await, 403);
    assert_eq!(Served::status(with("origin", "http://localhost:3000")).await, 403);
    assert_eq!(Served::status(with("origin", "https://good.example")).await, 200);
    assert_eq!(Served::status(with("host", "evil.example")).await, 403);
    assert_eq!(Served::status(served.http.get(served.url.replace("/mcp", "/other")).bearer_auth(token)).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_reach_needs_a_token() {
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let bridge = Bridge::new(code_mode(vec![]), BridgeOptions::default());
    let error = bridge.serve_http(listener, HttpOptions::default()).await.expect_err("it is refused");
    assert!(error.message.starts_with("an address that others can reach needs a bearer token"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_too_large_and_sessions_too_many_are_refused() {
    let served = Served::start(vec![], HttpOptions { sessions: 20, ..HttpOptions::default() }).await;
    let large = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\"}}", "x".repeat(100 << 20));
    // The server may close before it has read all that it will not take.
    if let Ok(answer) = served.post(large).send().await {
        assert_eq!(answer.status(), 413);
    }
    let served = Arc::new(served);
    let tries: Vec<_> = (0..1_000)
        .map(|_| {
            let served = served.clone();
            tokio::spawn(async move { Served::status(served.post(initialize())).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for one in tries {
        statuses.push(one.await.expect("no panic"));
    }
    let begun = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 1_000 - begun);
    // In a crowd some are refused for others that are about to be; one after the other, every place is given.
    assert!((1..=20).contains(&begun), "{begun}");
    for _ in begun..20 {
        assert_eq!(Served::status(served.post(initialize())).await, 200);
    }
    assert_eq!(Served::status(served.post(initialize())).await, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_over_http_is_refused_and_harms_nobody() {
    let served = Served::start(vec![], HttpOptions::default()).await;
    for body in ["", "{", "[]", "null", "{\"jsonrpc\":\"2.0\"}", "\u{0}\u{1}"] {
        let status = Served::status(served.post(body)).await;
        assert!((400..500).contains(&status), "{body:?}: {status}");
    }
    assert_eq!(Served::status(served.post(initialize())).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_2026_07_28_that_disconnects_stops_its_program() {
    let gate = Gate::default();
    let served = Served::start(vec![gate.tool()], HttpOptions::default()).await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "execute_typescript", "arguments": { "typescriptCode": "await external_wait({});" },
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {} } } });
    let request = served
        .post(call.to_string())
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "execute_typescript");
    let answer = tokio::spawn(async move { request.send().await?.text().await });
    gate.until_open(1).await;
    answer.abort();
    gate.until_open(0).await;
}
