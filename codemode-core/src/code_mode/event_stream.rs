//! [`EventStream`]: the events of one execution for whoever reads them at a time of their own.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures_util::{Stream, future::poll_fn, task::AtomicWaker};

use crate::{
    poison::lock,
    types::{Event, EventKind, Limits},
};

/// The events of one execution, in order. Ends when the execution has ended.
///
/// What is not read is kept, up to [`Limits::event_bytes`]; then events are left out, never the last one, and
/// [`missed`](Self::missed) counts them. The program does not wait for the reader.
pub struct EventStream(Arc<EventQueue>);

impl EventStream {
    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.0.poll(context)).await
    }

    /// How many events were left out so far, because too much waited to be read.
    pub fn missed(&self) -> u64 {
        lock(&self.0.waiting).missed
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll(context)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let mut waiting = lock(&self.0.waiting);
        waiting.unread = true;
        drop(std::mem::take(&mut waiting.events));
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("missed", &self.missed()).finish_non_exhaustive()
    }
}

/// Events that wait to be read, in number bounded by their bytes: each counts more than its texts.
pub(super) struct EventQueue {
    waiting: Mutex<Waiting>,
    reader: AtomicWaker,
}

struct Waiting {
    events: VecDeque<Event>,
    bytes: usize,
    max_bytes: usize,
    missed: u64,
    /// No more events will come.
    ended: bool,
    /// Nobody reads them any more.
    unread: bool,
}

/// Fills a queue. The stream ends when it is dropped.
pub(super) struct EventSender(Arc<EventQueue>);

/// A sender, its stream, and the queue between them.
pub(super) fn event_stream() -> (EventSender, EventStream, Arc<EventQueue>) {
    let waiting = Waiting {
        events: VecDeque::new(),
        bytes: 0,
        max_bytes: Limits::default().event_bytes,
        missed: 0,
        ended: false,
        unread: false,
    };
    let queue = Arc::new(EventQueue { waiting: Mutex::new(waiting), reader: AtomicWaker::new() });
    (EventSender(queue.clone()), EventStream(queue.clone()), queue)
}

impl EventQueue {
    /// Sets how much may wait.
    pub(super) fn bound(&self, max_bytes: usize) {
        lock(&self.waiting).max_bytes = max_bytes;
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.reader.register(context.waker());
        let mut waiting = lock(&self.waiting);
        match waiting.events.pop_front() {
            Some(event) => {
                waiting.bytes -= event.size();
                Poll::Ready(Some(event))
            }
            None if waiting.ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl EventSender {
    pub(super) fn send(&self, event: Event) {
        let mut waiting = lock(&self.0.waiting);
        if waiting.unread {
            return;
        }
        let size = event.size();
        let is_last = matches!(event.kind, EventKind::Finished { .. });
        if !is_last && size > waiting.max_bytes.saturating_sub(waiting.bytes) {
            waiting.missed += 1;
            return;
        }
        waiting.bytes += size;
        waiting.events.push_back(event);
        drop(waiting);
        self.0.reader.wake();
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        lock(&self.0.waiting).ended = true;
        self.0.reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Level;

    #[tokio::test]
    async fn what_is_not_read_is_kept_to_a_bound_and_the_last_event_always() {
        let (sender, mut stream, queue) = event_stream();
        queue.bound(10_000);
        let event = |kind| Event::new("t".into(), 0, kind);
        for _ in 0..100_000 {
            sender.send(event(EventKind::Console { level: Level::Log, message: "".into() }));
        }
        sender.send(event(EventKind::Finished { success: true, error: None, duration: Default::default() }));
        drop(sender);
        let mut kept = Vec::new();
        while let Some(event) = stream.next().await {
            kept.push(event);
        }
        assert!(kept.len() < 200, "{}", kept.len());
        assert_eq!(kept.len() as u64 - 1 + stream.missed(), 100_000);
        assert_eq!(kept.last().map(Event::name), Some("code_mode:execution_finished"));
    }

    #[test]
    fn what_nobody_reads_is_not_kept() {
        let (sender, stream, queue) = event_stream();
        drop(stream);
        sender.send(Event::new("t".into(), 0, EventKind::Started { code_length: 1 }));
        assert!(lock(&queue.waiting).events.is_empty());
    }
}
