//! The contract of codemode and everything that is the same on every JavaScript engine.
//!
//! A model writes one TypeScript program; [`CodeMode`] runs it in a sandbox in which the host's [`Tool`]s appear as
//! typed async functions `external_<tool>(input)`, and gives back one structured result.
//!
//! The layers, from the outside in: [`CodeMode`] (tools, prompt, TypeScript) over an [`IsolateDriver`] (makes
//! sandboxes) over [`Threaded`] (threads, deadlines, warm pool) over an [`Engine`] (one JavaScript heap, text in and
//! text out). The event loop of an execution is [`session`], a state machine without threads or clock.
#![forbid(unsafe_code)]

mod artifact;
mod catalog;
mod check;
mod code_mode;
mod discovery;
mod driver;
pub mod engine;
mod error;
mod event;
mod execution;
mod failure;
mod finish;
pub mod globals;
pub mod journal;
mod json;
mod limits;
pub mod message;
pub mod names;
mod nearest;
mod outcome;
mod prelude;
mod prompt;
mod replay;
mod reply;
mod result_formatter;
mod secrets;
pub mod session;
mod stack;
pub mod stubs;
pub mod testing;
mod threaded;
mod tool;
#[cfg(feature = "typecheck")]
pub mod typecheck;
pub mod typescript;
mod url;
mod validate;
mod watch;
mod workers;

pub use artifact::{Artifact, ArtifactStore, Chunk};
pub use check::Checked;
pub use code_mode::{
    CodeMode, CodeModeBuilder, EventStream, ExecuteOptions, FunctionInfo, Listener, ToolDefinition, generate_types,
};
pub use driver::{BoxFuture, ContextConfig, DriverInfo, Host, IsolateContext, IsolateDriver, Program, ToolNames};
pub use engine::{Engine, HeapLimits};
pub use error::{Error, ErrorKind};
pub use event::{CallError, Event, EventKind, Progress};
pub use journal::{Journal, Recorder, Recording};
pub use json::Json;
pub use limits::Limits;
pub use names::sanitize_tool_name;
pub use outcome::{ConsoleLine, DroppedCall, Failure, FailureKind, Level, Outcome, Position, Stats};
pub use reply::{Reply, ReplyError};
pub use result_formatter::{FormattedResult, ResultFormatter};
pub use secrets::{SecretCheck, SecretParameter};
pub use session::Call;
pub use stack::Frame;
pub use threaded::Threaded;
pub use tool::{OutputCheck, Tool, ToolContext, ToolError};
pub use validate::Mismatch;
