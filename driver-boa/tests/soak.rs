//! The soak tests, on Boa.

use std::{process::ExitCode, sync::Arc};

use codemode_conformance::{SOAK_HEAP, soak};
use codemode_core::Threaded;
use codemode_driver_boa::{Boa, GuestHeap};

#[global_allocator]
static ALLOCATOR: GuestHeap = GuestHeap::SYSTEM;

fn main() -> ExitCode {
    let (cold, warm) = (Threaded::<Boa>::dedicated(()), Threaded::<Boa>::dedicated(()).warm(4, SOAK_HEAP));
    soak(Arc::new(cold), Arc::new(warm), include_str!("known.toml"))
}
