//! [`Outcome`]: how an execution ended and what it left behind.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::types::{Failure, Json, duration_ms};

/// Everything one execution left behind. What the program did wrong is in `result`; a failure of the host is an
/// [`Error`](crate::Error) instead and has no outcome.
///
/// As JSON it is one object: `success`, then `result` (left out for `undefined`) or `failure`, then the other fields in
/// camel case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "OutcomeText", into = "OutcomeText")]
#[non_exhaustive]
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

/// The JSON form of an [`Outcome`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeText {
    success: bool,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
    result: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(default)]
    console: Vec<ConsoleLine>,
    #[serde(default)]
    dropped_calls: Vec<DroppedCall>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    stats: Stats,
}

impl From<Outcome> for OutcomeText {
    fn from(outcome: Outcome) -> Self {
        let Outcome { result, console, dropped_calls, warnings, stats } = outcome;
        let success = result.is_ok();
        let (result, failure) = match result {
            Ok(result) => (result, None),
            Err(failure) => (None, Some(failure)),
        };
        Self { success, result, failure, console, dropped_calls, warnings, stats }
    }
}

impl TryFrom<OutcomeText> for Outcome {
    type Error = &'static str;

    fn try_from(text: OutcomeText) -> Result<Self, Self::Error> {
        let OutcomeText { success, result, failure, console, dropped_calls, warnings, stats } = text;
        let result = match (success, failure) {
            (true, None) => Ok(result),
            (false, Some(failure)) => Err(failure),
            (true, Some(_)) => return Err("`success` is true, and there is a `failure`"),
            (false, None) => return Err("`success` is false, and there is no `failure`"),
        };
        Ok(Self { result, console, dropped_calls, warnings, stats })
    }
}

/// One line of console output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConsoleLine {
    /// Which method of `console` wrote it.
    pub level: Level,
    /// The formatted text; may hold newlines.
    pub text: Arc<str>,
}

impl ConsoleLine {
    /// A line of this level.
    pub fn new(level: Level, text: impl Into<Arc<str>>) -> Self {
        Self { level, text: text.into() }
    }
}

/// Console levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct DroppedCall {
    /// The id that its events carry.
    pub call_id: u64,
    /// The function the program called.
    pub function: Arc<str>,
    /// Whether the tool had begun. A tool that had is cancelled; one that had not never ran.
    pub started: bool,
}

impl DroppedCall {
    /// A call that was given up.
    pub fn new(call_id: u64, function: impl Into<Arc<str>>, started: bool) -> Self {
        Self { call_id, function: function.into(), started }
    }
}

/// What an execution cost.
///
/// As JSON, durations are in milliseconds: `startupMs`, `runMs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Stats {
    /// From the request to the first statement of the program.
    #[serde(rename = "startupMs", with = "duration_ms::fractional")]
    pub startup: Duration,
    /// From the first statement to the end.
    #[serde(rename = "runMs", with = "duration_ms::fractional")]
    pub run: Duration,
    /// Tool calls that began.
    pub calls: u32,
    /// The most bytes the engine's heap held, where the engine can say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_peak_bytes: Option<u64>,
    /// Messages of the guest that were not well formed. Above 0, something tampered with the bridge.
    pub refused_messages: u64,
    /// Seed of the program's randomness.
    pub seed: u64,
}
