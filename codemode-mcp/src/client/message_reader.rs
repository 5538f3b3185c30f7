//! [`MessageReader`]: reads the messages that a stdio server writes. Other output is reported once and skipped; an answer
//! that is too large or malformed becomes an error for its call, which would otherwise never end.

use std::io;

use rmcp::{
    RoleClient,
    model::{ErrorCode, ErrorData, JsonRpcMessage, RequestId},
    service::RxJsonRpcMessage,
};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Reads messages from `R`, one per line.
pub(crate) struct MessageReader<R> {
    read: BufReader<R>,
    line: Line,
    max_bytes: usize,
    reported: [bool; 2],
    report: Box<dyn FnMut(ProtocolWarning) + Send>,
}

/// A protocol violation in a server's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProtocolWarning {
    /// A line that is not a message; only the first is reported.
    UnexpectedOutput(String),
    /// An answer that cannot be parsed, and why; only the first is reported.
    Malformed(String),
    /// A message over the size limit.
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The request it answers, where that can be determined.
        id: Option<u64>,
    },
}

/// The code of the errors that replace malformed answers.
pub(crate) const MALFORMED: ErrorCode = ErrorCode(-32_099);
/// The maximum size of one message of a server. Core's own limit on one answer is 4 MiB by default; up to here its error
/// says more.
pub(crate) const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// The line being read: all of it while it fits, and its two ends, one of which holds the id of an answer.
#[derive(Default)]
struct Line {
    bytes: usize,
    whole: Vec<u8>,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl<R: AsyncRead + Unpin> MessageReader<R> {
    pub(crate) fn new(read: R, max_bytes: usize, report: impl FnMut(ProtocolWarning) + Send + 'static) -> Self {
        let read = BufReader::with_capacity(BUFFER_BYTES, read);
        Self { read, line: Line::default(), max_bytes, reported: [false; 2], report: Box::new(report) }
    }

    /// The next message; `None` at the end. Cancel safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When reading fails.
    pub(crate) async fn next(&mut self) -> io::Result<Option<RxJsonRpcMessage<RoleClient>>> {
        loop {
            let read = self.read.fill_buf().await?;
            if read.is_empty() {
                return Ok(None);
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(read.len(), |end| end + 1);
            self.line.add(read.get(..count).unwrap_or_default(), self.max_bytes);
            self.read.consume(count);
            if end.is_some()
                && let Some(message) = self.message()
            {
                return Ok(Some(message));
            }
        }
    }

    /// The message on the line that has ended, if it is one.
    fn message(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let line = std::mem::take(&mut self.line);
        if line.bytes > self.max_bytes && line.may_be_message() {
            let id = line.id();
            (self.report)(ProtocolWarning::TooLarge { bytes: line.bytes, id });
            let max = self.max_bytes;
            let why = format!("the answer has {} bytes; at most {max} are read; ask for less", line.bytes);
            return id.map(|id| failed(id, why));
        }
        let text = line.whole.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line.whole).trim_ascii();
        if text.is_empty() && line.bytes <= self.max_bytes {
            return None;
        }
        let error = match serde_json::from_slice(text) {
            Ok(message) => return Some(message),
            Err(error) => error,
        };
        let id = match serde_json::from_slice::<Value>(text) {
            // An unknown notification: newer versions of the protocol may add some.
            Ok(value) if value.get("method").is_some() => return None,
            Ok(value) => value.get("id").and_then(Value::as_u64),
            Err(_) => line.id(),
        };
        match id {
            Some(id) => {
                let why = format!("the server's answer cannot be read: {error}; its server has a mistake");
                self.report_once(1, ProtocolWarning::Malformed(error.to_string()));
                Some(failed(id, why))
            }
            None => {
                self.report_once(
                    0,
                    ProtocolWarning::UnexpectedOutput(String::from_utf8_lossy(&line.head).trim().to_owned()),
                );
                None
            }
        }
    }

    fn report_once(&mut self, kind: usize, warning: ProtocolWarning) {
        if let Some(reported) = self.reported.get_mut(kind)
            && !std::mem::replace(reported, true)
        {
            (self.report)(warning);
        }
    }
}

fn failed(id: u64, why: String) -> RxJsonRpcMessage<RoleClient> {
    let id = i64::try_from(id).map_or_else(|_| RequestId::String(id.to_string().into()), RequestId::Number);
    JsonRpcMessage::error(ErrorData::new(MALFORMED, why, None), Some(id))
}

impl Line {
    fn add(&mut self, piece: &[u8], max_bytes: usize) {
        self.bytes = self.bytes.saturating_add(piece.len());
        if self.bytes <= max_bytes {
            self.whole.extend_from_slice(piece);
        } else {
            // The line will not be parsed.
            self.whole = Vec::new();
        }
        let room = END_BYTES.saturating_sub(self.head.len());
        self.head.extend(piece.iter().take(room));
        self.tail.extend_from_slice(piece.get(piece.len().saturating_sub(END_BYTES)..).unwrap_or_default());
        let over = self.tail.len().saturating_sub(END_BYTES);
        self.tail.drain(..over);
    }

    /// Whether it begins like a message.
    fn may_be_message(&self) -> bool {
        let first = self.head.iter().find(|byte| !byte.is_ascii_whitespace());
        first.is_some_and(|byte| matches!(byte, b'{' | b'[' | 0xef))
    }

    /// The request id of the answer on this line, which need not be well-formed.
    fn id(&self) -> Option<u64> {
        id_at_start(&self.head).or_else(|| id_at_end(&self.tail))
    }
}

/// The id of `{"jsonrpc":"2.0","id":7,…` and `{"id":7,…`. Only there: an id further inside is part of the content.
fn id_at_start(head: &[u8]) -> Option<u64> {
    let text = without_whitespace(head);
    let rest = text.strip_prefix('{')?;
    let rest = rest.strip_prefix("\"jsonrpc\":\"2.0\",").unwrap_or(rest);
    let rest = rest.strip_prefix("\"id\":")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest.get(..digits)?.parse().ok()
}

/// The id of `…,"jsonrpc":"2.0","id":7}` and `…,"id":7,"jsonrpc":"2.0"}`.
fn id_at_end(tail: &[u8]) -> Option<u64> {
    let text = without_whitespace(tail);
    let text = text.strip_suffix('}')?;
    let number = |text: &str| {
        let at = text.rfind(|letter: char| !letter.is_ascii_digit())? + 1;
        let (before, digits) = text.split_at_checked(at)?;
        Some((before.strip_suffix("\"id\":")?.to_owned(), digits.parse::<u64>().ok()?))
    };
    if let Some(before) = text.strip_suffix(",\"jsonrpc\":\"2.0\"") {
        return number(before).map(|(_, id)| id);
    }
    let (before, id) = number(text)?;
    before.ends_with(",\"jsonrpc\":\"2.0\",").then_some(id)
}

fn without_whitespace(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|letter| !letter.is_whitespace()).collect()
}

const BUFFER_BYTES: usize = 16 << 10;
/// How much of each end of a line is kept to find the id.
const END_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The messages in a text: the id and the error of each, or the method.
    async fn read(input: &[u8], max_bytes: usize) -> (Vec<String>, Vec<ProtocolWarning>) {
        let warnings: Arc<Mutex<Vec<ProtocolWarning>>> = Arc::default();
        let reported = warnings.clone();
        let mut messages = MessageReader::new(input, max_bytes, move |warning| {
            reported.lock().expect("no test panics here").push(warning);
        });
        let mut read = Vec::new();
        while let Some(message) = messages.next().await.expect("a text can be read") {
            read.push(match message {
                JsonRpcMessage::Response(answer) => format!("answer {:?}", answer.id),
                JsonRpcMessage::Error(error) => format!("error {:?} {}", error.id, error.error.message),
                other => format!("{other:?}"),
            });
        }
        let warnings = warnings.lock().expect("no test panics here").clone();
        (read, warnings)
    }

    const ANSWER: &str = r#"{"jsonrpc":"2.0","id":9,"result":{}}"#;

    #[tokio::test]
    async fn messages_are_read_and_other_output_is_reported_once() {
        let input = format!("{ANSWER}\r\nstarting up\nlistening\n\n[1]\n\u{feff}{ANSWER}\nno end");
        let (read, warnings) = read(input.as_bytes(), 100).await;
        assert_eq!(read, ["answer Number(9)", "answer Number(9)"]);
        assert_eq!(warnings, [ProtocolWarning::UnexpectedOutput("starting up".into())]);
    }

    #[tokio::test]
    async fn an_answer_too_large_gets_an_error_for_its_call() {
        let filler = "x".repeat(40_000);
        for (line, id) in [
            (format!("{{\"jsonrpc\": \"2.0\", \"id\": 7, \"result\": \"{filler}\"}}"), Some(7)),
            (format!("{{\"id\":7,\"jsonrpc\":\"2.0\",\"result\":\"{filler}\"}}"), Some(7)),
            (format!("{{\"result\":{{\"a\":\"{filler}\"}},\"jsonrpc\":\"2.0\",\"id\":12}}"), Some(12)),
            (format!("{{\"result\":{{\"a\":\"{filler}\"}},\"id\":12,\"jsonrpc\":\"2.0\"}}"), Some(12)),
            // An id inside the result belongs to the content.
            (format!("{{\"result\":{{\"a\":\"{filler}\",\"id\":3}}}}"), None),
            (format!("{{\"result\":{{\"id\":3,\"a\":\"{filler}\"}}}}"), None),
        ] {
            let bytes = line.len() + 1;
            let (read, warnings) = read(format!("{line}\n{ANSWER}\n").as_bytes(), 1_000).await;
            let error = id.map(|id| {
                format!("error Some(Number({id})) the answer has {bytes} bytes; at most 1000 are read; ask for less")
            });
            assert_eq!(read, error.into_iter().chain(["answer Number(9)".into()]).collect::<Vec<_>>());
            assert_eq!(warnings, [ProtocolWarning::TooLarge { bytes, id }]);
        }
    }

    #[tokio::test]
    async fn a_malformed_answer_gets_an_error_for_its_call() {
        for line in [
            &br#"{"jsonrpc":"2.0","id":7,"result":{"a":"#[..],
            br#"{"jsonrpc":"2.0","id":7,"result":{}}}"#,
            br#"{"jsonrpc":"2.0","id":7}"#,
            br#"{"jsonrpc":"2.0","id":7,"error":"no"}"#,
            b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":\"\xff\"}}",
        ] {
            let input = [line, b"\n", ANSWER.as_bytes(), b"\n"].concat();
            let (read, warnings) = read(&input, 1_000).await;
            let shown = String::from_utf8_lossy(line).into_owned();
            assert_eq!(read.len(), 2, "{shown}: {read:?}");
            assert!(
                read[0].starts_with("error Some(Number(7)) the server's answer cannot be read: "),
                "{shown}: {read:?}"
            );
            assert!(matches!(warnings.as_slice(), [ProtocolWarning::Malformed(_)]), "{shown}: {warnings:?}");
        }
        // An unknown notification is not a violation.
        let (read, warnings) = read(b"{\"jsonrpc\":\"2.0\",\"method\":5}\n", 1_000).await;
        assert_eq!((read, warnings), (vec![], vec![]));
    }
}
