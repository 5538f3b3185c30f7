//! What the tests of the hostile suite share: the heap of their programs, and how late an answer may be.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_core::{IsolateDriver, engine::HeapLimits};

/// What 64 programs at once run on.
#[non_exhaustive]
pub struct Concurrent {
    /// With engines kept warm for [`HOSTILE_HEAP`], if it starts slowly.
    pub driver: Arc<dyn IsolateDriver>,
    /// How long after its deadline a program may be answered: new engines for the pool compete with those that run.
    pub timeout: Duration,
}

impl Concurrent {
    /// On this driver, which answers within three seconds after a deadline.
    pub fn new(driver: Arc<dyn IsolateDriver>) -> Self {
        Self { driver, timeout: TIMEOUT }
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// How long something took, on a line of the output, if that is worth one.
pub(super) fn slow(what: &str, begun: Instant) {
    if begun.elapsed() > SLOW {
        eprintln!("{what}: {:?}", begun.elapsed());
    }
}

/// The heap of every program here that does not ask for the default, for a driver that keeps engines warm.
pub const HOSTILE_HEAP: HeapLimits = HeapLimits { heap_bytes: 16 << 20, stack_bytes: 512 << 10 };
/// From the deadline to the answer: the default grace, and a loaded machine.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);
/// Worth a line in the output.
const SLOW: Duration = Duration::from_millis(500);
