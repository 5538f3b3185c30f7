//! [`Budget`]: what stops a program, which is the host's interrupt, the heap limit or the depth of its calls. Boa checks
//! none of them by itself, so the program's ticks, its jobs and the guarded natives ask here.

use std::{
    cell::Cell,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use boa_engine::{
    Context, JsError, JsNativeError, JsResult,
    error::{EngineError, RuntimeLimitError},
};
use codemode_core::engine::{HeapLimits, Stop};

use crate::heap;

/// The state of one engine that its natives share.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) interrupted: Arc<AtomicBool>,
    limits: HeapLimits,
    /// Whether the heap limit was passed. It is never reset: a program does not go on in what is left.
    exhausted: Cell<bool>,
    /// Bytes in use at which garbage is collected next.
    collect_at: Cell<usize>,
    /// Where the thread's stack stood when the engine was entered.
    stack_base: Cell<usize>,
}

impl Budget {
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
        self.account(0);
        if self.exhausted.get() {
            return Some(Stop::OutOfMemory);
        }
        self.interrupted.load(Ordering::Relaxed).then_some(Stop::Interrupted)
    }

    /// Whether the program was stopped, without a look at its heap.
    pub(crate) fn is_stopped(&self) -> bool {
        self.exhausted.get() || self.interrupted.load(Ordering::Relaxed)
    }

    /// At the head of every loop and function of the program.
    pub(crate) fn tick(&self, context: &Context) -> JsResult<()> {
        self.reserve(0)?;
        // The count of frames, without a walk over them.
        if context.stack_trace().size_hint().0 > self.max_frames() { Err(too_deep()) } else { Ok(()) }
    }

    /// Before something that will need `bytes` more: an error that the program cannot catch if it must end.
    pub(crate) fn reserve(&self, bytes: usize) -> JsResult<()> {
        self.account(bytes);
        if self.is_stopped() {
            // Of the errors that a program cannot catch, the one that says least of what it is not.
            return Err(EngineError::from(RuntimeLimitError::LoopIteration).into());
        }
        if self.stack_base.get().abs_diff(stack_address()) > MAX_NATIVE_STACK { Err(too_deep()) } else { Ok(()) }
    }

    /// For what would not come back: does nothing until the host stops the program.
    pub(crate) fn wait_for_stop(&self) -> JsResult<()> {
        while !self.is_stopped() {
            thread::sleep(Duration::from_millis(2));
        }
        self.reserve(0)
    }

    fn account(&self, more: usize) {
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
    fn max_frames(&self) -> usize {
        self.limits.stack_bytes / 256
    }

    /// Boa's own limits lie beyond, since what passes them cannot be caught. A native that calls back counts twice there.
    pub(crate) fn set_limits(&self, context: &mut Context) {
        let limits = context.runtime_limits_mut();
        limits.set_recursion_limit(self.max_frames() * 4);
        limits.set_stack_size_limit(self.max_frames() * 64);
    }
}

pub(crate) fn too_deep() -> JsError {
    JsNativeError::range().with_message(TOO_DEEP).into()
}

/// What core takes for a stack overflow.
pub(crate) const TOO_DEEP: &str = "Maximum call stack size exceeded";

fn stack_address() -> usize {
    let here = 0_u8;
    (&raw const *black_box(&here)).addr()
}

/// For natives that call back into the program. What recurses without a tick is bounded by the heap and stands on the
/// rest of the thread's stack: [`Boa::THREAD_STACK_BYTES`](crate::Boa).
const MAX_NATIVE_STACK: usize = 8 << 20;
