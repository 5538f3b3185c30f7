//! The hostile programs, on QuickJS in WebAssembly.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let driver = codemode_driver_wasm::driver();
    // Without a cache the guest is compiled first, which must not count against the programs' deadlines.
    driver.prewarm().expect("the guest is made");
    codemode_conformance::hostile(Arc::new(driver), include_str!("known.toml"))
}
