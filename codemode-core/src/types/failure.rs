//! [`Failure`]: how a program ended badly, in texts that the model will read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{Frame, Position};

/// How a program ended badly. The texts are written for the model that wrote the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Failure {
    /// What to match on.
    pub kind: FailureKind,
    /// Name of the error, such as `TypeError`, or of the limit.
    pub name: String,
    /// What happened.
    pub message: String,
    /// Where, counted from 1, in the text the model wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The program's own frames, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The lines around `position` with a mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_frame: Option<String>,
    /// The `code` of the thrown error, such as a tool's error code.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
    pub code: Option<serde_json::Value>,
    /// The `data` of the thrown error.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
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

impl std::error::Error for Failure {}

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
