//! What a host hears while a program runs, live and in order.

use std::{sync::Arc, time::Duration};

use crate::types::{CallError, Failure, Json, Level, Progress, json_size};

/// One event of one execution.
///
/// As JSON it is one object: `type` (its [name](Event::name)), `toolCallId`, `timestamp` and the fields of its kind, in
/// camel case. Durations are in milliseconds. `undefined` is left out. [`EventKind::Finished`] has the failure whole as
/// `failure`, and the gist of it as `error`, `errorKind`, `line` and `hint`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Which execution; every event of one execution carries the same.
    pub tool_call_id: Arc<str>,
    /// Milliseconds since 1970, by the clock of the execution.
    pub timestamp_ms: u64,
    /// What happened.
    pub kind: EventKind,
}

/// Receives events.
pub type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// What can happen. An execution begins with [`Started`](EventKind::Started), ends with
/// [`Finished`](EventKind::Finished), and each call has exactly one result or error.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// The program begins.
    Started {
        /// Bytes of program text as the model wrote it.
        code_length: usize,
    },
    /// The program wrote to its console.
    Console {
        /// Which method.
        level: Level,
        /// The formatted text.
        message: Arc<str>,
    },
    /// A tool begins.
    Call {
        /// Pairs the call with its end.
        call_id: u64,
        /// The function the program called.
        function: Arc<str>,
        /// The tool's own name.
        tool: Arc<str>,
        /// The input; `None` is `undefined`.
        args: Option<Json>,
    },
    /// A tool says how far it is. Between its [`Call`](EventKind::Call) and its end, any number of times.
    Progress {
        /// Pairs it with its call.
        call_id: u64,
        /// The function the program called.
        function: Arc<str>,
        /// The tool's own name.
        tool: Arc<str>,
        /// How far, and of how much.
        progress: Progress,
    },
    /// A tool answered.
    CallResult {
        /// Pairs it with its call.
        call_id: u64,
        /// The function the program called.
        function: Arc<str>,
        /// The tool's own name.
        tool: Arc<str>,
        /// The answer; `None` is `undefined`.
        result: Option<Json>,
        /// From the start of the tool to its answer.
        duration: Duration,
    },
    /// A tool failed, or was cancelled because the program ended (`error.code` is then `"CANCELLED"`).
    CallError {
        /// Pairs it with its call.
        call_id: u64,
        /// The function the program called.
        function: Arc<str>,
        /// The tool's own name.
        tool: Arc<str>,
        /// What the program sees.
        error: CallError,
        /// From the start of the tool to its failure.
        duration: Duration,
    },
    /// The program ended.
    Finished {
        /// Whether it returned.
        success: bool,
        /// Why it did not.
        error: Option<Box<Failure>>,
        /// From the start of the program.
        duration: Duration,
    },
}

impl Event {
    /// An event of the execution `tool_call_id`.
    pub fn new(tool_call_id: Arc<str>, timestamp_ms: u64, kind: EventKind) -> Self {
        Self { tool_call_id, timestamp_ms, kind }
    }

    /// The event's name on the wire.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// About how many bytes it takes while it waits to be read.
    pub(crate) fn size(&self) -> usize {
        let of_json = |json: &Option<Json>| json.as_ref().map_or(0, |json| json.text().len());
        let texts = match &self.kind {
            EventKind::Started { .. } => 0,
            EventKind::Console { message, .. } => message.len(),
            EventKind::Call { args, .. } => of_json(args),
            EventKind::Progress { progress, .. } => progress.message.as_ref().map_or(0, |message| message.len()),
            EventKind::CallResult { result, .. } => of_json(result),
            EventKind::CallError { error, .. } => error.message.len() + error.data.as_ref().map_or(0, json_size),
            EventKind::Finished { error, .. } => error.as_ref().map_or(0, |error| error.message.len()),
        };
        size_of::<Self>().saturating_add(texts)
    }
}

impl EventKind {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "code_mode:execution_started",
            Self::Console { .. } => "code_mode:console",
            Self::Call { .. } => "code_mode:external_call",
            Self::Progress { .. } => "code_mode:external_progress",
            Self::CallResult { .. } => "code_mode:external_result",
            Self::CallError { .. } => "code_mode:external_error",
            Self::Finished { .. } => "code_mode:execution_finished",
        }
    }
}
