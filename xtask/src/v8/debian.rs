//! Packages of Debian or a derivative, unpacked into a folder without root.

use std::{fs, path::Path, process::Command};

use super::files::{remove, rename};
use crate::commands::{output, run};

/// Unpacks `packages`, and what they depend on and is not installed, into `place`.
pub fn unpack(packages: &[&str], megabytes: u32, place: &Path) -> Result<(), String> {
    if place.is_dir() {
        return Ok(());
    }
    let half = place.with_extension("unpacking");
    remove(&half)?;
    fs::create_dir_all(&half).map_err(|error| format!("{}: {error}", half.display()))?;
    let names = missing(packages)?;
    println!("v8: fetching {} Debian packages ({megabytes} MB): {}", names.len(), names.join(" "));
    let mut download = Command::new("apt-get");
    // As root apt would fetch as another user, who may not write here.
    download.args(["--quiet=2", "--option", "APT::Sandbox::User=root", "download"]).args(&names).current_dir(&half);
    run(download)?;
    let files = fs::read_dir(&half).map_err(|error| format!("{}: {error}", half.display()))?;
    for file in files.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "deb")) {
        let mut open = Command::new("dpkg-deb");
        open.arg("--extract").arg(&file).arg(&half);
        run(open)?;
        remove(&file)?;
    }
    rename(&half, place)
}

/// What an installation of `packages` would install.
fn missing(packages: &[&str]) -> Result<Vec<String>, String> {
    let mut simulate = Command::new("apt-get");
    simulate.args(["--simulate", "install", "--no-install-recommends"]).args(packages);
    let text = output(simulate).map_err(|why| {
        format!(
            "{why}. The packages are {}: run `apt-get update` as root if apt does not know them, or get them in another \
             way and see `cargo xtask v8` for how to name their place",
            packages.join(", ")
        )
    })?;
    Ok(installed_by(&text))
}

/// The packages in the lines that begin with `Inst`.
fn installed_by(simulation: &str) -> Vec<String> {
    let lines = simulation.lines().filter_map(|line| line.strip_prefix("Inst "));
    lines.filter_map(|rest| rest.split(' ').next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_installation_names_its_packages() {
        let text = "Reading package lists...\nInst libllvm22 (1:22.1.8 Debian:12 [amd64])\nInst lld-22 [1:22.1] (1:22.1.8 Debian:12)\nConf lld-22 (1:22.1.8)\n";
        assert_eq!(installed_by(text), ["libllvm22", "lld-22"]);
    }
}
