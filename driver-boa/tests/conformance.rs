//! The suite that all drivers share, on Boa.

use std::{process::ExitCode, sync::Arc};

use codemode_core::Limits;
use codemode_driver_boa::{GuestHeap, driver};

#[global_allocator]
static ALLOCATOR: GuestHeap = GuestHeap::SYSTEM;

fn main() -> ExitCode {
    // Cases with deadlines of 100 ms should not spend them on the start of an engine.
    let driver = driver().warm(6, Limits::default().heap());
    codemode_conformance::run(Arc::new(driver), include_str!("known.toml"))
}
