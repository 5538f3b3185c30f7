//! The limits of one execution. Every limit has a number; none means "no limit".

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    engine::HeapLimits,
    types::{Error, ErrorKind, duration_ms},
};

/// What one execution may use. The defaults suit a model's program in a chat.
///
/// As JSON, durations are in milliseconds (`timeoutMs`, `graceMs`); what is left out has its default. Names may also be
/// written in snake case, as configuration files do.
///
/// ```
/// use std::time::Duration;
/// use codemode_core::Limits;
///
/// let limits = Limits::default().timeout(Duration::from_secs(5)).heap_bytes(64 << 20);
/// assert_eq!(limits.calls, 1_000);
/// assert!(limits.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Wall clock from start to finish, tool calls included. Default 30 s.
    #[serde(rename = "timeoutMs", alias = "timeout_ms", alias = "wallMs", alias = "wall_ms", with = "duration_ms")]
    pub timeout: Duration,
    /// How long an interrupted engine, or a tool that blocks its thread, may take to give in before the caller is
    /// answered without it. Default 1 s.
    #[serde(rename = "graceMs", alias = "grace_ms", with = "duration_ms")]
    pub grace: Duration,
    /// Bytes of the engine's heap, array buffers included. Default 128 MiB.
    #[serde(alias = "heap_bytes")]
    pub heap_bytes: usize,
    /// Bytes of stack for the program's frames. Default 512 KiB.
    #[serde(alias = "stack_bytes")]
    pub stack_bytes: usize,
    /// Bytes of program text. Default 256 KiB.
    #[serde(alias = "source_bytes")]
    pub source_bytes: usize,
    /// Tool calls in one execution. Default 1,000.
    pub calls: u32,
    /// Tool calls open at once; more wait in order. Default 32.
    #[serde(alias = "parallel_calls")]
    pub parallel_calls: u32,
    /// Timers open at once. Default 1,000.
    pub timers: u32,
    /// Bytes of console lines that are kept and reported. Each line counts [`LINE_BYTES`](Self::LINE_BYTES) more than its
    /// text, so that empty lines are not free. Default 256 KiB.
    #[serde(alias = "console_bytes")]
    pub console_bytes: usize,
    /// Bytes of JSON text of the inputs of all calls that wait or are open, together. A call that would pass it throws.
    /// One whose values take more than four times as much memory as its text (`[[0],[0],…]`) counts a quarter of that
    /// memory instead. Default 16 MiB.
    #[serde(alias = "input_bytes")]
    pub input_bytes: usize,
    /// Bytes of the result's JSON text. Default 1 MiB.
    #[serde(alias = "result_bytes")]
    pub result_bytes: usize,
    /// Bytes of the JSON text of one tool answer. Those of [`parallel_calls`](Self::parallel_calls) may wait at once.
    /// Default 4 MiB.
    #[serde(alias = "answer_bytes")]
    pub answer_bytes: usize,
    /// Bytes of events that wait in an [`EventStream`](crate::EventStream) which is not read. Events beyond are left out
    /// and counted. Default 16 MiB.
    #[serde(alias = "event_bytes")]
    pub event_bytes: usize,
    /// Bytes of the texts that a journal takes down. An execution that would pass it ends as
    /// [`LimitReached`](crate::FailureKind::LimitReached); one without a journal has no use for it. Default 256 MiB.
    #[serde(alias = "journal_bytes")]
    pub journal_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            grace: Duration::from_secs(1),
            heap_bytes: 128 << 20,
            stack_bytes: 512 << 10,
            source_bytes: 256 << 10,
            calls: 1_000,
            parallel_calls: 32,
            timers: 1_000,
            console_bytes: 256 << 10,
            input_bytes: 16 << 20,
            result_bytes: 1 << 20,
            answer_bytes: 4 << 20,
            event_bytes: 16 << 20,
            journal_bytes: 256 << 20,
        }
    }
}

/// Each setter replaces one limit; see the fields for units and defaults.
#[allow(missing_docs)] // Documented at the fields.
impl Limits {
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    #[must_use]
    pub fn heap_bytes(self, heap_bytes: usize) -> Self {
        Self { heap_bytes, ..self }
    }

    #[must_use]
    pub fn stack_bytes(self, stack_bytes: usize) -> Self {
        Self { stack_bytes, ..self }
    }

    #[must_use]
    pub fn source_bytes(self, source_bytes: usize) -> Self {
        Self { source_bytes, ..self }
    }

    #[must_use]
    pub fn calls(self, calls: u32) -> Self {
        Self { calls, ..self }
    }

    #[must_use]
    pub fn parallel_calls(self, parallel_calls: u32) -> Self {
        Self { parallel_calls, ..self }
    }

    #[must_use]
    pub fn timers(self, timers: u32) -> Self {
        Self { timers, ..self }
    }

    #[must_use]
    pub fn console_bytes(self, console_bytes: usize) -> Self {
        Self { console_bytes, ..self }
    }

    #[must_use]
    pub fn input_bytes(self, input_bytes: usize) -> Self {
        Self { input_bytes, ..self }
    }

    #[must_use]
    pub fn result_bytes(self, result_bytes: usize) -> Self {
        Self { result_bytes, ..self }
    }

    #[must_use]
    pub fn answer_bytes(self, answer_bytes: usize) -> Self {
        Self { answer_bytes, ..self }
    }

    #[must_use]
    pub fn event_bytes(self, event_bytes: usize) -> Self {
        Self { event_bytes, ..self }
    }

    #[must_use]
    pub fn journal_bytes(self, journal_bytes: usize) -> Self {
        Self { journal_bytes, ..self }
    }
}

impl Limits {
    /// What a console line counts beyond its text: about what a kept line and its event take.
    pub const LINE_BYTES: usize = 48;

    /// These limits, each at most as large as in `host`: what a host grants to limits that it does not trust.
    ///
    /// ```
    /// use codemode_core::Limits;
    ///
    /// let asked = Limits::default().calls(5).heap_bytes(1 << 40);
    /// let granted = asked.within(&Limits::default());
    /// assert_eq!((granted.calls, granted.heap_bytes), (5, 128 << 20));
    /// ```
    #[must_use]
    pub fn within(self, host: &Self) -> Self {
        Self {
            timeout: self.timeout.min(host.timeout),
            grace: self.grace.min(host.grace),
            heap_bytes: self.heap_bytes.min(host.heap_bytes),
            stack_bytes: self.stack_bytes.min(host.stack_bytes),
            source_bytes: self.source_bytes.min(host.source_bytes),
            calls: self.calls.min(host.calls),
            parallel_calls: self.parallel_calls.min(host.parallel_calls),
            timers: self.timers.min(host.timers),
            console_bytes: self.console_bytes.min(host.console_bytes),
            input_bytes: self.input_bytes.min(host.input_bytes),
            result_bytes: self.result_bytes.min(host.result_bytes),
            answer_bytes: self.answer_bytes.min(host.answer_bytes),
            event_bytes: self.event_bytes.min(host.event_bytes),
            journal_bytes: self.journal_bytes.min(host.journal_bytes),
        }
    }

    /// What the engine itself has to hold.
    pub fn heap(&self) -> HeapLimits {
        HeapLimits { heap_bytes: self.heap_bytes, stack_bytes: self.stack_bytes }
    }

    /// Rejects numbers with which no program could run, or which no engine could hold.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the limit's name and the rule it breaks.
    pub fn check(&self) -> Result<(), Error> {
        let wrong =
            |name: &'static str, rule: String| Err(Error::new(ErrorKind::Config, format!("limit {name} {rule}")));
        if self.timeout.is_zero() || self.timeout > MAX_TIMEOUT {
            return wrong("timeout", format!("is {:?}; it must be over 0 and at most 7 days", self.timeout));
        }
        if self.grace > MAX_GRACE {
            return wrong("grace", format!("is {:?}; it must be at most 60 s", self.grace));
        }
        if self.heap_bytes < MIN_HEAP {
            return wrong(
                "heap_bytes",
                format!("is {} bytes; no engine starts with less than {} MiB", self.heap_bytes, MIN_HEAP >> 20),
            );
        }
        if !(MIN_STACK..=MAX_STACK).contains(&self.stack_bytes) {
            return wrong(
                "stack_bytes",
                format!("is {}; it must be from {MIN_STACK} to {MAX_STACK}", self.stack_bytes),
            );
        }
        if self.source_bytes == 0 {
            return wrong("source_bytes", "is 0; no program would fit".into());
        }
        if self.calls > 0 && self.parallel_calls == 0 {
            return wrong("parallel_calls", "is 0; calls would wait for ever".into());
        }
        Ok(())
    }
}

const MAX_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);
const MAX_GRACE: Duration = Duration::from_secs(60);
/// The smallest heap that holds the prelude of every engine with room for a program.
const MIN_HEAP: usize = 2 << 20;
const MIN_STACK: usize = 64 << 10;
/// A quarter of the stack of the threads that run engines; the rest is for the engine's own native frames.
const MAX_STACK: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_accepted_and_nonsense_is_named() {
        assert!(Limits::default().check().is_ok());
        let bad = [
            Limits::default().timeout(Duration::ZERO),
            Limits::default().grace(Duration::from_secs(61)),
            Limits::default().heap_bytes(1),
            Limits::default().stack_bytes(usize::MAX),
            Limits::default().source_bytes(0),
            Limits::default().parallel_calls(0),
        ];
        for limits in bad {
            let error = limits.check().expect_err("nonsense is rejected");
            assert_eq!(error.kind, ErrorKind::Config);
            assert!(error.message.starts_with("limit "), "{error}");
        }
    }

    #[test]
    fn no_limit_is_granted_beyond_the_hosts() {
        let host = Limits::default();
        let asked: Limits = serde_json::from_value(
            serde_json::to_value(&host)
                .expect("limits")
                .as_object()
                .expect("an object")
                .iter()
                .map(|(name, value)| (name.clone(), (value.as_u64().expect("a number") + 1).into()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        )
        .expect("limits");
        assert_eq!(asked.within(&host), host);
    }

    #[test]
    fn what_is_left_out_has_its_default_and_an_unknown_name_is_rejected() {
        let limits: Limits = serde_json::from_str(r#"{"timeoutMs":250,"heap_bytes":4194304}"#).expect("limits");
        assert_eq!(limits, Limits::default().timeout(Duration::from_millis(250)).heap_bytes(4 << 20));
        assert_eq!(serde_json::from_str::<Limits>(r#"{"wallMs":1}"#).expect("the old name").timeout.as_millis(), 1);
        assert!(serde_json::from_str::<Limits>(r#"{"timeout":1}"#).is_err());
    }
}
