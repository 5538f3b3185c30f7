//! [`ToolHost`]: what an execution sees of its host: the tools, whoever listens, and who explains its failure.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    code_mode::{catalog::Catalog, explain::Explainer},
    driver::{BoxFuture, Host, ProgressSink, clock::fresh_seed},
    tool::ToolContext,
    types::{Call, CallError, Event, Failure, Json, Listener},
};

/// The host of one execution.
pub(crate) struct ToolHost {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) tool_call_id: Arc<str>,
    pub(crate) events: EventSink,
    /// `None` for a program that was rejected: its failure is in the model's terms from the start.
    pub(crate) explainer: Option<Arc<Explainer>>,
}

impl Host for ToolHost {
    fn call(&self, call: Call, progress: ProgressSink) -> BoxFuture<'static, Result<Option<Json>, CallError>> {
        let Some(tool) = self.catalog.tools.get(call.tool).cloned() else {
            let error = CallError::new("ToolError", format!("{} has no tool behind it", call.function));
            return Box::pin(std::future::ready(Err(error)));
        };
        let name = tool.definition.name.clone();
        let context = ToolContext::new(self.tool_call_id.clone(), call.id, name, progress);
        Box::pin(tool.call(call.function, call.input, context, self.catalog.on_warning.clone()))
    }

    fn explain(&self, failure: &mut Failure) {
        if let Some(explainer) = &self.explainer {
            explainer.explain(failure);
        }
    }

    fn event(&self, event: Event) {
        self.events.emit(event);
    }
}

/// The listeners of one execution: that of the [`CodeMode`](crate::CodeMode) and its own.
pub(crate) struct EventSink(pub(crate) [Option<Listener>; 2]);

impl EventSink {
    fn emit(&self, event: Event) {
        let mut listeners = self.0.iter().flatten();
        let (first, second) = (listeners.next(), listeners.next());
        if let (Some(listener), Some(_)) = (first, second) {
            listener(event.clone());
        }
        if let Some(listener) = second.or(first) {
            listener(event);
        }
    }
}

/// An id for an execution whose host gave none: unique in this process and very likely beyond.
pub(crate) fn fresh_id() -> Arc<str> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("exec_{:016x}_{n}", fresh_seed()).into()
}
