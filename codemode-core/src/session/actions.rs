//! What goes into the event loop of an execution ([`Start`], [`Input`]) and what comes out ([`Action`]).

use std::{sync::Arc, time::Duration};

use crate::{
    engine::Stop,
    session::message::{GuestMessage, HostMessage},
    types::{Call, CallError, Event, Failure, Json, Limits, Outcome, Progress, ToolNames},
};

/// What can happen to an execution.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The guest said something, while it runs.
    Message(GuestMessage<'a>),
    /// The engine came to rest: its job queue is empty.
    Idle,
    /// The engine stopped short.
    Stopped(Stop),
    /// A tool answered. `Ok(None)` is `undefined`.
    Answered(u64, Result<Option<Json>, CallError>),
    /// A call that is open reports how far it is.
    Progress(u64, Progress),
    /// The answer to [`Action::Explain`].
    Explained(Box<Failure>),
    /// There will be no answer to [`Action::Explain`]: the host does not give one.
    Unexplained,
    /// The time of [`Action::Wait`] has come, or any other moment.
    Tick,
    /// The wall-clock limit was reached.
    Deadline,
    /// The host gives up.
    Cancel,
    /// The journal holds as much as it may.
    JournalFull,
    /// A recorded delivery, in [`Mode::Replay`].
    Recorded(HostMessage),
    /// The record holds no more deliveries; it says that the execution ended so.
    RecordEnds(Failure),
}

/// What to do next.
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "few exist at once, and each is moved into and out of a queue once")]
#[non_exhaustive]
pub enum Action {
    /// Tell the host.
    Emit(Event),
    /// Hand this text to the engine, then report how it came to rest.
    Deliver(String),
    /// Hand the engine this text, which is the start message, and run the program; then report how it came to rest.
    Run(String),
    /// Start this tool call; report its answer.
    Start(Call),
    /// Stop the engine if it is running.
    Interrupt,
    /// Nothing to do until a call answers or, if a time is given, until that much time since the start has gone by.
    Wait(Option<Duration>),
    /// The program failed: put the failure into the terms of the text that the model wrote, and give it back as
    /// [`Input::Explained`]. Until then nothing else counts, but for [`Input::Unexplained`].
    Explain(Box<Failure>),
    /// It is over. Drop the engine and every call that still runs.
    Finish(Box<Outcome>),
}

/// What an event loop needs to know when it begins.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Start {
    /// Identifies the execution in events.
    pub tool_call_id: Arc<str>,
    /// The limits to hold.
    pub limits: Limits,
    /// The functions there are, with the tools behind them.
    pub tools: Arc<ToolNames>,
    /// The names of those that are defined for the program, a JSON array; `None` is all.
    pub functions: Option<Json>,
    /// The guest's clock at the start, in milliseconds since 1970.
    pub epoch_ms: u64,
    /// Seed of the guest's randomness.
    pub seed: u64,
    /// Bytes of the program as the model wrote it.
    pub code_length: usize,
    /// Who decides the order of deliveries.
    pub mode: Mode,
}

impl Start {
    /// A live execution of a program that can call `tools`, all of them, with the clock at 0 and seed 0.
    pub fn new(tool_call_id: impl Into<Arc<str>>, limits: Limits, tools: Arc<ToolNames>) -> Self {
        Self {
            tool_call_id: tool_call_id.into(),
            limits,
            tools,
            functions: None,
            epoch_ms: 0,
            seed: 0,
            code_length: 0,
            mode: Mode::Live,
        }
    }
}

/// Who decides the order of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// The tools and the clock.
    Live,
    /// A journal: tools are not started and the clock is not read.
    Replay,
}
