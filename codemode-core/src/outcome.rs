//! How an execution ended: [`Outcome`], and [`Failure`] with the text that the model will read.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{json::Json, stack::Frame};

/// Everything one execution left behind. What the program did wrong is in `result`; a failure of the host is an
/// [`Error`](crate::Error) instead and has no outcome.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What the program returned; `Ok(None)` is `undefined`.
    pub result: Result<Option<Json>, Failure>,
    /// What the program wrote to its console, in order, up to the limit.
    pub console: Vec<ConsoleLine>,
    /// Calls that were still open, or had not begun, when the program ended. Nearly always a missing `await`.
    pub dropped_calls: Vec<DroppedCall>,
    /// What the model should know besides the result, such as a call that was not awaited.
    pub warnings: Vec<String>,
    /// What it cost.
    pub stats: Stats,
}

impl Outcome {
    /// An outcome with nothing but a result.
    pub fn new(result: Result<Option<Json>, Failure>) -> Self {
        Self { result, console: Vec::new(), dropped_calls: Vec::new(), warnings: Vec::new(), stats: Stats::default() }
    }
}

/// One line of console output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleLine {
    /// Which method of `console` wrote it.
    pub level: Level,
    /// The formatted text; may hold newlines.
    pub text: Arc<str>,
}

/// Console levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `console.log`
    Log,
    /// `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`
    Error,
    /// `console.debug`
    Debug,
}

impl Level {
    /// The name of the console method.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Debug => "debug",
        }
    }
}

/// A call that was given up because the program ended first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DroppedCall {
    /// The id that its events carry.
    pub call_id: u64,
    /// The function the program called.
    pub function: Arc<str>,
    /// Whether the tool had begun. A tool that had is cancelled; one that had not never ran.
    pub started: bool,
}

/// What an execution cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// From the request to the first statement of the program.
    pub startup: Duration,
    /// From the first statement to the end.
    pub run: Duration,
    /// Tool calls that began.
    pub calls: u32,
    /// The most bytes the engine's heap held, where the engine can say.
    pub heap_peak_bytes: Option<u64>,
    /// Messages of the guest that were not well formed. Above 0, something tampered with the bridge.
    pub refused_messages: u64,
    /// Seed of the program's randomness.
    pub seed: u64,
}

/// How a program ended badly. The texts are written for the model that wrote the program.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What to match on.
    pub kind: FailureKind,
    /// Name of the error, such as `TypeError`, or of the limit.
    pub name: String,
    /// What happened.
    pub message: String,
    /// Where, counted from 1, in the text the model wrote.
    pub position: Option<Position>,
    /// The program's own frames, innermost first.
    pub frames: Vec<Frame>,
    /// What to do next.
    pub hint: Option<String>,
    /// The lines around `position` with a mark.
    pub code_frame: Option<String>,
    /// The `code` of the thrown error, such as a tool's error code.
    pub code: Option<serde_json::Value>,
    /// The `data` of the thrown error.
    pub data: Option<serde_json::Value>,
}

impl Failure {
    /// A failure without a place.
    pub fn new(kind: FailureKind, name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            message: message.into(),
            position: None,
            frames: Vec::new(),
            hint: None,
            code_frame: None,
            code: None,
            data: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The program's frames as a stack text, one frame a line; `None` when there are none.
    pub fn stack(&self) -> Option<String> {
        let same: Vec<&[Frame]> = self.frames.chunk_by(|one, next| one == next).collect();
        let lines: Vec<String> =
            same.iter().filter_map(|frames| frames.first().map(|one| shown(one, frames.len()))).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

fn shown(frame: &Frame, times: usize) -> String {
    if times == 1 { frame.to_string() } else { format!("{frame} ({times} times)") }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)?;
        if let Some(at) = self.position {
            write!(f, " (line {}, column {})", at.line, at.column)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n{hint}")?;
        }
        Ok(())
    }
}

/// A place in a text, counted from 1; columns in UTF-16 code units, as JavaScript engines count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// The ways a program can end badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FailureKind {
    /// The text is not a program; nothing ran.
    Syntax,
    /// The program names something that is not there, or is wrong in another way seen before it ran; nothing ran.
    Invalid,
    /// The program threw.
    Threw,
    /// The wall-clock limit was reached.
    Timeout,
    /// The host gave the execution up.
    Cancelled,
    /// The heap limit was reached.
    OutOfMemory,
    /// The stack limit was reached and the program did not catch it.
    StackOverflow,
    /// The program waits for something that can never happen.
    Stalled,
    /// The result has no JSON form.
    NotSerializable,
    /// Another limit was reached: source or result size.
    LimitReached,
    /// The engine failed.
    EngineFailed,
}

impl FailureKind {
    /// The name on the wire and in case files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Invalid => "invalid",
            Self::Threw => "threw",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::OutOfMemory => "outOfMemory",
            Self::StackOverflow => "stackOverflow",
            Self::Stalled => "stalled",
            Self::NotSerializable => "notSerializable",
            Self::LimitReached => "limitReached",
            Self::EngineFailed => "engineFailed",
        }
    }

    /// Whether the host ended the program at a moment that a repetition need not hit again.
    pub fn ended_by_host(self) -> bool {
        matches!(self, Self::Timeout | Self::Cancelled | Self::OutOfMemory | Self::EngineFailed)
    }
}
