//! [`run`]: every case as one test of `libtest-mimic`, live and replayed, with the driver's gaps held to be gaps.

use std::{env, ffi::OsString, panic, path::PathBuf, process::ExitCode, sync::Arc};

use codemode_core::{ErrorKind, IsolateDriver, Recording};
use libtest_mimic::Arguments;

use crate::{
    case::Case,
    check,
    event_text::event_text,
    fixtures::runtime,
    globals,
    known::{Check, Gaps, Suite},
    load::{LoadError, joined, load_cases, load_folder},
    play::{Played, play, replay},
    record::{self, Record},
    show,
    test_tools::PANIC,
};

/// Holds a driver to the suite. `known` is the text of its known.toml. Takes the arguments of a Rust test, and
/// `--cases DIR` for the cases of another folder as well; the environment variable `CODEMODE_CASES` does the same where
/// arguments go to other tests too. `CODEMODE_RECORD` names a folder for what a whole green run came to.
pub fn run(driver: Arc<dyn IsolateDriver>, known: &str) -> ExitCode {
    let (folders, arguments) = split_arguments(env::args_os());
    let arguments = Arguments::from_iter(arguments);
    let (cases, gaps) = match (all_cases(folders), Gaps::parse(known, Suite::Case)) {
        (Ok(cases), Ok(gaps)) => (cases, gaps),
        (cases, gaps) => {
            for error in [cases.err().map(|e| e.to_string()), gaps.err()].into_iter().flatten() {
                eprintln!("{error}");
            }
            return ExitCode::FAILURE;
        }
    };
    quiet_panics();
    let known = gaps.names();
    let trials = gaps.trials(checks(&driver, cases));
    let count = trials.len();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(folder) = record::wanted() {
        // A part of the suite says nothing about the whole.
        let whole = conclusion.num_passed == count as u64;
        let record = Record { driver: driver.info(), cases: count, gaps: known };
        let kept = if whole { record.write(&folder) } else { Err("only a whole run that is green is recorded".into()) };
        if let Err(why) = kept {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    }
    conclusion.exit_code()
}

fn checks(driver: &Arc<dyn IsolateDriver>, cases: Vec<Case>) -> Vec<(String, Check)> {
    let mut checks: Vec<(String, Check)> = Vec::new();
    for case in cases {
        let driver = driver.clone();
        checks.push((case.id(), Box::new(move || hold(&case, &driver))));
    }
    let walked = driver.clone();
    checks.push(("isolation::reachable-globals".into(), Box::new(move || runtime()?.block_on(globals::hold(&walked)))));
    checks
}

/// Plays a case and its replay. The error is a text for a person.
fn hold(case: &Case, driver: &Arc<dyn IsolateDriver>) -> Result<(), String> {
    let wrong = runtime()?.block_on(async {
        let played = play(case, driver).await?;
        let mut wrong = check::played(case, &played);
        if !wrong.is_empty() {
            wrong.push(all_events(&played));
        }
        wrong.extend(replays(case, driver, &played).await);
        Ok::<_, String>(wrong)
    })?;
    if wrong.is_empty() { Ok(()) } else { Err(report(case, &wrong)) }
}

async fn replays(case: &Case, driver: &Arc<dyn IsolateDriver>, played: &Played) -> Vec<String> {
    let mut wrong = Vec::new();
    // A program that was refused before it ran has no journal.
    if played.recording == Recording::default() {
        return wrong;
    }
    let recording = match read_back(&played.recording) {
        Ok(recording) => recording,
        Err(why) => return vec![why],
    };
    match replay(case, &case.program, driver, recording.clone()).await {
        Ok(again) => {
            wrong.extend(check::outcome(case, &again));
            if let Some(live) = &played.outcome {
                wrong.extend(check::replayed(live, &again));
            }
        }
        Err(error) => wrong.push(format!("{error}\n")),
    }
    for text in &mut wrong {
        text.insert_str(0, "replayed from its journal: ");
    }
    if let Some(changed) = &case.changed {
        wrong.extend(match replay(case, &changed.program, driver, recording).await {
            Err(error) if error.kind == ErrorKind::Diverged => {
                show::texts("divergence of the changed program", &changed.error, &error.message)
            }
            Err(error) => Some(format!("the changed program: expected a divergence, got {:?}: {error}\n", error.kind)),
            Ok(outcome) => Some(format!("the changed program did not diverge: {:?}\n", outcome.result)),
        });
    }
    wrong
}

/// The journal after it was written as text and read again.
fn read_back(recording: &Recording) -> Result<Recording, String> {
    let mut text = Vec::new();
    recording.write(&mut text).map_err(|e| format!("the journal cannot be written: {e}\n"))?;
    let read = Recording::read(text.as_slice()).map_err(|e| format!("the journal cannot be read: {e}\n"))?;
    if read == *recording { Ok(read) } else { Err("the journal reads back as another\n".into()) }
}

fn report(case: &Case, wrong: &[String]) -> String {
    let numbered: Vec<String> =
        case.program.lines().take(40).zip(1..).map(|(line, n)| format!("  {n:>3} | {}\n", show::clip(line))).collect();
    format!("\n{}\n{} ({})\n{}{}", case.why, case.id(), case.file.display(), numbered.concat(), wrong.join(""))
}

fn all_events(played: &Played) -> String {
    let events: Vec<String> =
        played.events.iter().take(60).map(|event| format!("    {}\n", show::clip(&event_text(event)))).collect();
    format!("all events:\n{}", events.concat())
}

fn all_cases(folders: Vec<PathBuf>) -> Result<Vec<Case>, LoadError> {
    let mut all = vec![load_cases()?];
    for folder in folders {
        all.push(load_folder(&folder)?);
    }
    joined(all)
}

/// Takes `--cases DIR` out of the arguments.
fn split_arguments(arguments: impl Iterator<Item = OsString>) -> (Vec<PathBuf>, Vec<OsString>) {
    let mut folders: Vec<PathBuf> = env::var_os("CODEMODE_CASES").iter().flat_map(env::split_paths).collect();
    let mut rest = Vec::new();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--cases") => folders.extend(arguments.next().map(PathBuf::from)),
            Some(text) if text.starts_with("--cases=") => {
                folders.push(PathBuf::from(text.trim_start_matches("--cases=")))
            }
            _ => rest.push(argument),
        }
    }
    (folders, rest)
}

/// Keeps the panics that cases ask for out of the output.
fn quiet_panics() {
    let loud = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let asked_for = info.payload().downcast_ref::<String>().is_some_and(|text| text.starts_with(PANIC));
        if !asked_for {
            loud(info);
        }
    }));
}
