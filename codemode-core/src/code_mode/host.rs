//! The tools of a [`CodeMode`](crate::CodeMode), and what an execution sees of its host: those tools, and whoever listens.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    code_mode::{catalog::Catalog, explain::Finish},
    driver::{
        BoxFuture, Host,
        clock::{fresh_seed, real_time_ms},
    },
    tool::ToolContext,
    types::{Call, CallError, Error, ErrorKind, Event, EventKind, Failure, Json, Listener, Outcome, Progress},
};

/// The host of one execution.
pub(crate) struct CatalogHost {
    catalog: Arc<Catalog>,
    audience: Arc<Audience>,
    finish: Finish,
}

impl CatalogHost {
    pub(crate) fn new(catalog: Arc<Catalog>, audience: Arc<Audience>, finish: Finish) -> Self {
        Self { catalog, audience, finish }
    }
}

impl Host for CatalogHost {
    fn call(&self, call: Call) -> BoxFuture<'static, Result<Option<Json>, CallError>> {
        let Some(tool) = self.catalog.tools.get(call.tool).cloned() else {
            let error = CallError::new("ToolError", format!("{} has no tool behind it", call.function));
            return Box::pin(std::future::ready(Err(error)));
        };
        let name = tool.definition.name.clone();
        let open = Open::default();
        let on_progress = self.audience.progress_of(&call, name.clone(), &open);
        let context = ToolContext::new(self.audience.tool_call_id.clone(), call.id, name, on_progress);
        let answer = tool.call(call.function, call.input, context, self.catalog.on_warning.clone());
        Box::pin(async move {
            let _open = open;
            answer.await
        })
    }

    fn event(&self, mut event: Event) {
        if self.audience.is_empty() {
            return;
        }
        match &mut event.kind {
            EventKind::Started { .. } => {
                // The first event of an execution; nobody set it before.
                let _ = self.audience.started.set((event.timestamp_ms, Instant::now()));
            }
            EventKind::Finished { error: Some(failure), .. } => {
                let _cause = self.finish.word(failure);
            }
            _ => {}
        }
        self.audience.tell(event);
    }
}

/// Whoever listens to one execution.
pub(crate) struct Audience {
    tool_call_id: Arc<str>,
    sinks: [Option<Listener>; 2],
    /// What the execution's clock showed when it began.
    started: OnceLock<(u64, Instant)>,
}

impl Audience {
    pub(crate) fn new(tool_call_id: Option<Arc<str>>, sinks: [Option<Listener>; 2]) -> Self {
        Self { tool_call_id: tool_call_id.unwrap_or_else(fresh_id), sinks, started: OnceLock::new() }
    }

    pub(crate) fn tool_call_id(&self) -> &Arc<str> {
        &self.tool_call_id
    }

    /// A program that never ran begins and ends in its events all the same.
    pub(crate) fn hear_refusal(&self, code_length: usize, failure: Failure) -> Result<Outcome, Error> {
        let timestamp_ms = real_time_ms();
        let error = Some(Box::new(failure.clone()));
        let finished = EventKind::Finished { success: false, error, duration: Duration::ZERO };
        for kind in [EventKind::Started { code_length }, finished] {
            let event = Event { tool_call_id: self.tool_call_id.clone(), timestamp_ms, kind };
            catch_unwind(AssertUnwindSafe(|| self.tell(event)))
                .map_err(|_| Error::new(ErrorKind::HostPanicked, "the host's event callback panicked"))?;
        }
        Ok(Outcome::new(Err(failure)))
    }

    fn is_empty(&self) -> bool {
        self.sinks.iter().all(Option::is_none)
    }

    fn tell(&self, event: Event) {
        let mut sinks = self.sinks.iter().flatten();
        let (first, second) = (sinks.next(), sinks.next());
        if let (Some(sink), Some(_)) = (first, second) {
            sink(event.clone());
        }
        if let Some(sink) = second.or(first) {
            sink(event);
        }
    }

    /// Where the progress of `call` goes, as long as it is open.
    fn progress_of(self: &Arc<Self>, call: &Call, tool: Arc<str>, open: &Open) -> Arc<dyn Fn(Progress) + Send + Sync> {
        let (call_id, function, open, audience) = (call.id, call.function.clone(), open.0.clone(), self.clone());
        Arc::new(move |progress| {
            if !open.load(Ordering::SeqCst) {
                return;
            }
            let timestamp_ms = audience.started.get().map_or_else(real_time_ms, |(at, since)| {
                at.saturating_add(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
            });
            let kind = EventKind::Progress { call_id, function: function.clone(), tool: tool.clone(), progress };
            audience.tell(Event { tool_call_id: audience.tool_call_id.clone(), timestamp_ms, kind });
        })
    }
}

/// A call that has not ended. Its clones of the flag see when it has.
struct Open(Arc<AtomicBool>);

impl Default for Open {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// An id for an execution whose host gave none: unique in this process and very likely beyond.
pub(crate) fn fresh_id() -> Arc<str> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("exec_{:016x}_{n}", fresh_seed()).into()
}
