//! One execution, joined to the world: the event loop, the journal, the host and its flags. [`Execution`] is the part that
//! any thread may touch: the guest's port, the deadline, the caller that gives up, a tool that reports progress. The loop
//! itself is [`drive`](super::run_loop::drive).

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;
use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    driver::{
        Answer, ContextConfig, Host, Program, ReceiveProgress,
        clock::{fresh_seed, real_time_ms},
        outbox::MAX_WAITING,
        state::{Running, State, host_panicked},
        timer,
        workers::Workers,
    },
    engine::{Interrupter, Port, Stop},
    journal::{
        Entry, Recording,
        replay::{Replay, Said},
    },
    poison::lock,
    session::{
        Action, EventLoop, Input, Mode, Start,
        message::{GuestMessage, refusal},
        url,
    },
    types::{Error, ErrorKind, Failure, Json, Outcome, Progress},
};

/// What an execution is asked to do.
pub(crate) struct Job {
    pub(crate) config: ContextConfig,
    pub(crate) program: Program,
    pub(crate) source: Source,
    /// When the deadline began to count.
    pub(crate) requested: Instant,
    /// When the driver was called.
    pub(crate) arrived: Instant,
    /// The runtime the host's tools expect around them.
    pub(crate) runtime: Option<Handle>,
}

/// Where answers come from.
pub(crate) enum Source {
    Live(Arc<dyn Host>),
    Recorded(Box<Recording>),
}

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
    pub(super) host_panicked: AtomicBool,
    /// A recorded cancel that the replay can only meet at its deadline.
    deadline_is_cancel: AtomicBool,
    pub(super) waker: AtomicWaker,
    /// The outbox is settled.
    settled: Condvar,
    interrupter: OnceLock<Interrupter>,
}

const GO_ON: u8 = 0;
const TIMEOUT: u8 = 1;
const CANCEL: u8 = 2;
const JOURNAL_FULL: u8 = 3;

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

    /// Whether it is a replay that has not come to the end of its record, or an engine that is not up.
    pub(super) fn lags(&self) -> bool {
        self.lock().running.as_ref().is_none_or(|running| running.replay.as_ref().is_some_and(Replay::lags))
    }

    pub(crate) fn cancel(self: &Arc<Self>, grace: Duration, workers: &Arc<Workers>) {
        self.request_stop(CANCEL, grace, workers);
    }

    /// Stops the engine and wakes the loop; after `grace` the caller is answered without them.
    fn request_stop(self: &Arc<Self>, cause: u8, grace: Duration, workers: &Arc<Workers>) {
        match self.stop.compare_exchange(GO_ON, cause, Ordering::SeqCst, Ordering::SeqCst) {
            // It was asked to stop for its journal and has not: it has only the grace left.
            Ok(_) | Err(JOURNAL_FULL) => {}
            Err(_) => return,
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
        if state.is_over() {
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
        if state.is_over() {
            return;
        }
        if state.is_explaining() {
            state.advance(Input::Unexplained, &mut actions);
        } else {
            if let Some(input) = self.stop_input() {
                state.advance(input, &mut actions);
            }
            state.advance(Input::Stopped(Stop::Interrupted), &mut actions);
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
        let runtime = state.running.as_ref().and_then(|running| running.runtime.clone());
        drop(state);
        drop(fired);
        if actions.is_empty() {
            return;
        }
        let execution = self.clone();
        workers.spawn_report(move || {
            let _inside = runtime.as_ref().map(Handle::enter);
            if catch_unwind(AssertUnwindSafe(|| execution.perform_apart(&mut actions))).is_err() {
                execution.fail(host_panicked());
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
        // Before the lock, for which the timer of all executions waits: it may be long.
        let message = GuestMessage::parse(text);
        let mut state = self.lock();
        let Some(running) = &mut state.running else {
            return Some(refusal("no program runs here"));
        };
        // What does not count is neither taken down nor compared.
        if running.event_loop.listens() {
            let said = running.replay.as_mut().map_or(Said::Same, |replay| replay.posted(text));
            if said == Said::Otherwise {
                drop(state);
                self.interrupt();
                return None;
            }
            if said == Said::JournalWasFull || !running.take_down(Entry::Posted(text)) {
                drop(state);
                self.journal_is_full();
                return None;
            }
        }
        let reply = match message {
            Err(_) => Some(running.event_loop.refuse()),
            Ok(GuestMessage::Url(request)) => {
                drop(state);
                return Some(url::answer(request));
            }
            Ok(said) => state.advance(Input::Message(said), &mut actions),
        };
        drop(state);
        self.perform_apart(&mut actions);
        reply
    }

    /// Does, in order, what needs neither the engine nor the tools; gives back the first action that does.
    ///
    /// Every action of an event loop goes through here, whoever called the event loop, and every event before it.
    pub(super) fn perform(&self, actions: &mut VecDeque<Action>) -> Option<Action> {
        loop {
            let over = self.deliver_events();
            match actions.pop_front()? {
                Action::Interrupt => self.interrupt(),
                Action::Explain(failure) => {
                    let failure = self.explain(failure);
                    self.on(Input::Explained(failure), actions);
                }
                // The caller was answered by another thread: no tool may begin after that.
                Action::Run(_) | Action::Deliver(_) | Action::Start(_) | Action::Wait(_) if over => {}
                needs_more => return Some(needs_more),
            }
        }
    }

    /// Does what follows from an input that did not come from the loop: a message of the guest, progress, the end that a
    /// stuck thread cannot report.
    fn perform_apart(&self, actions: &mut VecDeque<Action>) {
        while let Some(action) = self.perform(actions) {
            match action {
                Action::Finish(outcome) => self.answer(*outcome, None),
                // The event loop asks for these only when the engine rests, and then the loop has called it.
                Action::Run(_) | Action::Deliver(_) | Action::Start(_) | Action::Wait(_) => {}
                // Done by `perform`.
                Action::Emit(_) | Action::Interrupt | Action::Explain(_) => {}
            }
        }
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

    /// Hands the host the events in the outbox, one at a time and in order. What comes while another thread does so is left
    /// to that thread. Says whether the execution is over.
    fn deliver_events(&self) -> bool {
        let mut state = self.lock();
        while !state.outbox.delivering
            && let Some(event) = state.outbox.events.pop_front()
        {
            let Some(host) = state.running.as_ref().and_then(|running| running.host.clone()) else { continue };
            if self.host_panicked.load(Ordering::SeqCst) {
                continue;
            }
            state.outbox.delivering = true;
            drop(state);
            if catch_unwind(AssertUnwindSafe(|| host.event(event))).is_err() {
                self.host_panicked.store(true, Ordering::SeqCst);
                self.interrupt();
                self.waker.wake();
            }
            drop(host);
            state = self.lock();
            state.outbox.delivering = false;
        }
        if state.outbox.awaited && state.outbox.is_settled() {
            self.settled.notify_all();
        }
        state.is_over()
    }

    /// Waits until the host has received every event, so that a caller who is answered has them all. A callback that blocks
    /// longer than the grace is not waited for.
    pub(super) fn settle_events(&self) {
        let mut state = self.lock();
        let grace = state.running.as_ref().map(|running| running.grace).unwrap_or_default();
        if state.outbox.is_settled() {
            return;
        }
        state.outbox.awaited = true;
        // Either way the answer is next.
        let _ = self
            .settled
            .wait_timeout_while(state, grace, |state| !state.outbox.is_settled())
            .unwrap_or_else(PoisonError::into_inner);
    }

    pub(super) fn begin(&self, job: Job, actions: &mut VecDeque<Action>) -> Option<Arc<dyn Host>> {
        let Job { config, program, source, arrived, runtime, .. } = job;
        let grace = config.limits.grace;
        let begun = Instant::now();
        let seed = program.seed.unwrap_or_else(fresh_seed);
        let (host, mode, replay) = match source {
            Source::Live(host) => (Some(host), Mode::Live, None),
            Source::Recorded(recording) => {
                let replay = Replay::new(*recording, &program.javascript, &config.limits);
                (None, Mode::Replay, Some(replay))
            }
        };
        if replay.as_ref().is_some_and(Replay::was_cancelled) {
            self.deadline_is_cancel.store(true, Ordering::SeqCst);
        }
        let mut journal = program.journal;
        let journal_left = config.limits.journal_bytes;
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
        let mut state = self.lock();
        state.running = Some(Running {
            event_loop,
            host: host.clone(),
            journal,
            journal_left,
            replay,
            begun,
            startup: begun.duration_since(arrived),
            grace,
            runtime,
        });
        state.outbox.collect(actions, 0);
        drop(state);
        host
    }

    /// Tells the event loop what happened.
    pub(super) fn on(&self, input: Input<'_>, actions: &mut VecDeque<Action>) {
        self.lock().advance(input, actions);
    }

    /// Tells the event loop that the engine came to rest, and first that it was asked to, if it was.
    pub(super) fn rested(&self, result: Result<(), Stop>, actions: &mut VecDeque<Action>) {
        let stop = self.stop_input();
        let mut state = self.lock();
        if let Some(stop) = stop {
            state.advance(stop, actions);
        }
        let rest = match result {
            Ok(()) => Input::Idle,
            Err(stop) => Input::Stopped(stop),
        };
        state.advance(rest, actions);
    }

    pub(super) fn stop_input(&self) -> Option<Input<'static>> {
        match self.stop.load(Ordering::SeqCst) {
            TIMEOUT if self.deadline_is_cancel.load(Ordering::SeqCst) => Some(Input::Cancel),
            TIMEOUT => Some(Input::Deadline),
            CANCEL => Some(Input::Cancel),
            JOURNAL_FULL => Some(Input::JournalFull),
            _ if self.host_panicked.load(Ordering::SeqCst) => Some(Input::Cancel),
            _ => None,
        }
    }

    /// Takes down what is about to be delivered, or compares it with what was delivered then.
    pub(super) fn record_delivery(&self, text: &str) {
        let mut state = self.lock();
        let Some(running) = &mut state.running else { return };
        let same = running.replay.as_mut().is_none_or(|replay| replay.delivered(text));
        let taken = running.take_down(Entry::Delivered(text));
        drop(state);
        if !same {
            self.interrupt();
        }
        if !taken {
            self.journal_is_full();
        }
    }

    /// Stops the engine: what it does now could not be told afterwards.
    fn journal_is_full(&self) {
        // It may have been stopped for something else meanwhile.
        let _ = self.stop.compare_exchange(GO_ON, JOURNAL_FULL, Ordering::SeqCst, Ordering::SeqCst);
        self.interrupt();
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
        let delivering = state.outbox.delivering;
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
        let host = if delivering { None } else { running.host.take() };
        let (answer, grace) = (state.answer.take(), state.grace.take());
        drop(state);
        // Outside the lock: what a host drops with them may come back here.
        drop((host, journal, grace));
        let panicked = self.host_panicked.load(Ordering::SeqCst).then(host_panicked);
        let result = panicked.or(diverged).map_or(Ok(outcome), Err);
        if let Some(answer) = answer {
            // A caller that went away wants no answer.
            let _ = answer.send(result);
        }
    }

    /// The engine did not come up, or its driver panicked. Answers the caller, or the one that will come.
    pub(crate) fn fail(&self, error: Error) {
        let mut state = self.lock();
        let running = state.running.as_mut().map(|running| (running.host.take(), running.journal.take()));
        let answer = state.answer.take();
        match answer {
            // A caller that went away wants no answer.
            Some(answer) => drop(answer.send(Err(error))),
            None => state.failed = Some(error),
        }
        drop(state);
        drop(running);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl ReceiveProgress for Execution {
    fn progress(&self, call_id: u64, progress: Progress) {
        let mut actions = VecDeque::new();
        let mut state = self.lock();
        // A tool may report faster than the host listens. How far a call is, it will say again.
        if state.outbox.events.len() < MAX_WAITING {
            state.advance(Input::Progress(call_id, progress), &mut actions);
        }
        drop(state);
        self.perform_apart(&mut actions);
    }
}
