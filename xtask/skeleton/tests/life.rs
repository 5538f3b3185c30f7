//! A long and rough life, on Skeleton.

use std::{process::ExitCode, sync::Arc};

use codemode_conformance::{LIFE_HEAP, life};
use codemode_driver_skeleton::driver;

fn main() -> ExitCode {
    life(Arc::new(driver()), Arc::new(driver().warm(4, LIFE_HEAP)))
}
