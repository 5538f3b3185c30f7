//! The hostile programs, on Boa.

use std::{process::ExitCode, sync::Arc, time::Duration};

use codemode_conformance::{Concurrent, HOSTILE_HEAP, Hostile};
use codemode_core::Threaded;
use codemode_driver_boa::{Boa, GuestHeap};

#[global_allocator]
static ALLOCATOR: GuestHeap = GuestHeap::SYSTEM;

fn main() -> ExitCode {
    Hostile::new(|| Arc::new(Threaded::<Boa>::dedicated(())))
        .concurrent(warm)
        .constant_mib(256)
        .run(include_str!("known.toml"))
}

/// On a small machine, 64 engines started at once would not be ready in time.
fn warm() -> Result<Concurrent, String> {
    let warm = Threaded::<Boa>::dedicated(()).warm(64, HOSTILE_HEAP);
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    runtime.block_on(warm.ready()).map_err(|error| error.to_string())?;
    Ok(Concurrent::new(Arc::new(warm)).timeout(Duration::from_secs(15)))
}
