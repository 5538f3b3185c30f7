//! Runs codemode programs on V8, in this process: the driver for programs that compute.
//!
//! One [`V8`] is one isolate with one context, restored from a start-up snapshot in which the prelude has run. What it
//! guarantees, and what not, is in the README beside this crate.

mod heap;
mod natives;
mod snapshot;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use codemode_core::{
    Threaded,
    engine::{
        Engine, EngineInfo, Fault, HeapEnforcement, HeapLimits, InterruptSupport, Interrupter, PRELUDE_SEAL, Port,
        Script, ScriptError, Stop,
    },
};

use crate::{heap::HeapMeter, natives::Guest};

/// The driver with its defaults: a thread for each execution, no warm pool.
pub fn driver() -> Threaded<V8> {
    Threaded::dedicated(())
}

/// One V8 isolate with one context.
pub struct V8 {
    // Dropped in this order: handles before their isolate, the meter after it.
    bridge: v8::Global<v8::Function>,
    context: v8::Global<v8::Context>,
    isolate: v8::OwnedIsolate,
    heap: Arc<HeapMeter>,
    interrupted: Arc<AtomicBool>,
}

impl Engine for V8 {
    const INFO: EngineInfo = EngineInfo::new("v8", "V8 15.2.124 (v8 152.2.0)")
        .interrupt(InterruptSupport::ProgramCode)
        .heap(HeapEnforcement::BestEffort)
        .isolation("one isolate for each execution, in this process; only as strong as V8's memory safety");

    type Options = ();

    fn start_process(_: &()) -> Result<(), Fault> {
        snapshot::start_process()
    }

    fn create(_: &(), limits: &HeapLimits, port: Port) -> Result<Self, Fault> {
        let heap = HeapMeter::new(limits.heap_bytes);
        let params = heap.limit(snapshot::params()?);
        // SAFETY: the address is in this thread's stack, or below it where the stack is smaller than core makes it; V8
        // only compares with it.
        let params = unsafe { params.set_stack_limit(stack_limit(limits.stack_bytes)) };
        let mut isolate = v8::Isolate::new(params.allow_atomics_wait(false));
        isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
        heap.attach(&mut isolate);
        let interrupted = Arc::new(AtomicBool::new(false));
        isolate.set_slot(Guest { port, heap: heap.clone(), interrupted: interrupted.clone() });
        let (context, bridge) = {
            v8::scope!(let scope, &mut isolate);
            let context = v8::Context::new(scope, Default::default());
            context.set_allow_generation_from_strings(false);
            let scope = &mut v8::ContextScope::new(scope, context);
            let bridge = scope.get_context_data_from_snapshot_once::<v8::Function>(snapshot::BRIDGE)?;
            (v8::Global::new(scope, context), v8::Global::new(scope, bridge))
        };
        let mut engine = Self { bridge, context, isolate, heap, interrupted };
        match engine.deliver(PRELUDE_SEAL) {
            Ok(()) => Ok(engine),
            Err(Stop::OutOfMemory) => Err("the heap limit is too small for V8".into()),
            Err(stop) => Err(format!("the prelude could not be locked: {stop:?}").into()),
        }
    }

    fn interrupter(&self) -> Interrupter {
        let (interrupted, isolate) = (self.interrupted.clone(), self.isolate.thread_safe_handle());
        Interrupter::new(move || {
            interrupted.store(true, Relaxed);
            // False once the isolate is gone, when there is nothing to stop.
            let _ = isolate.terminate_execution();
        })
    }

    fn run(&mut self, program: &Script<'_>) -> Result<(), Stop> {
        self.enter(|scope| {
            let (source, file) = (v8::String::new(scope, program.source)?, v8::String::new(scope, program.name)?);
            let origin = v8::ScriptOrigin::new(scope, file.into(), 0, 0, false, 0, None, false, false, false, None);
            v8::Script::compile(scope, source, Some(&origin))?.run(scope)
        })
    }

    fn deliver(&mut self, text: &str) -> Result<(), Stop> {
        self.enter(|scope| v8::String::new(scope, text).map(v8::Local::into))
    }

    fn heap_peak_bytes(&mut self) -> Option<u64> {
        Some(self.heap.peak(&mut self.isolate) as u64)
    }
}

impl V8 {
    /// Calls the bridge with what `make` gives, runs every job, and says why it stopped if it did.
    fn enter(
        &mut self,
        make: impl for<'s> FnOnce(&mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Value>>,
    ) -> Result<(), Stop> {
        self.stopped()?;
        let thrown = {
            v8::scope!(let scope, &mut self.isolate);
            let context = v8::Local::new(scope, &self.context);
            let scope = &mut v8::ContextScope::new(scope, context);
            v8::tc_scope!(let scope, scope);
            let bridge = v8::Local::new(scope, &self.bridge);
            let undefined = v8::undefined(scope).into();
            let called = make(scope).and_then(|argument| bridge.call(scope, undefined, &[argument]));
            match called {
                Some(_) => {
                    scope.perform_microtask_checkpoint();
                    None
                }
                None if scope.has_terminated() => None,
                None => scope.exception().map(|thrown| script_error(scope, thrown)),
            }
        };
        self.stopped()?;
        thrown.map_or(Ok(()), |error| Err(Stop::Threw(error)))
    }

    fn stopped(&self) -> Result<(), Stop> {
        if self.heap.exhausted() {
            return Err(Stop::OutOfMemory);
        }
        if self.interrupted.load(Relaxed) { Err(Stop::Interrupted) } else { Ok(()) }
    }
}

fn script_error<'s>(scope: &mut v8::PinScope<'s, '_>, thrown: v8::Local<'s, v8::Value>) -> ScriptError {
    let object = thrown.to_object(scope);
    let text = |key: &str| {
        let key = v8::String::new(scope, key)?;
        let value = object?.get(scope, key.into())?;
        (!value.is_undefined()).then(|| value.to_rust_string_lossy(scope))
    };
    let (name, message, stack) = (text("name"), text("message"), text("stack"));
    let message = message.unwrap_or_else(|| thrown.to_rust_string_lossy(scope));
    ScriptError::new(name.unwrap_or_else(|| "Error".into()), message, stack)
}

/// The lowest address that the program's frames may reach.
fn stack_limit(bytes: usize) -> *mut u32 {
    let here = 0_u8;
    (&raw const here).addr().saturating_sub(bytes) as *mut u32
}
