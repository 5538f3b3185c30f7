//! A thousand hostile programs, on QuickJS in WebAssembly.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    codemode_conformance::survive(Arc::new(codemode_driver_wasm::driver()))
}
