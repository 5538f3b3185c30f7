//! [`HostileProgram`]: one program of `hostile/*.toml`, and how it may end.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use codemode_core::{CodeMode, Error, ExecuteOptions, IsolateDriver, Limits, Outcome};
use serde::Deserialize;
use serde_json::json;

use super::bounds::HOSTILE_HEAP;
use crate::{
    fixtures::{self, echo, returned},
    load::toml_files,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostileFile {
    #[serde(rename = "program")]
    programs: Vec<HostileProgram>,
}

/// All programs, in the order of their files and places. A name is used once.
pub(super) fn all() -> Result<Vec<HostileProgram>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hostile");
    let mut programs: Vec<HostileProgram> = Vec::new();
    for path in toml_files(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let problem = |why: String| format!("{}: {why}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| problem(error.to_string()))?;
        let file: HostileFile = toml::from_str(&text).map_err(|error| problem(error.to_string()))?;
        for program in file.programs {
            if programs.iter().any(|other| other.name == program.name) {
                return Err(problem(format!("the name {:?} is used twice", program.name)));
            }
            programs.push(program);
        }
    }
    Ok(programs)
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HostileProgram {
    pub name: String,
    pub program: String,
    /// How it may end: kinds of failure, or `ok`.
    #[serde(default)]
    pub ends: Vec<String>,
    /// What it must return, as JSON; then `ends` is empty.
    result: Option<String>,
    /// Whose heap and stack it runs with.
    #[serde(default)]
    pub limits: Heap,
}

/// The heap and stack that a program may fill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Heap {
    /// [`HOSTILE_HEAP`]
    #[default]
    Small,
    /// What a host gets that sets no limits.
    Default,
}

impl Heap {
    pub fn limits(self) -> Limits {
        match self {
            Self::Small => Limits::default().heap_bytes(HOSTILE_HEAP.heap_bytes).stack_bytes(HOSTILE_HEAP.stack_bytes),
            Self::Default => Limits::default(),
        }
    }

    /// How much more memory a process may hold at the peak of one program.
    pub fn peak_kib(self, constant_mib: u64) -> u64 {
        2 * (self.limits().heap_bytes as u64 >> 10) + (constant_mib << 10)
    }
}

/// What is asked of the end of a program.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// Whether a program that need not run out of time may do so all the same.
    pub may_time_out: bool,
    /// From the deadline to the answer.
    pub timeout: Duration,
}

impl HostileProgram {
    /// Runs it with a deadline of `timeout`.
    pub async fn run(&self, code_mode: &CodeMode, timeout: Duration, bounds: Bounds) -> Result<(), String> {
        let begun = Instant::now();
        let ended = execute(code_mode, &self.program, self.limits.limits().timeout(timeout)).await;
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

/// A program that computes, calls and waits, and whose answer is known.
pub(super) async fn good(code_mode: &CodeMode, n: usize) -> Result<(), String> {
    let program = format!(
        "const squares = await Promise.all(Array.from({{ length: 10 }}, (_, i) => external_echo({{ n: i * i }})));
         await new Promise((resolve) => setTimeout(resolve, 1));
         let sum = {n};
         for (const square of squares) sum += square.n;
         return sum"
    );
    let outcome = execute(code_mode, &program, Heap::Small.limits().timeout(LONG)).await;
    returned(outcome, &json!(n + 285)).map_err(|why| format!("good program {n}: {why}"))
}

pub(super) async fn execute(code_mode: &CodeMode, program: &str, limits: Limits) -> Result<Outcome, Error> {
    code_mode.execute(program, ExecuteOptions::default().limits(limits)).await
}

pub(super) fn code_mode(driver: &std::sync::Arc<dyn IsolateDriver>) -> Result<CodeMode, String> {
    fixtures::code_mode(driver, [echo()], Limits::default())
}

/// For a loop, which takes all it is given.
pub(super) const SHORT: Duration = Duration::from_millis(40);
/// For all else.
pub(super) const LONG: Duration = Duration::from_secs(20);
