//! The loop of one execution: event loop, engine and tool calls.
//!
//! [`drive`] runs on a worker's thread, calls the engine there and polls the tools there, so that a tool that is ready at
//! once costs no change of thread.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt,
    future::poll_fn,
    stream::{FuturesUnordered, Stream},
};

use crate::{
    driver::{
        BoxFuture, Host, ProgressSink, ReceiveProgress,
        execution::{Execution, Job},
        timer::{self, Timer},
    },
    engine::{Engine, PROGRAM_FILE, Script},
    session::{Action, Input},
    types::{Call, CallError, Json},
};

/// The caller does not wait until an engine that held at most so many bytes is destroyed. A larger one goes before the
/// answer: a host that bounds how many execute at once has then bound their memory.
const SMALL_ENGINE: u64 = 4 << 20;

type Calls = FuturesUnordered<BoxFuture<'static, (u64, Result<Option<Json>, CallError>)>>;

/// Runs one program on one engine to its end, and answers the caller.
pub(crate) async fn drive<E: Engine>(mut engine: E, execution: Arc<Execution>, job: Job) {
    let javascript = job.program.javascript.clone();
    let mut calls = Calls::new();
    let mut todo = VecDeque::new();
    let host = execution.begin(job, &mut todo);
    while let Some(action) = execution.perform(&mut todo) {
        match action {
            Action::Deliver(text) => {
                execution.record_delivery(&text);
                let result = engine.deliver(&text);
                execution.rested(result, &mut todo);
            }
            Action::Run(start) => {
                execution.record_delivery(&start);
                let program = Script { name: PROGRAM_FILE, source: &javascript };
                let result = engine.deliver(&start).and_then(|()| engine.run(&program));
                execution.rested(result, &mut todo);
            }
            Action::Start(call) => {
                let Some(host) = &host else { continue };
                let receiver: Weak<dyn ReceiveProgress> = Arc::downgrade(&execution) as _;
                let progress = ProgressSink::of_call(call.id, receiver);
                if let Some((id, answer)) = start_call(host, call, progress, &mut calls).await {
                    execution.on(Input::Answered(id, answer), &mut todo);
                }
            }
            // What was started may have been ready at once; then there is more to do already.
            Action::Wait(_) if !todo.is_empty() => {}
            Action::Wait(until) => match execution.next_recorded() {
                Some(input) => execution.on(input, &mut todo),
                None => wait(&execution, &mut calls, until, &mut todo).await,
            },
            Action::Finish(outcome) => {
                calls.clear();
                let heap_peak_bytes = engine.heap_peak_bytes();
                let small = heap_peak_bytes.is_some_and(|bytes| bytes <= SMALL_ENGINE);
                // Destroyed here if it is not small.
                let kept = small.then_some(engine);
                execution.settle_events();
                execution.answer(*outcome, heap_peak_bytes);
                drop(kept);
                return;
            }
            // Done by `perform`.
            Action::Emit(_) | Action::Interrupt | Action::Explain(_) => {}
        }
    }
}

/// Starts a call and polls it once; a call that is ready at once never enters the set.
async fn start_call(
    host: &Arc<dyn Host>,
    call: Call,
    progress: ProgressSink,
    calls: &mut Calls,
) -> Option<(u64, Result<Option<Json>, CallError>)> {
    let (id, function) = (call.id, call.function.clone());
    let future = match catch_unwind(AssertUnwindSafe(|| host.call(call, progress))) {
        Ok(future) => future,
        Err(panic) => return Some((id, Err(panicked(&function, &*panic)))),
    };
    let guarded = AssertUnwindSafe(future)
        .catch_unwind()
        .map(move |result| (id, result.unwrap_or_else(|panic| Err(panicked(&function, &*panic)))));
    let mut guarded: BoxFuture<'static, _> = Box::pin(guarded);
    match poll_fn(|context| Poll::Ready(guarded.as_mut().poll(context))).await {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => {
            calls.push(guarded);
            None
        }
    }
}

fn panicked(function: &str, panic: &(dyn std::any::Any + Send)) -> CallError {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let why = text.map(|text| format!(": {text}")).unwrap_or_default();
    CallError::new("ToolError", format!("{function} crashed on the host{why}")).code("TOOL_PANICKED")
}

/// Waits for a call to answer, the next timer, or a stop.
async fn wait(execution: &Arc<Execution>, calls: &mut Calls, until: Option<Duration>, todo: &mut VecDeque<Action>) {
    let due = until.and_then(|until| execution.wait_until(until));
    let mut due_timer: Option<Timer> = None;
    let mut calls = pin!(calls);
    let input = poll_fn(|context: &mut Context<'_>| {
        execution.waker.register(context.waker());
        if let Some(stop) = execution.stop_input() {
            return Poll::Ready(stop);
        }
        if let Poll::Ready(Some((id, answer))) = calls.as_mut().poll_next(context) {
            return Poll::Ready(Input::Answered(id, answer));
        }
        if let Some(due) = due {
            if Instant::now() >= due {
                return Poll::Ready(Input::Tick);
            }
            if due_timer.is_none() {
                let execution = execution.clone();
                // The timer runs: the deadline of this execution was set with it.
                due_timer = timer::set(due, move || execution.waker.wake()).ok();
            }
        }
        Poll::Pending
    })
    .await;
    execution.on(input, todo);
}
