//! The drivers that are measured, each by the name that stands in bench ids.

use std::{sync::Arc, time::Duration};

use codemode::{Error, IsolateDriver, Limits};

/// The limits of every measured execution: room for the largest workloads, all still numbers.
pub fn limits() -> Limits {
    Limits::default()
        .timeout(Duration::from_secs(120))
        .heap_bytes(1 << 30)
        .source_bytes(4 << 20)
        .calls(200_000)
        .parallel_calls(128)
        .result_bytes(64 << 20)
        .answer_bytes(64 << 20)
}

/// The driver called `name`: as the facade makes it by default, or from a pool of [`WARM`] engines if the name ends in
/// `-warm`.
///
/// # Errors
/// When no such driver was compiled in.
pub fn open(name: &str) -> Result<Arc<dyn IsolateDriver>, Error> {
    let heap = limits().heap();
    match name {
        #[cfg(feature = "quickjs")]
        "quickjs-warm" => Ok(Arc::new(codemode::quickjs().warm(WARM, heap))),
        #[cfg(feature = "wasm")]
        "wasm-warm" => Ok(Arc::new(codemode::wasm().warm(WARM, heap))),
        #[cfg(feature = "v8")]
        "v8-warm" => Ok(Arc::new(codemode::v8().warm(WARM, heap))),
        #[cfg(feature = "boa")]
        "boa-warm" => Ok(Arc::new(codemode::boa().warm(WARM, heap))),
        name => codemode::driver(name),
    }
}

/// All names that [`open`] takes in this build.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = codemode::drivers().into_iter().map(|driver| driver.name).collect();
    let warm: Vec<String> = names.iter().map(|name| format!("{name}-warm")).filter(|name| open(name).is_ok()).collect();
    names.extend(warm);
    names
}

/// Whether a driver of this name takes its engines from a warm pool.
pub fn is_warm(name: &str) -> bool {
    name.ends_with("-warm")
}

/// Engines kept ready by a `-warm` driver.
pub const WARM: usize = 4;
/// Time between executions in which a warm pool fills again. Without it a loop measures how fast engines are made.
pub const REFILL: Duration = Duration::from_millis(3);
