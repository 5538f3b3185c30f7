//! The contract of codemode and everything that is the same on every JavaScript engine.
//!
//! A model writes one TypeScript program; [`CodeMode`] runs it in a sandbox in which the host's [`Tool`]s appear as
//! typed async functions `external_<tool>(input)`, and gives back one structured result.
//!
//! The layers, from the outside in: [`CodeMode`] (tools, prompt, TypeScript) over an [`IsolateDriver`] (makes
//! sandboxes) over [`Threaded`] (threads, deadlines, warm pool) over an [`Engine`] (one JavaScript heap, text in and
//! text out). The event loop of an execution is [`session`], a state machine without threads or clock. Each layer is a
//! folder, and uses only folders below it.
#![forbid(unsafe_code)]

mod code_mode;
mod driver;
pub mod engine;
pub mod journal;
mod poison;
pub mod session;
pub mod stubs;
pub mod testing;
mod tool;
mod types;

pub use codemode_typescript as typescript;
// They stand in signatures: `Tool::typed` takes types of `schemars`, schemas and values are those of `serde_json`.
pub use schemars;
pub use serde;
pub use serde_json;

pub use typescript::names::{self, sanitize_tool_name};
#[cfg(feature = "typecheck")]
pub use typescript::typecheck;

pub use code_mode::{
    Artifact, ArtifactStore, Checked, Chunk, CodeMode, CodeModeBuilder, EventStream, ExecuteOptions, FormattedResult,
    FunctionInfo, Reply, ReplyError, ResultFormatter, ToolDefinition, generate_types,
};
pub use driver::{
    BoxFuture, ContextConfig, DriverInfo, Host, IsolateContext, IsolateDriver, Program, ProgressSink, Threaded,
};
pub use engine::{Engine, HeapLimits};
pub use journal::{Journal, Recorder, Recording};
pub use tool::{Mismatch, OutputCheck, SecretCheck, SecretParameter, Tool, ToolContext, ToolError};
pub use types::{
    Call, CallError, ConsoleLine, DroppedCall, Error, ErrorKind, Event, EventKind, Failure, FailureKind, Frame, Json,
    Level, Limits, Listener, Outcome, Position, Progress, Stats, ToolNames, memory_of_values, too_many_values,
};
