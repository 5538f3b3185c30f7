//! The suite that all drivers share, on Skeleton.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    codemode_conformance::run(Arc::new(codemode_driver_skeleton::driver()), include_str!("known.toml"))
}
