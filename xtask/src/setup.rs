//! `cargo xtask setup`: gets what cargo alone cannot get into `target/tools`. Needs no root, does nothing twice.
//!
//! Each part is a file in `setup/`. To add one, write a function that makes sure the thing is there, and list it in
//! [`PARTS`].

mod mcp;
mod npm;
mod schemas;
mod typescript;
pub mod v8;
mod wasm_compiler;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One thing that cargo cannot get.
pub struct Part {
    /// What it is called in messages and in `Driver::needs`.
    pub name: &'static str,
    /// What cannot be built or tested without it.
    pub purpose: &'static str,
    /// Makes sure it is there, in the folder it is given if it has to be fetched. Says where it is, or why it is not
    /// there and what to do about it.
    pub prepare: fn(&Path) -> Result<String, String>,
}

const PARTS: &[Part] = &[wasm_compiler::PART, v8::PART, typescript::PART, schemas::PART, mcp::PART];

/// A part that could not be got.
pub struct Missing {
    pub part: &'static str,
    pub purpose: &'static str,
    pub reason: String,
}

/// Prepares every part, and returns those that could not be got.
pub fn prepare() -> Result<Vec<Missing>, String> {
    let tools = tools();
    fs::create_dir_all(&tools).map_err(|error| format!("{} could not be made: {error}", tools.display()))?;
    let mut missing = Vec::new();
    for Part { name, purpose, prepare } in PARTS {
        match prepare(&tools) {
            Ok(place) => println!("setup: {name}: {place}"),
            Err(reason) => {
                println!("setup: {name}: NOT THERE, wanted for {purpose}: {reason}");
                missing.push(Missing { part: name, purpose, reason });
            }
        }
    }
    Ok(missing)
}

/// `cargo xtask setup` itself: fails when something is missing.
pub fn run() -> Result<(), String> {
    let missing = prepare()?;
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> =
        missing.iter().map(|missing| format!("  {} ({}): {}", missing.part, missing.purpose, missing.reason)).collect();
    Err(format!("these parts could not be got:\n{}", lines.join("\n")))
}

/// `target/tools` of this workspace. The build scripts look there too.
pub fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("tools")
}
