//! A thousand hostile programs, on QuickJS in WebAssembly.

use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let driver = codemode_driver_wasm::driver();
    // On a machine without a cache the guest is compiled first, which is no matter of the programs' deadlines.
    driver.fill().expect("the guest is made");
    codemode_conformance::hostile(Arc::new(driver))
}
