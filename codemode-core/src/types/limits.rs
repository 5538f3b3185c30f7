//! The limits of one execution. Every limit has a number; none means "no limit".

use std::time::Duration;

use crate::{
    engine::HeapLimits,
    types::{Error, ErrorKind},
};

/// What one execution may use. The defaults suit a model's program in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Wall clock from start to finish, tool calls included. Default 30 s.
    pub wall: Duration,
    /// How long an interrupted engine, or a tool that blocks its thread, may take to give in before the caller is
    /// answered without it. Default 1 s.
    pub grace: Duration,
    /// Memory of the engine. Default 128 MiB of heap and 512 KiB of stack.
    pub heap: HeapLimits,
    /// Bytes of program text. Default 256 KiB.
    pub source_bytes: usize,
    /// Tool calls in one execution. Default 1,000.
    pub calls: u32,
    /// Tool calls open at once; more wait in order. Default 32.
    pub parallel_calls: u32,
    /// Timers open at once. Default 1,000.
    pub timers: u32,
    /// Bytes of console text that are kept and reported. Default 256 KiB.
    pub console_bytes: usize,
    /// Bytes of the result's JSON text. Default 1 MiB.
    pub result_bytes: usize,
    /// Bytes of the JSON text of one tool answer. Default 4 MiB.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(30),
            grace: Duration::from_secs(1),
            heap: HeapLimits { heap_bytes: 128 << 20, stack_bytes: 512 << 10 },
            source_bytes: 256 << 10,
            calls: 1_000,
            parallel_calls: 32,
            timers: 1_000,
            console_bytes: 256 << 10,
            result_bytes: 1 << 20,
            answer_bytes: 4 << 20,
        }
    }
}

impl Limits {
    /// Refuses numbers with which no program could run, or which no engine could hold.
    pub fn check(&self) -> Result<(), Error> {
        let wrong =
            |name: &'static str, rule: String| Err(Error::new(ErrorKind::Config, format!("limit {name} {rule}")));
        if self.wall.is_zero() || self.wall > LONGEST_WALL {
            return wrong("wall", format!("is {:?}; it must be over 0 and at most 7 days", self.wall));
        }
        if self.grace > Duration::from_secs(60) {
            return wrong("grace", format!("is {:?}; it must be at most 60 s", self.grace));
        }
        if self.heap.heap_bytes < SMALLEST_HEAP {
            return wrong(
                "heap_bytes",
                format!(
                    "is {} bytes; no engine starts with less than {} MiB",
                    self.heap.heap_bytes,
                    SMALLEST_HEAP >> 20
                ),
            );
        }
        if !(SMALLEST_STACK..=LARGEST_STACK).contains(&self.heap.stack_bytes) {
            return wrong(
                "stack_bytes",
                format!("is {}; it must be from {SMALLEST_STACK} to {LARGEST_STACK}", self.heap.stack_bytes),
            );
        }
        if self.source_bytes == 0 {
            return wrong("source_bytes", "is 0; no program would fit".into());
        }
        if self.calls > 0 && self.parallel_calls == 0 {
            return wrong("parallel_calls", "is 0; calls would wait for ever".into());
        }
        Ok(())
    }
}

const LONGEST_WALL: Duration = Duration::from_secs(7 * 24 * 3600);
/// The smallest heap that holds the prelude of every engine with room for a program.
const SMALLEST_HEAP: usize = 2 << 20;
const SMALLEST_STACK: usize = 64 << 10;
/// A quarter of the stack of the threads that run engines; the rest is for the engine's own native frames.
const LARGEST_STACK: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_accepted_and_nonsense_is_named() {
        assert!(Limits::default().check().is_ok());
        let bad = [
            Limits { wall: Duration::ZERO, ..Limits::default() },
            Limits { grace: Duration::from_secs(61), ..Limits::default() },
            Limits { heap: HeapLimits { heap_bytes: 1, stack_bytes: 512 << 10 }, ..Limits::default() },
            Limits { heap: HeapLimits { heap_bytes: 128 << 20, stack_bytes: usize::MAX }, ..Limits::default() },
            Limits { source_bytes: 0, ..Limits::default() },
            Limits { parallel_calls: 0, ..Limits::default() },
        ];
        for limits in bad {
            let error = limits.check().expect_err("nonsense is refused");
            assert_eq!(error.kind, ErrorKind::Config);
            assert!(error.message.starts_with("limit "), "{error}");
        }
    }
}
