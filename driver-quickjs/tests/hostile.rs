//! The hostile programs, on QuickJS.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    codemode_conformance::hostile(Arc::new(codemode_driver_quickjs::driver()), include_str!("known.toml"))
}
