//! [`run_in_order`]: the suites that measure time, threads and memory. Their tests run one after the other, and each
//! suite in a process of its own.

use std::{env, process::ExitCode};

use libtest_mimic::Arguments;

use crate::known::{Check, Gaps, Suite};

/// Runs the checks that `checks` makes, with the driver's gaps held to be gaps. Takes the arguments of a Rust test.
pub(crate) fn run_in_order(
    suite: Suite,
    known: &str,
    checks: impl FnOnce(&Gaps) -> Result<Vec<(String, Check)>, String>,
) -> ExitCode {
    let trials =
        Gaps::parse(known, suite).and_then(|gaps| Ok((checks(&gaps)?, gaps))).map(|(checks, gaps)| gaps.trials(checks));
    match trials {
        Ok(trials) => {
            let mut arguments = Arguments::from_iter(env::args_os());
            arguments.test_threads = Some(1);
            libtest_mimic::run(&arguments, trials).exit_code()
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
