//! Gates: the written order in which calls of gated tools finish, so that no case needs a sleep.
//!
//! One gate is open at a time. The next one opens when the call that went through has its result event, and, where the
//! case says so, when another event was seen. A gate that comes later in the list, or not at all, stays closed.

use std::{
    collections::HashSet,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use serde::Deserialize;

/// One step of the order: `"a"`, or `{ gate = "a", after = "console log hi" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Gate {
    /// Opens in its turn.
    InTurn(String),
    /// Opens in its turn, once the event was seen.
    After(GateAfter),
}

/// A gate that waits for an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GateAfter {
    gate: String,
    after: String,
}

impl Gate {
    fn name(&self) -> &str {
        match self {
            Self::InTurn(name) => name,
            Self::After(gate) => &gate.gate,
        }
    }

    fn after(&self) -> Option<&str> {
        match self {
            Self::InTurn(_) => None,
            Self::After(gate) => Some(&gate.after),
        }
    }
}

/// The gates of one execution. Clones are the same gates.
#[derive(Debug, Clone)]
pub(crate) struct Gates(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    order: Vec<Gate>,
    /// Which of them is open, once the call of the one before has ended.
    turn: usize,
    /// The call that went through last and has no end yet.
    passing: Option<u64>,
    seen: HashSet<String>,
    waiting: Vec<Waker>,
}

impl Gates {
    pub(crate) fn new(order: &[Gate]) -> Self {
        Self(Arc::new(Mutex::new(State { order: order.to_vec(), ..State::default() })))
    }

    /// Waits until `gate` is open, and goes through.
    pub(crate) async fn pass(&self, gate: &str, call_id: u64) {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.is_open(gate) {
                state.turn += 1;
                state.passing = Some(call_id);
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Takes note of an event, written as in cases; `ended` is the call that it ends.
    pub(crate) fn observe(&self, text: String, ended: Option<u64>) {
        let mut state = self.lock();
        state.seen.insert(text);
        if ended.is_some() && state.passing == ended {
            state.passing = None;
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_open(&self, gate: &str) -> bool {
        let Some(open) = self.order.get(self.turn) else { return false };
        let seen = open.after().is_none_or(|event| self.seen.contains(event));
        self.passing.is_none() && seen && open.name() == gate
    }
}
