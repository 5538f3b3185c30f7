//! [`EventLoop`]: one execution as a pure state machine.
//!
//! There is no thread, no clock and no runtime in here; the time comes with each input. Everything that decides what
//! an execution *means* (order of answers, limits, what a stop is called) is decided here, for every engine. The
//! caller does the actions in order; after [`Action::Run`] or [`Action::Deliver`] the next input other than
//! [`Input::Message`], [`Input::Progress`] and the two stops is [`Input::Idle`] or [`Input::Stopped`].

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    engine::Stop,
    session::{
        actions::{Action, Input, Mode, Start},
        console::{Console, Written},
        message::{CONSOLE_FULL, GuestMessage, HostMessage, refusal, size_of_input},
        wording,
    },
    types::{
        Call, CallError, DroppedCall, Event, EventKind, Failure, FailureKind, Json, Level, Outcome, Progress, Stats,
    },
};

/// One execution, from its start to [`Action::Finish`].
#[derive(Debug)]
pub struct EventLoop {
    start: Start,
    phase: Phase,
    /// Set while the engine runs and the host wants it stopped.
    stopping: Option<FailureKind>,
    /// What the program said its end is, or what the engine made of it.
    end: Option<Result<Option<Json>, Failure>>,
    /// The failure that is being explained, in the words it had before.
    unexplained: Option<Box<Failure>>,
    last_call: u64,
    calls_started: u32,
    /// Called, not started: in the order of the calls, each with what its input counts.
    posted: VecDeque<(Call, usize)>,
    /// Started, not answered.
    open: BTreeMap<u64, OpenCall>,
    /// Answered, not delivered: in the order of the answers, each with its time.
    answers: VecDeque<Answered>,
    /// Bytes of the inputs of the calls in these three.
    input_bytes: usize,
    timers: BTreeSet<(Duration, u64)>,
    timer_due: BTreeMap<u64, Duration>,
    /// When the guest's clock last moved. Timers count from here: a program sees those that it sets in one turn fire
    /// by their delays, however long the turn takes.
    turn: Duration,
    asked_where: bool,
    waiting_line: u32,
    console: Console,
    refused_messages: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Inside `Run` or `Deliver`.
    Running,
    /// Between them.
    Resting,
    /// The program failed, and the host explains why.
    Explaining,
    Finished,
}

#[derive(Debug)]
struct OpenCall {
    tool: usize,
    function: Arc<str>,
    since: Duration,
    input_bytes: usize,
}

#[derive(Debug)]
struct Answered {
    at: Duration,
    id: u64,
    answer: Result<Option<Json>, CallError>,
    input_bytes: usize,
}

impl EventLoop {
    /// Begins: the actions announce the execution, hand over the start message and run the program.
    pub fn start(start: Start, actions: &mut VecDeque<Action>) -> Self {
        let event_loop = Self::announced(start, actions);
        let (now, seed) = (event_loop.start.epoch_ms, event_loop.start.seed);
        let functions = event_loop.start.functions.clone().unwrap_or_else(|| event_loop.start.tools.json());
        let start = HostMessage::Start { now, seed, functions };
        actions.push_back(Action::Run(start.text()));
        event_loop
    }

    /// Begins and ends: the program was rejected before it could run. `failure` says why, in the model's terms.
    pub fn reject(start: Start, failure: Failure, actions: &mut VecDeque<Action>) -> Self {
        let mut event_loop = Self::announced(start, actions);
        event_loop.conclude(Duration::ZERO, Err(failure), actions);
        event_loop
    }

    fn announced(start: Start, actions: &mut VecDeque<Action>) -> Self {
        let event_loop = Self {
            start,
            phase: Phase::Running,
            stopping: None,
            end: None,
            unexplained: None,
            last_call: 0,
            calls_started: 0,
            posted: VecDeque::new(),
            open: BTreeMap::new(),
            answers: VecDeque::new(),
            input_bytes: 0,
            timers: BTreeSet::new(),
            timer_due: BTreeMap::new(),
            turn: Duration::ZERO,
            asked_where: false,
            waiting_line: 0,
            console: Console::default(),
            refused_messages: 0,
        };
        event_loop.emit(Duration::ZERO, EventKind::Started { code_length: event_loop.start.code_length }, actions);
        event_loop
    }

    /// Takes one input that happened `now` after the start and appends what to do. Returns the answer to a guest's
    /// message, if it has one.
    pub fn on(&mut self, now: Duration, input: Input<'_>, actions: &mut VecDeque<Action>) -> Option<String> {
        match self.phase {
            Phase::Finished => return None,
            Phase::Explaining => {
                self.explaining(now, input, actions);
                return None;
            }
            Phase::Running | Phase::Resting => {}
        }
        match input {
            Input::Message(said) => return self.said(now, said, actions),
            Input::Idle => {
                self.phase = Phase::Resting;
                // The interrupt may have come just after the engine came to rest: the stop still counts.
                if let Some(kind) = self.stopping {
                    self.end = Some(Err(self.stopped(kind)));
                }
            }
            Input::Stopped(stop) => {
                self.phase = Phase::Resting;
                match (self.stopping, &self.end) {
                    (Some(kind), _) => self.end = Some(Err(self.stopped(kind))),
                    // The program returned, and was interrupted so that what it left behind does not go on.
                    (None, Some(_)) => {}
                    (None, None) => self.end = Some(Err(wording::of_stop(stop, &self.start.limits))),
                }
            }
            Input::Answered(id, answer) => self.answered(now, id, answer, actions),
            Input::Progress(id, progress) => {
                self.progressed(now, id, progress, actions);
                return None;
            }
            // Nothing was asked.
            Input::Explained(_) | Input::Unexplained => return None,
            Input::Tick => {}
            Input::Deadline => self.stop(FailureKind::Timeout, actions),
            Input::Cancel => self.stop(FailureKind::Cancelled, actions),
            Input::JournalFull => self.stop(FailureKind::LimitReached, actions),
            Input::Recorded(delivery) => self.recorded(now, delivery, actions),
            Input::RecordEnds(failure) => {
                if self.phase == Phase::Resting {
                    let failure = self.recorded_end(failure);
                    self.end.get_or_insert(Err(failure));
                }
            }
        }
        if self.phase == Phase::Resting {
            self.step(now, actions);
        }
        None
    }

    /// The end of a program that waits where its record ends, in the words of this execution.
    fn recorded_end(&self, recorded: Failure) -> Failure {
        let waits_for_nothing = self.open.is_empty() && self.posted.is_empty() && self.timers.is_empty();
        match recorded.kind {
            FailureKind::Stalled if waits_for_nothing => wording::stalled(self.waiting_line),
            FailureKind::Stalled => self.stopped(FailureKind::Cancelled),
            FailureKind::Timeout | FailureKind::Cancelled | FailureKind::LimitReached => self.stopped(recorded.kind),
            FailureKind::OutOfMemory => wording::of_stop(Stop::OutOfMemory, &self.start.limits),
            _ => recorded,
        }
    }

    /// Whether [`Action::Finish`] has been given.
    pub fn finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    /// Whether what the guest says counts. Once its program has ended, or is being stopped, how far it still gets differs
    /// from engine to engine and from run to run.
    pub fn listens(&self) -> bool {
        self.phase == Phase::Running && self.end.is_none() && self.stopping.is_none()
    }

    /// Whether [`Action::Explain`] waits for its answer.
    pub fn is_explaining(&self) -> bool {
        self.phase == Phase::Explaining
    }

    /// Counts a message that broke the form, and says so to whoever sent it.
    pub fn refuse(&mut self) -> String {
        self.refused_messages += 1;
        refusal("this message to the host is not well formed")
    }

    fn said(&mut self, now: Duration, said: GuestMessage<'_>, actions: &mut VecDeque<Action>) -> Option<String> {
        if !self.listens() {
            return None;
        }
        match said {
            GuestMessage::Call { id, function, input } => return self.call(id, function, input),
            GuestMessage::Timer { id, delay } => {
                self.forget_timer(id);
                if self.timers.len() >= self.start.limits.timers as usize {
                    return Some(refusal(&format!("over {} timers are open at once", self.start.limits.timers)));
                }
                let due = self.turn.saturating_add(delay);
                self.timers.insert((due, id));
                self.timer_due.insert(id, due);
            }
            GuestMessage::Untimer { id } => self.forget_timer(id),
            GuestMessage::Console { level, text } => return self.log(now, level, text, actions),
            GuestMessage::Done(result) => {
                let bytes = result.as_ref().map_or(0, |json| json.text().len());
                self.close(wording::check_result_size(bytes, &self.start.limits).map(|()| result), actions);
            }
            GuestMessage::Unserializable(problem) => self.close(Err(wording::not_serializable(&problem)), actions),
            GuestMessage::Failed(thrown) => self.close(Err(wording::of_thrown(*thrown)), actions),
            GuestMessage::Waiting { line } => self.waiting_line = line,
            GuestMessage::Url(_) => {}
        }
        None
    }

    /// The program is over. The interrupt keeps jobs it left behind from going on for ever.
    fn close(&mut self, end: Result<Option<Json>, Failure>, actions: &mut VecDeque<Action>) {
        self.end = Some(end);
        actions.push_back(Action::Interrupt);
    }

    fn call(&mut self, id: u64, function: &str, input: Option<Json>) -> Option<String> {
        if id != self.last_call + 1 {
            return Some(self.refuse());
        }
        let Some((tool, function)) = self.start.tools.find(function) else {
            return Some(self.refuse());
        };
        if self.last_call >= u64::from(self.start.limits.calls) {
            return Some(refusal(&format!(
                "over {} tool calls in one program; return what you have, or ask for more items in one call",
                self.start.limits.calls
            )));
        }
        let (bytes, limit) = (size_of_input(input.as_ref()), self.start.limits.input_bytes);
        if bytes > limit.saturating_sub(self.input_bytes) {
            return Some(refusal(&wording::inputs_too_large(bytes, self.input_bytes, limit)));
        }
        self.input_bytes += bytes;
        self.last_call = id;
        self.posted.push_back((Call { id, tool, function, input }, bytes));
        None
    }

    fn log(&mut self, now: Duration, level: Level, text: &str, actions: &mut VecDeque<Action>) -> Option<String> {
        let (line, refused) = match self.console.write(level, text, self.start.limits.console_bytes) {
            Written::Kept(line) => (line, None),
            Written::Full(line) => (line, Some(CONSOLE_FULL.to_owned())),
            Written::Ignored => return Some(CONSOLE_FULL.to_owned()),
        };
        self.emit(now, EventKind::Console { level: line.level, message: line.text }, actions);
        refused
    }

    fn answered(
        &mut self,
        now: Duration,
        id: u64,
        answer: Result<Option<Json>, CallError>,
        actions: &mut VecDeque<Action>,
    ) {
        let Some(call) = self.open.remove(&id) else { return };
        let answer = wording::check_answer_size(answer, &call.function, &self.start.limits);
        self.emit_answer(now, id, &call, &answer, actions);
        self.answers.push_back(Answered { at: now, id, answer, input_bytes: call.input_bytes });
    }

    fn progressed(&self, now: Duration, call_id: u64, progress: Progress, actions: &mut VecDeque<Action>) {
        let Some(call) = self.open.get(&call_id) else { return };
        let (function, tool) = (call.function.clone(), self.start.tools.original(call.tool));
        self.emit(now, EventKind::Progress { call_id, function, tool, progress }, actions);
    }

    fn emit_answer(
        &self,
        now: Duration,
        call_id: u64,
        call: &OpenCall,
        answer: &Result<Option<Json>, CallError>,
        actions: &mut VecDeque<Action>,
    ) {
        let (function, tool) = (call.function.clone(), self.start.tools.original(call.tool));
        let duration = now.saturating_sub(call.since);
        let kind = match answer {
            Ok(result) => EventKind::CallResult { call_id, function, tool, result: result.clone(), duration },
            Err(error) => EventKind::CallError { call_id, function, tool, error: error.clone(), duration },
        };
        self.emit(now, kind, actions);
    }

    fn stop(&mut self, kind: FailureKind, actions: &mut VecDeque<Action>) {
        if self.phase == Phase::Running {
            // A program that has already returned keeps its result.
            if self.end.is_none() {
                self.stopping.get_or_insert(kind);
            }
            actions.push_back(Action::Interrupt);
        } else if self.end.is_none() {
            self.end = Some(Err(self.stopped(kind)));
        }
    }

    fn stopped(&self, kind: FailureKind) -> Failure {
        let waiting = self.open.values().map(|call| &*call.function).collect();
        wording::of_host_stop(kind, &self.start.limits, waiting)
    }

    /// The engine rests: finish, start what was called, feed it, wait, or name the stall.
    fn step(&mut self, now: Duration, actions: &mut VecDeque<Action>) {
        if let Some(end) = self.end.take() {
            return self.finish(now, end, actions);
        }
        // A call keeps its place until its answer is delivered: then deliveries alone decide which calls start.
        while self.open.len() + self.answers.len() < self.start.limits.parallel_calls as usize {
            let Some((call, input_bytes)) = self.posted.pop_front() else { break };
            self.begin(now, call, input_bytes, actions);
        }
        if self.start.mode == Mode::Replay {
            actions.push_back(Action::Wait(None));
        } else if let Some(delivery) = self.next_delivery(now) {
            self.turn = now;
            self.deliver(&delivery, actions);
        } else if !self.open.is_empty() || !self.timers.is_empty() {
            actions.push_back(Action::Wait(self.timers.first().map(|(due, _)| *due)));
        } else if !self.asked_where {
            self.asked_where = true;
            self.deliver(&HostMessage::Where, actions);
        } else {
            self.finish(now, Err(wording::stalled(self.waiting_line)), actions);
        }
    }

    fn begin(&mut self, now: Duration, call: Call, input_bytes: usize, actions: &mut VecDeque<Action>) {
        self.calls_started += 1;
        let (function, tool) = (call.function.clone(), self.start.tools.original(call.tool));
        self.open.insert(call.id, OpenCall { tool: call.tool, function: function.clone(), since: now, input_bytes });
        let args = call.input.clone();
        self.emit(now, EventKind::Call { call_id: call.id, function, tool, args }, actions);
        if self.start.mode == Mode::Live {
            actions.push_back(Action::Start(call));
        }
    }

    /// What happened first of what is ready: an answer or a timer.
    fn next_delivery(&mut self, now: Duration) -> Option<HostMessage> {
        let stamp = self.stamp(now);
        let timer = self.timers.first().copied().filter(|(due, _)| *due <= now);
        match (self.answers.front(), timer) {
            (Some(answered), Some((due, id))) if due < answered.at => Some(self.fire(id, stamp)),
            (Some(_), _) => {
                let Answered { id, answer, input_bytes, .. } = self.answers.pop_front()?;
                self.input_bytes -= input_bytes;
                Some(HostMessage::Answer { id, now: stamp, answer })
            }
            (None, Some((_, id))) => Some(self.fire(id, stamp)),
            (None, None) => None,
        }
    }

    fn fire(&mut self, id: u64, now: u64) -> HostMessage {
        self.forget_timer(id);
        HostMessage::Timer { id, now }
    }

    fn forget_timer(&mut self, id: u64) {
        if let Some(due) = self.timer_due.remove(&id) {
            self.timers.remove(&(due, id));
        }
    }

    fn deliver(&mut self, delivery: &HostMessage, actions: &mut VecDeque<Action>) {
        self.phase = Phase::Running;
        actions.push_back(Action::Deliver(delivery.text()));
    }

    /// Delivers what a journal holds next, if it fits what the program is waiting for. What does not fit is left out;
    /// the program's posts will then differ from the recorded ones.
    fn recorded(&mut self, now: Duration, delivery: HostMessage, actions: &mut VecDeque<Action>) {
        if self.phase != Phase::Resting || self.end.is_some() {
            return;
        }
        let fits = match &delivery {
            HostMessage::Start { .. } => false,
            HostMessage::Answer { id, answer, .. } => self.open.remove(id).is_some_and(|call| {
                self.input_bytes -= call.input_bytes;
                self.emit_answer(now, *id, &call, answer, actions);
                true
            }),
            HostMessage::Timer { id, .. } => {
                let known = self.timer_due.contains_key(id);
                self.forget_timer(*id);
                known
            }
            HostMessage::Where => {
                self.asked_where = true;
                true
            }
        };
        if fits {
            self.deliver(&delivery, actions);
        }
    }

    fn finish(&mut self, now: Duration, result: Result<Option<Json>, Failure>, actions: &mut VecDeque<Action>) {
        match result {
            Ok(_) => self.conclude(now, result, actions),
            Err(failure) => {
                self.phase = Phase::Explaining;
                let failure = Box::new(failure);
                self.unexplained = Some(failure.clone());
                actions.push_back(Action::Explain(failure));
            }
        }
    }

    fn explaining(&mut self, now: Duration, input: Input<'_>, actions: &mut VecDeque<Action>) {
        let failure = match input {
            Input::Explained(failure) => failure,
            Input::Unexplained => match self.unexplained.take() {
                Some(failure) => failure,
                None => return,
            },
            _ => return,
        };
        self.conclude(now, Err(*failure), actions);
    }

    fn conclude(&mut self, now: Duration, result: Result<Option<Json>, Failure>, actions: &mut VecDeque<Action>) {
        self.phase = Phase::Finished;
        let mut dropped_calls = Vec::new();
        for (call_id, call) in std::mem::take(&mut self.open) {
            let error = CallError::new("Cancelled", "cancelled: the program ended before the tool answered");
            self.emit_answer(now, call_id, &call, &Err(error.code("CANCELLED")), actions);
            dropped_calls.push(DroppedCall { call_id, function: call.function, started: true });
        }
        dropped_calls.extend(self.posted.drain(..).map(|(call, _)| DroppedCall {
            call_id: call.id,
            function: call.function,
            started: false,
        }));
        let error = result.as_ref().err().cloned().map(Box::new);
        self.emit(now, EventKind::Finished { success: result.is_ok(), error, duration: now }, actions);
        let stats = Stats {
            run: now,
            calls: self.calls_started,
            refused_messages: self.refused_messages,
            seed: self.start.seed,
            ..Stats::default()
        };
        let console = std::mem::take(&mut self.console).into_lines();
        actions.push_back(Action::Finish(Box::new(Outcome {
            result,
            console,
            dropped_calls,
            warnings: Vec::new(),
            stats,
        })));
    }

    fn emit(&self, now: Duration, kind: EventKind, actions: &mut VecDeque<Action>) {
        let (tool_call_id, timestamp_ms) = (self.start.tool_call_id.clone(), self.stamp(now));
        actions.push_back(Action::Emit(Event { tool_call_id, timestamp_ms, kind }));
    }

    fn stamp(&self, now: Duration) -> u64 {
        self.start.epoch_ms.saturating_add(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }
}
