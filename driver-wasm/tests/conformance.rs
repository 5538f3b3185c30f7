//! The suite that all drivers share, on QuickJS in WebAssembly.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    codemode_conformance::run(Arc::new(codemode_driver_wasm::driver()), include_str!("known.toml"))
}
