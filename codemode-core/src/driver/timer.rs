//! The clock on the wall: one thread for the whole process that rings alarms at their time.
//!
//! Deadlines must fire while an engine keeps its own thread busy, and must not depend on the host's runtime, so they
//! have a thread of their own. Setting an alarm wakes that thread only when it would sleep past it: the deadlines of
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

use crate::types::{Error, ErrorKind};

/// An alarm that was set. Dropping it cancels it; one that rings just then still rings.
#[derive(Debug)]
#[must_use]
pub(crate) struct Alarm {
    key: (Instant, u64),
}

/// Rings `ring` on the watch's thread at `at`. It must not block.
///
/// # Errors
/// When the watch's thread cannot be started.
pub(crate) fn set(at: Instant, ring: impl FnOnce() + Send + 'static) -> Result<Alarm, Error> {
    start()?;
    let mut board = WATCH.lock();
    board.last_id += 1;
    let key = (at, board.last_id);
    board.alarms.insert(key, Box::new(ring));
    let sleeps_past_it = board.next_look.is_none_or(|look| at < look);
    if sleeps_past_it {
        board.next_look = Some(at);
    }
    drop(board);
    if sleeps_past_it {
        WATCH.changed.notify_one();
    }
    Ok(Alarm { key })
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // The closure is dropped outside the lock: it may own things whose drop sets or drops alarms.
        let ring = WATCH.lock().alarms.remove(&self.key);
        drop(ring);
    }
}

/// Completes after `time`. Independent of any runtime.
pub(crate) fn sleep(time: Duration) -> impl Future<Output = ()> + Send {
    let until = Instant::now().checked_add(time);
    let waker = Arc::new(AtomicWaker::new());
    let mut alarm = None;
    poll_fn(move |context| {
        // A time past the end of the clock never comes.
        let Some(until) = until else { return Poll::Pending };
        waker.register(context.waker());
        if Instant::now() >= until {
            return Poll::Ready(());
        }
        if alarm.is_none() {
            let waker = waker.clone();
            // Without a watch no execution begins, and only executions sleep.
            alarm = set(until, move || waker.wake()).ok();
        }
        Poll::Pending
    })
}

struct Watch {
    board: Mutex<Board>,
    changed: Condvar,
}

struct Board {
    alarms: BTreeMap<(Instant, u64), Box<dyn FnOnce() + Send>>,
    last_id: u64,
    /// When the thread looks here again if nobody wakes it; `None` if it does not.
    next_look: Option<Instant>,
}

static WATCH: Watch = Watch {
    board: Mutex::new(Board { alarms: BTreeMap::new(), last_id: 0, next_look: None }),
    changed: Condvar::new(),
};

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut board = self.lock();
        loop {
            let now = Instant::now();
            match board.alarms.first_entry() {
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
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if STARTED.get().is_none() {
        thread::Builder::new().name("codemode-watch".into()).spawn(|| WATCH.run()).map_err(|e| {
            Error::new(ErrorKind::DriverStart, "the thread that keeps deadlines could not be started").because(e)
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
    fn alarms_ring_in_order_and_dropped_ones_do_not() {
        let (send, receive) = mpsc::channel();
        let now = Instant::now();
        let alarm = |ms: u64, send: &mpsc::Sender<u64>| {
            let send = send.clone();
            set(now + Duration::from_millis(ms), move || send.send(ms).expect("the test still listens"))
                .expect("the watch starts")
        };
        let alarms = [alarm(30, &send), alarm(10, &send), alarm(0, &send)];
        drop(alarm(20, &send));
        let rung: Vec<u64> = receive.iter().take(3).collect();
        assert_eq!(rung, [0, 10, 30]);
        drop(alarms);
    }
}
