//! Every end has a bound: with servers that flood or hang, with readers that do not read, whenever a signal comes. The servers
//! are this test program itself, started with the argument `scripted`.

mod support;

use std::{
    io::{BufRead, Write, stdin, stdout},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{Folder, PATIENCE, wait};

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("scripted") {
        return scripted(&args.next().unwrap_or_default());
    }
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
    };
    let trials = vec![
        trial("a_result_is_printed_before_a_server_that_floods_is_stopped", a_result_is_printed_first),
        trial("a_signal_ends_a_start_that_hangs", a_signal_ends_a_start_that_hangs),
        trial("a_signal_ends_a_server_whose_server_floods", a_signal_ends_a_server_whose_server_floods),
        trial("a_second_signal_ends_at_once", a_second_signal_ends_at_once),
        trial("a_signal_ends_a_run_whose_output_nobody_reads", a_signal_ends_a_run_that_nobody_reads),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A server that floods when it is called, or never starts; and has a child in a session of its own.
fn scripted(how: &str) {
    if let Ok(child) = std::process::Command::new("setsid").args(["sleep", "600"]).stdin(Stdio::null()).spawn() {
        // The test waits for it.
        let _ = std::fs::write("child", child.id().to_string());
    }
    if how == "hangs" {
        thread::sleep(Duration::from_secs(600));
    }
    for line in stdin().lock().lines().map_while(Result::ok) {
        let message: Value = serde_json::from_str(&line).unwrap_or_default();
        let mut answer = match message["method"].as_str().unwrap_or_default() {
            "initialize" => json!({ "result": { "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": { "tools": {} }, "serverInfo": { "name": "s", "version": "1" } } }),
            "tools/list" => json!({ "result": { "tools": [{ "name": "go", "inputSchema": { "type": "object" } }] } }),
            "tools/call" => loop {
                let pings = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n".repeat(100);
                if stdout().lock().write_all(pings.as_bytes()).is_err() {
                    thread::sleep(Duration::from_secs(600));
                }
            },
            _ if message["id"].is_null() => continue,
            _ => json!({ "error": { "code": -32601, "message": "no" } }),
        };
        answer["jsonrpc"] = "2.0".into();
        answer["id"] = message["id"].clone();
        let mut out = stdout().lock();
        // A client that is gone cannot be told.
        let _ = writeln!(out, "{answer}").and_then(|()| out.flush());
    }
    thread::sleep(Duration::from_secs(600));
}

fn folder(how: &str) -> Folder {
    let folder = Folder::new();
    let program = std::env::current_exe().expect("this program");
    let config = json!({ "mcpServers": { "evil": { "command": program, "args": ["scripted", how] } } });
    folder.file("servers.json", config.to_string()).file("p.ts", "return await external_evil_go({})");
    folder
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a number");
    kill_process(pid, signal).expect("it is there");
}

/// Waits until the child of the server runs.
fn child_began(folder: &Folder) {
    until("the server starts its child", || {
        folder.names().contains(&"child".to_owned()) && !folder.read("child").is_empty()
    });
}

fn child_is_gone(folder: &Folder) {
    let stat = format!("/proc/{}/stat", folder.read("child"));
    until("the child of the server ends", || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z")));
}

fn until(what: &str, happened: impl Fn() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < PATIENCE, "it never happened: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn a_result_is_printed_first() {
    let folder = folder("floods");
    let ran = folder.run(&["run", "p.ts", "--mcp", "servers.json", "--timeout", "1s", "--json"]).ends(1);
    assert_eq!(ran.json()["error"]["kind"], "timeout", "{ran:#?}");
    assert!(ran.took < Duration::from_secs(12), "{ran:#?}");
    child_is_gone(&folder);
}

fn a_signal_ends_a_start_that_hangs() {
    let folder = folder("hangs");
    for args in [&["run", "p.ts", "--mcp", "servers.json"][..], &["prompt", "--mcp", "servers.json"]] {
        let child = folder.command(args).spawn().expect("it starts");
        child_began(&folder);
        let begin = Instant::now();
        signal(&child, Signal::TERM);
        assert!(wait(child, begin).ends(143).took < Duration::from_secs(6));
        child_is_gone(&folder);
        std::fs::remove_file(folder.path("child")).expect("it is there");
    }
}

/// `codemode mcp` with a call that floods.
fn flooded(folder: &Folder) -> Child {
    let mut command = folder.command(&["mcp", "--mcp", "servers.json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    for message in [
        json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": { "protocolVersion": "2025-11-25",
            "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } } }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "execute_typescript",
            "arguments": { "typescriptCode": "return await external_evil_go({})" } } }),
    ] {
        writeln!(stdin, "{message}").expect("it reads");
    }
    child.stdin = Some(stdin);
    child_began(folder);
    // The flood begins.
    thread::sleep(Duration::from_millis(1_500));
    child
}

fn a_signal_ends_a_server_whose_server_floods() {
    let folder = folder("floods");
    let child = flooded(&folder);
    let begin = Instant::now();
    signal(&child, Signal::TERM);
    assert!(wait(child, begin).ends(143).took < Duration::from_secs(10));
    child_is_gone(&folder);
}

fn a_second_signal_ends_at_once() {
    let folder = folder("floods");
    let child = flooded(&folder);
    let begin = Instant::now();
    signal(&child, Signal::INT);
    thread::sleep(Duration::from_millis(300));
    signal(&child, Signal::TERM);
    let ran = wait(child, begin);
    assert!(matches!(ran.code, Some(130 | 143)) && ran.took < Duration::from_secs(4), "{ran:#?}");
    child_is_gone(&folder);
}

fn a_signal_ends_a_run_that_nobody_reads() {
    let folder = Folder::new();
    folder.file("p.ts", "return 'y'.repeat(500_000)");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = folder.command(&["run", "p.ts"]);
    let child = command.stdout(writer).spawn().expect("it starts");
    drop(command);
    // It has printed what fits.
    thread::sleep(Duration::from_secs(2));
    let begin = Instant::now();
    signal(&child, Signal::TERM);
    assert!(wait(child, begin).ends(143).took < Duration::from_secs(4));
    drop(reader);
}
