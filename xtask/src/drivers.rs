//! The drivers of this workspace: the packages in folders called `driver-NAME`. What tasks must know of one stands in its
//! own manifest, in the table `[package.metadata.codemode]`.

use std::process::Command;

use serde::Deserialize;

use crate::{
    places::root,
    setup::{self, Missing},
    workspace::Workspace,
};

/// A driver, which has a conformance test.
pub struct Driver {
    pub name: String,
    pub package: String,
    pub facts: Facts,
}

/// What a driver's manifest says in `[package.metadata.codemode]`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Facts {
    /// The crate that the driver's feature pulls in, and no other driver's feature does.
    pub engine: Option<String>,
    /// The part of `cargo xtask setup` without which it cannot be built; nothing if Rust and a C compiler are enough.
    pub needs: Option<String>,
    /// Whether an execution that waits for a tool holds no thread, so that ten thousand can wait at once.
    #[serde(default)]
    pub waits_without_thread: bool,
    /// Whether it starts slowly enough for a warm pool to be its best configuration, which is measured as well.
    #[serde(default)]
    pub warm_pool: bool,
}

/// All drivers, by name.
pub fn drivers() -> Result<Vec<Driver>, String> {
    of(&Workspace::read(&root())?)
}

/// The drivers of a workspace.
pub fn of(workspace: &Workspace) -> Result<Vec<Driver>, String> {
    let mut drivers = Vec::new();
    for package in &workspace.packages {
        let folder = package.folder().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(name) = folder.strip_prefix("driver-") else { continue };
        let facts: Facts = package.settings()?.unwrap_or_default();
        if let Some(part) = facts.needs.as_deref().filter(|part| !setup::parts().contains(part)) {
            return Err(format!(
                "{}: it needs {part:?}, which `cargo xtask setup` does not have; it has: {}",
                package.manifest.display(),
                setup::parts().join(", ")
            ));
        }
        drivers.push(Driver { name: name.to_owned(), package: package.name.clone(), facts });
    }
    drivers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(drivers)
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
        if let Some(at) = missing.iter().position(|missing| driver.facts.needs.as_deref() == Some(missing.part)) {
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
