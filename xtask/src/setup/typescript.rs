//! The TypeScript compiler, as the native program that the npm package of each platform holds. It needs no Node.

use std::{env::consts, path::Path};

use super::{npm, part::Part};

pub const PART: Part = Part { name: "TypeScript compiler", purpose: "the proof of the type stubs", prepare };

/// A change of version changes the texts of type errors, and with them snapshots.
const VERSION: &str = "7.0.2";

fn prepare(tools: &Path) -> Result<String, String> {
    let folder = tools.join("typescript");
    let (system, processor) = (system(), processor());
    let package = format!("@typescript/typescript-{system}-{processor}");
    let program =
        folder.join("node_modules").join(&package).join("lib").join(if cfg!(windows) { "tsc.exe" } else { "tsc" });
    if !program.is_file() {
        npm::install(&folder, &[&format!("{package}@{VERSION}")])?;
    }
    match program.is_file() {
        true => Ok(program.display().to_string()),
        false => Err(format!("{package} has no {}", program.display())),
    }
}

fn system() -> &'static str {
    match consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    }
}

fn processor() -> &'static str {
    match consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    }
}
