//! The hostile programs, on V8.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    codemode_conformance::hostile(Arc::new(codemode_driver_v8::driver()), include_str!("known.toml"))
}
