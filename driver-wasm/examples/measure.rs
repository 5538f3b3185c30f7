//! Prints the figures that stand in the README: `cargo run --release -p codemode-driver-wasm --example measure`.

use std::{
    fmt, fs,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_core::{
    CodeMode, ExecuteOptions, IsolateDriver, Limits, Tool,
    engine::{Engine, PROGRAM_FILE, Port, Script},
};
use codemode_driver_quickjs::QuickJs;
use codemode_driver_wasm::{Cache, Options, Wasm};
use serde_json::json;
use tokio::sync::{Barrier, Semaphore};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let begun = Instant::now();
    Wasm::start_process(&Options::default().cache(Cache::Off).slots(1))?;
    println!("guest made anew                 {:?}", begun.elapsed());
    Wasm::start_process(&Options::default().slots(2))?;
    let begun = Instant::now();
    Wasm::start_process(&Options::default())?;
    println!("guest from the cache            {:?}", begun.elapsed());
    start::<Wasm>("wasm, pooled", &Options::default());
    start::<Wasm>("wasm, beyond the pool", &Options::default().slots(0));
    start::<QuickJs>("quickjs", &());
    compute::<Wasm>("wasm", &Options::default());
    compute::<QuickJs>("quickjs", &());

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        serial_calls("wasm", Arc::new(codemode_driver_wasm::driver())).await;
        serial_calls("quickjs", Arc::new(codemode_driver_quickjs::driver())).await;
        for count in [1_000, 10_000] {
            waiting("wasm", Arc::new(codemode_driver_wasm::driver()), count).await;
        }
        waiting("quickjs", Arc::new(codemode_driver_quickjs::driver()), 1_000).await;
    });
    Ok(())
}

/// One engine after the other: created, `1 + 1` evaluated, dropped.
fn start<E: Engine>(name: &str, options: &E::Options) {
    let program = Script { name: PROGRAM_FILE, source: "(async () => 1 + 1)" };
    let (mut created, mut ran, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2_000 {
        let begun = Instant::now();
        let mut engine = E::create(options, &Limits::default().heap(), Port::new(|_| None)).expect("an engine starts");
        created.push(begun.elapsed());
        engine.deliver("s 0 seed\n[]").expect("the prelude takes its start");
        engine.run(&program).expect("the program runs");
        ran.push(begun.elapsed());
        drop(engine);
        dropped.push(begun.elapsed());
    }
    let (created, ran, dropped) = (median(created), median(ran), median(dropped));
    println!("{name:<24} ready {created:>9.1?}, + 1 + 1 {ran:>9.1?}, + drop {dropped:>9.1?}");
}

/// Three programs that only compute: calls, objects and strings, numbers in arrays.
fn compute<E: Engine>(name: &str, options: &E::Options) {
    let programs = [
        "function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } fib(23)",
        "const m = new Map(); for (let i = 0; i < 5e4; i++) { const k = 'k' + i % 999; m.set(k, { n: (m.get(k)?.n ?? 0) + 1 }) }",
        "const a = []; for (let i = 0; i < 1e5; i++) a.push(i * 7919 % 10007); a.sort((x, y) => x - y)",
    ];
    let times = programs.map(|program| {
        let runs = (0..10).map(|_| {
            let mut engine =
                E::create(options, &Limits::default().heap(), Port::new(|_| None)).expect("an engine starts");
            engine.deliver("s 0 seed\n[]").expect("the prelude takes its start");
            let begun = Instant::now();
            let source = format!("(async () => {{ {program} }})");
            engine.run(&Script { name: PROGRAM_FILE, source: &source }).expect("the program runs");
            begun.elapsed()
        });
        median(runs.collect())
    });
    println!("{name:<24} compute {times:.1?}");
}

async fn serial_calls(name: &str, driver: Arc<dyn IsolateDriver>) {
    let tool = Tool::from_schema("echo", "", json!({}), None, |input, _| async { Ok(input) });
    let code_mode = code_mode(driver, tool);
    let program = "for (let i = 0; i < 1000; i++) await external_echo(i)";
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let outcome = code_mode.execute(program, ExecuteOptions::default()).await.expect("the host does its part");
        outcome.result.expect("the program ends");
        times.push(begun.elapsed() / 1_000);
    }
    println!("{name:<24} serial call {:?}", median(times));
}

/// So many executions at once that all wait for one tool.
async fn waiting(name: &str, driver: Arc<dyn IsolateDriver>, count: usize) {
    let (arrived, gate) = (Arc::new(Barrier::new(count + 1)), Arc::new(Semaphore::new(0)));
    let (at, opened) = (arrived.clone(), gate.clone());
    let tool = Tool::from_schema("wait", "", json!({}), None, move |input, _| {
        let (at, opened) = (at.clone(), opened.clone());
        async move {
            at.wait().await;
            let _pass = opened.acquire().await;
            Ok(input)
        }
    });
    let code_mode = Arc::new(code_mode(driver, tool));
    let before = Held::now();
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for n in 0..count {
        let code_mode = code_mode.clone();
        running.spawn(async move {
            let program = format!("return await external_wait({n})");
            let outcome = code_mode.execute(&program, ExecuteOptions::default()).await.expect("the host does its part");
            let json = outcome.result.expect("the program ends").expect("it returns something");
            assert_eq!(json.value().expect("it is JSON"), json!(n));
        });
    }
    arrived.wait().await;
    let all = begun.elapsed();
    let during = Held::now();
    gate.add_permits(count);
    while let Some(ended) = running.join_next().await {
        ended.expect("every execution is right");
    }
    let after = Held::now();
    println!("{name:<24} {count} waiting after {all:?}, done after {:?}", begun.elapsed());
    if let (Some(before), Some(during), Some(after)) = (before, during, after) {
        let each = during.kib.saturating_sub(before.kib) as f64 / count as f64;
        println!("{:<24} before {before}; waiting {during}, {each:.0} KiB each; after {after}", "");
    }
}

/// What this process holds. Not its resident size, which counts the guest's picture once for each sandbox that maps it.
struct Held {
    kib: u64,
    mappings: usize,
}

impl Held {
    fn now() -> Option<Self> {
        let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
        let proportional = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        let mappings = fs::read_to_string("/proc/self/maps").ok()?.lines().count();
        Some(Self { kib: proportional.split_whitespace().next()?.parse().ok()?, mappings })
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB in {} mappings", self.kib, self.mappings)
    }
}

fn code_mode(driver: Arc<dyn IsolateDriver>, tool: Tool) -> CodeMode {
    let limits = Limits::default().timeout(Duration::from_secs(300));
    CodeMode::builder().driver(driver).tools([tool]).limits(limits).build().expect("the tool has a name")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
