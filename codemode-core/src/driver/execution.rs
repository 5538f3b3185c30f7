//! One execution, joined to the world: the session, the engine, the tool calls, the journal and the host's flags.
//!
//! [`drive`] is the loop. It runs on a worker's thread, calls the engine there and polls the tools there, so that a
//! tool that is ready at once costs no change of thread. [`Execution`] is the part that other threads may touch: the
//! guest's port, the deadline, the caller that gives up.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt,
    future::poll_fn,
    stream::{FuturesUnordered, Stream},
    task::AtomicWaker,
};
use tokio::sync::oneshot;

use crate::{
    driver::{
        BoxFuture, ContextConfig, Host, Program,
        clock::{fresh_seed, real_time_ms},
        timer::{self, Alarm},
        workers::Workers,
    },
    engine::{Engine, Interrupter, PROGRAM_FILE, Port, Script, Stop},
    journal::{Entry, Journal, Recording, replay::Replay},
    session::{
        Action, Ending, Input, Pace, Session, Start,
        message::{Said, refusal},
        url,
    },
    types::{Call, CallError, Error, ErrorKind, Event, Json, Outcome, Stats},
};

/// What an execution is asked to do.
pub(crate) struct Job {
    pub(crate) config: ContextConfig,
    pub(crate) program: Program,
    pub(crate) source: Source,
    pub(crate) requested: Instant,
    /// The runtime the host's tools expect around them.
    pub(crate) runtime: Option<tokio::runtime::Handle>,
}

/// Where answers come from.
pub(crate) enum Source {
    Live(Arc<dyn Host>),
    Recorded(Box<Recording>),
}

/// What the caller waits for.
pub(crate) type Answer = Result<Outcome, Error>;

/// The part of an execution that any thread may touch. One engine has one, for its one program.
#[derive(Default)]
pub(crate) struct Execution {
    state: Mutex<State>,
    /// Why the host wants it to stop: the cause of death is read here and nowhere else.
    stop: AtomicU8,
    /// A worker is inside the loop: inside the engine, a tool's poll or a callback.
    busy: AtomicBool,
    /// The thread in the loop was given up and counted as lost.
    lost: AtomicBool,
    host_panicked: AtomicBool,
    /// A recorded cancel that the replay can only meet at its deadline.
    deadline_is_cancel: AtomicBool,
    waker: AtomicWaker,
    interrupter: OnceLock<Interrupter>,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    answer: Option<oneshot::Sender<Answer>>,
    /// Why there will be no execution, until somebody asks for one.
    failed: Option<Error>,
    grace: Option<Alarm>,
}

struct Running {
    session: Session,
    host: Option<Arc<dyn Host>>,
    journal: Option<Box<dyn Journal>>,
    replay: Option<Replay>,
    begun: Instant,
    startup: Duration,
    seed: u64,
}

const GO_ON: u8 = 0;
const TIMEOUT: u8 = 1;
const CANCEL: u8 = 2;

impl Execution {
    /// The guest's way to this execution.
    pub(crate) fn port(self: &Arc<Self>) -> Port {
        let execution = self.clone();
        Port::new(move |text| execution.post(text))
    }

    pub(crate) fn expect_answer(&self, answer: oneshot::Sender<Answer>) {
        let mut state = self.lock();
        match state.failed.take() {
            // A caller that went away wants no answer.
            Some(error) => drop(answer.send(Err(error))),
            None => state.answer = Some(answer),
        }
    }

    /// Lets [`request_stop`](Self::request_stop) reach the engine.
    pub(crate) fn engine_is_up(&self, interrupter: Interrupter) {
        let interrupter = self.interrupter.get_or_init(|| interrupter);
        if self.stop.load(Ordering::SeqCst) != GO_ON {
            interrupter.interrupt();
        }
    }

    pub(crate) fn deadline(self: &Arc<Self>, grace: Duration, workers: &Arc<Workers>) {
        self.request_stop(TIMEOUT, grace, workers);
    }

    pub(crate) fn cancel(self: &Arc<Self>, grace: Duration, workers: &Arc<Workers>) {
        self.request_stop(CANCEL, grace, workers);
    }

    /// Stops the engine and wakes the loop; after `grace` the caller is answered without them.
    fn request_stop(self: &Arc<Self>, cause: u8, grace: Duration, workers: &Arc<Workers>) {
        if self.stop.compare_exchange(GO_ON, cause, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return;
        }
        self.interrupt();
        self.waker.wake();
        let (execution, workers) = (Arc::downgrade(self), workers.clone());
        let give_up = move || {
            if let Some(execution) = execution.upgrade() {
                execution.give_up(&workers);
            }
        };
        // The watch runs: the deadline of this execution was set with it.
        let alarm = timer::set(Instant::now() + grace, give_up).ok();
        let mut state = self.lock();
        if state.running.as_ref().is_some_and(|running| running.session.finished()) {
            drop(state);
            drop(alarm);
        } else {
            state.grace = alarm;
        }
    }

    fn interrupt(&self) {
        if let Some(interrupter) = self.interrupter.get() {
            interrupter.interrupt();
        }
    }

    /// The engine, or a tool that blocks its thread, did not give in: answers the caller and leaves the thread behind.
    fn give_up(&self, workers: &Workers) {
        let mut actions = VecDeque::new();
        let mut state = self.lock();
        let rung = state.grace.take();
        if let Some(running) = &mut state.running {
            if running.session.finished() {
                return;
            }
            let now = running.begun.elapsed();
            if let Some(input) = self.stop_input() {
                running.session.on(now, input, &mut actions);
            }
            running.session.on(now, Input::Stopped(Stop::Interrupted), &mut actions);
        }
        if self.busy.load(Ordering::SeqCst) && !self.lost.swap(true, Ordering::SeqCst) {
            workers.count_lost();
        }
        if state.running.is_none() {
            let error = Error::new(
                ErrorKind::ThreadsLost,
                "no engine was ready before the deadline; the machine is overloaded",
            );
            if let Some(answer) = state.answer.take() {
                // A caller that went away wants no answer.
                let _ = answer.send(Err(error));
            }
        }
        drop(state);
        drop(rung);
        for action in actions {
            match action {
                Action::Emit(event) => self.emit(event),
                Action::Finish(ending) => self.answer(*ending, None),
                _ => {}
            }
        }
    }

    /// A worker enters or leaves the loop. Public to the crate so that engine creation counts as well.
    pub(crate) fn set_busy(&self, busy: bool, workers: &Workers) {
        self.busy.store(busy, Ordering::SeqCst);
        if !busy && self.lost.swap(false, Ordering::SeqCst) {
            workers.count_found();
        }
    }

    /// Takes one message of the guest. Called on the engine's thread, inside the engine.
    fn post(&self, text: &str) -> Option<String> {
        let mut actions = VecDeque::new();
        let mut state = self.lock();
        let Some(running) = &mut state.running else {
            return Some(refusal("no program runs here"));
        };
        if let Some(journal) = &mut running.journal {
            journal.record(Entry::Posted(text));
        }
        if let Some(replay) = &mut running.replay
            && !running.session.finished()
            && !replay.posted(text)
        {
            drop(state);
            self.interrupt();
            return None;
        }
        let reply = match Said::parse(text) {
            Err(_) => Some(running.session.refuse()),
            Ok(Said::Url(request)) => return Some(url::answer(request)),
            Ok(said) => running.session.on(running.begun.elapsed(), Input::Said(said), &mut actions),
        };
        drop(state);
        for action in actions {
            match action {
                Action::Emit(event) => self.emit(event),
                Action::Interrupt => self.interrupt(),
                _ => {}
            }
        }
        reply
    }

    fn emit(&self, event: Event) {
        let Some(host) = self.lock().running.as_ref().and_then(|running| running.host.clone()) else { return };
        if self.host_panicked.load(Ordering::SeqCst) {
            return;
        }
        if catch_unwind(AssertUnwindSafe(|| host.event(event))).is_err() {
            self.host_panicked.store(true, Ordering::SeqCst);
            self.interrupt();
        }
    }

    fn begin(&self, job: Job, actions: &mut VecDeque<Action>) -> Option<Arc<dyn Host>> {
        let Job { config, program, source, requested, .. } = job;
        let begun = Instant::now();
        let seed = program.seed.unwrap_or_else(fresh_seed);
        let (host, pace, replay) = match source {
            Source::Live(host) => (Some(host), Pace::Live, None),
            Source::Recorded(recording) => (None, Pace::Recorded, Some(Replay::new(*recording))),
        };
        if replay.as_ref().is_some_and(Replay::was_cancelled) {
            self.deadline_is_cancel.store(true, Ordering::SeqCst);
        }
        let mut journal = program.journal;
        if let Some(journal) = &mut journal {
            journal.record(Entry::Begins {
                javascript: &program.javascript,
                tools: &config.tools,
                limits: &config.limits,
            });
        }
        let start = Start {
            tool_call_id: program.tool_call_id,
            limits: config.limits,
            tools: config.tools,
            functions: program.functions.and_then(|names| Json::of(&names).ok()),
            epoch_ms: program.epoch_ms.unwrap_or_else(real_time_ms),
            seed,
            code_length: program.code_length,
            pace,
        };
        let session = Session::start(start, actions);
        self.lock().running = Some(Running {
            session,
            host: host.clone(),
            journal,
            replay,
            begun,
            startup: begun.duration_since(requested),
            seed,
        });
        host
    }

    /// Tells the session what happened.
    fn on(&self, input: Input<'_>, actions: &mut VecDeque<Action>) {
        let mut state = self.lock();
        if let Some(running) = &mut state.running {
            let now = running.begun.elapsed();
            running.session.on(now, input, actions);
        }
    }

    /// Tells the session that the engine came to rest, and first that it was asked to, if it was.
    fn rested(&self, result: Result<(), Stop>, actions: &mut VecDeque<Action>) {
        let stop = self.stop_input();
        let mut state = self.lock();
        let Some(running) = &mut state.running else { return };
        let now = running.begun.elapsed();
        if let Some(stop) = stop {
            running.session.on(now, stop, actions);
        }
        let rest = match result {
            Ok(()) => Input::Idle,
            Err(stop) => Input::Stopped(stop),
        };
        running.session.on(now, rest, actions);
    }

    fn stop_input(&self) -> Option<Input<'static>> {
        match self.stop.load(Ordering::SeqCst) {
            TIMEOUT if self.deadline_is_cancel.load(Ordering::SeqCst) => Some(Input::Cancel),
            TIMEOUT => Some(Input::Deadline),
            CANCEL => Some(Input::Cancel),
            _ if self.host_panicked.load(Ordering::SeqCst) => Some(Input::Cancel),
            _ => None,
        }
    }

    fn record_delivery(&self, text: &str) {
        if let Some(running) = &mut self.lock().running
            && let Some(journal) = &mut running.journal
        {
            journal.record(Entry::Delivered(text));
        }
    }

    /// What a replay delivers next, in place of tools and clock.
    fn next_recorded(&self) -> Option<Input<'static>> {
        self.lock().running.as_mut()?.replay.as_mut().map(Replay::next)
    }

    fn wait_until(&self, since_start: Duration) -> Option<Instant> {
        self.lock().running.as_ref()?.begun.checked_add(since_start)
    }

    /// Sends the caller what became of it. The first answer counts.
    fn answer(&self, ending: Ending, heap_peak_bytes: Option<u64>) {
        let mut state = self.lock();
        let Some(running) = &mut state.running else { return };
        let mut journal = running.journal.take();
        if let Some(journal) = &mut journal {
            journal.record(Entry::Ended(ending.result.as_ref().err()));
        }
        let stats = Stats {
            startup: running.startup,
            run: running.begun.elapsed(),
            calls: ending.calls,
            heap_peak_bytes,
            refused_messages: ending.refused_messages,
            seed: running.seed,
        };
        let diverged = running.replay.as_mut().and_then(|replay| replay.finish(&ending.result));
        let outcome = Outcome {
            result: ending.result,
            console: ending.console,
            dropped_calls: ending.dropped_calls,
            warnings: Vec::new(),
            stats,
        };
        running.host = None;
        let (answer, grace) = (state.answer.take(), state.grace.take());
        drop(state);
        drop(grace);
        let result = if self.host_panicked.load(Ordering::SeqCst) {
            Err(Error::new(ErrorKind::HostPanicked, "the host's event callback panicked; the execution was stopped"))
        } else if let Some(error) = diverged {
            Err(error)
        } else {
            Ok(outcome)
        };
        if let Some(answer) = answer {
            // A caller that went away wants no answer.
            let _ = answer.send(result);
        }
    }

    /// The engine did not come up, or its driver panicked. Answers the caller, or the one that will come.
    pub(crate) fn fail(&self, error: Error) {
        let mut state = self.lock();
        match state.answer.take() {
            // A caller that went away wants no answer.
            Some(answer) => drop(answer.send(Err(error))),
            None => state.failed = Some(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
    while let Some(action) = todo.pop_front() {
        match action {
            Action::Emit(event) => execution.emit(event),
            Action::Interrupt => execution.interrupt(),
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
                if let Some((id, answer)) = start_call(host, call, &mut calls).await {
                    execution.on(Input::Answered(id, answer), &mut todo);
                }
            }
            // What was started may have been ready at once; then there is more to do already.
            Action::Wait(_) if !todo.is_empty() => {}
            Action::Wait(until) => match execution.next_recorded() {
                Some(input) => execution.on(input, &mut todo),
                None => wait(&execution, &mut calls, until, &mut todo).await,
            },
            Action::Finish(ending) => {
                calls.clear();
                let heap_peak_bytes = engine.heap_peak_bytes();
                let small = heap_peak_bytes.is_some_and(|bytes| bytes <= SMALL_ENGINE);
                // Destroyed here if it is not small.
                let kept = small.then_some(engine);
                execution.answer(*ending, heap_peak_bytes);
                drop(kept);
                return;
            }
        }
    }
}

/// Starts a call and polls it once; a call that is ready at once never enters the set.
async fn start_call(
    host: &Arc<dyn Host>,
    call: Call,
    calls: &mut Calls,
) -> Option<(u64, Result<Option<Json>, CallError>)> {
    let (id, function) = (call.id, call.function.clone());
    let future = match catch_unwind(AssertUnwindSafe(|| host.call(call))) {
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
    let mut alarm: Option<Alarm> = None;
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
            if alarm.is_none() {
                let execution = execution.clone();
                // The watch runs: the deadline of this execution was set with it.
                alarm = timer::set(due, move || execution.waker.wake()).ok();
            }
        }
        Poll::Pending
    })
    .await;
    execution.on(input, todo);
}
