//! What the benches share: the drivers in their configurations, the host's tools, and the workloads with their answers.
//!
//! Everything goes through the public API of the facade, as a host would use it, and every workload has an expected
//! value that is asserted before anything is timed.
#![forbid(unsafe_code)]

pub mod drivers;
pub mod models;
pub mod process;
pub mod tools;
pub mod workload;
