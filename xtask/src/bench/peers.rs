//! Runs the harness of the other published sandboxes with our drivers among them.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use super::{root, run_command, with_features};
use crate::cargo;

/// Runs everything that is in the harness's folder beside our drivers, and returns its lines.
pub fn run(folder: &Path, features: &[&str], quick: bool) -> Result<Vec<Value>, String> {
    run_command(with_features(cargo(&["build", "--release", "--bin", "peers-worker"]), features))?;
    let worker = root().join("target/release/peers-worker");
    let mut command = Command::new("./run");
    command.current_dir(folder);
    if quick {
        command.arg("--quick");
    }
    for driver in features {
        command.arg("--add").arg(format!("ours-{driver}={} {driver}", worker.display()));
        if WARM.contains(driver) {
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

/// The drivers that start slowly enough for a warm pool to be their best configuration.
const WARM: &[&str] = &["v8"];
