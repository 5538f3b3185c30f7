//! [`reject`]: an execution whose program cannot run.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crate::{
    driver::{Host, clock::real_time_ms, execution::Execution, state::Running, state::host_panicked},
    session::{Action, EventLoop, Start},
    types::{Error, ErrorKind, Failure, Limits, Outcome},
};

/// Ends an execution whose program was rejected before it could run: its events are told, and the failure is its
/// outcome.
pub(crate) fn reject(
    tool_call_id: Arc<str>,
    code_length: usize,
    failure: Failure,
    host: Arc<dyn Host>,
) -> Result<Outcome, Error> {
    let mut start = Start::new(tool_call_id, Limits::default(), Arc::default());
    (start.epoch_ms, start.code_length) = (real_time_ms(), code_length);
    let mut actions = VecDeque::new();
    let event_loop = EventLoop::reject(start, failure, &mut actions);
    let execution = Execution::default();
    let mut state = execution.lock();
    state.running = Some(Running {
        event_loop,
        host: Some(host),
        journal: None,
        journal_left: 0,
        replay: None,
        begun: Instant::now(),
        startup: Duration::ZERO,
        grace: Duration::ZERO,
        runtime: None,
    });
    state.outbox.collect(&mut actions, 0);
    drop(state);
    let mut outcome = None;
    while let Some(action) = execution.perform(&mut actions) {
        if let Action::Finish(ended) = action {
            outcome = Some(Outcome::new(ended.result));
        }
    }
    if execution.host_panicked.load(Ordering::SeqCst) {
        return Err(host_panicked());
    }
    outcome.ok_or_else(|| Error::new(ErrorKind::DriverFailed, "a rejected program came to no end"))
}
