//! What criterion does not measure: memory, thousands of executions that wait at once, and how cost grows.
//!
//! `measure drivers`, `measure waiting DRIVER COUNT`, `measure growth DRIVER CURVE`. Each prints one line of JSON and
//! wants a process of its own.

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode::{CodeMode, IsolateDriver};
use codemode_benches::{
    drivers,
    models::{calls_serial, payload_in},
    process,
    tools::{self, Gate},
    workload::{Expected, Problem, Workload, execute},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

const HELP: &str = "\
measure drivers                   the drivers of this build
measure waiting DRIVER COUNT      memory and threads while so many executions wait for a tool
measure growth DRIVER CURVE       time by size; CURVE is calls, payload, tools or program";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    let measured = match *args {
        ["drivers"] => Ok(json!(codemode::drivers())),
        ["waiting", driver, count] => match count.parse() {
            Ok(count) => runtime.block_on(waiting(driver, count)),
            Err(_) => Err(format!("{count} is not a number")),
        },
        ["growth", driver, curve] => runtime.block_on(growth(driver, curve)),
        _ => Err(HELP.to_owned()),
    };
    match measured {
        Ok(value) => {
            println!("{value}");
            ExitCode::SUCCESS
        }
        Err(problem) => fail(&problem),
    }
}

fn fail(problem: &str) -> ExitCode {
    eprintln!("measure: {problem}");
    ExitCode::FAILURE
}

fn open(name: &str) -> Result<Arc<dyn IsolateDriver>, Problem> {
    drivers::open(name).map_err(|error| error.to_string())
}

/// Starts `count` executions that call a tool which does not answer, looks at the process while all of them wait, and
/// lets them end.
async fn waiting(name: &str, count: usize) -> Result<Value, Problem> {
    let (driver, gate) = (open(name)?, Gate::default());
    let workload = Workload {
        id: "waiting".into(),
        program: "await external_gate({})\nreturn 1".into(),
        tools: vec!["gate".into()],
        expected: Expected::Value(json!(1)),
        concurrency: Some(count),
    };
    let code_mode = workload.code_mode(&driver, &gate)?;
    // The first execution loads what all of them share.
    gate.open();
    execute(&code_mode, &workload.program).await?;
    gate.close();

    let before = process::kib()?;
    let begun = Instant::now();
    let start = |_| {
        let (code_mode, program) = (code_mode.clone(), workload.program.clone());
        tokio::spawn(async move { execute(&code_mode, &program).await })
    };
    let executions: Vec<_> = (0..count).map(start).collect();
    while gate.arrived() < count {
        if begun.elapsed() > drivers::limits().timeout {
            return Err(format!("only {} of {count} executions reached their tool in time", gate.arrived()));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let all_wait = begun.elapsed();
    // The threads that created the engines have nothing to do now, and those over the first few go away.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (kib, threads) = (process::kib()?.saturating_sub(before), process::threads()?);

    let opened = Instant::now();
    gate.open();
    for result in join_all(executions).await {
        workload.check(&result.map_err(|panic| panic.to_string())??)?;
    }
    Ok(json!({
        "driver": name, "executions": count, "kib_per_execution": kib as f64 / count as f64, "threads": threads,
        "all_wait_after_ms": all_wait.as_millis(), "all_done_after_ms": opened.elapsed().as_millis(),
    }))
}

async fn growth(name: &str, curve: &str) -> Result<Value, Problem> {
    let driver = open(name)?;
    let mut points = Vec::new();
    match curve {
        "calls" => {
            for calls in [1, 10, 100, 1_000, 10_000, 100_000] {
                points.push((u64::from(calls), time(&driver, &calls_serial(calls).workload).await?));
            }
        }
        "payload" => {
            for kib in [1, 10, 100, 1_024, 10_240, 51_200] {
                points.push((kib << 10, time(&driver, &payload_in((kib as usize) << 10, "").workload).await?));
            }
        }
        "tools" => {
            for count in [1, 10, 100, 1_000, 5_000] {
                points.push((count, time_with_tools(&driver, count as usize).await?));
            }
        }
        "program" => {
            for kib in [1, 4, 16, 64, 256, 1_024] {
                points.push((kib << 10, time(&driver, &long_program((kib as usize) << 10)).await?));
            }
        }
        other => return Err(format!("there is no curve {other:?}\n{HELP}")),
    }
    Ok(json!({ "driver": name, "curve": curve, "points": points }))
}

async fn time(driver: &Arc<dyn IsolateDriver>, workload: &Workload) -> Result<f64, Problem> {
    let code_mode = workload.code_mode(driver, &Gate::default())?;
    median(&code_mode, workload).await
}

/// `return 1 + 1` beside so many tools that are not called.
async fn time_with_tools(driver: &Arc<dyn IsolateDriver>, count: usize) -> Result<f64, Problem> {
    let code_mode = CodeMode::builder()
        .driver(driver.clone())
        .tools(tools::many(count))
        .limits(drivers::limits())
        .build()
        .map_err(|error| error.to_string())?;
    median(&code_mode, &program("return 1 + 1".into(), json!(2))).await
}

/// A program of about so many bytes that is read whole and runs once: data, as the longest programs of models are.
fn long_program(bytes: usize) -> Workload {
    let mut text = String::with_capacity(bytes + 80);
    let mut rows = 0_u64;
    text.push_str("interface Row { id: number; name: string; tags: string[] }\nconst rows: Row[] = []\n");
    while text.len() < bytes {
        text.push_str(&format!(
            "rows.push({{ id: {rows}, name: 'row {rows}', tags: ['a', 'b{}'] }} as Row)\n",
            rows % 10
        ));
        rows += 1;
    }
    text.push_str("return rows.length");
    program(text, json!(rows))
}

fn program(program: String, expected: Value) -> Workload {
    Workload { id: "growth".into(), program, tools: Vec::new(), expected: Expected::Value(expected), concurrency: None }
}

/// Microseconds: the median of as many executions as fit into a second, at least 3 and at most 101.
async fn median(code_mode: &CodeMode, workload: &Workload) -> Result<f64, Problem> {
    let mut samples = Vec::new();
    let begun = Instant::now();
    while samples.len() < 3 || begun.elapsed() < Duration::from_secs(1) && samples.len() < 101 {
        let begun = Instant::now();
        let value = execute(code_mode, &workload.program).await?;
        samples.push(begun.elapsed().as_secs_f64() * 1e6);
        workload.check(&value)?;
    }
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().ok_or_else(|| "no sample".into())
}
