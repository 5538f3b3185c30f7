//! The C compiler for the wasm guest: a clang that knows wasm32 where there is one, else zig from PyPI.

#[path = "../../../driver-wasm/build/compiler.rs"]
mod compiler;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use compiler::{Compiler, VARIABLE, ZIG_FOLDER};

use super::part::Part;

pub const PART: Part = Part { name: "wasm compiler", purpose: "driver-wasm", prepare };

fn prepare(tools: &Path) -> Result<String, String> {
    if let Ok(compiler) = Compiler::find(tools) {
        return Ok(name(&compiler));
    }
    if std::env::var_os(VARIABLE).is_some_and(|chosen| !chosen.is_empty()) {
        // Chosen by hand: say what is wrong with it instead of working around it.
        return Compiler::find(tools).map(|compiler| name(&compiler));
    }
    println!("setup: wasm compiler: no clang with a wasm32 target here; fetching {ZIG} from PyPI (100 MB)");
    fetch_zig(tools).and_then(|()| Compiler::find(tools)).map(|compiler| name(&compiler)).map_err(|why| {
        format!(
            "{why}. Install clang and lld, or python3 with pip and run this again, or set {VARIABLE} to a clang or zig"
        )
    })
}

fn name(compiler: &Compiler) -> String {
    match compiler {
        Compiler::Zig(zig) => zig.display().to_string(),
        Compiler::Clang { clang, linker } => format!("{} with {}", clang.display(), linker.display()),
    }
}

/// Unpacks the wheel beside its final place and moves it there in one step, so that half an installation never counts.
fn fetch_zig(tools: &Path) -> Result<(), String> {
    let (place, unpacked) = (tools.join(ZIG_FOLDER), tools.join("zig.unpacking"));
    for folder in [&place, &unpacked] {
        if folder.exists() {
            fs::remove_dir_all(folder)
                .map_err(|error| format!("{} could not be removed: {error}", folder.display()))?;
        }
    }
    let mut tried = Vec::new();
    for installer in [&["python3", "-m", "pip"][..], &["python", "-m", "pip"], &["pip3"], &["uv", "pip"]] {
        let mut command = Command::new(installer[0]);
        command.args(&installer[1..]).args(["install", "--quiet", "--no-deps", "--target"]).arg(&unpacked).arg(ZIG);
        // It installs into a folder of this workspace, whoever runs it.
        command.env("PIP_ROOT_USER_ACTION", "ignore").env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        match command.stdin(Stdio::null()).status() {
            Ok(status) if status.success() => {
                return fs::rename(&unpacked, &place)
                    .map_err(|error| format!("{} could not be moved into place: {error}", unpacked.display()));
            }
            Ok(_) => tried.push(format!("{} failed", installer.join(" "))),
            Err(error) => tried.push(format!("{}: {error}", installer.join(" "))),
        }
    }
    Err(format!("zig could not be fetched ({})", tried.join("; ")))
}

/// Its package on PyPI is the whole compiler, for every common system.
const ZIG: &str = "ziglang==0.17.0";
