//! [`Deadline`]: when an execution must be over.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use super::{
    execution::{Execution, Source},
    timer::{self, Timer},
    workers::Workers,
};
use crate::types::{Error, Limits};

/// The deadline of one execution.
pub(super) struct Deadline {
    execution: Weak<Execution>,
    workers: Arc<Workers>,
    timeout: Duration,
    grace: Duration,
    /// How often the timeout may go by again: a replay that was stopped before the end of its record proves nothing.
    again: u32,
}

impl Deadline {
    pub(super) fn new(execution: &Arc<Execution>, workers: Arc<Workers>, limits: &Limits, source: &Source) -> Self {
        let again = if matches!(source, Source::Recorded(_)) { PATIENCE } else { 0 };
        let Limits { timeout, grace, .. } = *limits;
        Self { execution: Arc::downgrade(execution), workers, timeout, grace, again }
    }

    /// Sets it; dropping the timer takes it back.
    ///
    /// # Errors
    /// When there is no thread for timers.
    pub(super) fn set(self, at: Instant) -> Result<Timer, Error> {
        timer::set(at, move || self.comes())
    }

    fn comes(mut self) {
        let Some(execution) = self.execution.upgrade() else { return };
        if self.again > 0 && execution.lags() {
            self.again -= 1;
            let at = Instant::now() + self.timeout;
            // The thread of timers is there: this is it.
            let timer = self.set(at).ok();
            execution.lock().grace = timer;
        } else {
            execution.deadline(self.grace, &self.workers);
        }
    }
}

const PATIENCE: u32 = 3;
