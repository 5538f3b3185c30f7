//! `cargo xtask conformance`: the suite of all drivers or of one, and a record of what it came to.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    bench::machine,
    commands::{cargo, root, run},
    drivers::{Driver, chosen},
};

/// What the suite came to on one driver: the newest run that was recorded.
#[derive(Debug, Serialize, Deserialize)]
pub struct Held {
    /// In UTC.
    #[serde(default)]
    pub date: String,
    /// With `+` where files differed from it.
    #[serde(default)]
    pub commit: String,
    pub engine: String,
    pub deadline: String,
    pub memory: String,
    pub isolation: String,
    /// All cases, gaps included.
    pub cases: usize,
    pub gaps: Vec<String>,
}

/// The task.
pub fn conformance(args: &[String]) -> Result<(), String> {
    let mut args = args.to_vec();
    let recording = args.iter().position(|arg| arg == "--record").map(|at| args.remove(at)).is_some();
    let name = match args.iter().position(|arg| arg == "--driver") {
        None => None,
        Some(at) if at + 1 < args.len() => {
            let name = args.remove(at + 1);
            args.remove(at);
            Some(name)
        }
        Some(_) => return Err("--driver wants a name".into()),
    };
    let (date, commit) = (machine::today(), machine::commit());
    let mut record = newest()?;
    for driver in chosen(name.as_deref())? {
        let mut command = cargo(&["test", "--package", &driver.package, "--test", "conformance", "--"]);
        command.args(&args);
        if !recording {
            run(command)?;
            continue;
        }
        let file = recorded_by(&driver)?;
        run({
            command.env("CODEMODE_RECORD", &file);
            command
        })?;
        let held = read::<Held>(&file)?.ok_or("the run left no record")?;
        record.insert(driver.name, Held { date: date.clone(), commit: commit.clone(), ..held });
    }
    if recording { keep(&record) } else { Ok(()) }
}

/// By driver, what was recorded last.
pub fn newest() -> Result<BTreeMap<String, Held>, String> {
    Ok(read(&place())?.unwrap_or_default())
}

fn place() -> PathBuf {
    root().join("codemode-conformance").join("record.json")
}

fn keep(record: &BTreeMap<String, Held>) -> Result<(), String> {
    let text = serde_json::to_string_pretty(record).map_err(|error| error.to_string())?;
    fs::write(place(), text + "\n").map_err(|error| format!("{}: {error}", place().display()))?;
    println!("kept in {}", place().display());
    Ok(())
}

/// Where a driver's run is to write; nothing of an earlier run is there.
fn recorded_by(driver: &Driver) -> Result<PathBuf, String> {
    let folder = root().join("target").join("conformance");
    let file = folder.join(format!("{}.json", driver.name));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    match fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", file.display())),
        _ => Ok(file),
    }
}

fn read<T: for<'a> Deserialize<'a>>(file: &PathBuf) -> Result<Option<T>, String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", file.display()))
}
