//! Code Mode for Rust: a model writes one TypeScript program instead of fifty tool calls; it runs in a sandbox that can
//! do nothing but call your tools, which appear as typed async functions `external_<tool>(input)`.
//!
#![doc = include_str!("../../README.md")]
#![forbid(unsafe_code)]

use std::sync::Arc;

#[cfg(feature = "typecheck")]
pub use codemode_core::typecheck;
pub use codemode_core::{
    Artifact, ArtifactStore, BoxFuture, Call, CallError, Checked, Chunk, CodeMode, CodeModeBuilder, ConsoleLine,
    ContextConfig, DriverInfo, DroppedCall, Engine, Error, ErrorKind, Event, EventKind, EventStream, ExecuteOptions,
    Failure, FailureKind, FormattedResult, Frame, FunctionInfo, HeapLimits, Host, IsolateContext, IsolateDriver,
    Journal, Json, Level, Limits, Listener, Mismatch, Outcome, OutputCheck, Position, Program, Progress, ProgressSink,
    Recorder, Recording, Reply, ReplyError, ResultFormatter, SecretCheck, SecretParameter, Stats, Threaded, Tool,
    ToolContext, ToolDefinition, ToolError, ToolNames, generate_types, journal, names, sanitize_tool_name, stubs,
    typescript,
};
// Types of other crates that stand in signatures: a host gets them in the version that fits.
pub use codemode_core::{schemars, serde, serde_json};
#[cfg(any(feature = "mcp-client", feature = "mcp-server"))]
pub use codemode_mcp as mcp;
#[cfg(any(feature = "sqlite", feature = "command"))]
pub use codemode_tools as tools;

/// Its example must build.
#[cfg(all(doctest, feature = "mcp"))]
#[doc = include_str!("../../docs/mcp.md")]
mod guide_to_mcp {}

/// The drivers that were compiled in, by name, fastest to start first.
pub fn drivers() -> Vec<DriverInfo> {
    names().iter().filter_map(|name| driver(name).ok()).map(|driver| driver.info()).collect()
}

/// The driver called `name`, with its defaults.
///
/// # Errors
/// [`ErrorKind::Config`] when no such driver was compiled in; the message names those that were.
pub fn driver(name: &str) -> Result<Arc<dyn IsolateDriver>, Error> {
    match name {
        #[cfg(feature = "quickjs")]
        "quickjs" => Ok(Arc::new(quickjs())),
        #[cfg(feature = "wasm")]
        "wasm" => Ok(Arc::new(wasm())),
        #[cfg(feature = "v8")]
        "v8" => Ok(Arc::new(v8())),
        #[cfg(feature = "boa")]
        "boa" => Ok(Arc::new(boa())),
        _ => Err(unknown(name)),
    }
}

/// The driver to use when nobody chose one: the one named in the environment variable `CODEMODE_DRIVER`, else the only
/// one that was compiled in.
///
/// # Errors
/// [`ErrorKind::Config`] when there is none, several, or the variable names another.
pub fn default_driver() -> Result<Arc<dyn IsolateDriver>, Error> {
    if let Some(name) = std::env::var_os("CODEMODE_DRIVER") {
        return driver(&name.to_string_lossy()).map_err(|error| error.with("variable", "CODEMODE_DRIVER"));
    }
    match names() {
        [only] => driver(only),
        [] => Err(Error::new(
            ErrorKind::Config,
            "no driver was compiled in; turn on one of the features quickjs, v8, wasm, boa",
        )),
        several => Err(Error::new(
            ErrorKind::Config,
            format!("several drivers were compiled in ({}); name one, or set CODEMODE_DRIVER", several.join(", ")),
        )),
    }
}

/// QuickJS in this process.
#[cfg(feature = "quickjs")]
pub fn quickjs() -> Threaded<QuickJs> {
    codemode_driver_quickjs::driver()
}

/// QuickJS in WebAssembly. For other options than the default ones: `Threaded::<Wasm>::pooled(options)`.
#[cfg(feature = "wasm")]
pub fn wasm() -> Threaded<Wasm> {
    codemode_driver_wasm::driver()
}

#[cfg(feature = "wasm")]
pub use codemode_driver_wasm::{Cache as WasmCache, Options as WasmOptions, Wasm};

#[cfg(feature = "quickjs")]
pub use codemode_driver_quickjs::QuickJs;
#[cfg(feature = "v8")]
pub use codemode_driver_v8::V8;

/// V8 in this process. Slow to start, fastest to compute; a [warm pool](Threaded::warm) hides the start-up cost.
#[cfg(feature = "v8")]
pub fn v8() -> Threaded<V8> {
    codemode_driver_v8::driver()
}

/// Boa, without a line of C. It holds the heap limit if [`GuestHeap`] is the program's global allocator.
#[cfg(feature = "boa")]
pub fn boa() -> Threaded<Boa> {
    codemode_driver_boa::driver()
}

#[cfg(feature = "boa")]
pub use codemode_driver_boa::{Boa, GuestHeap};

fn names() -> &'static [&'static str] {
    &[
        #[cfg(feature = "wasm")]
        "wasm",
        #[cfg(feature = "quickjs")]
        "quickjs",
        #[cfg(feature = "v8")]
        "v8",
        #[cfg(feature = "boa")]
        "boa",
    ]
}

fn unknown(name: &str) -> Error {
    let have = match names() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    Error::new(ErrorKind::Config, format!("there is no driver \"{name}\" in this build; compiled in: {have}"))
}
