//! Cancelling the query of a call, from whichever thread drops the call.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::InterruptHandle;

use crate::sqlite::reader::Reader;

/// Reaches the query of one call while it runs, and no other query of the same connection.
#[derive(Clone, Default)]
pub(super) struct CancelHandle(Arc<Mutex<QueryState>>);

#[derive(Default)]
enum QueryState {
    #[default]
    Waiting,
    Running(InterruptHandle, Arc<AtomicBool>),
    Done,
}

impl CancelHandle {
    /// Records which connection the query runs on; `false` when the call was cancelled before.
    pub(super) fn start(&self, reader: &Reader) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, QueryState::Done) {
            return false;
        }
        reader.cancelled.store(false, Ordering::Relaxed);
        *state = QueryState::Running(reader.connection.get_interrupt_handle(), reader.cancelled.clone());
        true
    }

    /// The query is over; the connection may serve another.
    pub(super) fn finish(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = QueryState::Done;
    }

    /// Cancels the query when the guard is dropped.
    pub(super) fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }
}

/// Interrupts the query when the future of the call is dropped.
pub(super) struct CancelOnDrop(CancelHandle);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let CancelHandle(state) = &self.0;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if let QueryState::Running(handle, cancelled) = std::mem::replace(&mut *state, QueryState::Done) {
            // The flag stops a query that is only about to begin, which an interrupt does not reach.
            cancelled.store(true, Ordering::Relaxed);
            handle.interrupt();
        }
    }
}
