//! [`Queue`]: what waits to be written by a thread of its own, bounded in number and bytes, because the reader may be slow or
//! not read at all.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Hands items from any thread to one.
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// How long who adds an item waits for room.
    patience: Duration,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<(usize, T)>,
    bytes: usize,
    left_out: u64,
    /// Nothing was taken for as long as the patience lasts, and nothing since.
    stalled: bool,
    /// The last item taken is still being written.
    busy: bool,
    closed: bool,
}

/// What [`Queue::take`] gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    Item(T),
    /// The time passed.
    Nothing,
    /// It was closed, and is empty.
    Closed,
}

impl<T> Queue<T> {
    pub fn new(patience: Duration) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, left_out: 0, stalled: false, busy: false, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), patience }
    }

    /// Adds an item of so many bytes. Waits for room; when there is none for long, items are left out until there is some.
    pub fn add(&self, bytes: usize, item: T) {
        let until = Instant::now() + self.patience;
        let mut state = self.lock();
        while state.is_full() && !state.stalled {
            let left = until.saturating_duration_since(Instant::now());
            state.stalled = left.is_zero();
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.is_full() || state.closed {
            state.left_out += 1;
            return;
        }
        state.bytes = state.bytes.saturating_add(bytes);
        state.items.push_back((bytes, item));
        drop(state);
        self.changed.notify_all();
    }

    /// The next item; waits for it, no longer than `limit`.
    pub fn take(&self, limit: Option<Duration>) -> Taken<T> {
        let until = limit.map(|limit| Instant::now() + limit);
        let mut state = self.lock();
        state.busy = false;
        self.changed.notify_all();
        loop {
            if let Some((bytes, item)) = state.items.pop_front() {
                state.bytes = state.bytes.saturating_sub(bytes);
                (state.stalled, state.busy) = (false, true);
                self.changed.notify_all();
                return Taken::Item(item);
            }
            if state.closed {
                return Taken::Closed;
            }
            let left = until.map_or(FOREVER, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Taken::Nothing;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nothing more is added; what is there is still taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits until all is written, no longer than `limit`.
    pub fn flush(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut state = self.lock();
        while !state.items.is_empty() || state.busy {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many items were left out.
    pub fn left_out(&self) -> u64 {
        self.lock().left_out
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_full(&self) -> bool {
        self.items.len() >= MAX_ITEMS || self.bytes > MAX_BYTES
    }
}

const MAX_ITEMS: usize = 4_096;
/// A single item may be larger.
const MAX_BYTES: usize = 16 << 20;
const FOREVER: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_left_out_and_counted() {
        for (bytes, fit) in [(0, MAX_ITEMS as u64), (MAX_BYTES / 4, 5)] {
            let queue = Queue::new(Duration::from_millis(20));
            let begin = Instant::now();
            (0..fit + 100).for_each(|n| queue.add(bytes, n));
            assert!(begin.elapsed() < Duration::from_secs(5), "it waits for room once");
            assert_eq!(queue.left_out(), 100);
            assert_eq!(queue.take(None), Taken::Item(0));
            queue.add(bytes, 7);
            assert_eq!(queue.left_out(), 100, "there is room again");
            queue.close();
            assert_eq!(
                std::iter::from_fn(|| Some(queue.take(None))).take_while(|it| *it != Taken::Closed).count(),
                fit as usize
            );
        }
    }
}
