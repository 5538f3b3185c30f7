//! Room for the parser: a stack that its recursion cannot exhaust, and an arena that is kept from run to run.
//!
//! Costs per level were measured on oxc 0.146 by the pages its recursion touched, over 50 kinds of nesting
//! (x86_64): optimised at most 2.4 KiB per bracket and 1.2 KiB per operator, unoptimised 19 KiB and 3.2 KiB.

use std::cell::RefCell;

use oxc::allocator::Allocator;

use super::nesting::Nesting;

const BASE_BYTES: usize = 256 * 1024;
const BRACKET_BYTES: usize = if cfg!(debug_assertions) { 24 * 1024 } else { 6 * 1024 };
/// Twice the cost, for the scan may miss half of a chain: see `nesting.rs` on commas.
const OPERATOR_BYTES: usize = if cfg!(debug_assertions) { 10 * 1024 } else { 4 * 1024 };
/// An arena that one large program has grown is not kept for the small ones after it.
const KEPT_ARENA_BYTES: usize = 1024 * 1024;

thread_local! {
    static ARENA: RefCell<Option<Allocator>> = const { RefCell::new(None) };
}

/// Runs `work` on this thread's stack if enough of it is left for a program of this nesting, else on one of its own.
pub(super) fn with_room<R>(nesting: Nesting, work: impl FnOnce() -> R) -> R {
    let needed = room(nesting);
    stacker::maybe_grow(needed, needed, work)
}

/// Bytes of stack for a program of this nesting.
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
