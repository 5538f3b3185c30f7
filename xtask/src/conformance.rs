//! `cargo xtask conformance`: the suite of all drivers or of one, and a record of what it came to.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

use crate::{
    bench::machine,
    commands::{cargo, run},
    drivers::{Driver, chosen, left_out, without},
    places::root,
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
    let folder = recorded_in()?;
    let (drivers, mut command) = suite(name.as_deref())?;
    if recording {
        command.env("CODEMODE_RECORD", &folder);
    }
    run({
        command.arg("--").args(&args);
        command
    })?;
    if !recording {
        return Ok(());
    }
    let mut record = newest()?;
    for Driver { name, .. } in drivers {
        let held: Held = read(&folder.join(format!("{name}.json")))?.ok_or(format!("{name} left no record"))?;
        record.insert(name, Held { date: date.clone(), commit: commit.clone(), ..held });
    }
    keep(&record)
}

/// The drivers that were asked for, and the command that holds them to the suite. All at once are built as
/// `cargo xtask test` builds them; one alone is built without the others, for which cargo compiles much of what they share
/// once more, since fewer features are asked of it.
fn suite(name: Option<&str>) -> Result<(Vec<Driver>, Command), String> {
    let mut drivers = chosen(name)?;
    if let ([driver], Some(_)) = (&drivers[..], name) {
        let command = cargo(&["test", "--package", &driver.package, "--test", "conformance"]);
        return Ok((drivers, command));
    }
    let left_out = left_out()?;
    for out in &left_out {
        println!("{}", out.notice("IS NOT HELD TO THE SUITE"));
        drivers.retain(|driver| driver.name != out.driver.name);
    }
    let command = cargo(&["test", "--workspace", "--no-fail-fast", "--test", "conformance"]);
    Ok((drivers, without(&left_out, command)))
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

/// Where the runs are to write; nothing of earlier ones is there.
fn recorded_in() -> Result<PathBuf, String> {
    let folder = root().join("target").join("conformance");
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(problem)?;
    }
    fs::create_dir_all(&folder).map_err(problem)?;
    Ok(folder)
}

fn read<T: for<'a> Deserialize<'a>>(file: &Path) -> Result<Option<T>, String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", file.display()))
}
