//! [`MessageWriter`]: writes messages to a peer, one per line. What waits for a peer that does not read is bounded in number
//! and bytes; over the bound nothing more is written at all.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Notify,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Writes messages to `W`. Cheap to clone.
pub(crate) struct MessageWriter<W>(Arc<Shared<W>>);

/// What may wait to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteLimits {
    pub(crate) messages: usize,
    /// A single message may be larger; then none waits beside it.
    pub(crate) bytes: usize,
}

struct Shared<W> {
    output: tokio::sync::Mutex<Option<Output<W>>>,
    limits: WriteLimits,
    waiting: Mutex<Waiting>,
    /// Told when less waits.
    written: Notify,
    overflowed: AtomicBool,
    /// Cancelled when nothing more is written.
    closed: CancellationToken,
}

struct Output<W> {
    write: W,
    /// What was begun to be written. It outlives a sender that is dropped, so that no message stands inside another.
    line: Vec<u8>,
    written: usize,
}

/// Number and bytes of the messages that wait, those that are being written included.
struct Waiting {
    messages: usize,
    bytes: usize,
    /// When a message was last done with.
    progress: Instant,
}

/// One message that waits.
struct Place<W> {
    writer: Arc<Shared<W>>,
    bytes: usize,
}

impl<W> Clone for MessageWriter<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> MessageWriter<W> {
    pub(crate) fn new(write: W, limits: WriteLimits) -> Self {
        Self(Arc::new(Shared {
            output: tokio::sync::Mutex::new(Some(Output { write, line: Vec::new(), written: 0 })),
            limits,
            waiting: Mutex::new(Waiting { messages: 0, bytes: 0, progress: Instant::now() }),
            written: Notify::new(),
            overflowed: AtomicBool::new(false),
            closed: CancellationToken::new(),
        }))
    }

    /// Writes a message. It waits from now on, whether the future is polled or not, and until the future is dropped.
    pub(crate) fn send<M: Serialize>(
        &self,
        message: &M,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static + use<W, M> {
        let line = self.line(message);
        let shared = self.0.clone();
        async move {
            let (line, _place) = line?;
            let write = async {
                let mut output = shared.output.lock().await;
                match output.as_mut() {
                    Some(output) => output.write(line).await,
                    None => Err(closed()),
                }
            };
            tokio::select! {
                biased;
                () = shared.closed.cancelled() => Err(closed()),
                written = write => written,
            }
        }
    }

    /// Completes when at most half of what may wait does, or when the peer has read nothing for as long as `patience`.
    /// Whoever reads a peer's requests awaits it first: then only a peer that does not read makes the queue overflow.
    /// Cancel safe.
    pub(crate) async fn keeps_up(&self, patience: Duration) {
        loop {
            let written = self.0.written.notified();
            let progress = {
                let waiting = self.0.waiting();
                if waiting.messages <= self.0.limits.messages / 2 && waiting.bytes <= self.0.limits.bytes / 2 {
                    return;
                }
                waiting.progress
            };
            if timeout_at(progress + patience, written).await.is_err() {
                return;
            }
        }
    }

    /// Whether more waited than may.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.0.overflowed.load(Ordering::SeqCst)
    }

    /// Completes when nothing more is written: more waited than may, or it was closed.
    pub(crate) async fn closed(&self) {
        self.0.closed.cancelled().await;
    }

    /// Drops what waits, and the stream.
    pub(crate) async fn close(&self) {
        self.0.closed.cancel();
        // Whoever holds the lock gives up now.
        self.0.output.lock().await.take();
    }

    fn line(&self, message: &impl Serialize) -> io::Result<(Vec<u8>, Place<W>)> {
        if self.0.closed.is_cancelled() {
            return Err(closed());
        }
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let place = {
            let mut waiting = self.0.waiting();
            if waiting.messages < self.0.limits.messages && waiting.bytes <= self.0.limits.bytes {
                waiting.messages += 1;
                waiting.bytes = waiting.bytes.saturating_add(line.len());
                Some(Place { writer: self.0.clone(), bytes: line.len() })
            } else {
                None
            }
        };
        if let Some(place) = place {
            return Ok((line, place));
        }
        self.0.overflowed.store(true, Ordering::SeqCst);
        self.0.closed.cancel();
        Err(closed())
    }
}

impl<W> Shared<W> {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Drop for Place<W> {
    fn drop(&mut self) {
        let mut waiting = self.writer.waiting();
        waiting.messages -= 1;
        waiting.bytes = waiting.bytes.saturating_sub(self.bytes);
        waiting.progress = Instant::now();
        drop(waiting);
        self.writer.written.notify_waiters();
    }
}

impl<W: AsyncWrite + Unpin> Output<W> {
    async fn write(&mut self, line: Vec<u8>) -> io::Result<()> {
        self.finish().await?;
        (self.line, self.written) = (line, 0);
        self.finish().await?;
        self.write.flush().await
    }

    /// Writes what is left of the line.
    async fn finish(&mut self) -> io::Result<()> {
        while let Some(rest) = self.line.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.write.write(rest).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => self.written += count,
            }
        }
        self.line = Vec::new();
        self.written = 0;
        Ok(())
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection is closed")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::{
        io::{AsyncBufReadExt, BufReader},
        time::timeout,
    };

    use super::*;

    const LIMITS: WriteLimits = WriteLimits { messages: 4, bytes: 1_000 };

    #[tokio::test]
    async fn messages_are_lines_in_order_also_when_a_sender_gives_up() {
        let (ours, theirs) = tokio::io::duplex(8);
        let writer = MessageWriter::new(ours, LIMITS);
        let given_up = writer.send(&json!({ "n": "x".repeat(50) }));
        timeout(Duration::from_millis(20), given_up).await.expect_err("nobody reads");
        let second = tokio::spawn(writer.send(&json!({ "n": 2 })));
        let mut lines = BufReader::new(theirs).lines();
        assert_eq!(lines.next_line().await.expect("a line"), Some(format!("{{\"n\":\"{}\"}}", "x".repeat(50))));
        assert_eq!(lines.next_line().await.expect("a line"), Some("{\"n\":2}".into()));
        second.await.expect("it does not panic").expect("it is written");
        writer.close().await;
        assert_eq!(lines.next_line().await.expect("the end"), None);
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_number_and_in_bytes() {
        for (text, fit) in [(String::new(), 4), ("x".repeat(400), 3)] {
            let (ours, _theirs) = tokio::io::duplex(8);
            let writer = MessageWriter::new(ours, LIMITS);
            let sends: Vec<_> = (0..fit).map(|_| writer.send(&json!(text))).collect();
            assert!(!writer.has_overflowed());
            timeout(Duration::from_millis(20), writer.closed()).await.expect_err("it is open");
            writer.send(&json!(text)).await.expect_err("that is too much");
            assert!(writer.has_overflowed());
            writer.closed().await;
            for send in sends {
                timeout(Duration::from_secs(5), send).await.expect("it gives up").expect_err("nothing more is written");
            }
            timeout(Duration::from_secs(5), writer.close()).await.expect("closing does not wait for the peer");
        }
    }

    #[tokio::test]
    async fn a_peer_keeps_up_while_it_reads() {
        let (ours, theirs) = tokio::io::duplex(8);
        let writer = MessageWriter::new(ours, LIMITS);
        let soon = Duration::from_millis(50);
        let long = "x".repeat(50);
        let sends: Vec<_> = (0..3).map(|_| tokio::spawn(writer.send(&json!(long)))).collect();
        let begin = Instant::now();
        writer.keeps_up(soon).await;
        assert!(begin.elapsed() >= soon, "three of four wait, and nobody reads");
        let mut lines = BufReader::new(theirs).lines();
        let reading = tokio::spawn(async move {
            lines.next_line().await.expect("a line");
            lines
        });
        timeout(Duration::from_secs(5), writer.keeps_up(Duration::from_secs(60))).await.expect("two of four wait");
        drop((sends, reading));
    }
}
