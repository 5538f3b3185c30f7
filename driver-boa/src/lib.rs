//! Runs codemode programs on Boa, in this process: the driver without a line of C.
//!
//! Boa has no interrupt and no heap limit. Both are made here: programs tick (core puts the calls in), natives that
//! could run away are guarded, and the host's global allocator counts. What that holds, and what not, is in the README
//! beside this crate.

mod budget;
mod guards;
mod heap;
mod jobs;
mod json;
mod keys;
mod links;
mod natives;
mod regex;
mod revive;
mod sort;
mod stringify;
mod symbols;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    rc::Rc,
    sync::atomic::Ordering,
    thread,
};

use boa_engine::{
    Context, JsError, JsNativeError, JsResult, JsString, JsValue, NativeFunction, Source,
    context::{ContextBuilder, HostHooks},
    error::EngineError,
    module::IdleModuleLoader,
    object::builtins::JsFunction,
    realm::Realm,
};
use codemode_core::{
    Limits, Threaded,
    engine::{
        Engine, EngineInfo, Fault, HeapEnforcement, HeapLimits, InterruptSupport, Interrupter, PRELUDE, PRELUDE_FILE,
        Port, Script, ScriptError, Stop,
    },
};

pub use crate::heap::GuestHeap;
use crate::{
    budget::{Budget, TOO_DEEP},
    jobs::Jobs,
};

/// The driver with its defaults: a thread for each engine, and two engines kept warm, since Boa is slow to start.
pub fn driver() -> Threaded<Boa> {
    Threaded::dedicated(()).warm(2, Limits::default().heap())
}

/// One Boa context, on one thread.
pub struct Boa {
    // Dropped in this order: what is garbage then goes with the last field.
    bridge: JsFunction,
    context: Context,
    budget: Rc<Budget>,
    _garbage: Garbage,
}

impl Engine for Boa {
    const INFO: EngineInfo = EngineInfo::new("boa", "boa 0.22.0")
        .interrupt(InterruptSupport::Ticks)
        .heap(HeapEnforcement::BestEffort)
        .isolation("one context for each execution, in this process; safe Rust nearly throughout, no C");

    /// Boa follows chains of prototypes, nested arrays and the like by recursion without a limit; one link costs it less
    /// than ten times the link's own memory, and the default heap holds 128 MiB of them.
    const THREAD_STACK_BYTES: usize = 1 << 30;

    type Options = ();

    /// Core asks again and again for a thread that the system does not give; this says so at once.
    fn start_process((): &()) -> Result<(), Fault> {
        let probe = thread::Builder::new().stack_size(Self::THREAD_STACK_BYTES).spawn(|| {});
        match probe.map(thread::JoinHandle::join) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!(
                "a program on Boa needs a thread with {} MiB of stack, virtual memory nearly all, and the system does not \
                 give it ({error}): raise the limit of the process's address space (`ulimit -v`), or use another driver",
                Self::THREAD_STACK_BYTES >> 20
            )
            .into()),
        }
    }

    fn create(_: &(), limits: &HeapLimits, port: Port) -> Result<Self, Fault> {
        heap::begin(limits.heap_bytes);
        heap::counted(true, || Self::load(limits, port).map_err(|error| error.to_string().into()))
    }

    fn interrupter(&self) -> Interrupter {
        let interrupted = self.budget.interrupted.clone();
        Interrupter::new(move || interrupted.store(true, Ordering::Relaxed))
    }

    fn run(&mut self, program: &Script<'_>) -> Result<(), Stop> {
        self.enter(|context| context.eval(Source::from_bytes(program.source).with_path(Path::new(program.name))))
    }

    fn deliver(&mut self, text: &str) -> Result<(), Stop> {
        let budget = self.budget.clone();
        self.enter(|_| {
            // Two bytes for each, if there is but one beyond Latin-1.
            budget.reserve(text.len())?;
            Ok(JsString::from(text).into())
        })
    }

    fn heap_peak_bytes(&mut self) -> Option<u64> {
        heap::is_counted().then(|| heap::peak() as u64)
    }
}

impl Boa {
    fn load(limits: &HeapLimits, port: Port) -> JsResult<Self> {
        let budget = Rc::new(Budget::new(limits));
        let hooks = Hooks { max_buffer_bytes: if heap::is_counted() { u64::MAX } else { limits.heap_bytes as u64 } };
        let mut context = ContextBuilder::new()
            .job_executor(Rc::new(Jobs::new(budget.clone())))
            .host_hooks(Rc::new(hooks))
            // The default one reads the host's files.
            .module_loader(Rc::new(IdleModuleLoader))
            .build()?;
        budget.set_limits(&mut context);
        // What Boa makes on first use, under a lock, is made before the heap can be full.
        context.eval(Source::from_bytes("BigInt.asUintN(64, 1n) + BigInt.asIntN(64, 1n)"))?;
        let special = guards::specials(&mut context)?;
        natives::guard_all(&special, &budget, &mut context)?;
        let prelude = context.eval(Source::from_bytes(PRELUDE).with_path(Path::new(PRELUDE_FILE)))?;
        let natives = [post(&budget, port, &context), tick(&budget, &context), reserve(&budget, &context)];
        let bridge = callable(&prelude)?.call(&JsValue::undefined(), &natives, &mut context)?;
        Ok(Self { bridge: callable(&bridge)?, context, budget, _garbage: Garbage })
    }

    /// Calls the bridge, runs every job, and says why it stopped if it did.
    fn enter(&mut self, message: impl FnOnce(&mut Context) -> JsResult<JsValue>) -> Result<(), Stop> {
        let Self { bridge, context, budget, .. } = self;
        heap::counted(true, || {
            budget.enter();
            let result = catch_unwind(AssertUnwindSafe(|| {
                message(context)
                    .and_then(|message| bridge.call(&JsValue::undefined(), &[message], context))
                    .and_then(|_| context.run_jobs())
            }));
            // The job that was stopped may have kept its error to itself.
            match (budget.stop(), result) {
                (Some(stop), _) => Err(stop),
                (None, Ok(Ok(()))) => Ok(()),
                (None, Ok(Err(error))) => Err(Stop::Threw(script_error(&error))),
                // Core never calls an engine again that stopped.
                (None, Err(_)) => Err(Stop::Threw(defect())),
            }
        })
    }
}

fn post(budget: &Rc<Budget>, port: Port, context: &Context) -> JsValue {
    let budget = budget.clone();
    // SAFETY: the closure captures nothing that the collector must trace.
    let post = unsafe {
        NativeFunction::from_closure(move |_, args, _| {
            // What a program says after it was stopped would come out differently from run to run.
            let Some(text) = args.first().and_then(JsValue::as_string).filter(|_| !budget.is_stopped()) else {
                return Ok(JsValue::undefined());
            };
            let text = text.to_std_string_lossy();
            let answer = heap::counted(false, || port.post(&text));
            let guests = answer.as_deref().map(JsString::from);
            heap::counted(false, || drop(answer));
            Ok(guests.map_or(JsValue::undefined(), JsValue::from))
        })
    };
    post.to_js_function(context.realm()).into()
}

fn tick(budget: &Rc<Budget>, context: &Context) -> JsValue {
    let budget = budget.clone();
    // SAFETY: the closure captures nothing that the collector must trace.
    let tick = unsafe {
        NativeFunction::from_closure(move |_, _, context| budget.tick(context).map(|()| JsValue::undefined()))
    };
    tick.to_js_function(context.realm()).into()
}

fn reserve(budget: &Rc<Budget>, context: &Context) -> JsValue {
    let budget = budget.clone();
    // SAFETY: the closure captures nothing that the collector must trace.
    let reserve = unsafe {
        NativeFunction::from_closure(move |_, args, _| {
            // Saturates; NaN becomes 0.
            let bytes = args.first().and_then(JsValue::as_number).map_or(0, |bytes| bytes as usize);
            budget.reserve(bytes).map(|()| JsValue::undefined())
        })
    };
    reserve.to_js_function(context.realm()).into()
}

fn callable(value: &JsValue) -> JsResult<JsFunction> {
    value
        .as_function()
        .ok_or_else(|| JsNativeError::typ().with_message("the prelude is not what the engine expects").into())
}

fn script_error(error: &JsError) -> ScriptError {
    if let Some(EngineError::RuntimeLimit(_)) = error.as_engine() {
        return ScriptError::new("RangeError", TOO_DEEP, None);
    }
    // What a program throws, the bridge reports. To write it here Boa would go down through all that is in it.
    match error.as_native() {
        Some(native) => ScriptError::new(native.kind().to_string(), native.message().to_string(), None),
        None => ScriptError::new("Error", "the program threw what is not an error of the engine", None),
    }
}

/// Boa panics on a few ordinary programs; they are the program's failures then, not the host's.
fn defect() -> ScriptError {
    let message = "the JavaScript engine has a defect that this program meets: write it in another way";
    ScriptError::new("InternalError", message, None)
}

struct Hooks {
    max_buffer_bytes: u64,
}

impl HostHooks for Hooks {
    fn ensure_can_compile_strings(
        &self,
        _: Realm,
        _: &[JsString],
        _: &JsString,
        _: bool,
        _: &mut Context,
    ) -> JsResult<()> {
        Err(JsNativeError::eval().with_message("code from strings is disabled in this sandbox").into())
    }

    fn max_buffer_size(&self, _: &mut Context) -> u64 {
        self.max_buffer_bytes
    }
}

/// Boa's heap belongs to the thread, which goes on to the next engine.
struct Garbage;

impl Drop for Garbage {
    fn drop(&mut self) {
        boa_gc::force_collect();
    }
}
