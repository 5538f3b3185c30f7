//! What the lock of an execution guards: its event loop, its host, its journal, and who waits for the answer.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    driver::{Answer, Host, outbox::Outbox, timer::Timer},
    journal::{ENTRY_BYTES, Entry, Journal, replay::Replay},
    session::{Action, EventLoop, Input},
    types::{Error, ErrorKind},
};

/// See [`Execution`](super::execution::Execution).
#[derive(Default)]
pub(super) struct State {
    pub(super) running: Option<Running>,
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// Why there will be no execution, until somebody asks for one.
    pub(super) failed: Option<Error>,
    pub(super) grace: Option<Timer>,
    pub(super) outbox: Outbox,
}

/// A program that runs.
pub(super) struct Running {
    pub(super) event_loop: EventLoop,
    pub(super) host: Option<Arc<dyn Host>>,
    pub(super) journal: Option<Box<dyn Journal>>,
    /// Bytes that the journal may still take down.
    pub(super) journal_left: usize,
    pub(super) replay: Option<Replay>,
    pub(super) begun: Instant,
    pub(super) startup: Duration,
    /// See [`Limits::grace`](crate::types::Limits::grace).
    pub(super) grace: Duration,
    /// What the host's callbacks expect around them.
    pub(super) runtime: Option<Handle>,
}

impl Running {
    /// Takes down one text of the execution; `false` when the journal is full.
    pub(super) fn take_down(&mut self, entry: Entry<'_>) -> bool {
        let Some(journal) = &mut self.journal else { return true };
        let bytes = match entry {
            Entry::Posted(text) | Entry::Delivered(text) => text.len().saturating_add(ENTRY_BYTES),
            Entry::Begins { .. } | Entry::Ended(_) => 0,
        };
        let Some(left) = self.journal_left.checked_sub(bytes) else { return false };
        self.journal_left = left;
        journal.record(entry);
        true
    }
}

impl State {
    /// Gives the event loop an input. Its events are in the outbox when the lock is released: nothing can come between
    /// what happened and its event.
    pub(super) fn advance(&mut self, input: Input<'_>, actions: &mut VecDeque<Action>) -> Option<String> {
        let Self { running, outbox, .. } = self;
        let running = running.as_mut()?;
        let from = actions.len();
        let reply = running.event_loop.on(running.begun.elapsed(), input, actions);
        outbox.collect(actions, from);
        reply
    }

    pub(super) fn is_explaining(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.event_loop.is_explaining())
    }

    pub(super) fn is_over(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.event_loop.finished())
    }
}

pub(super) fn host_panicked() -> Error {
    Error::new(ErrorKind::HostPanicked, "a callback of the host panicked; the execution was stopped")
}
