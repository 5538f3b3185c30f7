//! Runs codemode programs on QuickJS (quickjs-ng), in this process: the driver that builds anywhere and starts fast.
//!
//! One [`QuickJs`] is one QuickJS runtime with one context. What it guarantees, and what not, is in the README beside
//! this crate.

mod bytecode;
mod heap;
mod stacks;

use std::{borrow::Cow, rc::Rc, sync::Arc};

use codemode_core::{
    Threaded,
    engine::{
        Engine, EngineInfo, Fault, HeapEnforcement, HeapLimits, InterruptSupport, Interrupter, Port, Script,
        ScriptError, Stop,
    },
};
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Exception, Function, Persistent, Runtime, Undefined, Value,
    context::{EvalOptions, intrinsic},
    qjs,
};

use crate::{
    heap::{Counting, HeapMeter},
    stacks::Stacks,
};

/// The driver with its defaults: engines rest without a thread, no warm pool.
pub fn driver() -> Threaded<QuickJs> {
    Threaded::pooled(())
}

/// One QuickJS runtime with one context.
pub struct QuickJs {
    // Dropped in this order: what refers to the runtime goes before it.
    bridge: Persistent<Function<'static>>,
    _stacks: stacks::Setter,
    context: Context,
    runtime: Runtime,
    heap: Arc<HeapMeter>,
}

// SAFETY: the reference counts inside are shared only among the fields of this struct, so they move together; no clone
// of the runtime or context leaves it, and core calls an engine from one thread at a time. QuickJS itself keeps nothing
// in thread-local storage; the one thing it remembers of a thread, the top of its stack, `enter` renews.
// The native functions own only `Send` values; what the interrupt handler points to moves along.
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
        let context = Context::builder().with::<Intrinsics>().build(&runtime)?;
        // SAFETY: the context is live inside `with`.
        context.with(|ctx| heap.serves(unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) }));
        let (setter, stacks) = context.with(|ctx| {
            let setter = stacks::setter(&ctx)?;
            let stacks = Rc::new(Stacks::new(&ctx, &setter, limits.stack_bytes)?);
            Ok::<_, rquickjs::Error>((setter, stacks))
        })?;
        let meter = heap.clone();
        let stops = move || {
            let stopped = meter.stopped();
            if stopped {
                stacks.switch_off();
                meter.make_room();
            }
            stopped
        };
        runtime.set_interrupt_handler(Some(Box::new(stops.clone())));
        let reserved = heap.clone();
        let bridge = context.with(|ctx| {
            let post = Function::new(ctx.clone(), move |ctx: Ctx<'_>, text: rquickjs::String<'_>| {
                // What a program says after it was stopped would come out differently from run to run. A loop of calls with
                // large inputs looks at the interrupt too rarely, so it ends here.
                if stops() {
                    return Err(uncatchable(&ctx));
                }
                let text = text.to_cstring()?;
                Ok::<_, rquickjs::Error>(port.post(&lossy(&text)))
            })?;
            let reserve = Function::new(ctx.clone(), move |ctx: Ctx<'_>, bytes: f64| {
                // Saturates.
                if reserved.may_hold(bytes as usize) {
                    Ok(())
                } else {
                    Err(Exception::throw_range(&ctx, "out of memory"))
                }
            })?;
            let prelude = bytecode::prelude(&ctx)?.into_function().ok_or("the prelude is not a function")?;
            let bridge: Function = prelude.call((post, Undefined, reserve)).catch(&ctx).map_err(|e| e.to_string())?;
            Ok::<_, Fault>(Persistent::save(&ctx, bridge))
        })?;
        Ok(Self { bridge, _stacks: setter, context, runtime, heap })
    }

    fn interrupter(&self) -> Interrupter {
        let heap = self.heap.clone();
        Interrupter::new(move || heap.interrupt())
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
        while result.is_ok() && !self.heap.stopped() {
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
        if self.heap.interrupted() {
            return Err(Stop::Interrupted);
        }
        result
    }
}

/// Throws what no program catches.
fn uncatchable(ctx: &Ctx<'_>) -> rquickjs::Error {
    match Exception::from_message(ctx.clone(), "stopped") {
        Ok(error) => {
            let error = error.into_value();
            // SAFETY: both are live, and the function only marks the error.
            unsafe { qjs::JS_SetUncatchableError(ctx.as_raw().as_ptr(), error.as_raw()) };
            ctx.throw(error)
        }
        Err(error) => error,
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
