//! Runs codemode programs on QuickJS (quickjs-ng) compiled to WebAssembly, under wasmtime: the driver whose engine may
//! have a memory error without the host having one.
//!
//! One [`Wasm`] is one wasm instance, started from a picture of its memory in which QuickJS is up and the prelude is
//! loaded. What it guarantees, and what not, is in the README beside this crate.

mod cache;
mod guest;
mod image;
mod memory;
mod options;
mod runtime;
mod sandbox;
mod signal;

use std::sync::Arc;

use codemode_core::{
    Threaded,
    engine::{
        Engine, EngineInfo, Fault, HeapEnforcement, HeapLimits, InterruptSupport, Interrupter, Port, Script,
        ScriptError, Stop,
    },
};
use wasmtime::{Result, Store, Trap};

pub use crate::{cache::Cache, options::Options};
use crate::{guest::Guest, memory::text_in_table, runtime::Runtime, sandbox::Sandbox, signal::Signal};

/// The driver with its defaults: engines rest without a thread, no warm pool.
pub fn driver() -> Threaded<Wasm> {
    Threaded::pooled(Options::default())
}

/// One wasm instance with QuickJS in it.
pub struct Wasm {
    store: Store<Sandbox>,
    guest: Guest,
    signal: Arc<Signal>,
    stack_bytes: usize,
}

impl Engine for Wasm {
    const INFO: EngineInfo = EngineInfo::new("wasm", "quickjs-ng 0.16.2 in WebAssembly (wasmtime 48)")
        .interrupt(InterruptSupport::Anywhere)
        .heap(HeapEnforcement::Structural)
        .isolation("one WebAssembly instance for each execution, in this process; as strong as wasmtime's sandbox");

    type Options = Options;

    /// Loads the guest, or makes it: compiled, booted, its memory pictured.
    fn start_process(options: &Options) -> Result<(), Fault> {
        Runtime::of(options).map(drop)
    }

    fn create(options: &Options, limits: &HeapLimits, port: Port) -> Result<Self, Fault> {
        let (store, guest) = Runtime::of(options)?.instance(limits.heap_bytes, port)?;
        let signal = store.data().signal.clone();
        Ok(Self { store, guest, signal, stack_bytes: limits.stack_bytes })
    }

    fn interrupter(&self) -> Interrupter {
        let (signal, engine) = (self.signal.clone(), self.store.engine().clone());
        Interrupter::new(move || signal.interrupt(&engine))
    }

    fn run(&mut self, program: &Script<'_>) -> Result<(), Stop> {
        let stack_end = image::stack_end(self.stack_bytes);
        self.enter(|store, guest| {
            let (name, _) = guest.text(store, program.name)?;
            let (source, len) = guest.text(store, program.source)?;
            guest.run.call(store, (name, source, len, stack_end))
        })
    }

    fn deliver(&mut self, text: &str) -> Result<(), Stop> {
        self.enter(|store, guest| {
            let text = guest.text(store, text)?;
            guest.deliver.call(store, text)
        })
    }

    fn heap_peak_bytes(&mut self) -> Option<u64> {
        // The memory of a wasm instance never gets smaller.
        let size = self.guest.memory.data_size(&self.store);
        Some(size.saturating_sub(self.store.data().heap_base) as u64)
    }
}

impl Wasm {
    /// Calls into the guest, and says why it stopped if it did.
    fn enter(&mut self, call: impl FnOnce(&mut Store<Sandbox>, &Guest) -> Result<i32>) -> Result<(), Stop> {
        // Before the flag is read: an interrupt that comes after this is seen by the guest.
        self.store.set_epoch_deadline(1);
        let _running = self.signal.running();
        if self.signal.interrupted() {
            return Err(Stop::Interrupted);
        }
        let result = call(&mut self.store, &self.guest);
        if self.store.data().exhausted {
            return Err(Stop::OutOfMemory);
        }
        if self.signal.interrupted() {
            return Err(Stop::Interrupted);
        }
        match result {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.thrown().map_or_else(|error| Stop::Fault(error.into()), Stop::Threw)),
            // The host's stack, or the guest's own: natives of QuickJS that call each other without a look at how much is left.
            Err(error) if error.downcast_ref() == Some(&Trap::StackOverflow) => Err(Stop::StackOverflow),
            Err(error)
                if error.downcast_ref() == Some(&Trap::MemoryOutOfBounds)
                    && self.guest.stack_is_used_up(&mut self.store) =>
            {
                Err(Stop::StackOverflow)
            }
            Err(error) => Err(Stop::Fault(error.context("the guest failed").into())),
        }
    }

    /// What the guest says was thrown.
    fn thrown(&mut self) -> Result<ScriptError> {
        let at = self.guest.thrown.call(&mut self.store, ())?;
        let memory = self.guest.memory.data(&self.store);
        let text = |index| text_in_table(memory, at, index);
        let name = text(0)?.unwrap_or_else(|| "Error".into());
        Ok(ScriptError::new(name, text(1)?.unwrap_or_default(), text(2)?))
    }
}
