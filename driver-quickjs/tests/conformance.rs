//! The suite that all drivers share, on QuickJS.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    codemode_conformance::run(Arc::new(codemode_driver_quickjs::driver()), include_str!("known.toml"))
}
