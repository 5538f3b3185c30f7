//! One program alone: how it ends, when, and what the process has held for it.

use std::{sync::Arc, time::Instant};

use codemode_core::IsolateDriver;

use super::{
    bounds::{TIMEOUT, slow},
    program::{Bounds, HostileProgram, LONG, SHORT, code_mode, good},
};
use crate::{
    fixtures::runtime,
    usage::{Peak, Usage},
};

/// Runs one program with time enough to end as it must.
///
/// A thread can be lost only by a program that is answered without it, after the grace. That is seen only where no idle
/// thread can end in its place, and idle ones take seconds to end: `settled` waits for them first. Without it such a program
/// is [`OVERRAN`].
pub(super) fn in_full(
    driver: &Arc<dyn IsolateDriver>,
    program: &HostileProgram,
    settled: bool,
    constant_mib: u64,
) -> Result<(), String> {
    let (code_mode, runtime) = (code_mode(driver)?, runtime()?);
    // What the engine keeps for the process is there before the program comes.
    runtime.block_on(good(&code_mode, 7))?;
    let before = if settled { Usage::settled(None) } else { Usage::now() };
    let peak = Peak::reset();
    let loops = program.ends.first().is_some_and(|end| end == "timeout");
    let timeout = if loops { SHORT } else { LONG };
    let begun = Instant::now();
    runtime.block_on(program.run(&code_mode, timeout, Bounds { may_time_out: false, timeout: TIMEOUT }))?;
    slow(&format!("{} {}", driver.name(), program.name), begun);
    if !settled && begun.elapsed() > timeout + program.limits.limits().grace.mul_f64(0.7) {
        return Err(OVERRAN.into());
    }
    let Some(before) = before else { return Ok(()) };
    let peak_kib = peak.kib().unwrap_or(0).saturating_sub(before.resident_kib);
    let after = Usage::back_to(before, MAX_GROWTH_KIB).ok_or("the process cannot be measured any more")?;
    if peak_kib > LARGE_KIB {
        eprintln!("{} {}: {} MiB at its peak; after: {after}", driver.name(), program.name, peak_kib >> 10);
    }
    let max_kib = program.limits.peak_kib(constant_mib);
    if peak_kib > max_kib {
        return Err(format!("{}: it took {} MiB, more than {} MiB", program.name, peak_kib >> 10, max_kib >> 10));
    }
    if after.exceeds(&before, MAX_GROWTH_KIB) {
        return Err(format!("{} left something behind: before {before}; after {after}", program.name));
    }
    Ok(())
}

/// Says that a program has to run again, in a process without idle threads.
pub(super) const OVERRAN: &str = "the program was answered without its thread";
/// Worth a line in the output.
const LARGE_KIB: u64 = 24 << 10;
/// Noise: what allocators keep.
pub(super) const MAX_GROWTH_KIB: u64 = 64 << 10;
