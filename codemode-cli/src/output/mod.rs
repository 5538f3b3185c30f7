//! What people see. The one thing to keep: standard output is for the result, everything else goes to standard error.
//!
//! A reader that goes away (`codemode run … | head -1`) never ends a program half-way: its tools may have effects. It
//! runs to its end, unheard. Any other failure to write is reported.

mod brief;
pub mod listener;
mod outcome;
pub mod paint;
mod pretty;
mod queue;
pub mod screen;
mod terminal;
mod tokens;
mod write;

pub use outcome::{failure, result};
pub use write::{flush, note, print, report, say, warning, warning_soon};
