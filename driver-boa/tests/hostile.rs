//! The hostile programs, on Boa.

use std::{process::ExitCode, sync::Arc, time::Duration};

use codemode_conformance::{Concurrent, HOSTILE_HEAP, hostile_with};
use codemode_core::Threaded;
use codemode_driver_boa::{Boa, GuestHeap};

#[global_allocator]
static ALLOCATOR: GuestHeap = GuestHeap::SYSTEM;

fn main() -> ExitCode {
    let cold = Threaded::<Boa>::dedicated(());
    // On a small machine, 64 engines started at once would not be ready in time.
    let warm = Threaded::<Boa>::dedicated(()).warm(64, HOSTILE_HEAP);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    if let Err(error) = runtime.block_on(warm.ready()) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let concurrent = Concurrent::new(Arc::new(warm)).timeout(Duration::from_secs(15));
    hostile_with(Arc::new(cold), concurrent, include_str!("known.toml"))
}
