//! [`MessageReader`]: reads the messages that a peer writes, one per line. Other output is reported once and skipped; a
//! message that is too large or malformed is told, so that whoever waits for its answer learns that none comes.

use std::io;

use codemode_core::too_many_values;
use rmcp::model::RequestId;
use serde::de::DeserializeOwned;
use serde_json::{Value, error::Category};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    task::{JoinHandle, spawn_blocking},
};

/// Reads messages of the type `M` from `R`.
pub(crate) struct MessageReader<R, M> {
    read: BufReader<R>,
    line: Line,
    max_bytes: usize,
    /// A long line that another thread parses.
    parsing: Option<JoinHandle<Parsed<M>>>,
    reported: [bool; 2],
    report: Box<dyn FnMut(ProtocolWarning) + Send>,
}

/// What a line is.
#[derive(Debug)]
pub(crate) enum Incoming<M> {
    Message(M),
    /// An answer that cannot be read, and why.
    BadAnswer(RequestId, String),
    /// A request that cannot be read, and why.
    BadRequest(Option<RequestId>, String),
}

enum Parsed<M> {
    Message(M),
    /// JSON, but no message.
    Other {
        value: Value,
        why: String,
    },
    /// Not JSON, or more values than can be held. The line without its middle.
    Unreadable {
        line: Line,
        why: String,
    },
}

/// A protocol violation in a peer's output.
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

/// The line being read: all of it while it fits, and its two ends, one of which holds the id of an answer.
#[derive(Default)]
struct Line {
    bytes: usize,
    whole: Vec<u8>,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl<R: AsyncRead + Unpin, M: DeserializeOwned + Send + 'static> MessageReader<R, M> {
    pub(crate) fn new(read: R, max_bytes: usize, report: impl FnMut(ProtocolWarning) + Send + 'static) -> Self {
        let read = BufReader::with_capacity(BUFFER_BYTES, read);
        Self { read, line: Line::default(), max_bytes, parsing: None, reported: [false; 2], report: Box::new(report) }
    }

    /// The next message; `None` at the end. Cancel safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When reading fails.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Incoming<M>>> {
        loop {
            if let Some(parsing) = &mut self.parsing {
                let parsed = parsing.await;
                self.parsing = None;
                if let Some(incoming) = parsed.ok().and_then(|parsed| self.incoming(parsed)) {
                    return Ok(Some(incoming));
                }
            }
            let read = self.read.fill_buf().await?;
            if read.is_empty() {
                return Ok(None);
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(read.len(), |end| end + 1);
            self.line.add(read.get(..count).unwrap_or_default(), self.max_bytes);
            self.read.consume(count);
            if end.is_none() {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            if line.bytes > self.max_bytes {
                if let Some(incoming) = self.too_large(&line) {
                    return Ok(Some(incoming));
                }
            } else if line.bytes > MAX_INLINE_BYTES {
                // Others are served by this thread meanwhile.
                self.parsing = Some(spawn_blocking(move || line.parse()));
            } else if !line.whole.trim_ascii().is_empty()
                && let Some(incoming) = self.incoming(line.parse())
            {
                return Ok(Some(incoming));
            }
        }
    }

    fn too_large(&mut self, line: &Line) -> Option<Incoming<M>> {
        if !line.may_be_message() {
            self.report_once(0, line.as_unexpected());
            return None;
        }
        let (id, max) = (line.id(), self.max_bytes);
        (self.report)(ProtocolWarning::TooLarge { bytes: line.bytes, id });
        if line.is_request() {
            let why = format!("the request has {} bytes; at most {max} are read", line.bytes);
            return Some(Incoming::BadRequest(id.map(number), why));
        }
        let why = format!("the answer has {} bytes; at most {max} are read; ask for less", line.bytes);
        id.map(|id| Incoming::BadAnswer(number(id), why))
    }

    fn incoming(&mut self, parsed: Parsed<M>) -> Option<Incoming<M>> {
        let (id, why) = match parsed {
            Parsed::Message(message) => return Some(Incoming::Message(message)),
            Parsed::Other { value, why } if value.get("method").is_some() => {
                // An unknown notification is no mistake: newer versions of the protocol may add some.
                let id = value.get("id").filter(|id| !id.is_null())?;
                return Some(Incoming::BadRequest(request_id(id), why));
            }
            Parsed::Other { value, why } => match value.get("id").and_then(request_id) {
                Some(id) => (id, why),
                None => {
                    self.report_once(0, ProtocolWarning::UnexpectedOutput(short(&value.to_string())));
                    return Some(Incoming::BadRequest(None, why));
                }
            },
            Parsed::Unreadable { line, why } => match line.id() {
                id if line.is_request() => return Some(Incoming::BadRequest(id.map(number), why)),
                Some(id) => (number(id), why),
                None => {
                    self.report_once(0, line.as_unexpected());
                    return None;
                }
            },
        };
        self.report_once(1, ProtocolWarning::Malformed(why.clone()));
        Some(Incoming::BadAnswer(id, format!("the server's answer cannot be read: {why}; its server has a mistake")))
    }

    fn report_once(&mut self, kind: usize, warning: ProtocolWarning) {
        if let Some(reported) = self.reported.get_mut(kind)
            && !std::mem::replace(reported, true)
        {
            (self.report)(warning);
        }
    }
}

/// The id of the request that a message answers, from its ends alone.
#[cfg(feature = "client-http")]
pub(crate) fn id_of(message: &[u8]) -> Option<RequestId> {
    let mut line = Line::default();
    line.add(message, 0);
    line.id().map(number)
}

fn number(id: u64) -> RequestId {
    i64::try_from(id).map_or_else(|_| RequestId::String(id.to_string().into()), RequestId::Number)
}

fn request_id(id: &Value) -> Option<RequestId> {
    match id {
        Value::String(text) if text.len() <= END_BYTES => Some(RequestId::String(text.as_str().into())),
        id => id.as_i64().map(RequestId::Number),
    }
}

fn short(text: &str) -> String {
    text.get(..text.floor_char_boundary(END_BYTES)).unwrap_or_default().to_owned()
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

    /// The message on it.
    fn parse<M: DeserializeOwned>(mut self) -> Parsed<M> {
        let text = self.whole.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.whole).trim_ascii();
        if let Some(why) = too_many_values(text, MAX_MEMORY) {
            self.whole = Vec::new();
            return Parsed::Unreadable { line: self, why };
        }
        let error = match serde_json::from_slice(text) {
            Ok(message) => return Parsed::Message(message),
            Err(error) => error,
        };
        let why = short(&error.to_string());
        // Only what is JSON is worth a second look.
        if error.classify() == Category::Data
            && let Ok(value) = serde_json::from_slice(text)
        {
            return Parsed::Other { value, why };
        }
        self.whole = Vec::new();
        Parsed::Unreadable { line: self, why }
    }

    fn as_unexpected(&self) -> ProtocolWarning {
        ProtocolWarning::UnexpectedOutput(String::from_utf8_lossy(&self.head).trim().to_owned())
    }

    /// Whether it calls a method. The word may also be a part of an answer's result.
    fn is_request(&self) -> bool {
        let head = without_whitespace(&self.head);
        let answer = ["\"result\":", "\"error\":"].iter().filter_map(|word| head.find(word)).min();
        match (head.find("\"method\":"), answer) {
            (Some(method), Some(answer)) => method < answer,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => without_whitespace(&self.tail).contains("\"method\":"),
        }
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
/// The longest line that is parsed where it is read.
pub(crate) const MAX_INLINE_BYTES: usize = 64 << 10;
/// What the values of one message may take.
pub(crate) const MAX_MEMORY: usize = 256 << 20;
/// How much of each end of a line is kept to find the id.
const END_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use rmcp::model::{JsonRpcMessage, ServerJsonRpcMessage};

    use super::*;

    /// The messages in a text: the id and the error of each, or the method.
    async fn read(input: &[u8], max_bytes: usize) -> (Vec<String>, Vec<ProtocolWarning>) {
        let warnings: Arc<Mutex<Vec<ProtocolWarning>>> = Arc::default();
        let reported = warnings.clone();
        let mut messages: MessageReader<_, ServerJsonRpcMessage> =
            MessageReader::new(input, max_bytes, move |warning| {
                reported.lock().expect("no test panics here").push(warning);
            });
        let mut read = Vec::new();
        while let Some(message) = messages.next().await.expect("a text can be read") {
            read.push(match message {
                Incoming::Message(JsonRpcMessage::Response(answer)) => format!("answer {:?}", answer.id),
                Incoming::BadAnswer(id, why) => format!("error {id:?} {why}"),
                Incoming::BadRequest(id, why) => format!("bad request {id:?} {why}"),
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
        let other = "bad request None unrecognized JSON-RPC message";
        assert_eq!(read, ["answer Number(9)", other, "answer Number(9)"]);
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
                format!("error Number({id}) the answer has {bytes} bytes; at most 1000 are read; ask for less")
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
            br#"{"jsonrpc":"2.0","id":7,"result":{"method":"GET"}"#,
            br#"{"jsonrpc":"2.0","id":7,"result":{"a":[{"method":"GET"}"#,
            b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":\"\xff\"}}",
        ] {
            let input = [line, b"\n", ANSWER.as_bytes(), b"\n"].concat();
            let (read, warnings) = read(&input, 1_000).await;
            let shown = String::from_utf8_lossy(line).into_owned();
            assert_eq!(read.len(), 2, "{shown}: {read:?}");
            assert!(read[0].starts_with("error Number(7) the server's answer cannot be read: "), "{shown}: {read:?}");
            assert!(matches!(warnings.as_slice(), [ProtocolWarning::Malformed(_)]), "{shown}: {warnings:?}");
        }
        // A request that cannot be read is nobody's answer.
        let (request, _) = read(b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"\n", 1_000).await;
        assert!(request[0].starts_with("bad request Some(Number(7)) "), "{request:?}");
        // An unknown notification is not a violation.
        let (read, warnings) = read(b"{\"jsonrpc\":\"2.0\",\"method\":5}\n", 1_000).await;
        assert_eq!((read, warnings), (vec![], vec![]));
    }
}
