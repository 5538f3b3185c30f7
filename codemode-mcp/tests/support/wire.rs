//! What a server written by hand says: lines of JSON-RPC on standard output, and a log for the test to read.

use std::{
    fs::OpenOptions,
    io::{Write, stdout},
};

use serde_json::{Value, json};

/// Answers `initialize` as the server `name`, in the version that was asked for.
pub fn initialized(message: &Value, name: &str) {
    let result = json!({
        "protocolVersion": message["params"]["protocolVersion"],
        "capabilities": { "tools": { "listChanged": true } },
        "serverInfo": { "name": name, "version": "1" }
    });
    answer(&message["id"], result);
}

pub fn answer(id: &Value, result: Value) {
    write(&json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string());
}

pub fn fail(id: &Value, code: i64, message: &str) {
    write(&json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }).to_string());
}

pub fn write(line: &str) {
    let mut out = stdout().lock();
    // A client that is gone cannot be told.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Writes a line for the test to read.
pub fn log(line: &str) {
    let Some(path) = std::env::var_os("SCRIPT_LOG") else { return };
    let file = OpenOptions::new().append(true).create(true).open(path);
    let _ = file.and_then(|mut file| writeln!(file, "{line}"));
}
