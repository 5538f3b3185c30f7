//! The soak tests, on Skeleton.

use std::{process::ExitCode, sync::Arc};

use codemode_conformance::{SOAK_HEAP, soak};
use codemode_driver_skeleton::driver;

fn main() -> ExitCode {
    soak(Arc::new(driver()), Arc::new(driver().warm(4, SOAK_HEAP)), include_str!("known.toml"))
}
