//! The drivers of this workspace: the folders called `driver-NAME`.

use std::{fs, process::Command};

use crate::{
    commands::root,
    setup::{self, Missing},
};

/// A driver, which has a conformance test.
pub struct Driver {
    pub name: String,
    pub package: String,
}

/// What a driver's build needs of the set-up, by the driver's name; the others need nothing.
const NEEDS: &[(&str, &str)] = &[("wasm", "wasm compiler"), ("v8", "V8 library")];

impl Driver {
    fn needs(&self) -> Option<&'static str> {
        NEEDS.iter().find(|(name, _)| *name == self.name).map(|(_, part)| *part)
    }
}

/// All drivers, by name.
pub fn drivers() -> Result<Vec<Driver>, String> {
    let root = root();
    let entries = fs::read_dir(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("driver-").map(str::to_owned))
        .collect();
    names.sort();
    Ok(names.into_iter().map(|name| Driver { package: format!("codemode-driver-{name}"), name }).collect())
}

/// The drivers called `chosen`, or all.
pub fn chosen(chosen: Option<&str>) -> Result<Vec<Driver>, String> {
    let all = drivers()?;
    let names: Vec<String> = all.iter().map(|driver| driver.name.clone()).collect();
    let drivers: Vec<Driver> =
        all.into_iter().filter(|driver| chosen.is_none_or(|chosen| chosen == driver.name)).collect();
    match drivers.is_empty() {
        true => Err(format!("there is no such driver; there are: {}", names.join(", "))),
        false => Ok(drivers),
    }
}

/// A driver that cannot be built here, and what it lacks.
pub struct LeftOut {
    pub driver: Driver,
    pub missing: Missing,
}

impl LeftOut {
    /// A line in capitals, for the end of a run that went without it.
    pub fn notice(&self, what: &str) -> String {
        format!("DRIVER {} {what}: {} {}", self.driver.name.to_uppercase(), self.missing.part, self.missing.reason)
    }
}

/// The drivers that cannot be built here, after setup did what it can.
pub fn left_out() -> Result<Vec<LeftOut>, String> {
    Ok(lacking()?.0)
}

/// The same, and what else setup could not get: parts without which only some tests are skipped.
pub fn lacking() -> Result<(Vec<LeftOut>, Vec<Missing>), String> {
    let mut missing = setup::prepare()?;
    let mut left_out = Vec::new();
    for driver in drivers()? {
        if let Some(at) = missing.iter().position(|missing| driver.needs() == Some(missing.part)) {
            left_out.push(LeftOut { driver, missing: missing.swap_remove(at) });
        }
    }
    Ok((left_out, missing))
}

/// The same command for the workspace without the drivers that were left out.
pub fn without(left_out: &[LeftOut], mut command: Command) -> Command {
    for LeftOut { driver, .. } in left_out {
        command.args(["--exclude", &driver.package]);
    }
    command
}

/// The same command with all other drivers compiled into `codemode` and the command line.
pub fn with_all_but(left_out: &[LeftOut], command: Command) -> Result<Command, String> {
    let mut command = without(left_out, command);
    for Driver { name, .. } in drivers()? {
        if !left_out.iter().any(|out| out.driver.name == name) {
            command.args(["--features", &format!("codemode-sdk/{name},codemode-cli/{name}")]);
        }
    }
    Ok(command)
}
