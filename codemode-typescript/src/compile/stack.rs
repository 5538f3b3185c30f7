//! Room for the parser: a stack that its recursion cannot exhaust, and an arena that is kept from run to run.
//!
//! Costs per level were measured on oxc 0.146 by the pages its recursion touched, over 50 kinds of nesting
//! (x86_64): optimised at most 2.4 KiB per bracket and 1.2 KiB per operator, unoptimised 19 KiB and 3.2 KiB.

use std::cell::RefCell;

use oxc::allocator::Allocator;

use super::nesting::{self, Nesting};

const BASE_BYTES: usize = 256 * 1024;
const BRACKET_BYTES: usize = if cfg!(debug_assertions) { 24 * 1024 } else { 6 * 1024 };
/// Twice the cost, for the scan may miss half of a chain, behind commas.
const OPERATOR_BYTES: usize = if cfg!(debug_assertions) { 10 * 1024 } else { 4 * 1024 };
/// 256 KiB of brackets need less, optimised; for a longer text it is the limits of nesting that hold.
const MAX_BYTES: usize = if cfg!(target_pointer_width = "64") { 8 << 30 } else { 512 << 20 };
/// An arena that one large program has grown is not kept for the small ones after it.
const KEPT_ARENA_BYTES: usize = 1024 * 1024;

thread_local! {
    static ARENA: RefCell<Option<Allocator>> = const { RefCell::new(None) };
}

/// Runs `work` on this thread's stack if enough of it is left for `text`, whatever its tokens are, else on one of its own,
/// of which the system gives as much as is used.
///
/// It panics if the system has no room for so large a one.
pub(super) fn with_room<R>(text: &str, work: impl FnOnce() -> R) -> R {
    let Nesting { brackets, chain } = nesting::most(text);
    // No half of a chain is missed here.
    let needed = BASE_BYTES + brackets as usize * BRACKET_BYTES + chain as usize * (OPERATOR_BYTES / 2);
    let needed = needed.min(MAX_BYTES);
    stacker::maybe_grow(needed, needed, work)
}

/// Bytes of stack that are enough for a program of this nesting.
#[cfg(test)]
pub(super) fn room(nesting: Nesting) -> usize {
    BASE_BYTES + nesting.brackets as usize * BRACKET_BYTES + nesting.chain as usize * OPERATOR_BYTES
}

/// Lends `work` this thread's arena, emptied.
pub(super) fn with_arena<R>(work: impl FnOnce(&Allocator) -> R) -> R {
    let mut arena = ARENA.take().unwrap_or_default();
    let result = work(&arena);
    if arena.capacity() <= KEPT_ARENA_BYTES {
        arena.reset();
        ARENA.set(Some(arena));
    }
    result
}
