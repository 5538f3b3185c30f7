//! The same generated programs on every driver that is compiled in. `CODEMODE_PROGRAMS` says how many (default 200),
//! `CODEMODE_SEED` where to begin (default 1), so that a difference can be run again by its seed.

use std::{env, sync::Arc, time::Instant};

use codemode::{GuestHeap, IsolateDriver};
use codemode_conformance::differential::compare;

#[global_allocator]
static ALLOCATOR: GuestHeap = GuestHeap::SYSTEM;

#[test]
fn programs_come_out_the_same_on_all_drivers() {
    let drivers: Vec<Arc<dyn IsolateDriver>> =
        codemode::drivers().iter().map(|info| codemode::driver(&info.name).expect("it is compiled in")).collect();
    let names: Vec<&str> = drivers.iter().map(|driver| driver.name()).collect();
    assert!(names.len() > 1, "only {names:?} is compiled in: there is nothing to compare");
    let (first, count) = (number("CODEMODE_SEED", 1), number("CODEMODE_PROGRAMS", 200));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let begun = Instant::now();
    let wrong: Vec<String> = (first..first + count)
        .filter_map(|seed| runtime.block_on(compare(&drivers, seed)).err())
        .take(MAX_SHOWN)
        .collect();
    eprintln!("{} programs from seed {first} on {} in {:?}", count, names.join(", "), begun.elapsed());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

const MAX_SHOWN: usize = 5;
