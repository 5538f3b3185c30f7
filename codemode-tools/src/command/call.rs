//! One call of a command: JSON in, JSON out, everything bounded, and nothing left behind.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io,
    path::PathBuf,
    pin::pin,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use codemode_core::{ToolError, too_many_values};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, Command},
    time::timeout,
};

use crate::{
    command::children::Children,
    text::{format_bytes, one_line},
};

/// What to start.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) tool: String,
    /// Absolute.
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) env: Vec<(OsString, OsString)>,
}

/// Runs the command once. Dropping the future kills it and its children.
pub(super) async fn run(spec: Arc<Spec>, children: Children, input: Value) -> Result<Value, ToolError> {
    let mut command = Command::new(&spec.program);
    command.args(&spec.arguments).env_clear().envs(spec.env.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let family = children.family();
    let (name, value) = family.tree.variable();
    command.env(name, value);
    let failed = |error: io::Error| {
        ToolError::new(format!("the command of {} cannot be run: {error}; tell the user", spec.tool))
            .code("COMMAND_NOT_RUN")
    };
    let mut child = command.spawn().map_err(failed)?;
    // Dropped before the child: killing the child alone first would take their parent from those that left its group.
    let family = family;
    if let Some(program) = child.id() {
        family.tree.began(program);
    }
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed(io::Error::other("it has no pipes")));
    };
    let mut streams = pin!(async { tokio::try_join!(feed(stdin, &input), all(stdout), tail(stderr)) });
    let (status, streams) = tokio::select! {
        streams = &mut streams => match streams {
            Ok(streams) => (child.wait().await.map_err(failed)?, Some(streams)),
            Err(error) => return Err(error),
        },
        status = child.wait() => {
            // What it left in the background holds its output open; the call is over all the same.
            family.tree.kill();
            (status.map_err(failed)?, timeout(OUTPUT_GRACE, &mut streams).await.ok().transpose()?)
        }
    };
    drop(family);
    let Some(((), stdout, stderr)) = streams else {
        return Err(ToolError::new(format!(
            "the command of {} ended, but a process that it left behind holds its output open; tell the user",
            spec.tool
        ))
        .code("COMMAND_FAILED"));
    };
    answer(&spec.tool, status, &stdout, stderr)
}

fn answer(tool: &str, status: ExitStatus, stdout: &[u8], stderr: Tail) -> Result<Value, ToolError> {
    let stderr = stderr.text();
    let said = if stderr.is_empty() { String::new() } else { format!(": {stderr}") };
    if !status.success() {
        return Err(ToolError::new(format!("{tool} failed with {}{said}", describe_status(status)))
            .code("COMMAND_FAILED")
            .data(json!({ "exitCode": status.code(), "stderr": stderr })));
    }
    let wrong = |why: String| {
        ToolError::new(format!("{tool} {why}{said}")).code("COMMAND_BAD_ANSWER").data(json!({ "stderr": stderr }))
    };
    let text = std::str::from_utf8(stdout)
        .map_err(|error| wrong(format!("answered with text that is not UTF-8 (byte {})", error.valid_up_to())))?;
    if text.trim().is_empty() {
        return Err(wrong("answered nothing; a command must print one JSON value, null for none".into()));
    }
    if let Some(why) = too_many_values(stdout, MAX_MEMORY) {
        return Err(wrong(format!("answered with too much: {why}; ask for less")));
    }
    serde_json::from_str(text).map_err(|error| {
        wrong(format!("answered with text that is not JSON ({error}): {}", one_line(text.trim(), EXCERPT_WIDTH)))
    })
}

fn describe_status(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    status.code().map_or_else(|| "an unknown end".into(), |code| format!("exit code {code}"))
}

/// Writes the input. A command that does not want it may close its end.
async fn feed(mut stdin: ChildStdin, input: &Value) -> Result<(), ToolError> {
    let text = format!("{input}\n");
    let written = async {
        stdin.write_all(text.as_bytes()).await?;
        stdin.shutdown().await
    };
    // It answers all the same, or says why not on its standard error.
    let _ = written.await;
    Ok(())
}

/// Reads to the end, at most [`MAX_OUTPUT_BYTES`].
async fn all(stdout: impl AsyncRead + Unpin) -> Result<Vec<u8>, ToolError> {
    let mut bytes = Vec::new();
    let read = stdout.take(MAX_OUTPUT_BYTES as u64 + 1).read_to_end(&mut bytes).await;
    read.map_err(|error| {
        ToolError::new(format!("the command's answer cannot be read: {error}")).code("COMMAND_FAILED")
    })?;
    if bytes.len() > MAX_OUTPUT_BYTES {
        return Err(ToolError::new(format!(
            "the command's answer is longer than {}; ask for less",
            format_bytes(MAX_OUTPUT_BYTES as u64)
        ))
        .code("COMMAND_BAD_ANSWER"));
    }
    Ok(bytes)
}

/// Reads to the end and keeps the last [`MAX_STDERR_BYTES`] bytes.
async fn tail(mut stderr: impl AsyncRead + Unpin) -> Result<Tail, ToolError> {
    let (mut kept, mut cut, mut chunk) = (VecDeque::new(), false, vec![0; 8192]);
    // What cannot be read of it is missing from an error's text, no more.
    while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
        kept.extend(chunk.get(..length).unwrap_or_default());
        let over = kept.len().saturating_sub(MAX_STDERR_BYTES);
        cut |= over > 0;
        kept.drain(..over);
    }
    Ok(Tail { bytes: kept.into(), cut })
}

/// The end of what a command wrote to its standard error.
struct Tail {
    bytes: Vec<u8>,
    /// Whether there was more before.
    cut: bool,
}

impl Tail {
    /// As text: bytes that are not UTF-8 are written out as `\xff`, so that none is lost.
    fn text(self) -> String {
        let mut bytes = self.bytes.as_slice();
        if self.cut {
            // The cut may lie inside a character; its other bytes, at most three, are no text.
            let begins = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
            bytes = bytes.get(begins..).unwrap_or_default();
        }
        let mut text = String::from(if self.cut { "…" } else { "" });
        for part in bytes.utf8_chunks() {
            text.push_str(part.valid());
            part.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
        }
        text.trim().to_owned()
    }
}

const MAX_OUTPUT_BYTES: usize = 16 << 20;
/// What the values of an answer may take.
const MAX_MEMORY: usize = 256 << 20;
const MAX_STDERR_BYTES: usize = 4 << 10;
const EXCERPT_WIDTH: usize = 120;
/// How long to wait for the rest of the output once a command has ended and its group was killed.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_stderr_loses_no_byte_and_splits_no_character() {
        let text = |bytes: &[u8], cut| Tail { bytes: bytes.to_vec(), cut }.text();
        assert_eq!(text(b"plain\n", false), "plain");
        assert_eq!(text(b"a\xffb\xe2\x82", false), "a\\xffb\\xe2\\x82");
        assert_eq!(text(b"\x82\xac rest \xe2\x82\xac", true), "… rest €");
    }
}
