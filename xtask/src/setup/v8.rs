//! V8 as a static library: the one that `RUSTY_V8_ARCHIVE` names, else the one that `cargo xtask v8 build` made, else
//! the one that the `v8` crate downloads.

use std::{path::Path, process::Stdio};

use super::part::Part;
use crate::{
    commands::cargo,
    v8_library::{VARIABLE, VERSION, built_here, chosen},
};

pub const PART: Part = Part { name: "V8 library", purpose: "driver-v8", prepare };

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
