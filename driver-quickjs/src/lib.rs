//! Runs codemode programs on QuickJS (quickjs-ng), in this process: the driver that builds anywhere and starts fast.
//!
//! One [`QuickJs`] is one QuickJS runtime with one context. What it guarantees, and what not, is in the README beside
//! this crate.

mod bytecode;
mod heap;

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use codemode_core::{
    Threaded,
    engine::{
        Engine, EngineInfo, Fault, HeapEnforcement, HeapLimits, InterruptSupport, Interrupter, Port, Script,
        ScriptError, Stop,
    },
};
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Function, Persistent, Runtime, Value,
    context::{EvalOptions, intrinsic},
    qjs,
};

use crate::heap::{Counting, HeapMeter};

/// The driver with its defaults: engines rest without a thread, no warm pool.
pub fn driver() -> Threaded<QuickJs> {
    Threaded::pooled(())
}

/// One QuickJS runtime with one context.
pub struct QuickJs {
    // Dropped in this order: what refers to the runtime goes before it.
    bridge: Persistent<Function<'static>>,
    context: Context,
    runtime: Runtime,
    heap: Arc<HeapMeter>,
    interrupted: Arc<AtomicBool>,
}

// SAFETY: the reference counts inside are shared only among the fields of this struct, so they move together; no clone
// of the runtime or context leaves it, and core calls an engine from one thread at a time. QuickJS itself keeps nothing
// in thread-local storage; the one thing it remembers of a thread, the top of its stack, `enter` renews.
// The native function and the interrupt handler own only `Send` values.
unsafe impl Send for QuickJs {}

/// Bytes in use at which cycles are looked for the first time. A new engine holds a third of it: with the engine's own
/// 256 KiB it would be searched before any program ran.
const FIRST_COLLECTION: usize = 1 << 20;

/// What programs can use. No `Performance` and `DOMException`: the prelude has its own clock, and other engines have
/// no such class. `Eval` is what the host itself evaluates with; the prelude takes it away from programs.
type Intrinsics = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
    intrinsic::WeakRef,
);

impl Engine for QuickJs {
    const INFO: EngineInfo = EngineInfo::new("quickjs", "quickjs-ng 0.16.2 (rquickjs 0.14.0)")
        .interrupt(InterruptSupport::Anywhere)
        .heap(HeapEnforcement::Counted)
        .isolation("one runtime for each execution, in this process; only as strong as QuickJS's memory safety");

    type Options = ();

    fn create(_: &(), limits: &HeapLimits, port: Port) -> Result<Self, Fault> {
        let heap = HeapMeter::new(limits.heap_bytes);
        let runtime = Runtime::new_with_alloc(Counting(heap.clone()))?;
        runtime.set_max_stack_size(limits.stack_bytes);
        runtime.set_gc_threshold(FIRST_COLLECTION.min(limits.heap_bytes / 4));
        let interrupted = Arc::new(AtomicBool::new(false));
        let (stop, meter) = (interrupted.clone(), heap.clone());
        runtime.set_interrupt_handler(Some(Box::new(move || {
            let stopped = stop.load(Ordering::Relaxed) || meter.exhausted();
            if stopped {
                meter.make_room();
            }
            stopped
        })));
        let context = Context::builder().with::<Intrinsics>().build(&runtime)?;
        let (stop, meter) = (interrupted.clone(), heap.clone());
        let bridge = context.with(|ctx| {
            let post = Function::new(ctx.clone(), move |text: rquickjs::String<'_>| {
                // What a program says after it was stopped would come out differently from run to run.
                if stop.load(Ordering::Relaxed) || meter.exhausted() {
                    return Ok(None);
                }
                let text = text.to_cstring()?;
                Ok::<_, rquickjs::Error>(port.post(&lossy(&text)))
            })?;
            let prelude = bytecode::prelude(&ctx)?.into_function().ok_or("the prelude is not a function")?;
            let bridge: Function = prelude.call((post,)).catch(&ctx).map_err(|e| e.to_string())?;
            Ok::<_, Fault>(Persistent::save(&ctx, bridge))
        })?;
        Ok(Self { bridge, context, runtime, heap, interrupted })
    }

    fn interrupter(&self) -> Interrupter {
        let interrupted = self.interrupted.clone();
        Interrupter::new(move || interrupted.store(true, Ordering::Relaxed))
    }

    fn run(&mut self, program: &Script<'_>) -> Result<(), Stop> {
        let mut options = EvalOptions::default();
        options.strict = true;
        options.filename = Some(program.name.to_owned());
        self.enter(|ctx, bridge| {
            let main: Value = ctx.eval_with_options(program.source, options)?;
            bridge.call((main,))
        })
    }

    fn deliver(&mut self, text: &str) -> Result<(), Stop> {
        self.enter(|_, bridge| bridge.call((text,)))
    }

    fn heap_peak_bytes(&mut self) -> Option<u64> {
        Some(self.heap.peak() as u64)
    }
}

impl QuickJs {
    /// Calls into the context, runs every job, and says why it stopped if it did.
    fn enter(
        &mut self,
        call: impl for<'js> FnOnce(&Ctx<'js>, Function<'js>) -> rquickjs::Result<()>,
    ) -> Result<(), Stop> {
        let bridge = self.bridge.clone();
        let result = self.context.with(|ctx| {
            // SAFETY: the context is live inside `with`. The engine may be on another thread than last time, and the
            // stack check measures from here.
            unsafe { qjs::JS_UpdateStackTop(qjs::JS_GetRuntime(ctx.as_raw().as_ptr())) };
            let result = bridge.restore(&ctx).and_then(|bridge| call(&ctx, bridge));
            result.catch(&ctx).map_err(|error| script_error(&error))
        });
        let mut result = result.map_err(Stop::Threw);
        while result.is_ok() && !self.stopped() {
            match self.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let thrown =
                        error.0.with(|ctx| script_error(&CaughtError::from_error(&ctx, rquickjs::Error::Exception)));
                    result = Err(Stop::Threw(thrown));
                }
            }
        }
        if self.heap.exhausted() {
            return Err(Stop::OutOfMemory);
        }
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Stop::Interrupted);
        }
        result
    }

    fn stopped(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.heap.exhausted()
    }
}

/// The bytes of a string of the guest. QuickJS writes half a surrogate pair as three bytes that are not UTF-8.
fn lossy<'a>(text: &'a rquickjs::CString<'_>) -> Cow<'a, str> {
    // SAFETY: a `CString` holds `len` bytes at its pointer for as long as it lives.
    String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(text.as_ptr().cast::<u8>(), text.len()) })
}

fn script_error(error: &CaughtError<'_>) -> ScriptError {
    match error {
        CaughtError::Exception(exception) => ScriptError::new(
            exception.get::<_, String>("name").unwrap_or_else(|_| "Error".into()),
            exception.message().unwrap_or_default(),
            exception.stack(),
        ),
        other => ScriptError::new("Error", other.to_string(), None),
    }
}
