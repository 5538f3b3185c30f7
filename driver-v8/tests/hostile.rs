//! The hostile programs, on V8.

use std::{process::ExitCode, sync::Arc};

use codemode_conformance::Hostile;

fn main() -> ExitCode {
    Hostile::new(|| Arc::new(codemode_driver_v8::driver())).constant_mib(256).run(include_str!("known.toml"))
}
