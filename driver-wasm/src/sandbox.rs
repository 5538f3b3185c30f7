//! [`Sandbox`]: what the host keeps beside one instance, and the limit of its memory.

use std::sync::Arc;

use codemode_core::engine::Port;
use wasmtime::{Memory, ResourceLimiter, Result, bail};

use crate::signal::Signal;

/// What the host keeps for one instance.
pub(crate) struct Sandbox {
    pub(crate) port: Port,
    /// The answer to the last `post`, until the guest fetches it.
    pub(crate) answer: Option<String>,
    /// The guest's memory, once there is an instance.
    pub(crate) memory: Option<Memory>,
    /// What that memory may grow to.
    max_bytes: usize,
    /// Where the heap begins in it; below are the stack and constants.
    pub(crate) heap_base: usize,
    /// Whether it should have grown beyond.
    pub(crate) exhausted: bool,
    pub(crate) signal: Arc<Signal>,
}

impl Sandbox {
    pub(crate) fn new(port: Port, heap_bytes: usize, heap_base: usize) -> Self {
        let max_bytes = heap_bytes.saturating_add(heap_base);
        Self { port, answer: None, memory: None, max_bytes, heap_base, exhausted: false, signal: Arc::default() }
    }
}

impl ResourceLimiter for Sandbox {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        if desired <= self.max_bytes {
            return Ok(true);
        }
        // An error is a trap, which the program cannot catch.
        self.exhausted = true;
        bail!("the heap is full")
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        // Beyond what wasm can address, or the host has no memory left.
        self.exhausted = true;
        Err(error)
    }

    fn table_growing(&mut self, current: usize, _desired: usize, _maximum: Option<usize>) -> Result<bool> {
        // The table is made with the instance, and the guest has no instruction that makes it larger.
        Ok(current == 0)
    }
}
