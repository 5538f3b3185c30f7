//! V8 as a static library: the one that `RUSTY_V8_ARCHIVE` names, else the one that `cargo xtask v8 build` made, else
//! the one that the `v8` crate downloads.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::{Part, tools};
use crate::commands::cargo;

pub const PART: Part = Part { name: "V8 library", purpose: "driver-v8", prepare };

/// The environment variable of the `v8` crate.
pub const VARIABLE: &str = "RUSTY_V8_ARCHIVE";

/// The version that the workspace pins.
pub const VERSION: &str = "152.2.0";

fn prepare(_: &Path) -> Result<String, String> {
    if let Some(archive) = chosen() {
        return match archive.is_file() {
            true => Ok(archive.display().to_string()),
            false => Err(format!("{VARIABLE} names {}, which is no file", archive.display())),
        };
    }
    if let Some((_, archive)) = built_here() {
        return Ok(archive.display().to_string());
    }
    println!("setup: V8 library: {VARIABLE} is not set; building the v8 crate, which downloads it (30 MB)");
    let mut build = cargo(&["build", "--quiet", "--package", "v8"]);
    build.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match build.status() {
        Ok(status) if status.success() => Ok("downloaded by the v8 crate".into()),
        Ok(_) => Err(format!(
            "the v8 crate could not download it. Set {VARIABLE} to a librusty_v8 archive of version {VERSION}, or make \
             one with `cargo xtask v8 build`, which takes more than an hour"
        )),
        Err(error) => Err(format!("cargo could not be started: {error}")),
    }
}

fn chosen() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|archive| !archive.is_empty()).map(PathBuf::from)
}

/// Where `cargo xtask v8 build` works and leaves what it makes. Another version has another folder.
pub fn folder() -> PathBuf {
    tools().join(format!("v8-{VERSION}"))
}

/// What `cargo xtask v8 build` makes.
pub fn archive() -> PathBuf {
    folder().join("librusty_v8.a.gz")
}

/// The environment variable and its value for the archive that was built here, where nobody chose another.
pub fn built_here() -> Option<(&'static str, PathBuf)> {
    let archive = archive();
    (chosen().is_none() && archive.is_file()).then_some((VARIABLE, archive))
}

#[cfg(test)]
mod tests {
    use toml_edit::DocumentMut;

    use super::*;
    use crate::commands::root;

    #[test]
    fn the_version_is_the_one_that_the_workspace_pins() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
        let manifest: DocumentMut = manifest.parse().expect("TOML");
        let pinned = manifest["workspace"]["dependencies"]["v8"].as_str();
        assert_eq!(pinned, Some(format!("={VERSION}").as_str()));
    }
}
