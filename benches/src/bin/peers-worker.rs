//! Puts one of our drivers beside the published sandboxes of others: speaks the worker protocol of the harness that
//! runs them, in JSON lines on standard input and output.
//!
//! `peers-worker DRIVER`, started in the harness's folder. Each sample is one execution through the public API, from
//! the TypeScript text to the parsed result.

use std::{
    collections::HashMap,
    io::{BufRead, Write, stdin, stdout},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode::{CodeMode, IsolateDriver};
use codemode_benches::{
    drivers,
    tools::Gate,
    workload::{Problem, Workload, execute, load},
};
use futures_util::future::{join_all, try_join_all};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("peers-worker: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Problem> {
    let name = std::env::args().nth(1).ok_or("give the name of a driver")?;
    let driver = drivers::open(&name).map_err(|error| error.to_string())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_time().build().map_err(|error| error.to_string())?;
    let workloads = load(Path::new("workloads"))?;
    let ids: Vec<&str> = workloads.iter().map(|workload| workload.id.as_str()).collect();
    let info = driver.info();
    let note = match drivers::is_warm(&name) {
        true => {
            format!("{} engines kept ready; {:?} between executions to make the next", drivers::WARM, drivers::REFILL)
        }
        false => String::new(),
    };
    say(&json!({
        "ready": true, "peer": format!("codemode ({name})"), "version": env!("CARGO_PKG_VERSION"),
        "engine": info.engine, "ts": "own", "note": note, "workloads": ids,
    }))?;
    let mut worker = Worker { name, driver, workloads, gate: Gate::default(), ready: HashMap::new(), held: Vec::new() };
    for line in stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        if line.trim().is_empty() {
            continue;
        }
        let Request { id, op } = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        let answer = match op {
            Op::Exit => return Ok(()),
            Op::Run(run) => runtime.block_on(worker.run(run)),
            Op::Hold { n, settle_ms } => runtime.block_on(worker.hold(n, Duration::from_millis(settle_ms))),
            Op::Release => runtime.block_on(worker.release()),
        };
        let mut answer = answer.unwrap_or_else(|problem| json!({ "ok": false, "error": problem }));
        answer["id"] = id;
        say(&answer)?;
    }
    Ok(())
}

fn say(message: &Value) -> Result<(), Problem> {
    let mut out = stdout().lock();
    writeln!(out, "{message}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    id: Value,
    #[serde(flatten)]
    op: Op,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Op {
    Run(Run),
    Hold { n: usize, settle_ms: u64 },
    Release,
    Exit,
}

#[derive(Deserialize)]
struct Run {
    workload: String,
    iterations: usize,
    #[serde(default)]
    warmup: usize,
    #[serde(default = "a_minute")]
    budget_ms: u64,
}

fn a_minute() -> u64 {
    60_000
}

struct Worker {
    name: String,
    driver: Arc<dyn IsolateDriver>,
    workloads: Vec<Workload>,
    gate: Gate,
    /// What an application makes once, by the tools that are registered.
    ready: HashMap<Vec<String>, CodeMode>,
    held: Vec<JoinHandle<Result<Value, Problem>>>,
}

impl Worker {
    fn workload(&mut self, id: &str) -> Result<(Workload, CodeMode), Problem> {
        let found = self.workloads.iter().find(|workload| workload.id == id);
        let workload = found.ok_or_else(|| format!("there is no workload {id:?}"))?.clone();
        let code_mode = match self.ready.get(&workload.tools) {
            Some(ready) => ready.clone(),
            None => {
                let made = workload.code_mode(&self.driver, &self.gate)?;
                self.ready.entry(workload.tools.clone()).or_insert(made).clone()
            }
        };
        Ok((workload, code_mode))
    }

    async fn run(&mut self, run: Run) -> Result<Value, Problem> {
        let (workload, code_mode) = self.workload(&run.workload)?;
        let until = Instant::now() + Duration::from_millis(run.budget_ms);
        for _ in 0..run.warmup {
            execute(&code_mode, &workload.program).await?;
        }
        let (mut samples, mut wall) = (Vec::new(), Duration::ZERO);
        for i in 0..run.iterations {
            if drivers::is_warm(&self.name) {
                tokio::time::sleep(drivers::REFILL).await;
            }
            let begun = Instant::now();
            let results = match workload.concurrency {
                None => vec![sample(&code_mode, &workload.program).await?],
                Some(n) => at_once(n, &code_mode, &workload.program).await?,
            };
            wall += begun.elapsed();
            for (value, took) in results {
                // A sum over 5 MB is checked once in a slice, as it is for the others.
                if i == 0 || matches!(workload.expected, codemode_benches::workload::Expected::Value(_)) {
                    workload.check(&value)?;
                }
                samples.push(took.as_secs_f64() * 1e6);
            }
            if Instant::now() > until {
                break;
            }
        }
        let mut answer = json!({ "ok": true, "samples_us": samples });
        if workload.concurrency.is_some() {
            answer["throughput_per_s"] = json!(samples.len() as f64 / wall.as_secs_f64());
        }
        Ok(answer)
    }

    /// Starts `n` executions that come to the gate and wait there.
    async fn hold(&mut self, n: usize, settle: Duration) -> Result<Value, Problem> {
        let (workload, code_mode) = self.workload("HOLD")?;
        self.gate.close();
        let until = Instant::now() + settle;
        for _ in 0..n {
            let (code_mode, program) = (code_mode.clone(), workload.program.clone());
            self.held.push(tokio::spawn(async move { execute(&code_mode, &program).await }));
        }
        while self.gate.arrived() < n && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(json!({ "ok": true, "arrived": self.gate.arrived() }))
    }

    async fn release(&mut self) -> Result<Value, Problem> {
        let (workload, _) = self.workload("HOLD")?;
        self.gate.open();
        let settled = join_all(self.held.drain(..)).await;
        let problem = |result: &Result<Result<Value, Problem>, _>| match result {
            Ok(Ok(value)) => workload.check(value).err(),
            Ok(Err(problem)) => Some(problem.clone()),
            Err(panic) => Some(format!("{panic}")),
        };
        let problems: Vec<Problem> = settled.iter().filter_map(problem).collect();
        Ok(json!({ "ok": true, "settled": settled.len(), "failed": problems.len(), "error": problems.first() }))
    }
}

async fn sample(code_mode: &CodeMode, program: &str) -> Result<(Value, Duration), Problem> {
    let begun = Instant::now();
    let value = execute(code_mode, program).await?;
    Ok((value, begun.elapsed()))
}

async fn at_once(n: usize, code_mode: &CodeMode, program: &str) -> Result<Vec<(Value, Duration)>, Problem> {
    let program: Arc<str> = program.into();
    let start = |_| {
        let (code_mode, program) = (code_mode.clone(), program.clone());
        tokio::spawn(async move { sample(&code_mode, &program).await })
    };
    let results = try_join_all((0..n).map(start)).await.map_err(|panic| panic.to_string())?;
    results.into_iter().collect()
}
