//! A thousand hostile programs, on Boa.

use std::{process::ExitCode, sync::Arc, time::Duration};

use codemode_conformance::{Concurrent, HOSTILE_HEAP, hostile_with};
use codemode_core::Threaded;
use codemode_driver_boa::{Boa, GuestHeap};

#[global_allocator]
static ALLOCATOR: GuestHeap = GuestHeap::SYSTEM;

fn main() -> ExitCode {
    let cold = Threaded::<Boa>::pinned(());
    // 64 engines started at once on a small machine would not be there in time.
    let crowd = Threaded::<Boa>::pinned(()).warm(64, HOSTILE_HEAP);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    if let Err(error) = runtime.block_on(crowd.filled()) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    hostile_with(Arc::new(cold), Concurrent { driver: Arc::new(crowd), patience: Duration::from_secs(15) }, GAPS)
}

const GAPS: &[(&str, &str)] = &[(
    "recursion-through-conversions",
    "Boa makes the conversion of an object inside its own conversion an empty text",
)];
