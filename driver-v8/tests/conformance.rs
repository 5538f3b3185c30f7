//! The suite that all drivers share, on V8.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    codemode_conformance::run(Arc::new(codemode_driver_v8::driver()), include_str!("known.toml"))
}
