//! Runs codemode programs on QuickJS (quickjs-ng) compiled to WebAssembly, under wasmtime: the driver whose engine may
//! have a memory error without the host having one.
//!
//! One [`Wasm`] is one wasm instance, started from a picture of its memory in which QuickJS is up and the prelude is
//! loaded. What it guarantees, and what not, is in the README beside this crate.

mod cache;
mod image;
mod memory;
mod runtime;
mod signal;

use std::sync::Arc;

use codemode_core::{
    Threaded,
    engine::{Engine, EngineInfo, Fault, HeapLimits, Hold, Interrupter, Port, Reach, Script, ScriptError, Stop},
};
use wasmtime::{Instance, Memory, Result, Store, Trap, TypedFunc, bail};

pub use crate::cache::Cache;
use crate::{
    memory::{bytes_mut, text_in_table},
    runtime::{Runtime, Sandbox},
    signal::Signal,
};

/// The driver with its defaults: engines rest without a thread, no warm pool.
pub fn driver() -> Threaded<Wasm> {
    Threaded::parking(Options::default())
}

/// What a host can set for this engine. Drivers with equal options share one pool of memories for as long as the
/// process lives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Sandboxes for which memory is kept ready. Each reserves 4 GiB of addresses, and of real memory at most 1 MiB
    /// while it is not in use. More sandboxes than these live outside of the pool, and start some ten times slower.
    /// Default 1,000.
    pub slots: u32,
    /// Where the compiled guest is kept from one process to the next. Default [`Cache::User`].
    pub cache: Cache,
}

impl Default for Options {
    fn default() -> Self {
        Self { slots: 1_000, cache: Cache::User }
    }
}

impl Options {
    /// Sets [`slots`](Self::slots).
    #[must_use]
    pub fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// Sets [`cache`](Self::cache).
    #[must_use]
    pub fn cache(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }
}

/// One wasm instance with QuickJS in it.
pub struct Wasm {
    store: Store<Sandbox>,
    guest: Guest,
    signal: Arc<Signal>,
    stack_bytes: usize,
}

/// The guest's side, `guest/guest.c`.
struct Guest {
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    run: TypedFunc<(u32, u32, u32, u32), i32>,
    deliver: TypedFunc<(u32, u32), i32>,
    thrown: TypedFunc<(), u32>,
}

impl Engine for Wasm {
    const INFO: EngineInfo = EngineInfo {
        name: "wasm",
        version: "quickjs-ng 0.16.2 in WebAssembly (wasmtime 48)",
        interrupt: Reach::Anywhere,
        heap: Hold::Structural,
        isolation: "one WebAssembly instance for each execution, in this process; as strong as wasmtime's sandbox",
    };

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
            Err(error) if error.downcast_ref() == Some(&Trap::StackOverflow) => Err(Stop::StackOverflow),
            Err(error) => Err(Stop::Fault(error.context("the guest failed").into())),
        }
    }

    /// What the guest says was thrown.
    fn thrown(&mut self) -> Result<ScriptError> {
        let at = self.guest.thrown.call(&mut self.store, ())?;
        let memory = self.guest.memory.data(&self.store);
        let text = |index| text_in_table(memory, at, index);
        let name = text(0)?.unwrap_or_else(|| "Error".into());
        Ok(ScriptError { name, message: text(1)?.unwrap_or_default(), stack: text(2)? })
    }
}

impl Guest {
    fn of(store: &mut Store<Sandbox>, instance: &Instance) -> Result<Self> {
        let Some(memory) = instance.get_memory(&mut *store, "memory") else { bail!("the guest has no memory") };
        store.data_mut().memory = Some(memory);
        Ok(Self {
            memory,
            alloc: instance.get_typed_func(&mut *store, "alloc")?,
            run: instance.get_typed_func(&mut *store, "run")?,
            deliver: instance.get_typed_func(&mut *store, "deliver")?,
            thrown: instance.get_typed_func(&mut *store, "thrown")?,
        })
    }

    /// Copies a text into the guest's memory, with a NUL at its end, and returns where it is and how long without that.
    fn text(&self, store: &mut Store<Sandbox>, text: &str) -> Result<(u32, u32)> {
        let Some(size) = u32::try_from(text.len()).ok().and_then(|len| len.checked_add(1)) else {
            store.data_mut().exhausted = true;
            bail!("a text of {} bytes does not fit", text.len());
        };
        let at = self.alloc.call(&mut *store, size)?;
        let room = bytes_mut(self.memory.data_mut(&mut *store), at, size)?;
        room[..text.len()].copy_from_slice(text.as_bytes());
        room[text.len()] = 0;
        Ok((at, size - 1))
    }
}
