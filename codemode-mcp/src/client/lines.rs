//! [`Lines`]: what a stdio server writes, watched on its way to the protocol. A text that is no message is reported once;
//! an answer too large to be read is followed by an error for the same call, which would otherwise wait for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

/// Reads from `R` and passes on what it reads.
pub(crate) struct Lines<R> {
    inner: R,
    chunk: Box<[u8]>,
    out: Vec<u8>,
    passed: usize,
    line: Line,
    most_bytes: usize,
    report: Box<dyn FnMut(Oddity) + Send>,
}

/// What is odd about a server's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// A line that is no message; said for the first only.
    Noise(String),
    /// A message over the limit, and the call it answers where that can be told.
    TooLarge {
        /// How large.
        bytes: usize,
        /// The request it answers.
        id: Option<u64>,
    },
}

/// The line being read: its length, and its ends. The id of an answer stands in one of them.
#[derive(Default)]
struct Line {
    bytes: usize,
    head: Vec<u8>,
    tail: Vec<u8>,
    noise_reported: bool,
}

impl<R> Lines<R> {
    pub(crate) fn new(inner: R, most_bytes: usize, report: impl FnMut(Oddity) + Send + 'static) -> Self {
        let chunk = vec![0; CHUNK].into_boxed_slice();
        Self {
            inner,
            chunk,
            out: Vec::with_capacity(CHUNK),
            passed: 0,
            line: Line::default(),
            most_bytes,
            report: Box::new(report),
        }
    }

    fn take(&mut self, read: usize) {
        self.out.clear();
        self.passed = 0;
        let chunk = self.chunk.get(..read).unwrap_or_default();
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.out.extend_from_slice(piece);
            self.line.add(piece);
            if piece.ends_with(b"\n")
                && let Some(answer) = self.line.end(self.most_bytes, &mut self.report)
            {
                self.out.extend_from_slice(&answer);
            }
        }
    }
}

impl Line {
    fn add(&mut self, piece: &[u8]) {
        self.bytes = self.bytes.saturating_add(piece.len());
        let room = ENDS.saturating_sub(self.head.len());
        self.head.extend(piece.iter().take(room));
        self.tail.extend_from_slice(piece.get(piece.len().saturating_sub(ENDS)..).unwrap_or_default());
        let over = self.tail.len().saturating_sub(ENDS);
        self.tail.drain(..over);
    }

    /// What to say in place of the line that has ended, if anything.
    fn end(&mut self, most_bytes: usize, report: &mut dyn FnMut(Oddity)) -> Option<Vec<u8>> {
        let first = self.head.iter().find(|byte| !byte.is_ascii_whitespace());
        let is_noise = first.is_some_and(|byte| !matches!(byte, b'{' | b'[' | 0xef));
        let mut answer = None;
        if is_noise && !self.noise_reported {
            self.noise_reported = true;
            report(Oddity::Noise(String::from_utf8_lossy(&self.head).trim().to_owned()));
        } else if !is_noise && self.bytes > most_bytes {
            let id = id_at_start(&self.head).or_else(|| id_at_end(&self.tail));
            report(Oddity::TooLarge { bytes: self.bytes, id });
            answer = id.map(|id| {
                let mut text = format!(
                    "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":-32000,\"message\":\"the answer has {} bytes; at \
                     most {most_bytes} are read; ask for less\"}}}}",
                    self.bytes
                );
                text.push('\n');
                text.into_bytes()
            });
        }
        self.bytes = 0;
        self.head.clear();
        self.tail.clear();
        answer
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

impl<R: AsyncRead + Unpin> AsyncRead for Lines<R> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.passed >= this.out.len() {
            let mut read = ReadBuf::new(&mut this.chunk);
            ready!(Pin::new(&mut this.inner).poll_read(context, &mut read))?;
            match read.filled().len() {
                0 => return Poll::Ready(Ok(())),
                read => this.take(read),
            }
        }
        let rest = this.out.get(this.passed..).unwrap_or_default();
        let count = rest.len().min(buf.remaining());
        buf.put_slice(rest.get(..count).unwrap_or_default());
        this.passed += count;
        Poll::Ready(Ok(()))
    }
}

const CHUNK: usize = 16 << 10;
/// How much of both ends of a line is looked at.
const ENDS: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::AsyncReadExt;

    use super::*;

    async fn passed(input: &str, most_bytes: usize) -> (String, Vec<Oddity>) {
        let odd: Arc<Mutex<Vec<Oddity>>> = Arc::default();
        let heard = odd.clone();
        let mut lines = Lines::new(input.as_bytes(), most_bytes, move |oddity| {
            heard.lock().expect("no test panics here").push(oddity);
        });
        let mut out = String::new();
        lines.read_to_string(&mut out).await.expect("a text can be read");
        let odd = odd.lock().expect("no test panics here").clone();
        (out, odd)
    }

    #[tokio::test]
    async fn messages_pass_and_noise_is_reported_once() {
        let input = "{\"id\":1}\nstarting up\nlistening\n\n{\"id\":2}\n";
        let (out, odd) = passed(input, 100).await;
        assert_eq!(out, input);
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
            let (out, odd) = passed(&format!("{line}\n{{\"id\":99}}\n"), 1_000).await;
            let after = out.strip_prefix(&format!("{line}\n")).expect("the line itself passes");
            match id {
                Some(id) => {
                    let answer = after.lines().next().unwrap_or_default();
                    let answer: serde_json::Value = serde_json::from_str(answer).expect("the error is JSON");
                    assert_eq!(answer["id"], id);
                    assert!(after.ends_with("{\"id\":99}\n"));
                }
                None => assert_eq!(after, "{\"id\":99}\n"),
            }
            assert_eq!(odd, [Oddity::TooLarge { bytes: line.len() + 1, id }]);
        }
    }
}
