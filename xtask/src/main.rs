//! `cargo xtask`: the tasks of this workspace. Each is a list of commands that a person could type.

mod bench;
mod commands;
mod conformance;
mod drivers;
mod features;
mod new_driver;
mod places;
mod setup;
mod soak;
mod tidy;
#[cfg(unix)]
mod v8;
mod v8_library;
mod workspace;

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Command, ExitCode, Stdio},
};

use commands::{cargo, installed, run};
use drivers::{lacking, left_out, with_all_but};
use places::root;
use setup::Missing;

const HELP: &str = "\
cargo xtask TASK

  setup                 gets what cargo alone cannot get, such as a compiler for the wasm guest, into target/tools
  test [--require-all] [ARGS]
                        setup, then all tests and conformance cases; ARGS go to `cargo test`; a driver that cannot be
                        built here is left out and named at the end, or is a failure with --require-all; what else
                        setup could not get, and tests were skipped for, is named as well
  lint                  tidy, format, features, lints, licences
  tidy                  what holds for the tree as a whole: no circle of imports, no import or dependency that goes up, no
                        clock or thread in the pure rooms of core, heads and lengths of files, a row for each package
  check                 what a change must pass: lint and test
  features              proves that each driver's feature pulls in its own engine and no other
  conformance [--driver NAME] [CASE] [--cases DIR]
                        the conformance cases alone, of one driver or all; CASE is part of a name
  conformance [--driver NAME] --record
                        keeps what a whole green run came to in codemode-conformance/record.json
  soak hostile --driver NAME [--minutes N] [--seed N] [--record]
                        generated hostile programs, 60 minutes unless told otherwise; each death, late answer, lost thread
                        or excess of memory is reported with the seed of its program; --record keeps the figures in
                        codemode-conformance/soak-hostile.json; no other task runs it
  soak hostile --driver NAME --replay SEED
                        shows one such program, and runs it and each of its operations alone
  v8 build              builds V8's library from the v8 crate's source into target/tools, for machines that cannot download
                        it; about 80 minutes, and never started by another task
  new-driver NAME       writes the skeleton of a driver, driver-NAME, and makes it a member of the workspace and a feature of
                        the packages that have one for each; it compiles and is red: docs/driver-author.md says how to
                        turn it green
  bench [--driver NAME] [--model NAME] [--record]
                        times models on drivers, all or those named; --record keeps the figures in benches/record
  bench --check         fails when a path that only computes takes over 5 % more instructions than the baseline;
                        --set-baseline makes what is measured the baseline
  bench --peers FOLDER [--quick] [--record]
                        runs the harness of other published sandboxes that lies in FOLDER, our drivers among them;
                        in place of FOLDER, the file of lines of a run that was made
  report                writes the table of drivers, and tables and charts of the newest records, into README.md and
                        benches/
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (task, rest) = args.split_first().map_or(("help", &[][..]), |(task, rest)| (task.as_str(), rest));
    let result = match task {
        "setup" => setup::run(),
        "test" => test(rest),
        "lint" => lint(),
        "tidy" => tidy::tidy(&root()),
        "check" => lint().and_then(|()| test(rest)),
        "features" => features::features(),
        "conformance" => conformance::conformance(rest),
        "soak" => soak::soak(rest),
        "new-driver" => new_driver::run(rest, &root()),
        #[cfg(unix)]
        "v8" => v8::v8(rest),
        "bench" => bench::bench(rest),
        "report" => bench::report(),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no task \"{other}\"\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn test(args: &[String]) -> Result<(), String> {
    let mut args = args.to_vec();
    let require_all = args.iter().position(|arg| arg == "--require-all").map(|at| args.remove(at)).is_some();
    let (left_out, parts) = lacking()?;
    let mut command = with_all_but(&left_out, cargo(&["test", "--workspace", "--no-fail-fast"]))?;
    command.args(&args);
    if env::var_os("CODEMODE_PROGRAMS").is_none() {
        command.env("CODEMODE_PROGRAMS", "1000");
    }
    let result = count_tests(command);
    for driver in &left_out {
        println!("{}", driver.notice("WAS NOT TESTED"));
    }
    for Missing { part, purpose, reason } in parts {
        println!("{} MISSING ({purpose}): TESTS WERE SKIPPED: {reason}", part.to_uppercase());
    }
    match left_out.is_empty() || !require_all {
        true => result,
        false => result.and(Err("--require-all: not every driver was tested".into())),
    }
}

fn lint() -> Result<(), String> {
    tidy::tidy(&root())?;
    run(cargo(&["fmt", "--all", "--check"]))?;
    features::features()?;
    let mut clippy = with_all_but(&left_out()?, cargo(&["clippy", "--workspace", "--all-targets", "--quiet"]))?;
    clippy.args(["--", "--deny", "warnings"]);
    run(clippy)?;
    if installed("cargo-deny") {
        run(cargo(&["deny", "--log-level", "error", "check"]))?;
    } else {
        eprintln!("xtask: cargo-deny is not installed; licences and advisories were NOT checked");
    }
    Ok(())
}

/// Runs tests, passes their output on, and ends with the sum of all test programs.
fn count_tests(mut command: Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("{shown} could not be started: {error}"))?;
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    let mut out = std::io::stdout();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|error| format!("the output of {shown} could not be read: {error}"))?;
            if let Some(counts) = line.strip_prefix("test result: ") {
                passed += count(counts, " passed");
                failed += count(counts, " failed");
                ignored += count(counts, " ignored");
            }
            // Nobody reads any more: the tests themselves still count.
            let _ = writeln!(out, "{line}");
        }
    }
    let status = child.wait().map_err(|error| format!("{shown}: {error}"))?;
    println!("\n{passed} passed, {failed} failed, {ignored} skipped");
    if !status.success() {
        return Err(format!("{shown} failed"));
    }
    if passed == 0 {
        return Err(format!("{shown} ran no test"));
    }
    Ok(())
}

/// The number in front of `what` in a line such as `ok. 12 passed; 0 failed; 0 ignored`.
fn count(counts: &str, what: &str) -> u64 {
    let before = counts.split(what).next().unwrap_or_default();
    before.rsplit([' ', ';']).next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
