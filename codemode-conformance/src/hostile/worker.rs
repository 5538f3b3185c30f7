//! [`Worker`]: runs generated programs one after the other and compares what the process does with what it may do.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_core::{CodeMode, ExecuteOptions, FailureKind, IsolateDriver, Limits, Progress, Tool, ToolError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    bounds::TIMEOUT,
    program::{Heap, good},
};
use crate::{
    fixtures::{self, runtime},
    generated::Generated,
    test_tools::TestTools,
    usage::{Peak, Usage, running},
};

/// What must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    /// The process ended.
    Death,
    /// Answered too long after the deadline.
    Late,
    /// The thread came back only after seconds.
    Held,
    /// The thread did not come back.
    Lost,
    /// The host failed, not the program.
    HostError,
    /// The engine failed, not the program.
    EngineFailed,
    /// A good program was answered wrong or late.
    Good,
    /// More memory than the bound.
    Peak,
}

/// One thing that must not happen, with the program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Finding {
    pub seed: u64,
    pub kind: Kind,
    detail: String,
    heap: String,
    timeout_ms: u128,
    operations: Vec<String>,
}

impl Finding {
    pub fn new(program: &Generated, kind: Kind, detail: String) -> Self {
        Self {
            seed: program.seed,
            kind,
            detail,
            heap: if program.default_heap { "default" } else { "small" }.into(),
            timeout_ms: program.timeout.as_millis(),
            operations: program.operations.clone(),
        }
    }

    /// Keeps one operation if it does the same alone.
    pub fn shrink(&mut self, does: impl Fn(usize) -> bool) {
        if self.operations.len() > 1
            && let Some(at) = (0..self.operations.len()).find(|at| does(*at))
        {
            self.operations = vec![self.operations.swap_remove(at)];
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, kind, detail, heap, timeout_ms, operations } = self;
        writeln!(f, "seed {seed}, {heap} heap, {timeout_ms} ms: {kind:?}: {detail}")?;
        operations.iter().try_for_each(|operation| writeln!(f, "    {operation}"))
    }
}

/// Runs generated programs in this process.
pub(super) struct Worker {
    code_mode: CodeMode,
    runtime: Runtime,
    constant_mib: u64,
    /// What each program gets, instead of its own deadline.
    timeout: Option<Duration>,
    /// Threads that the driver keeps; those that are lost are added.
    threads: Option<u64>,
    lost: usize,
    rejected: u64,
    peak_kib: u64,
    last: String,
}

impl Worker {
    pub fn new(driver: &Arc<dyn IsolateDriver>, constant_mib: u64) -> Result<Self, String> {
        let library = TestTools::new(&[]);
        let mut tools = vec![noisy()];
        tools.extend(["echo", "text", "fail"].iter().filter_map(|name| library.get(name)));
        let code_mode = fixtures::code_mode(driver, tools, Limits::default())?;
        let runtime = runtime()?;
        // What the driver keeps for the process is there before the first program comes.
        for n in 0..3 {
            runtime.block_on(good(&code_mode, n))?;
        }
        // Without idle threads, which would hide as many that are lost.
        let threads = Usage::settled(None).map(|usage| usage.threads);
        Ok(Self {
            code_mode,
            runtime,
            constant_mib,
            timeout: None,
            threads,
            lost: 0,
            rejected: 0,
            peak_kib: 0,
            last: String::new(),
        })
    }

    /// Gives each program no more than this.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How many threads did not come back.
    pub fn lost(&self) -> usize {
        self.lost
    }

    /// How many programs the front end did not take.
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// What the last program took at its peak.
    pub fn peak_kib(&self) -> u64 {
        self.peak_kib
    }

    /// How the last program ended.
    pub fn last(&self) -> &str {
        &self.last
    }

    pub fn run(&mut self, program: &Generated) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut found = |kind, detail| findings.push(Finding::new(program, kind, detail));
        let heap = if program.default_heap { Heap::Default } else { Heap::Small };
        let timeout = self.timeout.map_or(program.timeout, |timeout| timeout.min(program.timeout));
        // Of many answers at once, most of what is held is the host's.
        let limits = heap.limits().timeout(timeout).answer_bytes(512 << 10);
        let grace = limits.grace;
        let options = ExecuteOptions::default().limits(limits).on_event(|_| {});
        let (before, peak) = (Usage::now(), Peak::reset());
        let begun = Instant::now();
        let ended = self.runtime.block_on(self.code_mode.execute(&program.text(), options));
        let took = begun.elapsed();
        self.last = match ended {
            Err(error) => {
                found(Kind::HostError, format!("{:?}: {error}", error.kind));
                format!("{:?}", error.kind)
            }
            Ok(outcome) => match outcome.result {
                Err(failure) if failure.kind == FailureKind::EngineFailed => {
                    found(Kind::EngineFailed, failure.message.clone());
                    "engineFailed".into()
                }
                Err(failure) => {
                    let rejected = matches!(failure.kind, FailureKind::Syntax | FailureKind::Invalid);
                    self.rejected += u64::from(rejected);
                    format!("{}: {}", failure.kind.as_str(), failure.message)
                }
                Ok(_) => "ok".into(),
            },
        };
        if took > timeout + TIMEOUT {
            found(Kind::Late, format!("answered after {took:?}"));
        }
        let Some(before) = before else { return findings };
        // Only then can the engine have ignored its interrupt.
        if took > timeout + grace.mul_f64(0.7)
            && let Some((kind, detail)) = self.wait()
        {
            found(kind, detail);
        }
        self.peak_kib = peak.kib().unwrap_or(0).saturating_sub(before.resident_kib);
        // A lost thread goes on taking what its own limits allow.
        let others = self.lost as u64 * Heap::Default.peak_kib(0);
        if self.peak_kib > heap.peak_kib(self.constant_mib) + others {
            found(Kind::Peak, format!("{} MiB", self.peak_kib >> 10));
        }
        findings
    }

    /// Waits for the threads to come back.
    fn wait(&mut self) -> Option<(Kind, String)> {
        let begun = Instant::now();
        loop {
            let threads = Usage::now()?.threads;
            let before = self.threads?;
            let held = begun.elapsed();
            if threads <= before {
                return (held > HELD).then(|| (Kind::Held, format!("for {held:?} after the answer")));
            }
            if held > HELD_TIMEOUT {
                self.lost += 1;
                self.threads = Some(threads);
                let running = running();
                return Some((
                    Kind::Lost,
                    format!("{threads} threads after {held:?}, {before} before; these compute: {running:?}"),
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A good program, after another.
    pub fn good(&mut self, after: &Generated) -> Option<Finding> {
        let begun = Instant::now();
        let ended = self.runtime.block_on(good(&self.code_mode, 1));
        let took = begun.elapsed();
        let late = (took > GOOD_TIMEOUT).then(|| format!("a good program took {took:?}"));
        let why = ended.err().or(late)?;
        Some(Finding::new(after, Kind::Good, why))
    }
}

/// Reports progress before it answers.
fn noisy() -> Tool {
    let number = |input: &Value, name: &str| input[name].as_u64().unwrap_or(1);
    Tool::from_schema("noisy", "A tool of a test.", json!({}), None, move |input, context| async move {
        let message = "x".repeat(usize::try_from(number(&input, "length").min(10_000)).unwrap_or(1));
        for n in 0..number(&input, "count").min(100_000) {
            context.progress(Progress::new(n as f64).message(message.as_str()));
        }
        Ok::<_, ToolError>(json!(message))
    })
}

/// From the answer to the end of the thread: longer than idle workers wait for work.
const HELD: Duration = Duration::from_secs(6);
/// Until it is taken to be lost for good.
const HELD_TIMEOUT: Duration = Duration::from_secs(40);
/// On a loaded machine.
const GOOD_TIMEOUT: Duration = Duration::from_secs(5);
