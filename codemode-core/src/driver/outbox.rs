//! [`Outbox`]: the events of one execution on their way to the host.

use std::collections::VecDeque;

use crate::{session::Action, types::Event};

/// Events in the order in which the event loop made them. It is filled under the lock under which they are made, and
/// emptied by one thread at a time, so that the host receives them in that order whoever made them.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) events: VecDeque<Event>,
    /// A thread is in the host's callback.
    pub(super) delivering: bool,
    /// A thread waits until everything is delivered.
    pub(super) awaited: bool,
}

impl Outbox {
    /// Takes the events out of the actions from `from` on.
    pub(super) fn collect(&mut self, actions: &mut VecDeque<Action>, from: usize) {
        let mut at = from;
        while let Some(action) = actions.get(at) {
            if !matches!(action, Action::Emit(_)) {
                at += 1;
            } else if let Some(Action::Emit(event)) = actions.remove(at) {
                self.events.push_back(event);
            }
        }
    }

    /// Whether the host has received everything.
    pub(super) fn is_settled(&self) -> bool {
        self.events.is_empty() && !self.delivering
    }
}

/// While so many events wait for the host, progress is left out.
pub(super) const MAX_WAITING: usize = 1_024;
