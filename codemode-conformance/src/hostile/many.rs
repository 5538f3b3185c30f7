//! All programs in a row, and 64 at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_core::IsolateDriver;
use tokio::task::JoinSet;

use super::{
    alone::MAX_GROWTH_KIB,
    bounds::{Concurrent, TIMEOUT},
    child::begin,
    program::{Bounds, HostileProgram, SHORT, code_mode, good},
};
use crate::{fixtures::runtime, usage::Usage};

pub(super) fn a_thousand_in_a_row(driver: &Arc<dyn IsolateDriver>, programs: &[HostileProgram]) -> Result<(), String> {
    let code_mode = code_mode(driver)?;
    let bounds = Bounds { may_time_out: true, timeout: TIMEOUT };
    let round = |count: usize| {
        runtime()?.block_on(async {
            for program in programs.iter().cycle().take(count) {
                begin(&program.name);
                // A driver whose threads are all held takes no work until they come back, as they must.
                let mut waits = 0;
                while let Err(why) = program.run(&code_mode, SHORT, bounds).await {
                    waits += 1;
                    if waits > MAX_WAITS || !why.contains(THREADS_HELD) {
                        return Err(why);
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            good(&code_mode, 7).await
        })
    };
    // What an engine and an allocator keep for later they keep after the first round.
    round(programs.len())?;
    let before = Usage::settled(None);
    let begun = Instant::now();
    round(COUNT)?;
    let took = begun.elapsed();
    let after = Usage::settled(before);
    let (Some(before), Some(after)) = (before, after) else {
        eprintln!("{}: {COUNT} in {took:?}; this system does not report what a process holds", driver.name());
        return Ok(());
    };
    eprintln!("{}: {COUNT} in {took:?}; before: {before}; after: {after}", driver.name());
    if after.exceeds(&before, MAX_GROWTH_KIB) {
        return Err(format!("{COUNT} hostile programs left something behind: before {before}; after {after}"));
    }
    Ok(())
}

pub(super) fn sixty_four_at_once(concurrent: &Concurrent, programs: &[HostileProgram]) -> Result<(), String> {
    let code_mode = Arc::new(code_mode(&concurrent.driver)?);
    let bounds = Bounds { may_time_out: true, timeout: concurrent.timeout };
    let begun = Instant::now();
    runtime()?.block_on(async {
        let mut running = JoinSet::new();
        // Of every kind, when there are more.
        let every = (programs.len() / 32).max(1);
        for (n, program) in programs.iter().step_by(every).cycle().take(32).cloned().enumerate() {
            let (bad, nice) = (code_mode.clone(), code_mode.clone());
            running.spawn(async move { program.run(&bad, AT_ONCE, bounds).await });
            running.spawn(async move { good(&nice, n).await });
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(|error| error.to_string())??;
        }
        Ok::<_, String>(())
    })?;
    eprintln!("{}: 64 at once in {:?}", concurrent.driver.name(), begun.elapsed());
    Ok(())
}

const COUNT: usize = 1_000;
/// What a driver says then.
const THREADS_HELD: &str = "too many threads are held";
/// Seconds.
const MAX_WAITS: u32 = 60;
const AT_ONCE: Duration = Duration::from_millis(500);
