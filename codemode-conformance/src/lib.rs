//! The behaviour that every driver shares, as cases in `cases/*.toml`, and the runner that holds a driver to them.
//!
//! A case is a program, the tools it may call, and everything that must come out: result or error, console, events,
//! dropped calls, warnings. [`run`] plays each case once and records its journal, then replays the journal and compares
//! again. A driver's test is one line:
//!
//! ```no_run
//! # use std::{process::ExitCode, sync::Arc};
//! # fn driver() -> Arc<dyn codemode_core::IsolateDriver> { unimplemented!() }
//! fn main() -> ExitCode {
//!     codemode_conformance::run(driver(), "" /* include_str!("known.toml") */)
//! }
//! ```
//!
//! The format of a case is [`Case`], field by field. Two further suites measure what a driver does to its process:
//! [`soak`] and [`Hostile`]. What a driver fails of all three stands in its `known.toml`.
#![forbid(unsafe_code)]

mod case;
mod check;
pub mod differential;
mod event_text;
mod expected;
mod fixtures;
mod gates;
mod generated;
mod globals;
mod growth;
mod hostile;
mod known;
mod load;
mod measured;
mod play;
mod record;
mod runner;
mod show;
mod soak;
mod test_tools;
mod usage;

pub use case::{Case, Changed, Fill};
pub use event_text::event_text;
pub use expected::{ConsoleText, ExpectedError};
pub use gates::Gate;
pub use hostile::{Concurrent, HOSTILE_HEAP, Hostile};
pub use load::{LoadError, load_cases, load_folder};
pub use play::{Played, play, replay};
pub use runner::run;
pub use soak::{SOAK_HEAP, soak};
pub use test_tools::{InlineTool, TestTools, ToolFailure};
pub use usage::Usage;
