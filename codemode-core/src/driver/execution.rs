//! One execution, joined to the world: the event loop, the journal, the host and its flags. [`Execution`] is the part that
//! any thread may touch: the guest's port, the deadline, the caller that gives up, a tool that reports progress. The loop
//! itself is [`drive`](super::run_loop::drive).

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;

use crate::{
    driver::{
        ContextConfig, Host, Program, ReceiveProgress,
        clock::{fresh_seed, real_time_ms},
        timer::{self, Timer},
        workers::Workers,
    },
    engine::{Interrupter, Port, Stop},
    journal::{Entry, Journal, Recording, replay::Replay},
    poison::lock,
    session::{
        Action, EventLoop, Input, Mode, Start,
        message::{GuestMessage, refusal},
        url,
    },
    types::{Error, ErrorKind, Event, Failure, Json, Limits, Outcome, Progress},
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
    pub(super) waker: AtomicWaker,
    interrupter: OnceLock<Interrupter>,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    answer: Option<oneshot::Sender<Answer>>,
    /// Why there will be no execution, until somebody asks for one.
    failed: Option<Error>,
    grace: Option<Timer>,
    /// Events that wait for the one that is being delivered.
    outbox: VecDeque<Event>,
    /// Somebody is in the host's event callback.
    delivering: bool,
    /// Actions for the loop, from where they could not be done.
    deferred: VecDeque<Action>,
}

struct Running {
    event_loop: EventLoop,
    host: Option<Arc<dyn Host>>,
    journal: Option<Box<dyn Journal>>,
    replay: Option<Replay>,
    begun: Instant,
    startup: Duration,
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
        // The timer runs: the deadline of this execution was set with it.
        let timer = timer::set(Instant::now() + grace, give_up).ok();
        let mut state = self.lock();
        if state.running.as_ref().is_some_and(|running| running.event_loop.finished()) {
            drop(state);
            drop(timer);
        } else {
            state.grace = timer;
        }
    }

    pub(super) fn interrupt(&self) {
        if let Some(interrupter) = self.interrupter.get() {
            interrupter.interrupt();
        }
    }

    /// The engine, or a tool that blocks its thread, did not give in: answers the caller and leaves the thread behind.
    ///
    /// Called on the timer's thread, where nothing of the host may run: what is to be told is told on a thread of its own.
    fn give_up(self: &Arc<Self>, workers: &Arc<Workers>) {
        let mut actions = VecDeque::new();
        let mut state = self.lock();
        let fired = state.grace.take();
        if let Some(running) = &mut state.running {
            if running.event_loop.finished() {
                return;
            }
            let now = running.begun.elapsed();
            if let Some(input) = self.stop_input() {
                running.event_loop.on(now, input, &mut actions);
            }
            running.event_loop.on(now, Input::Stopped(Stop::Interrupted), &mut actions);
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
        drop(fired);
        if actions.is_empty() {
            return;
        }
        let execution = self.clone();
        workers.spawn_report(move || {
            while let Some(action) = execution.perform(&mut actions) {
                match action {
                    Action::Finish(outcome) => execution.answer(*outcome, None),
                    other => execution.defer(other),
                }
            }
        });
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
            && !running.event_loop.finished()
            && !replay.posted(text)
        {
            drop(state);
            self.interrupt();
            return None;
        }
        let reply = match GuestMessage::parse(text) {
            Err(_) => Some(running.event_loop.refuse()),
            Ok(GuestMessage::Url(request)) => return Some(url::answer(request)),
            Ok(said) => running.event_loop.on(running.begun.elapsed(), Input::Message(said), &mut actions),
        };
        drop(state);
        while let Some(action) = self.perform(&mut actions) {
            self.defer(action);
        }
        reply
    }

    /// Does, in order, what needs neither the engine nor the tools; gives back the first action that does.
    ///
    /// Every action of an event loop goes through here, whoever called the event loop.
    pub(super) fn perform(&self, actions: &mut VecDeque<Action>) -> Option<Action> {
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Emit(event) => self.emit(event),
                Action::Interrupt => self.interrupt(),
                Action::Explain(failure) => {
                    let failure = self.explain(failure);
                    self.on(Input::Explained(failure), actions);
                }
                needs_more => return Some(needs_more),
            }
        }
        None
    }

    /// Leaves an action to the loop, which alone has the engine and the tools.
    fn defer(&self, action: Action) {
        self.lock().deferred.push_back(action);
    }

    fn explain(&self, mut failure: Box<Failure>) -> Box<Failure> {
        let host = self.lock().running.as_ref().and_then(|running| running.host.clone());
        if let Some(host) = host
            && catch_unwind(AssertUnwindSafe(|| host.explain(&mut failure))).is_err()
        {
            self.host_panicked.store(true, Ordering::SeqCst);
        }
        failure
    }

    /// Hands an event to the host, after those that came before it. If somebody is in the host's callback, it is left to
    /// them.
    fn emit(&self, event: Event) {
        let mut state = self.lock();
        state.outbox.push_back(event);
        if !state.delivering {
            self.deliver_events(state);
        }
    }

    fn deliver_events<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        state.delivering = true;
        while let Some(event) = state.outbox.pop_front() {
            let Some(host) = state.running.as_ref().and_then(|running| running.host.clone()) else { continue };
            drop(state);
            if !self.host_panicked.load(Ordering::SeqCst)
                && catch_unwind(AssertUnwindSafe(|| host.event(event))).is_err()
            {
                self.host_panicked.store(true, Ordering::SeqCst);
                self.interrupt();
            }
            state = self.lock();
        }
        state.delivering = false;
    }

    pub(super) fn begin(&self, job: Job, actions: &mut VecDeque<Action>) -> Option<Arc<dyn Host>> {
        let Job { config, program, source, requested, .. } = job;
        let begun = Instant::now();
        let seed = program.seed.unwrap_or_else(fresh_seed);
        let (host, mode, replay) = match source {
            Source::Live(host) => (Some(host), Mode::Live, None),
            Source::Recorded(recording) => (None, Mode::Replay, Some(Replay::new(*recording))),
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
            mode,
        };
        let event_loop = EventLoop::start(start, actions);
        self.lock().running = Some(Running {
            event_loop,
            host: host.clone(),
            journal,
            replay,
            begun,
            startup: begun.duration_since(requested),
        });
        host
    }

    /// Tells the event loop what happened.
    pub(super) fn on(&self, input: Input<'_>, actions: &mut VecDeque<Action>) {
        let mut state = self.lock();
        if let Some(running) = &mut state.running {
            let now = running.begun.elapsed();
            running.event_loop.on(now, input, actions);
        }
    }

    /// Tells the event loop that the engine came to rest, and first that it was asked to, if it was.
    pub(super) fn rested(&self, result: Result<(), Stop>, actions: &mut VecDeque<Action>) {
        let stop = self.stop_input();
        let mut state = self.lock();
        let Some(running) = &mut state.running else { return };
        let now = running.begun.elapsed();
        if let Some(stop) = stop {
            running.event_loop.on(now, stop, actions);
        }
        let rest = match result {
            Ok(()) => Input::Idle,
            Err(stop) => Input::Stopped(stop),
        };
        running.event_loop.on(now, rest, actions);
        actions.extend(state.deferred.drain(..));
    }

    pub(super) fn stop_input(&self) -> Option<Input<'static>> {
        match self.stop.load(Ordering::SeqCst) {
            TIMEOUT if self.deadline_is_cancel.load(Ordering::SeqCst) => Some(Input::Cancel),
            TIMEOUT => Some(Input::Deadline),
            CANCEL => Some(Input::Cancel),
            _ if self.host_panicked.load(Ordering::SeqCst) => Some(Input::Cancel),
            _ => None,
        }
    }

    pub(super) fn record_delivery(&self, text: &str) {
        if let Some(running) = &mut self.lock().running
            && let Some(journal) = &mut running.journal
        {
            journal.record(Entry::Delivered(text));
        }
    }

    /// What a replay delivers next, in place of tools and clock.
    pub(super) fn next_recorded(&self) -> Option<Input<'static>> {
        self.lock().running.as_mut()?.replay.as_mut().map(Replay::next)
    }

    pub(super) fn wait_until(&self, since_start: Duration) -> Option<Instant> {
        self.lock().running.as_ref()?.begun.checked_add(since_start)
    }

    /// Sends the caller what became of it. The first answer counts.
    pub(super) fn answer(&self, mut outcome: Outcome, heap_peak_bytes: Option<u64>) {
        let mut state = self.lock();
        let delivering = state.delivering;
        let Some(running) = &mut state.running else { return };
        let mut journal = running.journal.take();
        if let Some(journal) = &mut journal {
            journal.record(Entry::Ended(outcome.result.as_ref().err()));
        }
        outcome.stats.startup = running.startup;
        outcome.stats.run = running.begun.elapsed();
        outcome.stats.heap_peak_bytes = heap_peak_bytes;
        let diverged = running.replay.as_mut().and_then(|replay| replay.finish(&outcome.result));
        // Whoever delivers events still needs it.
        if !delivering {
            running.host = None;
        }
        let (answer, grace) = (state.answer.take(), state.grace.take());
        drop(state);
        drop(grace);
        let result = if self.host_panicked.load(Ordering::SeqCst) {
            Err(host_panicked())
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
        lock(&self.state)
    }
}

impl ReceiveProgress for Execution {
    fn progress(&self, call_id: u64, progress: Progress) {
        let mut actions = VecDeque::new();
        let mut state = self.lock();
        let Some(running) = &mut state.running else { return };
        let now = running.begun.elapsed();
        running.event_loop.on(now, Input::Progress(call_id, progress), &mut actions);
        drop(state);
        while let Some(action) = self.perform(&mut actions) {
            self.defer(action);
        }
    }
}

/// Ends an execution whose program was rejected before it could run: its events are told, and the failure is its
/// outcome.
pub(crate) fn reject(
    tool_call_id: Arc<str>,
    code_length: usize,
    failure: Failure,
    host: Arc<dyn Host>,
) -> Result<Outcome, Error> {
    let start = Start {
        tool_call_id,
        limits: Limits::default(),
        tools: Arc::default(),
        functions: None,
        epoch_ms: real_time_ms(),
        seed: 0,
        code_length,
        mode: Mode::Live,
    };
    let mut actions = VecDeque::new();
    let event_loop = EventLoop::reject(start, failure, &mut actions);
    let execution = Execution::default();
    let begun = Instant::now();
    execution.lock().running =
        Some(Running { event_loop, host: Some(host), journal: None, replay: None, begun, startup: Duration::ZERO });
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

fn host_panicked() -> Error {
    Error::new(ErrorKind::HostPanicked, "the host's event callback panicked; the execution was stopped")
}
