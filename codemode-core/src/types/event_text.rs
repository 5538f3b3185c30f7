//! The JSON form of an [`Event`]: all fields of all kinds in one flat object, each where its kind has it.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use crate::types::{
    CallError, Event, EventKind, Failure, FailureKind, Json, Level, Progress, duration_ms::fractional::millis,
};

/// See [`Event`]. The order of the fields is the order in which they are written.
#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct EventText {
    #[serde(rename = "type")]
    name: Cow<'static, str>,
    tool_call_id: Arc<str>,
    timestamp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
    args: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
    result: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
    error_code: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
    error_data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_kind: Option<FailureKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Box<Failure>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
}

impl From<Event> for EventText {
    fn from(event: Event) -> Self {
        let mut text = Self {
            name: event.kind.name().into(),
            tool_call_id: event.tool_call_id,
            timestamp: event.timestamp_ms,
            ..Self::default()
        };
        match event.kind {
            EventKind::Started { code_length } => text.code_length = Some(code_length),
            EventKind::Console { level, message } => (text.level, text.message) = (Some(level), Some(message)),
            EventKind::Call { call_id, function, tool, args } => {
                text.put_call(call_id, function, tool);
                text.args = args;
            }
            EventKind::Progress { call_id, function, tool, progress } => {
                text.put_call(call_id, function, tool);
                // JSON has no infinity, and no number that is none.
                text.progress = Some(if progress.done.is_finite() { progress.done } else { 0.0 });
                text.total = progress.total.filter(|total| total.is_finite());
                text.message = progress.message.map(Arc::from);
            }
            EventKind::CallResult { call_id, function, tool, result, duration } => {
                text.put_call(call_id, function, tool);
                text.result = result;
                text.duration = Some(millis(duration));
            }
            EventKind::CallError { call_id, function, tool, error, duration } => {
                text.put_call(call_id, function, tool);
                text.error = Some(error.message);
                text.error_name = Some(error.name);
                (text.error_code, text.error_data) = (error.code, error.data);
                text.duration = Some(millis(duration));
            }
            EventKind::Finished { success, error, duration } => {
                text.success = Some(success);
                if let Some(failure) = &error {
                    text.error = Some(format!("{}: {}", failure.name, failure.message));
                    text.error_kind = Some(failure.kind);
                    text.line = failure.position.map(|at| at.line);
                    text.hint.clone_from(&failure.hint);
                }
                text.failure = error;
                text.duration = Some(millis(duration));
            }
        }
        text
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        EventText::from(self.clone()).serialize(out)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let mut text = EventText::deserialize(input)?;
        let (tool_call_id, timestamp_ms) = (text.tool_call_id.clone(), text.timestamp);
        let kind = text.kind().map_err(D::Error::custom)?;
        Ok(Self { tool_call_id, timestamp_ms, kind })
    }
}

impl Event {
    /// The event as one JSON object: what [`Serialize`] writes, but a value nested over 128 levels becomes its text.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|_| {
            let mut text = EventText::from(self.clone());
            for json in [&mut text.args, &mut text.result].into_iter().flatten() {
                *json = Value::from(json.text()).into();
            }
            serde_json::to_value(text).unwrap_or_default()
        })
    }
}

impl EventText {
    fn put_call(&mut self, call_id: u64, function: Arc<str>, tool: Arc<str>) {
        (self.call_id, self.function, self.tool) = (Some(call_id), Some(function), Some(tool));
    }

    fn kind(&mut self) -> Result<EventKind, String> {
        Ok(match &*self.name {
            "code_mode:execution_started" => {
                EventKind::Started { code_length: needed(self.code_length, "codeLength")? }
            }
            "code_mode:console" => EventKind::Console {
                level: needed(self.level, "level")?,
                message: needed(self.message.take(), "message")?,
            },
            "code_mode:external_call" => {
                let (call_id, function, tool) = self.call()?;
                EventKind::Call { call_id, function, tool, args: self.args.take() }
            }
            "code_mode:external_progress" => {
                let (call_id, function, tool) = self.call()?;
                let message = self.message.as_deref().map(str::to_owned);
                let progress = Progress { done: needed(self.progress, "progress")?, total: self.total, message };
                EventKind::Progress { call_id, function, tool, progress }
            }
            "code_mode:external_result" => {
                let ((call_id, function, tool), duration) = (self.call()?, self.duration()?);
                EventKind::CallResult { call_id, function, tool, result: self.result.take(), duration }
            }
            "code_mode:external_error" => {
                let ((call_id, function, tool), duration) = (self.call()?, self.duration()?);
                let error = CallError {
                    name: needed(self.error_name.take(), "errorName")?,
                    message: needed(self.error.take(), "error")?,
                    code: self.error_code.take(),
                    data: self.error_data.take(),
                };
                EventKind::CallError { call_id, function, tool, error, duration }
            }
            "code_mode:execution_finished" => EventKind::Finished {
                success: needed(self.success, "success")?,
                error: self.failure.take(),
                duration: self.duration()?,
            },
            other => return Err(format!("there is no event of type \"{other}\"")),
        })
    }

    fn call(&mut self) -> Result<(u64, Arc<str>, Arc<str>), String> {
        let call_id = needed(self.call_id, "callId")?;
        Ok((call_id, needed(self.function.take(), "function")?, needed(self.tool.take(), "tool")?))
    }

    fn duration(&self) -> Result<Duration, String> {
        let millis = needed(self.duration, "duration")?;
        Duration::try_from_secs_f64(millis / 1e3).map_err(|error| format!("duration: {error}"))
    }
}

fn needed<T>(field: Option<T>, name: &str) -> Result<T, String> {
    field.ok_or_else(|| format!("missing field `{name}`"))
}
