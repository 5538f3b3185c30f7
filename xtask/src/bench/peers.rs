//! Runs the harness of the other published sandboxes with our drivers among them.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use super::package::with_features;
use crate::{
    commands::{cargo, run as run_command},
    drivers::Driver,
    places::root,
};

/// Runs everything that is in the harness's folder beside our drivers, and returns its lines.
pub fn run(folder: &Path, drivers: &[Driver], quick: bool) -> Result<Vec<Value>, String> {
    let features: Vec<String> = drivers.iter().map(|driver| driver.name.clone()).collect();
    run_command(with_features(cargo(&["build", "--release", "--bin", "peers-worker"]), &features))?;
    let worker = root().join("target/release/peers-worker");
    let mut command = Command::new("./run");
    command.current_dir(folder);
    if quick {
        command.arg("--quick");
    }
    for Driver { name: driver, facts, .. } in drivers {
        command.arg("--add").arg(format!("ours-{driver}={} {driver}", worker.display()));
        if facts.warm_pool {
            command.arg("--add").arg(format!("ours-{driver}-warm={} {driver}-warm", worker.display()));
        }
    }
    run_command(command)?;
    read(&folder.join("out/latest.jsonl"))
}

/// The lines of a run, as the harness keeps them.
pub fn read(file: &Path) -> Result<Vec<Value>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let lines = text.lines().filter(|line| line.starts_with('{')).map(serde_json::from_str);
    lines.collect::<Result<_, _>>().map_err(|error| format!("{}: {error}", file.display()))
}

/// Name and engine of each of our drivers, from the lines of a run.
pub fn ours(lines: &[Value]) -> Value {
    let start = |line: &&Value| line["workload"] == "START";
    let driver = |line: &Value| {
        let name = line["peer"].as_str()?.strip_prefix("ours-").filter(|name| !name.ends_with("-warm"))?;
        Some(json!({ "name": name, "engine": line["engine"] }))
    };
    lines.iter().filter(start).filter_map(driver).collect()
}
