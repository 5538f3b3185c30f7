//! What the operating system says of this process.

use std::fs;

use crate::workload::Problem;

/// KiB of memory that this process holds, shared pages counted in part.
///
/// # Errors
/// Where there is no `/proc` as Linux has it.
pub fn kib() -> Result<u64, Problem> {
    field("/proc/self/smaps_rollup", "Pss:")
}

/// Threads of this process.
///
/// # Errors
/// Where there is no `/proc` as Linux has it.
pub fn threads() -> Result<u64, Problem> {
    field("/proc/self/status", "Threads:")
}

fn field(file: &str, name: &str) -> Result<u64, Problem> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}; this wants Linux"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    value.ok_or_else(|| format!("{file} has no number after {name}"))
}
