//! [`lock`]: a mutex whose data is valid even after a panic.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, ignoring poison: no critical section here leaves its data half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
