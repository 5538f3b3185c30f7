//! The clock on the wall: one thread for the whole process that rings timers at their time.
//!
//! Deadlines must fire while an engine keeps its own thread busy, and must not depend on the host's runtime, so they
//! have a thread of their own. Setting a timer wakes that thread only when it would sleep past it: the deadlines of
//! executions that come one after the other cost no change of thread.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;

use crate::poison::lock;
use crate::types::{Error, ErrorKind};

/// A timer that was set. Dropping it cancels it; one that rings just then still rings.
#[derive(Debug)]
#[must_use]
pub(crate) struct Timer {
    key: (Instant, u64),
}

/// Calls `ring` on the timer thread at `at`. It must not block.
///
/// # Errors
/// When the timer thread cannot be started.
pub(crate) fn set(at: Instant, ring: impl FnOnce() + Send + 'static) -> Result<Timer, Error> {
    start()?;
    let mut board = TIMERS.lock();
    board.last_id += 1;
    let key = (at, board.last_id);
    board.timers.insert(key, Box::new(ring));
    let sleeps_past_it = board.next_look.is_none_or(|look| at < look);
    if sleeps_past_it {
        board.next_look = Some(at);
    }
    drop(board);
    if sleeps_past_it {
        TIMERS.changed.notify_one();
    }
    Ok(Timer { key })
}

impl Drop for Timer {
    fn drop(&mut self) {
        // The closure is dropped outside the lock: it may own things whose drop sets or drops timers.
        let ring = TIMERS.lock().timers.remove(&self.key);
        drop(ring);
    }
}

/// Completes after `time`. Independent of any runtime.
pub(crate) fn sleep(time: Duration) -> impl Future<Output = ()> + Send {
    let until = Instant::now().checked_add(time);
    let waker = Arc::new(AtomicWaker::new());
    let mut timer = None;
    poll_fn(move |context| {
        // A time past the end of the clock never comes.
        let Some(until) = until else { return Poll::Pending };
        waker.register(context.waker());
        if Instant::now() >= until {
            return Poll::Ready(());
        }
        if timer.is_none() {
            let waker = waker.clone();
            // Without a timer thread no execution begins, and only executions sleep.
            timer = set(until, move || waker.wake()).ok();
        }
        Poll::Pending
    })
}

struct Timers {
    board: Mutex<Board>,
    changed: Condvar,
}

struct Board {
    timers: BTreeMap<(Instant, u64), Box<dyn FnOnce() + Send>>,
    last_id: u64,
    /// When the thread looks here again if nobody wakes it; `None` if it does not.
    next_look: Option<Instant>,
}

static TIMERS: Timers = Timers {
    board: Mutex::new(Board { timers: BTreeMap::new(), last_id: 0, next_look: None }),
    changed: Condvar::new(),
};

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Board> {
        lock(&self.board)
    }

    fn run(&self) {
        let mut board = self.lock();
        loop {
            let now = Instant::now();
            match board.timers.first_entry() {
                None => {
                    board.next_look = None;
                    board = self.changed.wait(board).unwrap_or_else(PoisonError::into_inner);
                }
                Some(first) if first.key().0 <= now => {
                    let ring = first.remove();
                    drop(board);
                    ring();
                    board = self.lock();
                }
                Some(first) => {
                    let at = first.key().0;
                    let pause = at - now;
                    board.next_look = Some(at);
                    board = self.changed.wait_timeout(board, pause).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

fn start() -> Result<(), Error> {
    static STARTED: OnceLock<()> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    if STARTED.get().is_some() {
        return Ok(());
    }
    let _one_at_a_time = lock(&STARTING);
    if STARTED.get().is_none() {
        thread::Builder::new().name("codemode-timer".into()).spawn(|| TIMERS.run()).map_err(|e| {
            Error::new(ErrorKind::Io, "the thread that keeps deadlines could not be started").because(e)
        })?;
        STARTED.get_or_init(|| ());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn timers_ring_in_order_and_dropped_ones_do_not() {
        let (send, receive) = mpsc::channel();
        let now = Instant::now();
        let timer = |ms: u64, send: &mpsc::Sender<u64>| {
            let send = send.clone();
            set(now + Duration::from_millis(ms), move || send.send(ms).expect("the test still listens"))
                .expect("the timer thread starts")
        };
        let timers = [timer(30, &send), timer(10, &send), timer(0, &send)];
        drop(timer(20, &send));
        let fired: Vec<u64> = receive.iter().take(3).collect();
        assert_eq!(fired, [0, 10, 30]);
        drop(timers);
    }
}
