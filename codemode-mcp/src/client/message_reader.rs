//! [`Messages`]: what a stdio server writes, read as messages. What is none is reported once and passed over; an answer
//! that is too large or cannot be read becomes an error for its call, which would otherwise wait for ever.

use std::io;

use rmcp::{
    RoleClient,
    model::{ErrorCode, ErrorData, JsonRpcMessage, RequestId},
    service::RxJsonRpcMessage,
};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Reads messages from `R`, one a line.
pub(crate) struct Messages<R> {
    read: BufReader<R>,
    line: Line,
    most_bytes: usize,
    reported: [bool; 2],
    report: Box<dyn FnMut(Oddity) + Send>,
}

/// What is odd about a server's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// A line that is no message; said for the first only.
    Noise(String),
    /// An answer that cannot be read, and why; said for the first only.
    Unreadable(String),
    /// A message over the limit, and the call it answers where that can be told.
    TooLarge {
        /// How large.
        bytes: usize,
        /// The request it answers.
        id: Option<u64>,
    },
}

/// The code of errors that stand for answers nobody could read.
pub(crate) const UNREADABLE: ErrorCode = ErrorCode(-32_099);

/// The line being read: whole as far as it fits, and its ends. The id of an answer stands in one of them.
#[derive(Default)]
struct Line {
    bytes: usize,
    whole: Vec<u8>,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Messages<R> {
    pub(crate) fn new(read: R, most_bytes: usize, report: impl FnMut(Oddity) + Send + 'static) -> Self {
        let read = BufReader::with_capacity(CHUNK, read);
        Self { read, line: Line::default(), most_bytes, reported: [false; 2], report: Box::new(report) }
    }

    /// The next message; `None` at the end. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When the output cannot be read.
    pub(crate) async fn next(&mut self) -> io::Result<Option<RxJsonRpcMessage<RoleClient>>> {
        loop {
            let read = self.read.fill_buf().await?;
            if read.is_empty() {
                return Ok(None);
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(read.len(), |end| end + 1);
            self.line.add(read.get(..count).unwrap_or_default(), self.most_bytes);
            self.read.consume(count);
            if end.is_some()
                && let Some(message) = self.message()
            {
                return Ok(Some(message));
            }
        }
    }

    /// What the line that has ended stands for, if anything.
    fn message(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let line = std::mem::take(&mut self.line);
        if line.bytes > self.most_bytes && !line.is_noise() {
            let id = line.id();
            (self.report)(Oddity::TooLarge { bytes: line.bytes, id });
            let most = self.most_bytes;
            let why = format!("the answer has {} bytes; at most {most} are read; ask for less", line.bytes);
            return id.map(|id| failed(id, why));
        }
        let text = line.whole.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line.whole).trim_ascii();
        if text.is_empty() && line.bytes <= self.most_bytes {
            return None;
        }
        let error = match serde_json::from_slice(text) {
            Ok(message) => return Some(message),
            Err(error) => error,
        };
        let id = match serde_json::from_slice::<Value>(text) {
            // The protocol grows: what is said unasked may be news.
            Ok(value) if value.get("method").is_some() => return None,
            Ok(value) => value.get("id").and_then(Value::as_u64),
            Err(_) => line.id(),
        };
        match id {
            Some(id) => {
                let why = format!("the server's answer cannot be read: {error}; its server has a mistake");
                self.report_once(1, Oddity::Unreadable(error.to_string()));
                Some(failed(id, why))
            }
            None => {
                self.report_once(0, Oddity::Noise(String::from_utf8_lossy(&line.head).trim().to_owned()));
                None
            }
        }
    }

    fn report_once(&mut self, kind: usize, oddity: Oddity) {
        if let Some(reported) = self.reported.get_mut(kind)
            && !std::mem::replace(reported, true)
        {
            (self.report)(oddity);
        }
    }
}

fn failed(id: u64, why: String) -> RxJsonRpcMessage<RoleClient> {
    let id = i64::try_from(id).map_or_else(|_| RequestId::String(id.to_string().into()), RequestId::Number);
    JsonRpcMessage::error(ErrorData::new(UNREADABLE, why, None), Some(id))
}

impl Line {
    fn add(&mut self, piece: &[u8], most_bytes: usize) {
        self.bytes = self.bytes.saturating_add(piece.len());
        if self.bytes <= most_bytes {
            self.whole.extend_from_slice(piece);
        } else {
            // Nobody will read the line.
            self.whole = Vec::new();
        }
        let room = ENDS.saturating_sub(self.head.len());
        self.head.extend(piece.iter().take(room));
        self.tail.extend_from_slice(piece.get(piece.len().saturating_sub(ENDS)..).unwrap_or_default());
        let over = self.tail.len().saturating_sub(ENDS);
        self.tail.drain(..over);
    }

    /// Whether it cannot even be meant as a message.
    fn is_noise(&self) -> bool {
        let first = self.head.iter().find(|byte| !byte.is_ascii_whitespace());
        first.is_none_or(|byte| !matches!(byte, b'{' | b'[' | 0xef))
    }

    /// The id of the answer that it is, or was meant to be.
    fn id(&self) -> Option<u64> {
        id_at_start(&self.head).or_else(|| id_at_end(&self.tail))
    }
}

/// The id of `{"jsonrpc":"2.0","id":7,…` and `{"id":7,…`. Only there: an id further in is part of the content.
fn id_at_start(head: &[u8]) -> Option<u64> {
    let text = squeezed(head);
    let rest = text.strip_prefix('{')?;
    let rest = rest.strip_prefix("\"jsonrpc\":\"2.0\",").unwrap_or(rest);
    let rest = rest.strip_prefix("\"id\":")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest.get(..digits)?.parse().ok()
}

/// The id of `…,"jsonrpc":"2.0","id":7}` and `…,"id":7,"jsonrpc":"2.0"}`.
fn id_at_end(tail: &[u8]) -> Option<u64> {
    let text = squeezed(tail);
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

fn squeezed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|letter| !letter.is_whitespace()).collect()
}

const CHUNK: usize = 16 << 10;
/// How much of both ends of a line is looked at.
const ENDS: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The messages in a text: the id and the error of each, or the method.
    async fn read(input: &[u8], most_bytes: usize) -> (Vec<String>, Vec<Oddity>) {
        let odd: Arc<Mutex<Vec<Oddity>>> = Arc::default();
        let heard = odd.clone();
        let mut messages = Messages::new(input, most_bytes, move |oddity| {
            heard.lock().expect("no test panics here").push(oddity);
        });
        let mut read = Vec::new();
        while let Some(message) = messages.next().await.expect("a text can be read") {
            read.push(match message {
                JsonRpcMessage::Response(answer) => format!("answer {:?}", answer.id),
                JsonRpcMessage::Error(error) => format!("error {:?} {}", error.id, error.error.message),
                other => format!("{other:?}"),
            });
        }
        let odd = odd.lock().expect("no test panics here").clone();
        (read, odd)
    }

    const ANSWER: &str = r#"{"jsonrpc":"2.0","id":9,"result":{}}"#;

    #[tokio::test]
    async fn messages_are_read_and_noise_is_reported_once() {
        let input = format!("{ANSWER}\r\nstarting up\nlistening\n\n[1]\n\u{feff}{ANSWER}\nno end");
        let (read, odd) = read(input.as_bytes(), 100).await;
        assert_eq!(read, ["answer Number(9)", "answer Number(9)"]);
        assert_eq!(odd, [Oddity::Noise("starting up".into())]);
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
            let (read, odd) = read(format!("{line}\n{ANSWER}\n").as_bytes(), 1_000).await;
            let error = id.map(|id| {
                format!("error Some(Number({id})) the answer has {bytes} bytes; at most 1000 are read; ask for less")
            });
            assert_eq!(read, error.into_iter().chain(["answer Number(9)".into()]).collect::<Vec<_>>());
            assert_eq!(odd, [Oddity::TooLarge { bytes, id }]);
        }
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_gets_an_error_for_its_call() {
        for line in [
            &br#"{"jsonrpc":"2.0","id":7,"result":{"a":"#[..],
            br#"{"jsonrpc":"2.0","id":7,"result":{}}}"#,
            br#"{"jsonrpc":"2.0","id":7}"#,
            br#"{"jsonrpc":"2.0","id":7,"error":"no"}"#,
            b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":\"\xff\"}}",
        ] {
            let input = [line, b"\n", ANSWER.as_bytes(), b"\n"].concat();
            let (read, odd) = read(&input, 1_000).await;
            let shown = String::from_utf8_lossy(line).into_owned();
            assert_eq!(read.len(), 2, "{shown}: {read:?}");
            assert!(
                read[0].starts_with("error Some(Number(7)) the server's answer cannot be read: "),
                "{shown}: {read:?}"
            );
            assert!(matches!(odd.as_slice(), [Oddity::Unreadable(_)]), "{shown}: {odd:?}");
        }
        // News that is not known is no mistake.
        let (read, odd) = read(b"{\"jsonrpc\":\"2.0\",\"method\":5}\n", 1_000).await;
        assert_eq!((read, odd), (vec![], vec![]));
    }
}
