//! [`aside`]: work on a stranger's text that may take long, off the threads that serve others.
//!
//! The caller may be a task of a runtime with few threads, and each of these is shared by all clients of a server. So the
//! work gets a thread of its own, as many at once as the machine has processors; more wait in order, and their time runs.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    thread,
    time::Instant,
};

use futures_util::future::{Either, select};
use tokio::sync::{Semaphore, oneshot};

use crate::{
    driver::timer,
    types::{Error, ErrorKind},
};

/// Runs `work` on a thread of its own. What was begun is not stopped when the caller goes away: it must come to an end by
/// itself, and keeps its place among those that run until it has.
///
/// # Errors
/// [`ErrorKind::Io`] when the system has no thread to give, [`ErrorKind::DriverFailed`] when `work` panics.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    static PLACES: OnceLock<Arc<Semaphore>> = OnceLock::new();
    let places = PLACES.get_or_init(|| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Semaphore::new(processors.max(MIN_PLACES)))
    });
    // The semaphore is never closed.
    let place = places.clone().acquire_owned().await.ok();
    let (send, receive) = oneshot::channel();
    let run = move || {
        let result = catch_unwind(AssertUnwindSafe(work)).ok();
        drop(place);
        // A caller that went away, or gave up, wants no answer.
        let _ = send.send(result);
    };
    thread::Builder::new()
        .name("codemode-aside".into())
        .stack_size(STACK_BYTES)
        .spawn(run)
        .map_err(|error| Error::new(ErrorKind::Io, "the system has no thread to give").because(error))?;
    receive.await.ok().flatten().ok_or_else(|| {
        Error::new(ErrorKind::DriverFailed, "work on a text of a stranger panicked; this is a defect of codemode")
    })
}

/// The same, and gives up waiting for it at `until`; then it is `None`.
///
/// # Errors
/// As [`aside`].
pub(crate) async fn aside_until<T: Send + 'static>(
    until: Instant,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, Error> {
    let late = Box::pin(timer::sleep(until.saturating_duration_since(Instant::now())));
    match select(Box::pin(aside(work)), late).await {
        Either::Left((result, _)) => result.map(Some),
        Either::Right(_) => Ok(None),
    }
}

/// One that takes long must not keep out all others.
const MIN_PLACES: usize = 2;
/// The parser takes more where a program needs it.
const STACK_BYTES: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_is_waited_for_until_its_time_and_no_longer() {
        let soon = Instant::now() + Duration::from_secs(20);
        assert_eq!(aside_until(soon, || 7).await.expect("it runs"), Some(7));
        let (release, released) = std::sync::mpsc::channel::<()>();
        let begun = Instant::now();
        let late = aside_until(begun + Duration::from_millis(30), move || released.recv()).await.expect("it runs");
        assert!(late.is_none());
        drop(release);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn a_panic_costs_itself() {
        let soon = Instant::now() + Duration::from_secs(20);
        let error = aside_until(soon, || panic!("a defect")).await.map(|_: Option<()>| ()).expect_err("it panicked");
        assert_eq!(error.kind, ErrorKind::DriverFailed);
        assert_eq!(aside_until(soon, || 1).await.expect("the next one runs"), Some(1));
    }
}
