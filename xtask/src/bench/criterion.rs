//! Runs the criterion groups and reads what criterion wrote about them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::{Value, json};

use super::package::with_features;
use crate::{
    commands::{cargo, run as run_command},
    places::root,
};

/// Times the models on the drivers; empty lists mean all. Each result has `id`, `median_us`, `low_us` and `high_us`.
pub fn run(features: &[String], drivers: &[String], models: &[String]) -> Result<Vec<Value>, String> {
    let begun = SystemTime::now();
    let any = |names: &[String]| if names.is_empty() { "[^/]+".to_owned() } else { format!("({})", names.join("|")) };
    let mut command = with_features(cargo(&["bench", "--bench", "drivers", "--bench", "front_end"]), features);
    command.args(["--", "--noplot"]).arg(format!("^{}/.*{}$", any(models), any(drivers)));
    run_command(command)?;
    let mut files = Vec::new();
    find(&root().join("target/criterion"), begun, &mut files);
    let mut results = files.iter().map(|file| result(file)).collect::<Result<Vec<_>, _>>()?;
    if results.is_empty() {
        return Err("no benchmark has such a model and driver".into());
    }
    results.sort_by_key(|result| result["id"].as_str().map(str::to_owned));
    Ok(results)
}

/// The `new/benchmark.json` files written since `begun`.
fn find(folder: &Path, begun: SystemTime, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let fresh = || path.metadata().and_then(|data| data.modified()).is_ok_and(|written| written >= begun);
        if path.is_dir() {
            find(&path, begun, files);
        } else if path.ends_with("new/benchmark.json") && fresh() {
            files.push(path);
        }
    }
}

fn result(benchmark: &Path) -> Result<Value, String> {
    let estimates = read(&benchmark.with_file_name("estimates.json"))?;
    let median = &estimates["median"];
    let us = |value: &Value| value.as_f64().map(|ns| (ns / 10.0).round() / 100.0);
    let interval = &median["confidence_interval"];
    Ok(json!({
        "id": read(benchmark)?["full_id"],
        "median_us": us(&median["point_estimate"]),
        "low_us": us(&interval["lower_bound"]),
        "high_us": us(&interval["upper_bound"]),
    }))
}

fn read(file: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}
