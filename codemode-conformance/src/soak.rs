//! [`soak`]: what a driver does to the process it runs in, over many executions, with hosts that misbehave and several runtimes.
//!
//! These are measurements of time, threads and memory, so they run one after the other and in a process of their own.

use std::{
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use codemode_core::{
    CodeMode, ErrorKind, EventKind, ExecuteOptions, FailureKind, IsolateDriver, Limits, Tool, engine::HeapLimits,
};
use serde_json::json;
use tokio::{runtime::Builder, sync::Notify};

use crate::{
    fixtures::{self, echo, returned, runtime, tool},
    known::{Check, Suite},
    measured::run_in_order,
    usage::Usage,
};

type Driver = Arc<dyn IsolateDriver>;
type Test = fn(&Driver) -> Result<(), String>;

/// Also with a warm pool.
const POOLED: &[(&str, Test)] = &[
    ("dropping_cancels_a_loop_within_100_ms", dropping_cancels_a_loop),
    ("two_hundred_at_once", two_hundred_at_once),
    ("programs_share_nothing", programs_share_nothing),
];

const TESTS: &[(&str, Test)] = &[
    ("dropping_cancels_a_waiting_program_and_its_tools", dropping_cancels_tools),
    ("ten_thousand_in_a_row", ten_thousand_in_a_row),
    ("every_kind_of_runtime", every_kind_of_runtime),
    ("a_tool_that_blocks_delays_no_other_program", a_blocking_tool),
    ("a_callback_that_panics_ends_its_execution_alone", a_panicking_callback),
    ("out_of_memory_three_times_and_on", out_of_memory_and_on),
];

/// Holds a driver to the soak tests. `warm` is the same driver with a warm pool for [`SOAK_HEAP`], `known` the text of
/// its known.toml. Takes the arguments of a Rust test.
pub fn soak(cold: Driver, warm: Driver, known: &str) -> ExitCode {
    run_in_order(Suite::Soak, known, |_| {
        let all = [("warm", &warm, POOLED), ("cold", &cold, POOLED), ("cold", &cold, TESTS)];
        let checks = all.into_iter().flat_map(|(pool, driver, tests)| {
            tests.iter().map(move |(name, test)| {
                let driver = driver.clone();
                let check: Check = Box::new(move || test(&driver));
                (format!("{pool}::{name}"), check)
            })
        });
        Ok(checks.collect())
    })
}

fn dropping_cancels_a_loop(driver: &Driver) -> Result<(), String> {
    runtime()?.block_on(async {
        let code_mode = code_mode(driver, [], Duration::from_secs(60))?;
        let (looping, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (at_loop, at_end) = (looping.clone(), ended.clone());
        let options = ExecuteOptions::default().on_event(move |event| match event.kind {
            EventKind::Console { .. } => at_loop.notify_one(),
            EventKind::Finished { .. } => at_end.notify_one(),
            _ => {}
        });
        let execution = code_mode.execute("console.log('looping'); for (;;) {}", options);
        tokio::select! {
            outcome = execution => return Err(format!("the loop ended: {outcome:?}")),
            () = looping.notified() => {}
        }
        let dropped = Instant::now();
        ended.notified().await;
        within(dropped.elapsed(), Duration::from_millis(100), "from the drop to the end of the loop")
    })
}

fn dropping_cancels_tools(driver: &Driver) -> Result<(), String> {
    struct Open(Arc<AtomicUsize>);
    impl Drop for Open {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    runtime()?.block_on(async {
        let (open, called) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counter, calls) = (open.clone(), called.clone());
        let tool = tool("wait", move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            let guard = Open(counter.clone());
            calls.notify_one();
            async move {
                let _guard = guard;
                std::future::pending().await
            }
        });
        let code_mode = code_mode(driver, [tool], Duration::from_secs(60))?;
        let execution = code_mode.execute("await external_wait({})", ExecuteOptions::default());
        tokio::select! {
            outcome = execution => return Err(format!("the program ended: {outcome:?}")),
            () = called.notified() => {}
        }
        let dropped = Instant::now();
        while open.load(Ordering::SeqCst) > 0 {
            within(dropped.elapsed(), Duration::from_secs(1), "from the drop to the drop of the tool's future")?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    })
}

fn two_hundred_at_once(driver: &Driver) -> Result<(), String> {
    let (count, program) = (200, "return (await external_echo(args.n)).n");
    let program = |n: usize| program.replace("args.n", &format!("{{ n: {n} }}"));
    let all_at_once = |driver: &Driver| {
        let runtime = runtime()?;
        let code_mode = Arc::new(code_mode(driver, [slow_echo()], Duration::from_secs(60))?);
        runtime.block_on(async {
            let mut running = tokio::task::JoinSet::new();
            for n in 0..count {
                let (code_mode, program) = (code_mode.clone(), program(n));
                running.spawn(async move { (n, code_mode.execute(&program, ExecuteOptions::default()).await) });
            }
            while let Some(ended) = running.join_next().await {
                let (n, outcome) = ended.map_err(|error| error.to_string())?;
                returned(outcome, &json!(n))?;
            }
            Ok(())
        })
    };
    leaves_nothing(driver, &format!("{count} at once"), all_at_once)
}

fn ten_thousand_in_a_row(driver: &Driver) -> Result<(), String> {
    // Engines that take milliseconds to start, or tens of them, run fewer; the bounds are the same.
    let begun = Instant::now();
    run_many(driver, 20)?;
    let count = match begun.elapsed().as_millis() {
        0..100 => 10_000,
        100..1_000 => 1_000,
        _ => 200,
    };
    leaves_nothing(driver, &format!("{count} one after the other"), |driver| run_many(driver, count))
}

fn run_many(driver: &Driver, count: usize) -> Result<(), String> {
    let code_mode = code_mode(driver, [echo()], Duration::from_secs(60))?;
    runtime()?.block_on(async {
        for n in 0..count {
            let program = format!("return (await external_echo({{ n: {n} }})).n");
            returned(code_mode.execute(&program, ExecuteOptions::default()).await, &json!(n))?;
        }
        Ok(())
    })
}

/// Runs `what` until a round leaves the process as it was. What leaks leaks in every round; what an allocator keeps for
/// the next round does not.
fn leaves_nothing(driver: &Driver, name: &str, what: impl Fn(&Driver) -> Result<(), String>) -> Result<(), String> {
    what(driver)?;
    let Some(mut before) = Usage::settled(None) else { return what(driver) };
    let mut seen = vec![before.to_string()];
    for _ in 0..MAX_ROUNDS {
        what(driver)?;
        let after = Usage::settled(Some(before)).ok_or("the process cannot be measured any more")?;
        seen.push(after.to_string());
        if !after.exceeds(&before, MAX_GROWTH_KIB) {
            eprintln!("{} {name}: {}", driver.name(), seen.join("; then "));
            return Ok(());
        }
        before = after;
    }
    Err(format!("{name} leaves something behind each time: {}", seen.join("; then ")))
}

fn programs_share_nothing(driver: &Driver) -> Result<(), String> {
    let code_mode = code_mode(driver, [], Duration::from_secs(60))?;
    let program = "
        const before = [(globalThis as any).left, (Array.prototype as any).left, Math.max(1, 2)];
        (globalThis as any).left = (Array.prototype as any).left = 1;
        Math.max = () => 7;
        return before.map(String)";
    runtime()?.block_on(async {
        for _ in 0..20 {
            let outcome = code_mode.execute(program, ExecuteOptions::default()).await;
            returned(outcome, &json!(["undefined", "undefined", "2"]))?;
        }
        Ok(())
    })
}

fn every_kind_of_runtime(driver: &Driver) -> Result<(), String> {
    let program = "return (await external_echo({ n: 1 })).n";
    let code_mode = Arc::new(code_mode(driver, [echo()], Duration::from_secs(60))?);
    let threads = Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| e.to_string())?;
    for runtime in [runtime()?, threads] {
        returned(runtime.block_on(code_mode.execute(program, ExecuteOptions::default())), &json!(1))?;
        let spawned = code_mode.clone();
        let task = async move { spawned.execute(program, ExecuteOptions::default()).await };
        returned(runtime.block_on(runtime.spawn(task)).map_err(|e| e.to_string())?, &json!(1))?;
    }
    // No runtime at all: the tool needs none either.
    let mut execution = std::pin::pin!(code_mode.execute(program, ExecuteOptions::default()));
    let waker = std::task::Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        if let std::task::Poll::Ready(outcome) = execution.as_mut().poll(&mut context) {
            return returned(outcome, &json!(1));
        }
        std::thread::park_timeout(PARK);
    }
}

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn a_blocking_tool(driver: &Driver) -> Result<(), String> {
    let gate = Arc::new((Mutex::new(false), std::sync::Condvar::new()));
    let opened = gate.clone();
    let block = tool("block", move |_| {
        let gate = opened.clone();
        async move {
            let open = gate.0.lock().unwrap_or_else(PoisonError::into_inner);
            drop(gate.1.wait_while(open, |open| !*open));
            Ok(json!("unblocked"))
        }
    });
    let code_mode = Arc::new(code_mode(driver, [block, echo()], Duration::from_secs(60))?);
    let twenty = async || {
        let begun = Instant::now();
        for n in 0..20 {
            let program = format!("return (await external_echo({{ n: {n} }})).n");
            returned(code_mode.execute(&program, ExecuteOptions::default()).await, &json!(n))?;
        }
        Ok::<_, String>(begun.elapsed())
    };
    runtime()?.block_on(async {
        // An engine that starts slowly needs seconds for them without any blocked ones.
        let alone = twenty().await?;
        let blocked: Vec<_> = (0..8)
            .map(|_| {
                let code_mode = code_mode.clone();
                let task = async move {
                    code_mode.execute("return await external_block({})", ExecuteOptions::default()).await
                };
                tokio::spawn(task)
            })
            .collect();
        let took = twenty().await?;
        *gate.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        gate.1.notify_all();
        for blocked in blocked {
            returned(blocked.await.map_err(|e| e.to_string())?, &json!("unblocked"))?;
        }
        within(took, Duration::from_secs(10) + 4 * alone, "20 programs beside 8 blocked ones")
    })
}

fn a_panicking_callback(driver: &Driver) -> Result<(), String> {
    let code_mode = code_mode(driver, [echo()], Duration::from_secs(60))?;
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = runtime()?.block_on(async {
        let options = ExecuteOptions::default()
            .on_event(|event| assert!(!matches!(event.kind, EventKind::Console { .. }), "the host has a defect"));
        code_mode.execute("console.log(1); for (;;) await external_echo({})", options).await
    });
    std::panic::set_hook(loud);
    match outcome {
        Err(error) if error.kind == ErrorKind::HostPanicked => {}
        other => return Err(format!("expected HostPanicked, got {other:?}")),
    }
    returned(runtime()?.block_on(code_mode.execute("return 1", ExecuteOptions::default())), &json!(1))
}

fn out_of_memory_and_on(driver: &Driver) -> Result<(), String> {
    let code_mode = code_mode(driver, [], Duration::from_secs(30))?;
    runtime()?.block_on(async {
        for _ in 0..3 {
            let hog = "const kept = []; for (;;) kept.push(new Array(1000).fill(kept.length))";
            let outcome = code_mode.execute(hog, ExecuteOptions::default()).await.map_err(|e| e.to_string())?;
            match outcome.result {
                Err(failure) if failure.kind == FailureKind::OutOfMemory => {}
                other => return Err(format!("expected outOfMemory, got {other:?}")),
            }
            returned(code_mode.execute("return 1", ExecuteOptions::default()).await, &json!(1))?;
        }
        Ok(())
    })
}

fn code_mode(driver: &Driver, tools: impl IntoIterator<Item = Tool>, timeout: Duration) -> Result<CodeMode, String> {
    fixtures::code_mode(
        driver,
        tools,
        Limits::default().timeout(timeout).heap_bytes(SOAK_HEAP.heap_bytes).stack_bytes(SOAK_HEAP.stack_bytes),
    )
}

fn slow_echo() -> Tool {
    tool("echo", |input| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(input)
    })
}

fn within(took: Duration, max: Duration, what: &str) -> Result<(), String> {
    if took <= max { Ok(()) } else { Err(format!("{what}: {took:?}, more than {max:?}")) }
}

/// The heap limits of these tests, for which a warm pool must be made.
pub const SOAK_HEAP: HeapLimits = HeapLimits { heap_bytes: 32 << 20, stack_bytes: 512 << 10 };

/// Between two looks at an execution that no runtime wakes.
const PARK: Duration = Duration::from_secs(4);

/// The arenas of an allocator fill up over several rounds when two hundred engines of megabytes live at once.
const MAX_ROUNDS: usize = 14;

/// Noise.
const MAX_GROWTH_KIB: u64 = 8 << 10;
