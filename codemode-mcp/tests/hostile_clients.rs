//! Clients that try to hold, swell or keep the server: over a pair of streams and over HTTP, written by hand.

mod support {
    pub mod memory;
}

use std::time::{Duration, Instant};

use codemode_core::{CodeMode, Error, Limits};
use codemode_mcp::{HttpOptions, McpServer, McpServerOptions, TcpListener};
use serde_json::{Value, json};
use support::memory::resident;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf},
    net::TcpStream,
    sync::Mutex,
    task::JoinHandle,
    time::timeout,
};

/// They measure memory.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

fn server(limit: Duration) -> McpServer {
    let builder = CodeMode::builder().driver(codemode_driver_quickjs::driver());
    let code_mode = builder.limits(Limits::default().timeout(limit)).build().expect("it builds");
    McpServer::new(code_mode, McpServerOptions::default().max_executions(4))
}

struct Client {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    write: WriteHalf<DuplexStream>,
    served: JoinHandle<Result<(), Error>>,
}

impl Client {
    async fn of(server: &McpServer) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let server = server.clone();
        let served = tokio::spawn(async move { server.serve(tokio::io::split(theirs)).await });
        let (read, write) = tokio::io::split(ours);
        let mut client = Self { lines: BufReader::new(read).lines(), write, served };
        client.write(&initialize().to_string()).await;
        client.next().await;
        client.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        client
    }

    async fn write(&mut self, line: &str) {
        self.write.write_all(format!("{line}\n").as_bytes()).await.expect("the server reads");
    }

    async fn next(&mut self) -> Value {
        let line = timeout(Duration::from_secs(30), self.lines.next_line()).await.expect("it answers in time");
        let line = line.expect("a line").expect("the connection is open");
        serde_json::from_str(&line).expect("JSON")
    }
}

fn initialize() -> Value {
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "hostile", "version": "1" } } })
}

fn call(id: usize, code: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
        "name": "execute_typescript", "arguments": { "typescriptCode": code },
        "_meta": { "progressToken": id } } })
    .to_string()
}

/// In MiB, with room for what other parts of the process do.
fn grew_little(before: usize) {
    let now = resident();
    assert!(now < before + 96, "from {before} to {now} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_calls_at_once_are_refused_beyond_a_number() {
    let _one = ONE_AT_A_TIME.lock().await;
    let mut client = Client::of(&server(Duration::from_secs(2))).await;
    let before = resident();
    const CALLS: usize = 100_000;
    let mut write = client.write;
    let writing = tokio::spawn(async move {
        for id in 1..=CALLS {
            // Those that are taken run to their deadline.
            let line = format!("{}\n", call(id, "for (;;);"));
            write.write_all(line.as_bytes()).await.expect("the server reads");
        }
        write
    });
    let (mut refused, mut answered) = (0, 0);
    while refused + answered < CALLS - 128 {
        let line = timeout(Duration::from_secs(60), client.lines.next_line()).await.expect("in time").expect("a line");
        let answer: Value = serde_json::from_str(&line.expect("it is open")).expect("JSON");
        match answer["error"]["code"].as_i64() {
            Some(-32_000) => refused += 1,
            _ if answer["id"].is_null() => {}
            _ => answered += 1,
        }
    }
    assert!(refused > CALLS / 2 && answered < CALLS / 2, "{refused} {answered}");
    grew_little(before);
    let _write = writing.await.expect("all is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_floods_and_reads_stays_connected_and_swells_nothing() {
    let _one = ONE_AT_A_TIME.lock().await;
    let list = |id: usize| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list" }).to_string();
    let cancel = |id: usize| {
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }).to_string()
    };
    type Flood = Box<dyn Fn(usize) -> String + Send>;
    let floods: [(usize, Flood); 4] = [
        (30_000, Box::new(|id| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" }).to_string())),
        (30_000, Box::new(move |_| list(1))),
        (30_000, Box::new(move |id| format!("{}\n{}", list(id), cancel(id)))),
        (10_000, Box::new(move |id| format!("{}\n{}", call(id, "for (;;);"), cancel(id)))),
    ];
    for (number, (requests, flood)) in floods.into_iter().enumerate() {
        let mut client = Client::of(&server(Duration::from_secs(2))).await;
        let (before, tasks) = (resident(), || tokio::runtime::Handle::current().metrics().num_alive_tasks());
        let (begin, tasks_before, mut most_tasks) = (Instant::now(), tasks(), 0);
        let mut write = client.write;
        let writing = tokio::spawn(async move {
            for id in 1..requests {
                write.write_all(format!("{}\n", flood(id)).as_bytes()).await.expect("the server reads");
            }
            write
                .write_all(b"{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"ping\"}\n")
                .await
                .expect("the server reads");
            write
        });
        let mut most = before;
        for count in 0.. {
            // What is cancelled is not answered, so all of a flood may pass before the first line.
            let patience = Duration::from_secs(300);
            let line = timeout(patience, client.lines.next_line()).await.expect("in time").expect("a line");
            let answer: Value = serde_json::from_str(&line.expect("it is open")).expect("JSON");
            if count % 1_000 == 0 {
                most = most.max(resident());
            }
            most_tasks = most_tasks.max(tasks());
            if answer["id"] == "last" {
                break;
            }
        }
        println!("flood {number}: {:?}, {before} to {most} MiB, {most_tasks} tasks", begin.elapsed());
        assert!(most < before + 96, "flood {number}: from {before} to {most} MiB");
        // One for each request that is worked on, and one for each answer that waits to be read.
        assert!(most_tasks < tasks_before + 256 + 1_024, "flood {number}: {most_tasks} tasks");
        grew_little(before);
        let _write = writing.await.expect("all is written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_and_does_not_read_is_disconnected() {
    let _one = ONE_AT_A_TIME.lock().await;
    let asks: [fn(usize) -> String; 4] = [
        |id| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list" }).to_string(),
        |id| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" }).to_string(),
        |id| json!({ "jsonrpc": "2.0", "id": id, "method": 5 }).to_string(),
        |id| call(id, "return 1"),
    ];
    for ask in asks {
        let mut client = Client::of(&server(Duration::from_secs(2))).await;
        let (before, begin) = (resident(), Instant::now());
        for id in 1.. {
            let written = client.write.write_all(format!("{}\n", ask(id)).as_bytes()).await;
            if written.is_err() || begin.elapsed() > Duration::from_secs(30) {
                break;
            }
        }
        let ask = ask(1);
        let served =
            timeout(Duration::from_secs(10), client.served).await.expect("it ends").expect("it does not panic");
        let error = served.expect_err("the client is at fault").to_string();
        assert!(error.contains("does not read the answers; it was disconnected"), "{ask}: {error}");
        grew_little(before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_is_refused_and_the_next_one_answered() {
    let _one = ONE_AT_A_TIME.lock().await;
    let mut client = Client::of(&server(Duration::from_secs(2))).await;
    let before = resident();
    let begin = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":""#;
    client.write.write_all(begin.as_bytes()).await.expect("the server reads");
    let piece = "x".repeat(1 << 20);
    for _ in 0..100 {
        client.write.write_all(piece.as_bytes()).await.expect("the server reads");
    }
    grew_little(before);
    client.write("\"}}").await;
    let refused = client.next().await;
    assert_eq!(refused["id"], 7, "{refused}");
    assert!(refused["error"]["message"].as_str().is_some_and(|it| it.contains("at most 4194304")), "{refused}");
    client.write(r#"{"jsonrpc":"2.0","id":8,"method":"ping"}"#).await;
    assert_eq!(client.next().await["id"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_says_to_a_slow_client_is_bounded_and_what_is_left_out_told() {
    let _one = ONE_AT_A_TIME.lock().await;
    let mut client = Client::of(&server(Duration::from_secs(20))).await;
    client.write(&call(1, "for (let i = 0; i < 50_000; i++) console.log(''); return 1")).await;
    // Meanwhile the program has long ended.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (mut lines, mut note) = (0, None);
    loop {
        let message = client.next().await;
        if message["id"] == 1 {
            break;
        }
        lines += 1;
        let text = message["params"]["message"].as_str().unwrap_or_default();
        if text.contains("left out") {
            note = text.split(' ').next().and_then(|count| count.parse::<usize>().ok());
        }
    }
    let note = note.expect("a note");
    assert!(lines < 2_000 && note > 1_000, "{lines} lines, {note} left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn saying_hello_again_and_again_costs_nothing() {
    let _one = ONE_AT_A_TIME.lock().await;
    let mut client = Client::of(&server(Duration::from_secs(2))).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..20_000 {
        client.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    }
    client.write(r#"{"jsonrpc":"2.0","id":8,"method":"ping"}"#).await;
    assert_eq!(client.next().await["id"], 8);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(tasks() < before + 20, "from {before} to {} tasks", tasks());
    drop(client);
    let begin = Instant::now();
    while tasks() >= before {
        assert!(begin.elapsed() < Duration::from_secs(10), "{} tasks are left of {before}", tasks());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends a request over a connection of its own and does not wait for more than the first bytes of the answer.
async fn post(address: std::net::SocketAddr, session: Option<&str>, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let session =
        session.map(|id| format!("mcp-session-id: {id}\r\nmcp-protocol-version: 2025-11-25\r\n")).unwrap_or_default();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n{session}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let (mut answer, begin) = (Vec::new(), Instant::now());
    // The head, and what comes soon after it.
    while begin.elapsed() < Duration::from_secs(30) {
        let mut chunk = [0; 4096];
        let patience = if answer.is_empty() { Duration::from_secs(30) } else { Duration::from_millis(20) };
        match timeout(patience, stream.read(&mut chunk)).await {
            Ok(Ok(count @ 1..)) => answer.extend_from_slice(&chunk[..count]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_over_http_that_nobody_waits_for_are_refused_beyond_a_number() {
    let _one = ONE_AT_A_TIME.lock().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (server, options) = (server(Duration::from_secs(20)), HttpOptions::default());
    let stop = options.stop.clone();
    let serving = tokio::spawn(async move { server.serve_http(listener, options).await });
    let answer = post(address, None, &initialize().to_string()).await.to_ascii_lowercase();
    let session = answer.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).expect("a session").to_owned();
    post(address, Some(&session), r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;

    let waits = "await new Promise((go) => setTimeout(go, 15_000))";
    let again = post(address, Some(&session), &call(1, waits)).await;
    assert!(!again.contains("error"), "{again}");
    let again = post(address, Some(&session), &call(1, waits)).await;
    assert!(again.contains("a request with this id is not answered yet"), "{again}");
    let mut refused = 0;
    for id in 2..160 {
        refused += usize::from(post(address, Some(&session), &call(id, waits)).await.contains("too many requests"));
    }
    assert_eq!(refused, 158 - 127);
    // Another client is served meanwhile.
    assert!(post(address, None, &initialize().to_string()).await.starts_with("HTTP/1.1 200"));
    stop.cancel();
    timeout(Duration::from_secs(35), serving).await.expect("it ends").expect("it does not panic").expect("it served");
}
