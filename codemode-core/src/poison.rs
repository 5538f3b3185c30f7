//! Locking without poison: what a panic leaves behind in this crate's mutexes is still whole. Of a host, only its
//! [`Journal`](crate::Journal) is called while one is held.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, also after a panic.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
