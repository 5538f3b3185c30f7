//! `cargo xtask bench --check`: instruction counts against the committed baseline.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    machine,
    package::{folder, with_features},
};
use crate::{
    commands::{cargo, installed, output, run as run_command},
    places::tools,
};

/// `benches/instructions.json`. Counts depend on the compiler and on the processor's kind, so both are in it.
#[derive(Serialize, Deserialize)]
struct Baseline {
    rustc: String,
    target: String,
    instructions: BTreeMap<String, u64>,
}

/// Counts, and compares with the baseline or replaces it.
pub fn run(features: &[String], set_baseline: bool) -> Result<(), String> {
    if !installed("valgrind") {
        return Err("valgrind is not installed; it counts the instructions (Debian: apt-get install valgrind)".into());
    }
    let now = Baseline {
        rustc: machine::rustc(),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        instructions: count(features)?,
    };
    let file = folder().join("instructions.json");
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    if set_baseline {
        let text = serde_json::to_string_pretty(&now).map_err(|error| at(&error))?;
        fs::write(&file, text + "\n").map_err(|error| at(&error))?;
        println!("kept in {}", file.display());
        return Ok(());
    }
    let text = fs::read_to_string(&file).map_err(|error| at(&error))?;
    compare(&serde_json::from_str(&text).map_err(|error| at(&error))?, &now)
}

/// Prints every count and fails when one has risen too far, or when the two lists do not have the same names.
fn compare(baseline: &Baseline, now: &Baseline) -> Result<(), String> {
    if (&baseline.rustc, &baseline.target) != (&now.rustc, &now.target) {
        println!(
            "the baseline is of {} on {}; this is {} on {}",
            baseline.rustc, baseline.target, now.rustc, now.target
        );
    }
    let mut wrong = Vec::new();
    for (name, &count) in &now.instructions {
        let Some(&before) = baseline.instructions.get(name) else {
            wrong.push(format!("{name} has no baseline"));
            continue;
        };
        let change = (count as f64 / before.max(1) as f64 - 1.0) * 100.0;
        println!("{name:<40} {before:>12} {count:>12} {change:>+7.2} %");
        if count.saturating_mul(100) > before.saturating_mul(100 + MAX_PERCENT) {
            wrong.push(format!("{name} takes {change:.1} % more instructions"));
        }
    }
    let gone = baseline.instructions.keys().filter(|name| !now.instructions.contains_key(*name));
    wrong.extend(gone.map(|name| format!("{name} is in the baseline and was not measured")));
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\nif that is meant, run `cargo xtask bench --set-baseline` and say why in the commit",
        wrong.join("\n")
    ))
}

fn count(features: &[String]) -> Result<BTreeMap<String, u64>, String> {
    let mut command = with_features(cargo(&["bench", "--quiet", "--bench", "instructions"]), features);
    command.env("GUNGRAUN_RUNNER", runner()?).args(["--", "--output-format=json"]);
    let lines = output(command)?;
    let counts: BTreeMap<String, u64> =
        lines.lines().filter(|line| line.starts_with('{')).map(one).collect::<Result<_, _>>()?;
    if counts.is_empty() { Err("gungraun reported no benchmark".into()) } else { Ok(counts) }
}

/// Name and count of one benchmark, from the line that gungraun prints of it.
fn one(line: &str) -> Result<(String, u64), String> {
    let summary: Value = serde_json::from_str(line).map_err(|error| format!("gungraun: {error}: {line}"))?;
    let text = |field: &str| summary[field].as_str().unwrap_or_default();
    let name = format!("{}/{}", text("function_name"), text("id"));
    let count = summary["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"].as_u64();
    count.map(|count| (name, count)).ok_or_else(|| format!("gungraun gave no instruction count: {line}"))
}

/// The program that gungraun runs benchmarks with; installed into `target/tools` if it is not there.
fn runner() -> Result<PathBuf, String> {
    let tools = tools();
    let runner = tools.join("bin/gungraun-runner");
    let right = || {
        let output = Command::new(&runner).arg("--version").output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(GUNGRAUN))
    };
    if !right() {
        let mut install =
            cargo(&["install", "--quiet", "--locked", "gungraun-runner", "--version", GUNGRAUN, "--root"]);
        install.arg(&tools);
        run_command(install)?;
    }
    Ok(runner)
}

const MAX_PERCENT: u64 = 5;
/// The version of the gungraun crate in `benches/Cargo.toml`: library and runner must be the same.
const GUNGRAUN: &str = "0.20.0";

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(instructions: &[(&str, u64)]) -> Baseline {
        let instructions = instructions.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Baseline { rustc: "rustc 1".into(), target: "x".into(), instructions }
    }

    #[test]
    fn a_rise_over_five_percent_fails_and_one_below_does_not() {
        let baseline = counts(&[("a", 1_000), ("b", 1_000)]);
        assert!(compare(&baseline, &counts(&[("a", 1_050), ("b", 10)])).is_ok());
        let error = compare(&baseline, &counts(&[("a", 1_051), ("b", 1_000)])).expect_err("it rose");
        assert!(error.starts_with("a takes 5.1 % more instructions"), "{error}");
    }

    #[test]
    fn a_count_is_found_in_what_gungraun_prints() {
        let line = r#"{"function_name":"strip","id":"kilobyte","profiles":[{"data":{"total":{"metrics":{"Ir":{"values":{"new":7,"old":9}}}}}}]}"#;
        assert_eq!(one(line), Ok(("strip/kilobyte".to_owned(), 7)));
        assert!(one("{}").is_err());
    }

    #[test]
    fn a_benchmark_that_is_missing_or_new_fails() {
        let (one, two) = (counts(&[("a", 1)]), counts(&[("a", 1), ("b", 1)]));
        assert!(compare(&two, &one).is_err());
        assert!(compare(&one, &two).is_err());
    }
}
