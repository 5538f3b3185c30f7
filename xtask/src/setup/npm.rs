//! Packages of npm, each at one version, in a folder of their own under `target/tools`. Their install scripts never run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Installs `packages` (`name@version`) into `folder`, and returns its `node_modules`.
pub fn install(folder: &Path, packages: &[&str]) -> Result<PathBuf, String> {
    fs::create_dir_all(folder).map_err(|error| format!("{} could not be made: {error}", folder.display()))?;
    // Without one, npm installs into the nearest folder above that has one.
    fs::write(folder.join("package.json"), "{ \"private\": true }\n")
        .map_err(|error| format!("{} could not be written: {error}", folder.join("package.json").display()))?;
    let mut command = Command::new(NPM);
    command.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"]);
    let status = command.args(packages).current_dir(folder).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(folder.join("node_modules")),
        Ok(status) => Err(format!("npm install ended with {status}; run this again when the registry can be reached")),
        Err(error) => Err(format!("npm could not be started ({error}); install Node.js and run this again")),
    }
}

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };
