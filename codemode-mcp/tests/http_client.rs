//! McpToolset over streamable HTTP: mostly our own server, so that both ends are tested.

mod support {
    pub mod gate;
}

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use codemode_core::{CodeMode, ExecuteOptions};
use codemode_mcp::{ConnectOptions, HttpOptions, McpConfig, McpServer, McpServerOptions, McpToolset};
use serde_json::{Value, json};
use support::gate::Gate;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "a long enough token";

/// Serves on a port until `stop` is cancelled. The same port can be served again.
async fn serve(port: u16, gate: &Gate) -> (u16, CancellationToken) {
    let builder = CodeMode::builder().driver(codemode_driver_quickjs::driver()).tool(gate.tool());
    let server = McpServer::new(builder.build().expect("it builds"), McpServerOptions::default());
    let listener = listen(port).await;
    let port = listener.local_addr().expect("an address").port();
    let options = HttpOptions::default().token(TOKEN);
    let stop = options.stop.clone();
    tokio::spawn(async move { server.serve_http(listener, options).await });
    (port, stop)
}

/// Listens on a port, waiting until the service before has released it.
async fn listen(port: u16) -> TcpListener {
    let again = Duration::from_millis(20);
    for _ in 0..1_000 {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("a socket option");
        if socket.bind(([127, 0, 0, 1], port).into()).is_ok()
            && let Ok(listener) = socket.listen(64)
        {
            return listener;
        }
        tokio::time::sleep(again).await;
    }
    panic!("the port {port} never became free");
}

async fn connect(port: u16, token: &str, timeout_ms: u64) -> McpToolset {
    let text = json!({ "mcpServers": { "far": {
        "type": "http", "url": format!("http://127.0.0.1:{port}/mcp"),
        "headers": { "Authorization": format!("Bearer {token}") }, "timeoutMs": timeout_ms } } });
    let config = McpConfig::parse(&text.to_string(), "test").expect("the config is right");
    McpToolset::connect(config, ConnectOptions::default().timeout(Duration::from_secs(5))).await
}

async fn run(toolset: &McpToolset, code: &str) -> Result<Value, (String, Value)> {
    let code_mode =
        toolset.add_to(CodeMode::builder().driver(codemode_driver_quickjs::driver())).build().expect("it builds");
    let outcome = code_mode.execute(code, ExecuteOptions::default()).await.expect("the host works");
    match outcome.result {
        Ok(value) => Ok(value.map_or(Value::Null, |json| json.value().expect("a shallow value"))),
        Err(failure) => Err((failure.message, failure.code.unwrap_or_default())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_run_together_and_structured_answers_come_back() {
    let (port, _stop) = serve(0, &Gate::default()).await;
    let toolset = connect(port, TOKEN, 20_000).await;
    assert_eq!(toolset.status()[0].problem, None);
    let code = "const run = typescriptCode => external_far_execute_typescript({ typescriptCode });
                const all = await Promise.all(Array.from({ length: 30 }, (_, n) => run(`return ${n}`)));
                return all.map(answer => answer.result);";
    assert_eq!(run(&toolset, code).await, Ok(json!((0..30).collect::<Vec<_>>())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_reported_as_such() {
    let (port, _stop) = serve(0, &Gate::default()).await;
    let toolset = connect(port, "another token", 20_000).await;
    let problem = toolset.status()[0].problem.clone().expect("it is refused");
    assert!(problem.contains("401") || problem.to_lowercase().contains("auth"), "{problem}");
    assert!(!problem.contains("another token"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_stops_the_program_at_the_far_end() {
    let gate = Gate::default();
    let (port, _stop) = serve(0, &gate).await;
    let toolset = connect(port, TOKEN, 500).await;
    let code = "await external_far_execute_typescript({ typescriptCode: 'await external_wait({})' });";
    let (message, code) = run(&toolset, code).await.expect_err("it takes too long");
    assert!(message.contains("did not answer within 500ms"), "{message}");
    assert_eq!(code, "TOOL_TIMEOUT");
    gate.until_open(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_during_a_call_fails_the_call_and_is_used_again_when_it_is_back() {
    let gate = Gate::default();
    let (port, stop) = serve(0, &gate).await;
    let toolset = connect(port, TOKEN, 15_000).await;
    let waiting = toolset.clone();
    let call = tokio::spawn(async move {
        run(&waiting, "await external_far_execute_typescript({ typescriptCode: 'await external_wait({})' });").await
    });
    gate.until_open(1).await;
    stop.cancel();
    let (message, code) = call.await.expect("no panic").expect_err("its server is gone");
    assert!(code == "CONNECTION_LOST" || code == "TOOL_TIMEOUT", "{message} {code}");
    gate.until_open(0).await;
    let (_, _stop) = serve(port, &gate).await;
    let code = "return (await external_far_execute_typescript({ typescriptCode: 'return 7' })).result;";
    let mut last = run(&toolset, code).await;
    for _ in 0..50 {
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        last = run(&toolset, code).await;
    }
    assert_eq!(last, Ok(json!(7)));
}

/// A server of 2025-11-25, written by hand, that forgets a session when it has answered one call of it.
#[derive(Clone, Default)]
struct Forgetful {
    sessions: Arc<AtomicUsize>,
    forgotten: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl Forgetful {
    async fn answer(self, headers: HeaderMap, body: String) -> Response {
        let message: Value = serde_json::from_str(&body).unwrap_or_default();
        let method = message["method"].as_str().unwrap_or_default();
        let number = headers.get("mcp-session-id").and_then(|id| id.to_str().ok()?.parse::<usize>().ok());
        if number.is_some_and(|number| number <= self.forgotten.load(Ordering::SeqCst)) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let result = match method {
            "initialize" => json!({ "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
                                    "serverInfo": { "name": "forgetful", "version": "1" } }),
            "tools/list" => json!({ "tools": [{ "name": "count", "inputSchema": { "type": "object" } }] }),
            "tools/call" => {
                self.forgotten.store(number.unwrap_or(0), Ordering::SeqCst);
                let calls = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
                json!({ "content": [], "structuredContent": { "calls": calls } })
            }
            _ if message["id"].is_null() => return StatusCode::ACCEPTED.into_response(),
            _ => return StatusCode::BAD_REQUEST.into_response(),
        };
        let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string();
        let kind = [("content-type", "application/json".to_owned())];
        if method != "initialize" {
            return (kind, answer).into_response();
        }
        let number = self.sessions.fetch_add(1, Ordering::SeqCst) + 1;
        (kind, [("mcp-session-id", number.to_string())], answer).into_response()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_its_server_has_forgotten_is_begun_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = Forgetful::default();
    let answering = server.clone();
    let post = axum::routing::post(move |headers, body| answering.clone().answer(headers, body));
    let app = axum::Router::new().route("/mcp", post);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let toolset = connect(port, TOKEN, 20_000).await;
    assert_eq!(toolset.status()[0].problem, None);
    for calls in 1..=3 {
        assert_eq!(run(&toolset, "return (await external_far_count({})).calls;").await, Ok(json!(calls)));
    }
    assert!(server.sessions.load(Ordering::SeqCst) >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_server_does_not_affect_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let toolset = connect(port, TOKEN, 1_000).await;
    let problem = toolset.status()[0].problem.clone().expect("nobody is there");
    assert!(problem.contains("Connection refused") && !problem.contains("http://"), "{problem}");
    // A server that starts later is found.
    let (_, _stop) = serve(port, &Gate::default()).await;
    let mut changes = toolset.changes();
    while toolset.status()[0].problem.is_some() {
        let changed = tokio::time::timeout(Duration::from_secs(30), changes.changed()).await;
        assert!(changed.expect("it is started again"), "the toolset is there");
    }
    let code = "return (await external_far_execute_typescript({ typescriptCode: 'return 7' })).result;";
    assert_eq!(run(&toolset, code).await, Ok(json!(7)));
}

/// A server written by hand whose tool calls are answered with 50 MB, or with half an answer.
async fn answer_badly(body: String) -> Response {
    let message: Value = serde_json::from_str(&body).unwrap_or_default();
    let result = match message["method"].as_str().unwrap_or_default() {
        "initialize" => json!({ "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
                                "serverInfo": { "name": "huge", "version": "1" } }),
        "tools/list" => json!({ "tools": [
            { "name": "get", "inputSchema": { "type": "object" } }, { "name": "half", "inputSchema": { "type": "object" } },
            { "name": "values", "inputSchema": { "type": "object" } }, { "name": "event", "inputSchema": { "type": "object" } },
            { "name": "long", "inputSchema": { "type": "object" } }, { "name": "fine", "inputSchema": { "type": "object" } } ] }),
        "tools/call" if message["params"]["name"] != "get" && message["params"]["name"] != "half" => {
            let content = match message["params"]["name"].as_str() {
                Some("long") => format!("\"{}\"", "x".repeat(20_000_000)),
                Some("fine") => "[[1],[2]]".to_owned(),
                _ => format!("[{}0]", "[0],".repeat(3_000_000)),
            };
            let answer = format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"content\":[],\"structuredContent\":{{\"a\":{content}}}}}}}",
                message["id"]
            );
            if message["params"]["name"] == "values" {
                return ([("content-type", "application/json")], answer).into_response();
            }
            return ([("content-type", "text/event-stream")], format!(": hello\n\ndata: {answer}\r\n\r\n"))
                .into_response();
        }
        "tools/call" if message["params"]["name"] == "half" => {
            let half = format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"content", message["id"]);
            return ([("content-type", "application/json")], half).into_response();
        }
        "tools/call" => json!({ "content": [{ "type": "text", "text": "x".repeat(50_000_000) }] }),
        _ if message["id"].is_null() => return StatusCode::ACCEPTED.into_response(),
        _ => {
            let error = json!({ "jsonrpc": "2.0", "id": message["id"], "error": { "code": -32601, "message": "no" } });
            return ([("content-type", "application/json")], error.to_string()).into_response();
        }
    };
    let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    ([("content-type", "application/json")], answer.to_string()).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_large_or_not_json_fails_its_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let app = axum::Router::new().route("/mcp", axum::routing::post(answer_badly));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let toolset = connect(port, TOKEN, 30_000).await;
    assert_eq!(toolset.status()[0].problem, None);
    let (message, code) =
        run(&toolset, "return (await external_far_get({})).length;").await.expect_err("it is too large");
    assert_eq!(code, "CONNECTION_LOST", "{message}");
    assert!(message.contains("exceeded the maximum size"), "{message}");
    let begun = std::time::Instant::now();
    let (message, code) = run(&toolset, "return await external_far_half({});").await.expect_err("it is no answer");
    assert!(begun.elapsed() < Duration::from_secs(10), "it waits for an answer that has come: {message}");
    assert!(message.contains("EOF while parsing"), "{message}");
    assert_eq!(code, "CONNECTION_LOST", "{message}");
    for (tool, why) in
        [("values", "its values would take"), ("event", "its values would take"), ("long", "it has more than")]
    {
        let begun = std::time::Instant::now();
        let code = format!("return await external_far_{tool}({{}});");
        let (message, code) = run(&toolset, &code).await.expect_err("it cannot be read");
        assert!(message.contains(why) && message.contains("ask for less"), "{tool}: {message} {code}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{tool}");
    }
    // The connection is as good as before.
    assert_eq!(run(&toolset, "return (await external_far_fine({})).a;").await, Ok(json!([[1], [2]])));
}
