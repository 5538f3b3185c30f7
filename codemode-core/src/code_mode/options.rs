//! [`ExecuteOptions`]: what one execution is given besides its program.

use std::{fmt, sync::Arc};

use super::event_stream::{EventQueue, EventStream, event_stream};
use crate::{
    journal::Recorder,
    types::{Event, Limits, Listener},
};

/// What one execution is given besides its program. [`Default`] is right for most.
///
/// ```
/// use codemode_core::{ExecuteOptions, Limits};
///
/// let options = ExecuteOptions::default().seed(7).limits(Limits::default().calls(10)).on_event(|event| {
///     println!("{}", event.name());
/// });
/// assert_eq!(options.seed, Some(7));
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ExecuteOptions {
    /// Identifies the execution in its events; the model's own id of the tool call, if there is one. Fresh if `None`.
    pub tool_call_id: Option<Arc<str>>,
    /// Limits other than those of the [`CodeMode`](crate::CodeMode).
    pub limits: Option<Limits>,
    /// Seed of the program's randomness; fresh if `None`.
    pub seed: Option<u64>,
    /// The program's clock at its start, in milliseconds since 1970; the real time if `None`.
    pub epoch_ms: Option<u64>,
    /// Takes down the execution, for [`CodeMode::replay`](crate::CodeMode::replay).
    pub journal: Option<Recorder>,
    /// Receives the events of this execution; see [`on_event`](Self::on_event).
    pub listener: Option<Listener>,
    /// What the listener fills, if the events are read as a stream.
    pub(super) events: Option<Arc<EventQueue>>,
}

impl ExecuteOptions {
    /// Identifies the execution in its events.
    #[must_use]
    pub fn tool_call_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.tool_call_id = Some(id.into());
        self
    }

    /// Replaces the limits of the [`CodeMode`](crate::CodeMode).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets the seed of the program's randomness.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the program's clock at its start, in milliseconds since 1970.
    #[must_use]
    pub fn epoch_ms(mut self, epoch_ms: u64) -> Self {
        self.epoch_ms = Some(epoch_ms);
        self
    }

    /// Takes down the execution, for [`CodeMode::replay`](crate::CodeMode::replay). Clones of a recorder share their record:
    /// keep one and give one away.
    #[must_use]
    pub fn journal(mut self, recorder: Recorder) -> Self {
        self.journal = Some(recorder);
        self
    }

    /// Receives the events of this execution, in order, one at a time; see [`Host::event`](crate::Host::event) for the
    /// threads. The program waits meanwhile.
    #[must_use]
    pub fn on_event(mut self, listen: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listen));
        self
    }

    /// Gives the events of this execution as a stream, which ends when the execution has. What is not read is kept, up to
    /// [`Limits::event_bytes`].
    pub fn stream_events(self) -> (Self, EventStream) {
        let (sender, stream, queue) = event_stream();
        let mut options = self.on_event(move |event| sender.send(event));
        options.events = Some(queue);
        (options, stream)
    }
}

impl fmt::Debug for ExecuteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecuteOptions").field("tool_call_id", &self.tool_call_id).finish_non_exhaustive()
    }
}
