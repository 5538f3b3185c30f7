//! The suite that all drivers share, on Boa.

use std::{process::ExitCode, sync::Arc};

use codemode_driver_boa::GuestHeap;

#[global_allocator]
static ALLOCATOR: GuestHeap = GuestHeap::SYSTEM;

fn main() -> ExitCode {
    codemode_conformance::run(Arc::new(codemode_driver_boa::driver()), include_str!("known.toml"))
}
