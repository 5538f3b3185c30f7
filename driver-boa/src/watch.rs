//! What stops a program: the host's interrupt, the heap limit, the depth of its calls. Boa looks at none of them by
//! itself, so the program's ticks, its jobs and the guarded natives come here.

use std::{
    cell::Cell,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use boa_engine::{
    Context, JsError, JsNativeError, JsResult,
    error::{EngineError, RuntimeLimitError},
};
use codemode_core::engine::{HeapLimits, Stop};

use crate::heap;

/// The state of one engine that its natives share.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) interrupted: Arc<AtomicBool>,
    limits: HeapLimits,
    /// Whether the heap limit was passed. For good: a program does not go on in what is left.
    exhausted: Cell<bool>,
    /// The next look at what is garbage.
    collect_at: Cell<usize>,
    /// Where the thread's stack stood when the engine was entered.
    stack_base: Cell<usize>,
}

impl Watch {
    pub(crate) fn new(limits: &HeapLimits) -> Self {
        Self {
            interrupted: Arc::default(),
            limits: *limits,
            exhausted: Cell::new(false),
            collect_at: Cell::new(limits.heap_bytes / 4),
            stack_base: Cell::new(stack_address()),
        }
    }

    pub(crate) fn enter(&self) {
        self.stack_base.set(stack_address());
    }

    /// What the engine reports if it was stopped.
    pub(crate) fn stop(&self) -> Option<Stop> {
        self.weigh(0);
        if self.exhausted.get() {
            return Some(Stop::OutOfMemory);
        }
        self.interrupted.load(Ordering::Relaxed).then_some(Stop::Interrupted)
    }

    /// Whether the program has ended, without a look at its heap.
    pub(crate) fn is_over(&self) -> bool {
        self.exhausted.get() || self.interrupted.load(Ordering::Relaxed)
    }

    /// At the head of every loop and function of the program.
    pub(crate) fn tick(&self, context: &Context) -> JsResult<()> {
        self.charge(0)?;
        // The count of frames, without a walk over them.
        let frames = context.stack_trace().size_hint().0;
        if frames > self.most_frames() || self.stack_base.get().abs_diff(stack_address()) > MOST_NATIVE_STACK {
            return Err(JsNativeError::range().with_message("Maximum call stack size exceeded").into());
        }
        Ok(())
    }

    /// Before something that will need `bytes` more: an error that the program cannot catch if it must end.
    pub(crate) fn charge(&self, bytes: usize) -> JsResult<()> {
        self.weigh(bytes);
        if self.is_over() { Err(uncatchable()) } else { Ok(()) }
    }

    fn weigh(&self, more: usize) {
        let needed = || heap::used().saturating_add(more);
        if needed() > self.collect_at.get() && !self.exhausted.get() {
            boa_gc::force_collect();
            let alive = heap::used();
            self.collect_at.set((alive + alive / 2).clamp(self.limits.heap_bytes / 4, self.limits.heap_bytes));
            // With less to spare the collector would run again at once, and then for every object.
            let spare = self.limits.heap_bytes.saturating_sub(alive);
            if spare < self.limits.heap_bytes / 8 || more > spare {
                self.exhausted.set(true);
            }
        }
        if heap::refused() {
            self.exhausted.set(true);
        }
    }

    /// Boa counts frames, not bytes. Small ones take about this much of what the limit is meant for.
    fn most_frames(&self) -> usize {
        self.limits.stack_bytes / 256
    }

    /// Boa's own limits lie beyond: what passes them cannot be caught.
    pub(crate) fn set_limits(&self, context: &mut Context) {
        let limits = context.runtime_limits_mut();
        limits.set_recursion_limit(self.most_frames() + 512);
        limits.set_stack_size_limit(self.most_frames() * 64);
    }
}

fn uncatchable() -> JsError {
    EngineError::from(RuntimeLimitError::LoopIteration).into()
}

fn stack_address() -> usize {
    let here = 0_u8;
    (&raw const *black_box(&here)).addr()
}

/// Half of what core's threads have: natives that call back into the program stand on it, and one more must fit.
const MOST_NATIVE_STACK: usize = 4 << 20;
