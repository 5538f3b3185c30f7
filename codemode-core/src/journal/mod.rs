//! The journal of an execution: the program and the texts that went in and out, in order.
//!
//! The guest has no clock, no randomness and no input of its own, so these texts decide everything it does: replaying
//! them gives the same execution again, on the same engine or another.

mod recording;
pub(crate) mod replay;

pub use recording::{Header, Line, RecordedEnd, Recorder, Recording};

use crate::types::{Failure, Limits, ToolNames};

/// Takes down an execution while it runs. Called on the thread that runs the program, in order; must not block.
pub trait Journal: Send {
    /// Takes down one entry.
    fn record(&mut self, entry: Entry<'_>);
}

/// What a journal is told.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Entry<'a> {
    /// First: what is about to run.
    Begins {
        /// The script.
        javascript: &'a str,
        /// The functions it can call.
        tools: &'a ToolNames,
        /// The limits in force.
        limits: &'a Limits,
    },
    /// The guest said this.
    Posted(&'a str),
    /// The host delivered this.
    Delivered(&'a str),
    /// Last: the execution ended, with a failure or with a result.
    Ended(Option<&'a Failure>),
}

/// What an entry of a journal takes beyond its text.
pub(crate) const ENTRY_BYTES: usize = 48;
