//! `benches/record/DATE/KIND.json`: what was measured, when, of which commit, on which machine.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    machine,
    package::{folder, with_features},
};
use crate::commands::{cargo, output};

/// One kind of measurement on one day. A second run on the same day replaces the first.
#[derive(Serialize, Deserialize)]
pub struct Record {
    /// In UTC.
    pub date: String,
    /// With `+` where files differed from it.
    pub commit: String,
    /// On what.
    pub machine: Value,
    /// The compiler.
    pub rustc: String,
    /// Name and engine version of each driver.
    pub drivers: Value,
    /// One object each, as the tool that measured writes it.
    pub results: Vec<Value>,
}

impl Record {
    /// Puts `results` beside everything that a reader needs to judge them.
    pub fn new(drivers: Value, results: Vec<Value>) -> Self {
        Self {
            date: machine::today(),
            commit: machine::commit(),
            machine: machine::machine(),
            rustc: machine::rustc(),
            drivers,
            results,
        }
    }
}

/// What the drivers in `features` say of themselves. To be asked before anything is measured: it may have to be built.
pub fn drivers(features: &[String]) -> Result<Value, String> {
    let mut command = with_features(cargo(&["run", "--quiet", "--release", "--bin", "measure"]), features);
    command.args(["--", "drivers"]);
    serde_json::from_str(&output(command)?).map_err(|error| format!("measure drivers: {error}"))
}

/// Writes a record.
pub fn keep(kind: &str, record: Record) -> Result<(), String> {
    let place = folder().join("record").join(&record.date);
    let file = place.join(format!("{kind}.json"));
    let text = serde_json::to_string_pretty(&record).map_err(|error| error.to_string())?;
    fs::create_dir_all(&place)
        .and_then(|()| fs::write(&file, text + "\n"))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    println!("kept in {}", file.display());
    Ok(())
}

/// The newest record of a kind, if there is one.
pub fn newest(kind: &str) -> Result<Option<Record>, String> {
    let place = folder().join("record");
    let days = fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let files = days.flatten().map(|day| day.path().join(format!("{kind}.json")));
    let Some(file) = files.filter(|file: &PathBuf| file.exists()).max() else { return Ok(None) };
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", file.display()))
}
