//! What every layer speaks: limits, calls, events, outcomes and errors. Plain data, without threads or clocks.

mod call;
mod duration_ms;
mod error;
mod event;
mod event_text;
mod failure;
mod json;
mod limits;
mod outcome;
mod position;

pub use call::{Call, CallError, Progress, ToolNames};
pub use error::{Error, ErrorKind};
pub use event::{Event, EventKind, Listener};
pub use failure::{Failure, FailureKind};
pub use json::{Json, memory_of_values, too_many_values};
pub(crate) use json::{is_deeper, json_size};
pub use limits::Limits;
pub use outcome::{ConsoleLine, DroppedCall, Level, Outcome, Stats};
pub use position::{Frame, Position};
