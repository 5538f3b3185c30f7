//! `cargo xtask setup`: gets what cargo alone cannot get into `target/tools`. Needs no root, does nothing twice.
//!
//! Each part is a file in `setup/`. To add one, write a function that makes sure the thing is there, and list it in
//! [`PARTS`].

mod mcp;
mod npm;
mod part;
mod schemas;
mod typescript;
mod v8;
mod wasm_compiler;

use std::fs;

use crate::places::tools;
use part::Part;

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

/// The names of all parts.
pub fn parts() -> Vec<&'static str> {
    PARTS.iter().map(|part| part.name).collect()
}
