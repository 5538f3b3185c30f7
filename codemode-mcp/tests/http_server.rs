//! The sandbox as a server over HTTP: which requests are refused, and what a client cannot do to it or to other clients.

mod support {
    pub mod gate;
}

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_core::{CodeMode, Tool};
use codemode_mcp::{HttpOptions, McpServer, McpServerOptions};
use serde_json::json;
use support::gate::Gate;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn code_mode(tools: Vec<Tool>) -> CodeMode {
    CodeMode::builder().driver(codemode_driver_quickjs::driver()).tools(tools).build().expect("it builds")
}

/// A server over HTTP.
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
        let (server, given) = (McpServer::new(code_mode(tools), McpServerOptions::default()), options.clone());
        tokio::spawn(async move { server.serve_http(listener, given).await });
        Self { url, options, http: reqwest::Client::builder().no_proxy().build().expect("a client") }
    }

    async fn connect(&self) -> tokio::net::TcpStream {
        let address = self.url.trim_start_matches("http://").trim_end_matches("/mcp");
        tokio::net::TcpStream::connect(address).await.expect("the kernel accepts it")
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
async fn http_requires_the_token_and_refuses_other_hosts_and_origins() {
    let token = "a long enough token";
    let options = HttpOptions::default().token(token).allowed_origins(["https://good.example:443"]);
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
async fn an_address_other_than_loopback_requires_a_token() {
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let server = McpServer::new(code_mode(vec![]), McpServerOptions::default());
    let error = server.serve_http(listener, HttpOptions::default()).await.expect_err("it is refused");
    assert!(error.message.starts_with("an address that others can reach needs a bearer token"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_too_large_and_sessions_too_many_are_refused() {
    let options = HttpOptions::default().max_sessions(20).max_connections(2_000);
    let served = Served::start(vec![], options).await;
    let large = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\"}}", "x".repeat(100 << 20));
    // The server may close before it has read all that it will not take.
    if let Ok(answer) = served.post(large).send().await {
        assert_eq!(answer.status(), 413);
    }
    // Small by its text: its values would take a hundred times as much.
    let nested = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"execute_typescript","arguments":{{"a":[{}0]}}}}}}"#,
        "[0],".repeat(200_000)
    );
    let answer = served.post(nested).send().await.expect("it is answered");
    assert_eq!(answer.status(), 413);
    let why = answer.text().await.expect("a reason");
    assert!(why.contains("its values would take"), "{why}");
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
    // Concurrently some are refused for the sake of others that are then refused too; in sequence all places are taken.
    assert!((1..=20).contains(&begun), "{begun}");
    for _ in begun..20 {
        assert_eq!(Served::status(served.post(initialize())).await, 200);
    }
    assert_eq!(Served::status(served.post(initialize())).await, 503);
}

/// What a client reads on a raw connection until the server closes it.
async fn read_to_close(mut stream: tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await;
    // A reset is a close too.
    let _ = read.expect("the server closes it");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_limit_are_refused_with_a_reason() {
    let served = Served::start(vec![], HttpOptions::default().max_connections(3)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(served.connect().await);
    }
    let refused = read_to_close(served.connect().await).await;
    assert!(refused.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{refused}");
    assert!(refused.ends_with("\r\n\r\ntoo many connections are open; close one, or try again later\n"), "{refused}");
    assert_eq!(Served::status(served.post(initialize())).await, 503);
    // A flood does not affect open connections, and leaves nothing behind.
    let flood: Vec<_> = (0..300).map(|_| served.connect()).collect();
    let flood = futures_util::future::join_all(flood).await;
    // The flood first: one of its connections that is not accepted yet would take the place.
    drop(flood);
    held.pop();
    let begun = Instant::now();
    // During the flood some are closed without an answer.
    while !served.post(initialize()).send().await.is_ok_and(|answer| answer.status() == 200) {
        assert!(begun.elapsed() < Duration::from_secs(30), "a place that became free is never taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed() {
    let options = HttpOptions::default().max_connections(3).request_timeout(Duration::from_millis(200));
    let served = Served::start(vec![], options).await;
    let silent = served.connect().await;
    let mut half = served.connect().await;
    half.write_all(b"POST /mcp HTTP/1.1\r\nhost: localhost\r\n").await.expect("it is sent");
    let mut dripping = served.connect().await;
    let head = b"POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{";
    dripping.write_all(head).await.expect("it is sent");
    assert_eq!(read_to_close(silent).await, "");
    let _ = read_to_close(half).await;
    let answer = read_to_close(dripping).await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert_eq!(Served::status(served.post(initialize())).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_over_http_is_refused_and_has_no_effect() {
    let served = Served::start(vec![], HttpOptions::default()).await;
    for body in ["", "{", "[]", "null", "{\"jsonrpc\":\"2.0\"}", "\u{0}\u{1}"] {
        let status = Served::status(served.post(body)).await;
        assert!((400..500).contains(&status), "{body:?}: {status}");
    }
    assert_eq!(Served::status(served.post(initialize())).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_closed_stops_its_programs() {
    let gate = Gate::default();
    let served = Served::start(vec![gate.tool()], HttpOptions::default().max_sessions(1)).await;
    let begun = served.post(initialize()).send().await.expect("an answer");
    let session = begun.headers().get("mcp-session-id").expect("a session").clone();
    let within = |request: reqwest::RequestBuilder| request.header("mcp-session-id", session.clone());
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(Served::status(within(served.post(ready.to_string()))).await, 202);
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "execute_typescript", "arguments": { "typescriptCode": "await external_wait({});" } } });
    let call = within(served.post(call.to_string()));
    let answer = tokio::spawn(async move { call.send().await?.text().await });
    gate.until_open(1).await;
    assert!(Served::status(within(served.http.delete(&served.url))).await < 300);
    gate.until_open(0).await;
    answer.abort();
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
