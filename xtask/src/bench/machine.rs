//! On what was measured: without it a number says nothing.

use std::{fs, process::Command};

use serde_json::{Value, json};

/// CPU, cores, memory, system and load.
pub fn machine() -> Value {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap_or_default();
        line.trim_start_matches([' ', '\t', ':']).to_owned()
    };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map(usize::from).unwrap_or(0),
        "memory": field("/proc/meminfo", "MemTotal:"),
        "system": said("uname", &["-sr"]),
        "load": load.split(' ').take(3).collect::<Vec<_>>().join(" "),
    })
}

/// The commit, with `+` where files differ from it.
pub fn commit() -> String {
    let commit = said("git", &["rev-parse", "--short=10", "HEAD"]);
    let changed = !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
    if changed { commit + "+" } else { commit }
}

/// The compiler, in its own words.
pub fn rustc() -> String {
    said("rustc", &["--version"])
}

/// What a program says, or nothing.
fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// Today in UTC, as `2026-01-31`.
pub fn today() -> String {
    said("date", &["-u", "+%F"])
}
