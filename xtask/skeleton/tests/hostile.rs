//! The hostile programs, on Skeleton.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    codemode_conformance::hostile(Arc::new(codemode_driver_skeleton::driver()), include_str!("known.toml"))
}
