//! The names that programs find in their sandbox, the same on every engine.
//!
//! The prelude makes it so; the conformance suite compares the real list with this one.

/// Whether `name` is a global of the sandbox, tools aside.
pub fn is_global(name: &str) -> bool {
    GLOBALS.binary_search(&name).is_ok()
}

/// All globals of the sandbox, tools aside, sorted.
pub const GLOBALS: &[&str] = &[];
