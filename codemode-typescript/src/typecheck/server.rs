//! The compiler as a process that speaks the language server protocol.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::project::project;

/// A running compiler. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    uri: String,
    next_id: u64,
    version: u64,
    /// Its project; removed with it.
    _folder: TempDir,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failed {
    NotStarted(String),
    Died,
    Late,
}

impl Server {
    pub(super) fn start(compiler: &Path, deadline: Duration) -> Result<Self, Failed> {
        let not_started = |error: std::io::Error| Failed::NotStarted(error.to_string());
        let folder = tempfile::Builder::new().prefix("codemode-typecheck").tempdir().map_err(not_started)?;
        // What it finds here is all it reads besides its own library.
        std::fs::write(folder.path().join("tsconfig.json"), project().to_string()).map_err(not_started)?;
        std::fs::write(folder.path().join("program.ts"), "").map_err(not_started)?;
        let root = url::Url::from_directory_path(folder.path())
            .map_err(|()| Failed::NotStarted("the folder for its files has no URL".into()))?;
        let mut command = Command::new(compiler);
        command.args(["--lsp", "--stdio"]).current_dir(folder.path()).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(not_started)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failed::NotStarted("it has no standard streams".into()));
        };
        let (send, messages) = mpsc::channel();
        // Ends with the process, whose end closes the stream.
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read(&mut output) {
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let uri = format!("{root}program.ts");
        let mut server = Self { child, input, messages, uri, next_id: 0, version: 0, _folder: folder };
        let hello = json!({
            "processId": std::process::id(),
            "rootUri": root.as_str(),
            "workspaceFolders": [{ "uri": root.as_str(), "name": "program" }],
            "capabilities": { "textDocument": { "diagnostic": {} } }
        });
        let until = Instant::now() + deadline;
        server.request("initialize", hello, until)?;
        server.send(&json!({ "jsonrpc": "2.0", "method": "initialized", "params": {} }))?;
        Ok(server)
    }

    /// The diagnostics of the compiler for `text`.
    pub(super) fn diagnostics(&mut self, text: &str, deadline: Duration) -> Result<Vec<Value>, Failed> {
        self.version += 1;
        let (uri, version) = (self.uri.clone(), self.version);
        let change = match version {
            1 => json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {
                "textDocument": { "uri": uri, "languageId": "typescript", "version": version, "text": text }
            } }),
            _ => json!({ "jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
                "textDocument": { "uri": uri, "version": version }, "contentChanges": [{ "text": text }]
            } }),
        };
        self.send(&change)?;
        let asked = json!({ "textDocument": { "uri": uri } });
        let answer = self.request("textDocument/diagnostic", asked, Instant::now() + deadline)?;
        Ok(answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Ends the process, as a crash would.
    #[cfg(test)]
    pub(super) fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn request(&mut self, method: &str, params: Value, until: Instant) -> Result<Value, Failed> {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left).map_err(|error| match error {
                RecvTimeoutError::Timeout => Failed::Late,
                RecvTimeoutError::Disconnected => Failed::Died,
            })?;
            match (message.get("method"), message.get("id")) {
                // It asks something of an editor, which we are not.
                (Some(_), Some(asked)) => {
                    self.send(&json!({ "jsonrpc": "2.0", "id": asked, "result": null }))?;
                }
                (None, Some(answered)) if *answered == id => {
                    return message.get("result").cloned().ok_or(Failed::Died);
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), Failed> {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).map_err(|_| Failed::Died)?;
        self.input.flush().map_err(|_| Failed::Died)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next message; `None` at the end of the stream, or when what comes is not a message.
fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.by_ref().take(MAX_HEADER_BYTES).read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    if length == 0 || length > MAX_MESSAGE_BYTES {
        return None;
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

const MAX_HEADER_BYTES: u64 = 1_000;
const MAX_MESSAGE_BYTES: usize = 64 << 20;
