//! The hostile programs, on Skeleton.

use std::{process::ExitCode, sync::Arc};

use codemode_conformance::Hostile;

fn main() -> ExitCode {
    Hostile::new(|| Arc::new(codemode_driver_skeleton::driver())).constant_mib(32).run(include_str!("known.toml"))
}
