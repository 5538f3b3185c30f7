//! The guest as it starts: booted, with the prelude loaded, as machine code and a picture of its memory.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    pin::pin,
    task::{Context, Poll, Waker},
};

use codemode_core::engine::{Fault, PRELUDE, PRELUDE_FILE};
use wasmtime::{Config, Engine, Instance, Linker, Module, OptLevel, Result, Store, Val, bail};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use crate::{cache::Cache, memory::text_in_table};

/// What `build.rs` made of `guest/guest.c`.
const GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.wasm"));

/// The guest's own stack, at the bottom of its memory. `build.rs` links with the same number.
pub(crate) const STACK_BYTES: usize = 1280 << 10;
/// What of it no program gets: for native functions that do not look how much is left.
const STACK_MARGIN: usize = 256 << 10;

/// The address to which the guest's stack may grow for a program that has `stack_bytes`. A frame is half as large there
/// as on a native stack, measured over 30 kinds of recursion; what is not in memory is on the host's stack. So half the
/// bytes are the same depth as on QuickJS without wasm.
pub(crate) fn stack_end(stack_bytes: usize) -> u32 {
    STACK_BYTES.saturating_sub(stack_bytes / 2).max(STACK_MARGIN) as u32
}

/// The guest, from the cache or made now, which takes about a second.
pub(crate) fn load(engine: &Engine, cache: &Cache) -> Result<Module, Fault> {
    let file = cache.file(&key(engine));
    if let Some(module) = file.as_ref().and_then(|file| file.load(engine)) {
        return Ok(module);
    }
    let compiled = engine.precompile_module(&booted()?)?;
    if let Some(file) = file {
        // A cache that cannot be written costs time, nothing else.
        let _ = file.store(&compiled);
    }
    // SAFETY: these bytes were written by `precompile_module` just now.
    Ok(unsafe { Module::deserialize(engine, compiled) }?)
}

/// A name for what the machine code depends on: guest, prelude, and what wasmtime knows of itself and this processor.
fn key(engine: &Engine) -> String {
    let mut hasher = DefaultHasher::new();
    (GUEST, PRELUDE_FILE, PRELUDE).hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The module of a guest that has booted: its memory is part of the module.
fn booted() -> Result<Vec<u8>> {
    let mut wizer = Wizer::new();
    wizer.init_func("boot");
    let (context, instrumented) = wizer.instrument(GUEST)?;
    let mut config = Config::new();
    // It runs once, for a few milliseconds.
    config.cranelift_opt_level(OptLevel::None).wasm_backtrace_max_frames(None);
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, &instrumented)?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module)?;
    let instance = linker.instantiate(&mut store, &module)?;
    boot(&mut store, instance)?;
    // Nothing in it waits: it is async for other states than this one.
    let mut picture = Booted { store, instance };
    let taken = pin!(wizer.snapshot(&context, &mut picture));
    match taken.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(module) => module,
        Poll::Pending => bail!("the picture of the guest is not ready"),
    }
}

fn boot(store: &mut Store<()>, instance: Instance) -> Result<()> {
    let Some(memory) = instance.get_memory(&mut *store, "memory") else { bail!("the guest has no memory") };
    let alloc = instance.get_typed_func::<u32, u32>(&mut *store, "alloc")?;
    let boot = instance.get_typed_func::<(u32, u32, u32), i32>(&mut *store, "boot")?;
    let mut text = |text: &str| {
        let at = alloc.call(&mut *store, text.len() as u32 + 1)?;
        memory.write(&mut *store, at as usize, format!("{text}\0").as_bytes())?;
        Ok::<_, wasmtime::Error>(at)
    };
    let (name, prelude) = (text(PRELUDE_FILE)?, text(PRELUDE)?);
    if boot.call(&mut *store, (name, prelude, PRELUDE.len() as u32))? == 0 {
        return Ok(());
    }
    let thrown = instance.get_typed_func::<(), u32>(&mut *store, "thrown")?.call(&mut *store, ())?;
    let message = text_in_table(memory.data(&*store), thrown, 1)?.unwrap_or_default();
    bail!("the prelude failed: {message}")
}

struct Booted {
    store: Store<()>,
    instance: Instance,
}

impl InstanceState for Booted {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name);
        match global.map(|global| global.get(&mut self.store)) {
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(value)) => SnapshotVal::F32(value),
            Some(Val::F64(value)) => SnapshotVal::F64(value),
            other => unreachable!("the guest's globals are numbers, {name} is {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self.instance.get_memory(&mut self.store, name);
        contents(memory.map(|memory| memory.data(&self.store)).unwrap_or_default());
    }
}
