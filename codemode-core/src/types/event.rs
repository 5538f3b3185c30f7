//! What a host hears while a program runs, live and in order.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use crate::types::{CallError, Failure, Json, Level, Progress};

/// One event of one execution.
#[derive(Debug, Clone, PartialEq)]
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
    /// The event's name on the wire.
    pub fn name(&self) -> &'static str {
        match self.kind {
            EventKind::Started { .. } => "code_mode:execution_started",
            EventKind::Console { .. } => "code_mode:console",
            EventKind::Call { .. } => "code_mode:external_call",
            EventKind::Progress { .. } => "code_mode:external_progress",
            EventKind::CallResult { .. } => "code_mode:external_result",
            EventKind::CallError { .. } => "code_mode:external_error",
            EventKind::Finished { .. } => "code_mode:execution_finished",
        }
    }

    /// The event as one JSON object: `type`, `toolCallId`, `timestamp` and the fields of its kind. Durations are in
    /// milliseconds.
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
        put("type", self.name().into());
        put("toolCallId", (*self.tool_call_id).into());
        put("timestamp", self.timestamp_ms.into());
        match &self.kind {
            EventKind::Started { code_length } => {
                put("codeLength", (*code_length).into());
            }
            EventKind::Console { level, message } => {
                put("level", level.as_str().into());
                put("message", (**message).into());
            }
            EventKind::Call { call_id, function, tool, args } => {
                put_call(&mut put, *call_id, function, tool);
                put("args", embedded(args.as_ref()));
            }
            EventKind::Progress { call_id, function, tool, progress } => {
                put_call(&mut put, *call_id, function, tool);
                put("progress", progress.done.into());
                if let Some(total) = progress.total {
                    put("total", total.into());
                }
                if let Some(message) = &progress.message {
                    put("message", message.as_str().into());
                }
            }
            EventKind::CallResult { call_id, function, tool, result, duration } => {
                put_call(&mut put, *call_id, function, tool);
                put("result", embedded(result.as_ref()));
                put("duration", millis(*duration));
            }
            EventKind::CallError { call_id, function, tool, error, duration } => {
                put_call(&mut put, *call_id, function, tool);
                put("error", error.message.as_str().into());
                put("errorName", error.name.as_str().into());
                if let Some(code) = &error.code {
                    put("errorCode", code.clone());
                }
                put("duration", millis(*duration));
            }
            EventKind::Finished { success, error, duration } => {
                put("success", (*success).into());
                if let Some(failure) = error {
                    put("error", format!("{}: {}", failure.name, failure.message).into());
                    put("errorKind", failure.kind.as_str().into());
                    if let Some(at) = failure.position {
                        put("line", at.line.into());
                    }
                    if let Some(hint) = &failure.hint {
                        put("hint", hint.as_str().into());
                    }
                }
                put("duration", millis(*duration));
            }
        }
        Value::Object(out)
    }
}

fn put_call(put: &mut impl FnMut(&str, Value) -> Option<Value>, call_id: u64, function: &str, tool: &str) {
    put("callId", call_id.into());
    put("function", function.into());
    put("tool", tool.into());
}

/// A value nested too deeply to be parsed is carried as its text.
fn embedded(json: Option<&Json>) -> Value {
    json.map_or(Value::Null, |json| json.value().unwrap_or_else(|_| json!(json.text())))
}

fn millis(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 1e6).round() / 1e3)
}
