//! V8 as a static library: the one that `RUSTY_V8_ARCHIVE` names, else the one that the `v8` crate downloads.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use super::Part;

pub const PART: Part = Part { name: "V8 library", purpose: "driver-v8", prepare };

const VARIABLE: &str = "RUSTY_V8_ARCHIVE";

fn prepare(_: &Path) -> Result<String, String> {
    if let Some(archive) = env::var_os(VARIABLE).filter(|archive| !archive.is_empty()) {
        let archive = Path::new(&archive);
        return match archive.is_file() {
            true => Ok(archive.display().to_string()),
            false => Err(format!("{VARIABLE} names {}, which is no file", archive.display())),
        };
    }
    println!("setup: V8 library: {VARIABLE} is not set; building the v8 crate, which downloads it (30 MB)");
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build
        .args(["build", "--quiet", "--package", "v8"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match build.status() {
        Ok(status) if status.success() => Ok("downloaded by the v8 crate".into()),
        Ok(_) => Err(format!(
            "the v8 crate could not download it. Set {VARIABLE} to a librusty_v8 archive of the pinned version, or make \
             one with `cargo xtask v8 build`, which takes more than an hour"
        )),
        Err(error) => Err(format!("cargo could not be started: {error}")),
    }
}
