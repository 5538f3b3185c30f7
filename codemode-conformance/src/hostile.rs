//! [`hostile`]: the programs of `hostile.toml`, each by itself, a thousand in a row, and 64 at once with good ones among
//! them. The host survives, answers on time and holds afterwards what it held before.

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_core::{CodeMode, Error, ExecuteOptions, IsolateDriver, Limits, Outcome, engine::HeapLimits};
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    fixtures::{self, echo, returned, runtime},
    known::{Check, Suite},
    measured::run_in_order,
    usage::Usage,
};

/// Holds a driver to `hostile.toml`. `known` is the text of its known.toml. Takes the arguments of a Rust test.
pub fn hostile(driver: Arc<dyn IsolateDriver>, known: &str) -> ExitCode {
    let concurrent = Concurrent::new(driver.clone());
    hostile_with(driver, concurrent, known)
}

/// As [`hostile`], for a driver that needs something else for 64 programs at once.
pub fn hostile_with(driver: Arc<dyn IsolateDriver>, concurrent: Concurrent, known: &str) -> ExitCode {
    run_in_order(Suite::Hostile, known, |gaps| {
        let programs = programs()?;
        let shared: Arc<[Hostile]> = programs.iter().filter(|program| !gaps.contains(&program.name)).cloned().collect();
        let mut checks: Vec<(String, Check)> = Vec::new();
        for program in programs {
            let driver = driver.clone();
            checks.push((program.name.clone(), Box::new(move || in_full(&driver, &program))));
        }
        let (rows, in_a_row) = (driver, shared.clone());
        checks.push(("a_thousand_in_a_row".into(), Box::new(move || a_thousand_in_a_row(&rows, &in_a_row))));
        checks.push(("sixty_four_at_once".into(), Box::new(move || sixty_four_at_once(&concurrent, &shared))));
        Ok(checks)
    })
}

/// What 64 programs at once run on.
#[non_exhaustive]
pub struct Concurrent {
    /// With engines kept warm for [`HOSTILE_HEAP`], if it starts slowly.
    pub driver: Arc<dyn IsolateDriver>,
    /// How long after its deadline a program may be answered: new engines for the pool compete with those that run.
    pub timeout: Duration,
}

impl Concurrent {
    /// On this driver, which answers within three seconds after a deadline.
    pub fn new(driver: Arc<dyn IsolateDriver>) -> Self {
        Self { driver, timeout: TIMEOUT }
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostileFile {
    #[serde(rename = "program")]
    programs: Vec<Hostile>,
}

fn programs() -> Result<Vec<Hostile>, String> {
    let file: HostileFile = toml::from_str(include_str!("../hostile.toml")).map_err(|error| error.to_string())?;
    Ok(file.programs)
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

/// What is asked of the end of a program.
#[derive(Clone, Copy)]
struct Bounds {
    /// Whether a program that need not run out of time may do so all the same.
    may_time_out: bool,
    /// From the deadline to the answer.
    timeout: Duration,
}

impl Hostile {
    /// Runs it with a deadline of `timeout`.
    async fn run(&self, code_mode: &CodeMode, timeout: Duration, bounds: Bounds) -> Result<(), String> {
        let begun = Instant::now();
        let ended = execute(code_mode, &self.program, timeout).await;
        let ended = ended.map_err(|error| format!("{}: the host failed: {error}", self.name))?;
        let max = timeout + bounds.timeout;
        if begun.elapsed() > max {
            return Err(format!("{}: answered after {:?}, more than {max:?}", self.name, begun.elapsed()));
        }
        let wrong = |end: &str| Err(format!("{}: it ended with {end}", self.name));
        match (&self.result, ended.result) {
            (_, Err(failure)) if bounds.may_time_out && failure.kind.as_str() == "timeout" => Ok(()),
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

/// One program, with time enough to end as it must.
fn in_full(driver: &Arc<dyn IsolateDriver>, hostile: &Hostile) -> Result<(), String> {
    let code_mode = code_mode(driver)?;
    let begun = Instant::now();
    let timeout = if hostile.ends == ["timeout"] { SHORT } else { LONG };
    let bounds = Bounds { may_time_out: false, timeout: TIMEOUT };
    let ended = runtime()?.block_on(hostile.run(&code_mode, timeout, bounds));
    if begun.elapsed() > SLOW {
        eprintln!("{} {}: {:?}", driver.name(), hostile.name, begun.elapsed());
    }
    ended
}

fn a_thousand_in_a_row(driver: &Arc<dyn IsolateDriver>, programs: &[Hostile]) -> Result<(), String> {
    let code_mode = code_mode(driver)?;
    let bounds = Bounds { may_time_out: true, timeout: TIMEOUT };
    let round = |count: usize| {
        runtime()?.block_on(async {
            for hostile in programs.iter().cycle().take(count) {
                hostile.run(&code_mode, SHORT, bounds).await?;
            }
            good(&code_mode, 7).await
        })
    };
    // What an engine and an allocator keep for later they keep after the first round.
    round(programs.len())?;
    let before = Usage::settled(None);
    let begun = Instant::now();
    round(COUNT)?;
    let took = begun.elapsed();
    let after = Usage::settled(before);
    let (Some(before), Some(after)) = (before, after) else {
        eprintln!("{}: {COUNT} in {took:?}; this system does not report what a process holds", driver.name());
        return Ok(());
    };
    eprintln!("{}: {COUNT} in {took:?}; before: {before}; after: {after}", driver.name());
    if after.exceeds(&before, MAX_GROWTH_KIB) {
        return Err(format!("{COUNT} hostile programs left something behind: before {before}; after {after}"));
    }
    Ok(())
}

fn sixty_four_at_once(concurrent: &Concurrent, programs: &[Hostile]) -> Result<(), String> {
    let code_mode = Arc::new(code_mode(&concurrent.driver)?);
    let bounds = Bounds { may_time_out: true, timeout: concurrent.timeout };
    let begun = Instant::now();
    runtime()?.block_on(async {
        let mut running = JoinSet::new();
        for (n, hostile) in programs.iter().cycle().take(32).cloned().enumerate() {
            let (bad, nice) = (code_mode.clone(), code_mode.clone());
            running.spawn(async move { hostile.run(&bad, AT_ONCE, bounds).await });
            running.spawn(async move { good(&nice, n).await });
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(|error| error.to_string())??;
        }
        Ok::<_, String>(())
    })?;
    eprintln!("{}: 64 at once in {:?}", concurrent.driver.name(), begun.elapsed());
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
    let outcome = execute(code_mode, &program, LONG).await;
    returned(outcome, &json!(n + 285)).map_err(|why| format!("good program {n}: {why}"))
}

async fn execute(code_mode: &CodeMode, program: &str, timeout: Duration) -> Result<Outcome, Error> {
    let limits =
        Limits::default().timeout(timeout).heap_bytes(HOSTILE_HEAP.heap_bytes).stack_bytes(HOSTILE_HEAP.stack_bytes);
    let options = ExecuteOptions::default().limits(limits);
    code_mode.execute(program, options).await
}

fn code_mode(driver: &Arc<dyn IsolateDriver>) -> Result<CodeMode, String> {
    fixtures::code_mode(driver, [echo()], Limits::default())
}

const COUNT: usize = 1_000;
/// The heap of every program here, for a driver that keeps engines warm.
pub const HOSTILE_HEAP: HeapLimits = HeapLimits { heap_bytes: 16 << 20, stack_bytes: 512 << 10 };
/// For a loop, which takes all it is given.
const SHORT: Duration = Duration::from_millis(40);
const AT_ONCE: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);
/// From the deadline to the answer: the default grace, and a loaded machine.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Worth a line in the output.
const SLOW: Duration = Duration::from_millis(500);
/// Noise: what allocators keep.
const MAX_GROWTH_KIB: u64 = 64 << 10;
