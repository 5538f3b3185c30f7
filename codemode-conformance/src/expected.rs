//! What a case expects of an error and of a console line, as it is written in the file.

use codemode_core::{ConsoleLine, Failure, FailureKind, Level};
use serde::{Deserialize, de::Error as _};
use serde_json::{Map, Value, json};

/// How a program is expected to fail. `kind`, `name`, `message`, `line`, `code` and `data` are always compared: one that
/// is absent must be absent in the failure. The others are compared when they are given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExpectedError {
    /// As on the wire.
    pub kind: FailureKind,
    /// Name of the error.
    pub name: String,
    /// The whole message.
    pub message: String,
    /// Line in the program's text.
    pub line: Option<u32>,
    /// The error's `code`.
    pub code: Option<Value>,
    /// The error's `data`, or its own fields.
    pub data: Option<Value>,
    /// Column, where all engines agree on it.
    pub column: Option<u32>,
    /// The program's frames, innermost first, each as `name line` or, without a name, `line`.
    pub frames: Option<Vec<String>>,
    /// What the model is told to do next; the empty text for "nothing".
    pub hint: Option<String>,
    /// The lines around the place.
    pub code_frame: Option<String>,
}

impl ExpectedError {
    /// What is expected and what came, as values that hold the same fields.
    pub(crate) fn beside(&self, failure: &Failure) -> (Value, Value) {
        let (mut expected, mut got) = (Map::new(), Map::new());
        let mut both = |field: &str, e: Value, g: Value| {
            expected.insert(field.to_owned(), e);
            got.insert(field.to_owned(), g);
        };
        both("kind", json!(self.kind), json!(failure.kind));
        both("name", json!(self.name), json!(failure.name));
        both("message", json!(self.message), json!(failure.message));
        both("line", json!(self.line), json!(failure.position.map(|at| at.line)));
        both("code", json!(self.code), json!(failure.code));
        both("data", json!(self.data), json!(failure.data));
        if self.column.is_some() {
            both("column", json!(self.column), json!(failure.position.map(|at| at.column)));
        }
        if self.frames.is_some() {
            both("frames", json!(self.frames), json!(frames(failure)));
        }
        if self.hint.is_some() {
            both("hint", json!(self.hint), json!(failure.hint.as_deref().unwrap_or("")));
        }
        if self.code_frame.is_some() {
            both("code_frame", json!(self.code_frame), json!(failure.code_frame));
        }
        (expected.into(), got.into())
    }
}

fn frames(failure: &Failure) -> Vec<String> {
    let text = |frame: &codemode_core::Frame| {
        let line = frame.position.line;
        if frame.function.is_empty() { line.to_string() } else { format!("{} {line}", frame.function) }
    };
    failure.frames.iter().map(text).collect()
}

/// A console line, written `["log", "text"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsoleText {
    /// Which method wrote it.
    pub level: Level,
    /// The whole text.
    pub text: String,
}

impl<'de> Deserialize<'de> for ConsoleText {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let [level, text] = <[String; 2]>::deserialize(from)?;
        let level = serde_json::from_value(Value::from(level)).map_err(D::Error::custom)?;
        Ok(Self { level, text })
    }
}

impl From<&ConsoleLine> for ConsoleText {
    fn from(line: &ConsoleLine) -> Self {
        Self { level: line.level, text: line.text.to_string() }
    }
}

impl std::fmt::Display for ConsoleText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.level.as_str(), self.text)
    }
}
