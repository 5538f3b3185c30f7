//! The hostile programs, on QuickJS in WebAssembly.

use std::{process::ExitCode, sync::Arc};

use codemode_conformance::Hostile;

fn main() -> ExitCode {
    let driver = || {
        let driver = codemode_driver_wasm::driver();
        // Without a cache the guest is compiled first, which must not count against the programs' deadlines.
        driver.prewarm().expect("the guest is made");
        Arc::new(driver) as Arc<dyn codemode_core::IsolateDriver>
    };
    Hostile::new(driver).constant_mib(32).run(include_str!("known.toml"))
}
