//! Makes instances of the guest: from a pool of memories that are kept ready, and beyond it one by one.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use codemode_core::engine::{Fault, Port};
use wasmtime::{
    Caller, Config, Enabled, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module,
    PoolConcurrencyLimitError, PoolingAllocationConfig, Result, Store, Trap, UpdateDeadline, Val, bail,
};

use crate::{
    guest::Guest,
    image,
    memory::{bytes, bytes_mut},
    options::Options,
    sandbox::Sandbox,
};

/// What all instances with the same options share.
pub(crate) struct Runtime {
    first: Maker,
    /// Where instances are made when the pool is full.
    overflow: OnceLock<std::result::Result<Maker, String>>,
    heap_base: usize,
}

impl Runtime {
    /// The runtime for these options, made on first use and kept.
    pub(crate) fn of(options: &Options) -> Result<Arc<Self>, Fault> {
        static RUNTIMES: Mutex<Vec<(Options, Arc<Runtime>)>> = Mutex::new(Vec::new());
        let mut runtimes = RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, runtime)) = runtimes.iter().find(|(of, _)| of == options) {
            return Ok(runtime.clone());
        }
        let runtime = Arc::new(Self::new(options)?);
        runtimes.push((options.clone(), runtime.clone()));
        Ok(runtime)
    }

    fn new(options: &Options) -> Result<Self, Fault> {
        // A system that has not so many addresses to give does without the pool.
        let engine = match options.slots {
            0 => Engine::new(&config()),
            slots => Engine::new(config().allocation_strategy(pool(slots))).or_else(|_| Engine::new(&config())),
        }?;
        let module = image::load(&engine, &options.cache)?;
        let first = Maker::new(&engine, &module)?;
        let heap_base = first.heap_base()?;
        Ok(Self { first, overflow: OnceLock::new(), heap_base })
    }

    /// A fresh instance whose heap holds `heap_bytes`.
    pub(crate) fn instance(&self, heap_bytes: usize, port: Port) -> Result<(Store<Sandbox>, Guest), Fault> {
        let sandbox = Sandbox::new(port, heap_bytes, self.heap_base);
        match self.first.make(sandbox) {
            Ok(made) => Ok(made),
            Err((error, sandbox)) if error.is::<PoolConcurrencyLimitError>() => {
                let overflow = self.overflow.get_or_init(|| self.first.without_pool().map_err(|e| format!("{e:#}")));
                let maker = overflow.as_ref().map_err(|why| why.clone())?;
                maker.make(sandbox).map_err(|(error, _)| error.context(OVERFLOW_FAILED).into())
            }
            Err((error, _)) => Err(error.into()),
        }
    }
}

/// A wasmtime engine with the guest linked.
struct Maker {
    pre: InstancePre<Sandbox>,
}

impl Maker {
    fn new(engine: &Engine, module: &Module) -> Result<Self> {
        let mut linker = Linker::new(engine);
        linker.func_wrap("host", "post", post)?;
        linker.func_wrap("host", "answer", answer)?;
        linker.func_wrap("host", "exhausted", exhausted)?;
        Ok(Self { pre: linker.instantiate_pre(module)? })
    }

    fn without_pool(&self) -> Result<Self> {
        let engine = Engine::new(&config())?;
        let compiled = self.pre.module().serialize()?;
        // SAFETY: the bytes come from a module of this very process, which `serialize` just wrote.
        let module = unsafe { Module::deserialize(&engine, compiled) }?;
        Self::new(&engine, &module)
    }

    /// Where the guest's heap begins, read from an instance: what is wrong with the guest is an error of the start then,
    /// not of the first program.
    fn heap_base(&self) -> Result<usize> {
        let mut store = Store::new(self.pre.module().engine(), Sandbox::new(Port::new(|_| None), 0, 0));
        let instance = self.pre.instantiate(&mut store)?;
        match instance.get_global(&mut store, "__heap_base").map(|global| global.get(&mut store)) {
            Some(Val::I32(address)) => Ok(address as u32 as usize),
            _ => bail!("the guest does not say where its heap begins"),
        }
    }

    fn make(&self, sandbox: Sandbox) -> Result<(Store<Sandbox>, Guest), (wasmtime::Error, Sandbox)> {
        let mut store = Store::new(self.pre.module().engine(), sandbox);
        store.limiter(|sandbox| sandbox);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| match store.data().signal.interrupted() {
            true => Err(Trap::Interrupt.into()),
            false => Ok(UpdateDeadline::Continue(1)),
        });
        match self.pre.instantiate(&mut store).and_then(|instance| Guest::of(&mut store, &instance)) {
            Ok(guest) => Ok((store, guest)),
            Err(error) => Err((error, store.into_data())),
        }
    }
}

fn post(mut caller: Caller<'_, Sandbox>, at: u32, len: u32) -> Result<i32> {
    let Some(memory) = caller.data().memory else { bail!("a message came before the program") };
    let (memory, sandbox) = memory.data_and_store_mut(&mut caller);
    let text = String::from_utf8_lossy(bytes(memory, at, len)?);
    // What a program says after it was stopped would come out differently from run to run.
    sandbox.answer = if sandbox.signal.interrupted() { None } else { sandbox.port.post(&text) };
    Ok(match &sandbox.answer {
        None => -1,
        Some(answer) => i32::try_from(answer.len())?,
    })
}

fn answer(mut caller: Caller<'_, Sandbox>, to: u32) -> Result<()> {
    let answer = caller.data_mut().answer.take().unwrap_or_default();
    let Some(memory) = caller.data().memory else { bail!("a message came before the program") };
    bytes_mut(memory.data_mut(&mut caller), to, answer.len() as u32)?.copy_from_slice(answer.as_bytes());
    Ok(())
}

fn exhausted(mut caller: Caller<'_, Sandbox>) -> Result<()> {
    caller.data_mut().exhausted = true;
    bail!("the heap is full")
}

fn config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true).memory_init_cow(true).max_wasm_stack(NATIVE_STACK_BYTES);
    // Of no use here, and it may not be smaller.
    config.async_stack_size(NATIVE_STACK_BYTES);
    // Frames of the guest's C code are not read, and programs have frames of their own.
    config.wasm_backtrace_max_frames(None).native_unwind_info(false).generate_address_map(false);
    config
}

fn pool(slots: u32) -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots).total_memories(slots).total_tables(slots);
    pool.max_memories_per_module(1).max_tables_per_module(1).max_memory_size(1 << 32);
    pool.table_keep_resident(TABLE_KEEP_BYTES);
    // Without this call of Linux (6.7) all of what is kept would have to be cleared, touched or not.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(KEEP_BYTES);
    }
    pool.into()
}

/// Most of the 8 MiB that core gives its threads; the rest is for the host's functions that the guest calls. A frame of
/// the guest takes up to 16 times as much of this stack as of its own, where `image::stack_end` is usually met first.
const NATIVE_STACK_BYTES: usize = 7 << 20;
/// What a slot keeps of the memory that its last user had touched, so that the next one need not fault it in.
const KEEP_BYTES: usize = 1 << 20;
const TABLE_KEEP_BYTES: usize = 64 << 10;
const OVERFLOW_FAILED: &str = "the pool of sandboxes is full and the system gives no memory for one more";
