//! `cargo xtask soak hostile`: generated hostile programs on one driver for as long as one likes, and a record of what came
//! of it. It belongs to no other task: a run that says something takes an hour.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    bench::machine,
    commands::{cargo, run},
    drivers::{chosen, left_out, with_all_but},
    places::root,
};

/// What was asked for.
#[derive(Debug, Default)]
struct Options {
    driver: Option<String>,
    minutes: Option<u64>,
    seed: Option<u64>,
    replay: Option<u64>,
    record: bool,
}

/// The task.
pub fn soak(args: &[String]) -> Result<(), String> {
    let options = Options::parse(args)?;
    let name = options.driver.as_deref().ok_or("--driver wants the name of a driver; each wants a run of its own")?;
    chosen(Some(name))?;
    let left_out = left_out()?;
    if let Some(out) = left_out.iter().find(|out| out.driver.name == name) {
        return Err(out.notice("CANNOT BE SOAKED"));
    }
    let folder = emptied(&root().join("target").join("soak").join(name))?;
    let (date, commit) = (machine::today(), machine::commit());
    // Built as `cargo xtask test` builds it; the other drivers' tests see that it is not for them.
    let mut command = with_all_but(&left_out, cargo(&["test", "--workspace", "--test", "hostile"]))?;
    command.env("CODEMODE_SOAK", &folder);
    command.env("CODEMODE_SOAK_DRIVER", name);
    command.env("CODEMODE_SOAK_MINUTES", options.minutes.unwrap_or(MINUTES).to_string());
    command.env("CODEMODE_SOAK_SEED", options.seed.unwrap_or(SEED).to_string());
    if let Some(seed) = options.replay {
        command.env("CODEMODE_SOAK_REPLAY", seed.to_string());
    }
    let ended = run(command).map_err(|_| {
        let findings = folder.join("findings.jsonl");
        format!(
            "something was found; {} has it all; one program alone: cargo xtask soak hostile --driver {name} --replay SEED",
            findings.display()
        )
    });
    if options.record && options.replay.is_none() {
        keep(name, &date, &commit, &folder.join("soaked.json"))?;
    }
    ended
}

/// The newest run of each driver, found or not.
fn keep(driver: &str, date: &str, commit: &str, soaked: &Path) -> Result<(), String> {
    let read = |file: &Path| -> Result<Option<Value>, String> {
        match fs::read_to_string(file) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", file.display())),
        }
    };
    let mut soaked = read(soaked)?.ok_or("the run left no figures")?;
    soaked["date"] = date.into();
    soaked["commit"] = commit.into();
    let place = root().join("codemode-conformance").join("soak-hostile.json");
    let record = read(&place)?.map(serde_json::from_value).transpose().map_err(|error| error.to_string())?;
    let mut record: BTreeMap<String, Value> = record.unwrap_or_default();
    record.insert(driver.to_owned(), soaked);
    let text = serde_json::to_string_pretty(&record).map_err(|error| error.to_string())?;
    fs::write(&place, text + "\n").map_err(|error| format!("{}: {error}", place.display()))?;
    println!("kept in {}", place.display());
    Ok(())
}

fn emptied(folder: &Path) -> Result<PathBuf, String> {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(problem)?;
    }
    fs::create_dir_all(folder).map_err(problem)?;
    Ok(folder.to_owned())
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, String> {
        let mut args = args.iter();
        if args.next().map(String::as_str) != Some("hostile") {
            return Err("soak wants to know what to soak: soak hostile --driver NAME".into());
        }
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            let mut value = || args.next().cloned().ok_or_else(|| format!("{arg} wants a value"));
            let number = |text: String| text.parse().map_err(|_| format!("{arg} wants a number, not {text:?}"));
            match arg.as_str() {
                "--driver" => options.driver = Some(value()?),
                "--minutes" => options.minutes = Some(number(value()?)?),
                "--seed" => options.seed = Some(number(value()?)?),
                "--replay" => options.replay = Some(number(value()?)?),
                "--record" => options.record = true,
                other => return Err(format!("soak has no option {other:?}; see cargo xtask help")),
            }
        }
        Ok(options)
    }
}

const MINUTES: u64 = 60;
/// Over the seeds that the ordinary suite runs.
const SEED: u64 = 1_000;
