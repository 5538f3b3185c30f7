//! MCP servers over standard input and output that try to hold, swell or keep the host.

use std::{
    io::{BufRead, Write, stdin, stdout},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::wire::{answer, fail, initialized, log, write};

/// Serves until the host ends it: the end of the input is ignored. `how` is the script: `pings`, `samplings`, `long-ids`,
/// `answers`, `logs`, `progress`, `stderr`, `changes`, `changes-unlisted`, `deaf`, `leaves`, `stays`, `mime`.
pub fn serve(how: &str) {
    let mut lines = stdin().lock().lines().map_while(Result::ok);
    for line in lines.by_ref() {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let id = &message["id"];
        match message["method"].as_str().unwrap_or_default() {
            "initialize" => initialized(&message, "hostile"),
            "tools/list" => {
                list(id);
                if how == "changes" {
                    break;
                }
            }
            "tools/call" => {
                log("call");
                match how {
                    "leaves" | "stays" => {
                        let child = in_own_session();
                        log(&format!("child {child}"));
                        if how == "leaves" {
                            return;
                        }
                        answer(id, json!({ "content": [] }));
                    }
                    "mime" => {
                        let mime = "m".repeat(4 << 20);
                        let image = json!({ "type": "image", "mimeType": mime, "data": "QUJD".repeat(2_000) });
                        answer(id, json!({ "content": [image] }));
                    }
                    "progress" => flood(&message["params"]["_meta"]["progressToken"]),
                    "changes-unlisted" => {
                        write(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
                        break;
                    }
                    _ => break,
                }
            }
            _ if id.is_null() => {}
            method => fail(id, -32601, method),
        }
    }
    let line = match how {
        "pings" => r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_owned(),
        "samplings" => format!(
            r#"{{"jsonrpc":"2.0","id":"a","method":"sampling/createMessage","params":{{"messages":[],"maxTokens":1,"systemPrompt":"{}"}}}}"#,
            "x".repeat(1_000)
        ),
        "long-ids" => format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"roots/list"}}"#, "i".repeat(1_000)),
        "answers" => r#"{"jsonrpc":"2.0","id":987654,"result":{"content":[]}}"#.to_owned(),
        "logs" => format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"{}"}}}}"#,
            "x".repeat(500)
        ),
        "changes" => r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#.to_owned(),
        "stderr" => loop {
            if std::io::stderr().write_all(&[b'x'; 65_536]).is_err() {
                return;
            }
        },
        _ => loop {
            std::thread::sleep(Duration::from_secs(60));
        },
    };
    if how == "changes" {
        // It still answers the listings.
        std::thread::spawn(move || {
            for line in stdin().lock().lines().map_while(Result::ok) {
                let message: Value = serde_json::from_str(&line).unwrap_or_default();
                if message["method"] == "tools/list" {
                    list(&message["id"]);
                }
            }
        });
    }
    let lines = format!("{line}\n").repeat(100);
    while stdout().lock().write_all(lines.as_bytes()).is_ok() {}
}

/// Answers `tools/list`.
fn list(id: &Value) {
    log("list");
    let tool = json!({ "name": "go", "description": "Goes", "inputSchema": { "type": "object" } });
    answer(id, json!({ "tools": [tool] }));
}

fn flood(token: &Value) {
    let line = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {
        "progressToken": token, "progress": 1, "message": "p".repeat(5_000) } });
    while stdout().lock().write_all(format!("{line}\n").as_bytes()).is_ok() {}
}

/// A child that is in no group of ours, and its number.
fn in_own_session() -> u32 {
    let mut command = Command::new("setsid");
    command.args(["sleep", "600"]).stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    command.spawn().map_or(0, |child| child.id())
}
