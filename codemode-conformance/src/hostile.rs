//! [`hostile`]: a thousand hostile programs in a row, and then 64 at once, good ones among them. The host lives, answers
//! on time and holds afterwards what it held before.

use std::{
    env,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_core::{CodeMode, ExecuteOptions, IsolateDriver, Limits, Outcome, Tool, engine::HeapLimits};
use libtest_mimic::{Arguments, Trial};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{runtime::Builder, task::JoinSet};

use crate::usage::Usage;

/// Holds a driver to `hostile.toml`. Takes the arguments of a Rust test.
pub fn hostile(driver: Arc<dyn IsolateDriver>) -> ExitCode {
    let crowd = Concurrent { driver: driver.clone(), patience: PATIENCE };
    hostile_with(driver, crowd, &[])
}

/// What 64 programs at once run on.
pub struct Concurrent {
    /// With engines kept warm for [`HOSTILE_HEAP`], if it starts slowly.
    pub driver: Arc<dyn IsolateDriver>,
    /// How long after its deadline a program may be answered: new engines for the pool compete with those that run.
    pub patience: Duration,
}

/// As [`hostile`], for a driver that starts slowly or cannot be held to all of it; `gaps` are programs left out, each
/// with the reason.
pub fn hostile_with(driver: Arc<dyn IsolateDriver>, crowd: Concurrent, gaps: &[(&str, &str)]) -> ExitCode {
    let programs = match Hostile::without(gaps) {
        Ok(programs) => programs,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    for (name, why) in gaps {
        eprintln!("{}: WITHOUT {name}: {why}", driver.name());
    }
    let programs: Arc<[Hostile]> = programs.into();
    let mut arguments = Arguments::from_iter(env::args_os());
    // The first test counts what the process holds.
    arguments.test_threads = Some(1);
    let (rows, row_programs, all) = (driver.clone(), programs.clone(), programs.clone());
    let trials = vec![
        Trial::test("each_hostile_program_in_full", move || Ok(each_in_full(&driver, &programs)?)),
        Trial::test("a_thousand_in_a_row", move || Ok(a_thousand_in_a_row(&rows, &row_programs)?)),
        Trial::test("sixty_four_at_once", move || Ok(sixty_four_at_once(&crowd, &all)?)),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostileFile {
    #[serde(rename = "program")]
    programs: Vec<Hostile>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hostile {
    name: String,
    program: String,
    /// How it may end: kinds of failure, or `ok`.
    #[serde(default)]
    ends: Vec<String>,
    /// What it must return, as JSON; then `ends` is empty.
    result: Option<String>,
}

#[derive(Clone, Copy)]
struct Hurry {
    /// Whether a program that need not run out of time may do so all the same.
    may_time_out: bool,
    /// From the deadline to the answer.
    patience: Duration,
}

impl Hostile {
    fn without(gaps: &[(&str, &str)]) -> Result<Vec<Self>, String> {
        let file: HostileFile = toml::from_str(include_str!("../hostile.toml")).map_err(|e| e.to_string())?;
        let mut programs = file.programs;
        for (name, _) in gaps {
            let count = programs.len();
            programs.retain(|hostile| hostile.name != *name);
            if programs.len() == count {
                return Err(format!("there is no hostile program {name}"));
            }
        }
        Ok(programs)
    }

    /// Runs it with a deadline of `wall`.
    async fn run(&self, code_mode: &CodeMode, wall: Duration, hurry: Hurry) -> Result<(), String> {
        let begun = Instant::now();
        let ended = execute(code_mode, &self.program, wall).await;
        let ended = ended.map_err(|error| format!("{}: the host failed: {error}", self.name))?;
        let most = wall + hurry.patience;
        if begun.elapsed() > most {
            return Err(format!("{}: answered after {:?}, more than {most:?}", self.name, begun.elapsed()));
        }
        let wrong = |end: &str| Err(format!("{}: it ended with {end}", self.name));
        match (&self.result, ended.result) {
            (_, Err(failure)) if hurry.may_time_out && failure.kind.as_str() == "timeout" => Ok(()),
            (None, Err(failure)) if self.ends.iter().any(|end| end == failure.kind.as_str()) => Ok(()),
            (None, Ok(_)) if self.ends.iter().any(|end| end == "ok") => Ok(()),
            (Some(expected), Ok(Some(json))) => {
                let same = serde_json::from_str(expected).ok() == json.value().ok();
                if same { Ok(()) } else { wrong(json.text()) }
            }
            (_, Ok(json)) => wrong(json.as_ref().map_or("undefined", |json| json.text())),
            (_, Err(failure)) => wrong(&format!("{}: {}", failure.kind.as_str(), failure.message)),
        }
    }
}

/// Every program once, with time enough to end as it must.
fn each_in_full(driver: &Arc<dyn IsolateDriver>, programs: &[Hostile]) -> Result<(), String> {
    let code_mode = code_mode(driver)?;
    let mut wrong = Vec::new();
    runtime()?.block_on(async {
        for hostile in programs {
            let begun = Instant::now();
            let wall = if hostile.ends == ["timeout"] { SHORT } else { LONG };
            wrong.extend(hostile.run(&code_mode, wall, Hurry { may_time_out: false, patience: PATIENCE }).await.err());
            if begun.elapsed() > SLOW {
                eprintln!("{} {}: {:?}", driver.name(), hostile.name, begun.elapsed());
            }
        }
        Ok::<_, String>(())
    })?;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn a_thousand_in_a_row(driver: &Arc<dyn IsolateDriver>, programs: &[Hostile]) -> Result<(), String> {
    let code_mode = code_mode(driver)?;
    let round = |count: usize| {
        runtime()?.block_on(async {
            for hostile in programs.iter().cycle().take(count) {
                hostile.run(&code_mode, SHORT, Hurry { may_time_out: true, patience: PATIENCE }).await?;
            }
            good(&code_mode, 7).await
        })
    };
    // What an engine and an allocator keep for later they keep after the first round.
    round(programs.len())?;
    let before = settled(None);
    let begun = Instant::now();
    round(COUNT)?;
    let took = begun.elapsed();
    let after = settled(before);
    let (Some(before), Some(after)) = (before, after) else {
        eprintln!("{}: {COUNT} in {took:?}; this system does not tell what a process holds", driver.name());
        return Ok(());
    };
    eprintln!("{}: {COUNT} in {took:?}; before: {before}; after: {after}", driver.name());
    let grown = after.resident_kib.saturating_sub(before.resident_kib);
    if after.threads > before.threads || after.files > before.files || grown > MOST_GROWTH_KIB {
        return Err(format!("{COUNT} hostile programs left something behind: before {before}; after {after}"));
    }
    Ok(())
}

fn sixty_four_at_once(crowd: &Concurrent, programs: &[Hostile]) -> Result<(), String> {
    let code_mode = Arc::new(code_mode(&crowd.driver)?);
    let hurry = Hurry { may_time_out: true, patience: crowd.patience };
    let begun = Instant::now();
    runtime()?.block_on(async {
        let mut running = JoinSet::new();
        for (n, hostile) in programs.iter().cycle().take(32).cloned().enumerate() {
            let (bad, nice) = (code_mode.clone(), code_mode.clone());
            running.spawn(async move { hostile.run(&bad, AT_ONCE, hurry).await });
            running.spawn(async move { good(&nice, n).await });
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(|error| error.to_string())??;
        }
        Ok::<_, String>(())
    })?;
    eprintln!("{}: 64 at once in {:?}", crowd.driver.name(), begun.elapsed());
    Ok(())
}

/// A program that computes, calls and waits, and whose answer is known.
async fn good(code_mode: &CodeMode, n: usize) -> Result<(), String> {
    let program = format!(
        "const squares = await Promise.all(Array.from({{ length: 10 }}, (_, i) => external_echo({{ n: i * i }})));
         await new Promise((resolve) => setTimeout(resolve, 1));
         let sum = {n};
         for (const square of squares) sum += square.n;
         return sum"
    );
    let outcome = execute(code_mode, &program, LONG).await.map_err(|error| format!("good program: {error}"))?;
    let json = outcome.result.map_err(|failure| format!("good program {n}: {failure}"))?;
    let value = json.map(|json| json.value()).transpose().map_err(|error| error.to_string())?;
    let expected: Value = json!(n + 285);
    if value.as_ref() == Some(&expected) { Ok(()) } else { Err(format!("expected {expected}, got {value:?}")) }
}

async fn execute(code_mode: &CodeMode, program: &str, wall: Duration) -> Result<Outcome, codemode_core::Error> {
    let limits = Limits { wall, heap: HOSTILE_HEAP, ..Limits::default() };
    let options = ExecuteOptions { limits: Some(limits), ..ExecuteOptions::default() };
    code_mode.execute(program, options).await
}

fn code_mode(driver: &Arc<dyn IsolateDriver>) -> Result<CodeMode, String> {
    let echo = Tool::from_schema("echo", "Gives back its input.", json!({}), None, |input, _| async { Ok(input) });
    CodeMode::builder().shared_driver(driver.clone()).tool(echo).build().map_err(|error| error.to_string())
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

/// What the process holds once its idle threads are gone, or have had long enough to go.
fn settled(aim: Option<Usage>) -> Option<Usage> {
    let begun = Instant::now();
    loop {
        let usage = Usage::now()?;
        let good = aim.is_some_and(|aim| usage.threads <= aim.threads && usage.files <= aim.files);
        if good || begun.elapsed() > IDLE {
            return Some(usage);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

const COUNT: usize = 1_000;
/// The heap of every program here, for a driver that keeps engines warm.
pub const HOSTILE_HEAP: HeapLimits = HeapLimits { heap_bytes: 16 << 20, stack_bytes: 512 << 10 };
/// For a loop, which takes all it is given.
const SHORT: Duration = Duration::from_millis(40);
const AT_ONCE: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);
/// From the deadline to the answer: the default grace, and a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(3);
/// Worth a line in the output.
const SLOW: Duration = Duration::from_millis(500);
/// Idle worker threads go away after two seconds.
const IDLE: Duration = Duration::from_secs(4);
/// Noise: what allocators keep.
const MOST_GROWTH_KIB: u64 = 64 << 10;
