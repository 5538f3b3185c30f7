//! [`Workload`]: a program, the tools it calls and what it must return.

use std::{fs, path::Path, sync::Arc};

use codemode::{CodeMode, ExecuteOptions, IsolateDriver};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    drivers,
    tools::{self, Gate},
};

/// A program, the tools it calls and what it must return.
#[derive(Debug, Clone)]
pub struct Workload {
    /// What it is called in reports.
    pub id: String,
    /// TypeScript, as a model would send it.
    pub program: String,
    /// Names of [`tools::tool`]s.
    pub tools: Vec<String>,
    /// The right answer.
    pub expected: Expected,
    /// How many executions are in flight at once.
    pub concurrency: Option<usize>,
}

/// The right answer of a workload.
#[derive(Debug, Clone)]
pub enum Expected {
    /// This value.
    Value(Value),
    /// A value whose JSON text, with sorted keys and no spaces, has this SHA-256.
    Sha256(String),
}

/// Why a workload was not what it should be, in words.
pub type Problem = String;

impl Workload {
    /// Makes what runs it: tools registered, types declared, limits raised to [`drivers::limits`].
    ///
    /// # Errors
    /// When it names a tool that there is not, or the driver refuses.
    pub fn code_mode(&self, driver: &Arc<dyn IsolateDriver>, gate: &Gate) -> Result<CodeMode, Problem> {
        let tool = |name: &String| tools::tool(name, gate).ok_or_else(|| format!("there is no tool {name:?}"));
        let tools = self.tools.iter().map(tool).collect::<Result<Vec<_>, _>>()?;
        CodeMode::builder()
            .driver(driver.clone())
            .tools(tools)
            .limits(drivers::limits())
            .build()
            .map_err(|error| error.to_string())
    }

    /// Says whether `value` is the right answer.
    ///
    /// # Errors
    /// What it is instead.
    pub fn check(&self, value: &Value) -> Result<(), Problem> {
        match &self.expected {
            Expected::Value(expected) if value == expected => Ok(()),
            Expected::Value(expected) => {
                Err(format!("{}: the result is {}, not {}", self.id, short(value), short(expected)))
            }
            Expected::Sha256(expected) => {
                let mut sorted = value.clone();
                sorted.sort_all_objects();
                let sum = Sha256::digest(sorted.to_string());
                let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
                if sum == *expected {
                    return Ok(());
                }
                Err(format!("{}: the result has SHA-256 {sum}: {}", self.id, short(value)))
            }
        }
    }
}

/// One execution: program text in, value out. The value is parsed, though a host that passes the result on to its model
/// would pass the text on.
///
/// # Errors
/// When the host or the program failed, or the program returned nothing.
pub async fn execute(code_mode: &CodeMode, program: &str) -> Result<Value, Problem> {
    let outcome =
        code_mode.execute(program, ExecuteOptions::default()).await.map_err(|error| format!("the host: {error}"))?;
    let json = outcome.result.map_err(|failure| format!("{}: {}", failure.name, failure.message))?;
    json.ok_or("the program returned nothing")?.value().map_err(|error| error.to_string())
}

/// Reads the workloads of the harness that runs the other sandboxes: `workloads.json` in `folder` and the files it
/// names.
///
/// # Errors
/// What is wrong with which file.
pub fn load(folder: &Path) -> Result<Vec<Workload>, Problem> {
    let rows: Vec<Row> = serde_json::from_str(&read(&folder.join("workloads.json"))?)
        .map_err(|error| format!("workloads.json: {error}"))?;
    rows.into_iter()
        .map(|row| {
            let expected = folder.join(row.file.replace(".ts", ".expect.json"));
            Ok(Workload {
                id: row.id,
                program: read(&folder.join(&row.file))?,
                tools: row.tools,
                expected: if expected.exists() { parse_expected(&expected)? } else { Expected::Value(1.into()) },
                concurrency: row.concurrency,
            })
        })
        .collect()
}

#[derive(Deserialize)]
struct Row {
    id: String,
    file: String,
    tools: Vec<String>,
    concurrency: Option<usize>,
}

fn parse_expected(file: &Path) -> Result<Expected, Problem> {
    let text: Value = serde_json::from_str(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
    match (text.get("value"), text.get("$sha256")) {
        (Some(value), _) => Ok(Expected::Value(value.clone())),
        (None, Some(Value::String(sum))) => Ok(Expected::Sha256(sum.clone())),
        _ => Err(format!("{}: it has neither value nor $sha256", file.display())),
    }
}

fn read(file: &Path) -> Result<String, Problem> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(300).collect()
}
