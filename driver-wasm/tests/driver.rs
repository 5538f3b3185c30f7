//! What only this driver has: a pool that can be full, a cache of machine code, a second stack, and epochs.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use codemode_core::{
    CodeMode, ExecuteOptions, FailureKind, IsolateDriver, Limits, Threaded, Tool,
    engine::{Engine, HeapLimits, PROGRAM_FILE, Port, Script, Stop},
};
use codemode_driver_wasm::{Cache, Options, Wasm, driver};
use serde_json::json;
use tokio::sync::{Barrier, Semaphore};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_executions_wait_at_once() {
    all_wait_at_once(Arc::new(driver()), 10_000).await;
}

#[tokio::test]
async fn a_full_pool_refuses_nobody() {
    all_wait_at_once(Arc::new(Threaded::<Wasm>::pooled(Options::default().slots(3))), 50).await;
}

#[tokio::test]
async fn a_driver_without_a_pool_works() {
    all_wait_at_once(Arc::new(Threaded::<Wasm>::pooled(Options::default().slots(0))), 10).await;
}

/// Each execution calls a tool; the tool answers when all have called it.
async fn all_wait_at_once(driver: Arc<dyn IsolateDriver>, count: usize) {
    let (all, gate) = (Arc::new(Barrier::new(count + 1)), Arc::new(Semaphore::new(0)));
    let (here, opened) = (all.clone(), gate.clone());
    let tool = Tool::from_schema("wait", "", json!({}), None, move |input, _| {
        let (here, opened) = (here.clone(), opened.clone());
        async move {
            here.wait().await;
            let _pass = opened.acquire().await;
            Ok(input)
        }
    });
    let limits = Limits::default().timeout(Duration::from_secs(300));
    let builder = CodeMode::builder().driver(driver).tools([tool]).limits(limits);
    let code_mode = Arc::new(builder.build().expect("the tool has a name"));
    let mut running = tokio::task::JoinSet::new();
    for n in 0..count {
        let code_mode = code_mode.clone();
        running.spawn(async move {
            let program = format!("const n = {n}; return [n, await external_wait(n)]");
            let outcome = code_mode.execute(&program, ExecuteOptions::default()).await.expect("the host does its part");
            let result = outcome.result.expect("the program ends").expect("it returns something");
            assert_eq!(result.value().expect("it is JSON"), json!([n, n]));
        });
    }
    all.wait().await;
    gate.add_permits(count);
    while let Some(ended) = running.join_next().await {
        ended.expect("every execution gets its own answer");
    }
}

#[test]
fn interrupts_that_cross_are_all_seen() {
    for _ in 0..20 {
        let (begun, loops) = (Instant::now(), 16);
        let engines: Vec<_> = (0..loops).map(|_| engine(&Options::default(), Limits::default().heap()).0).collect();
        let interrupters: Vec<_> = engines.iter().map(Engine::interrupter).collect();
        thread::scope(|scope| {
            for mut engine in engines {
                scope.spawn(move || assert!(matches!(run(&mut engine, "for (;;) {}"), Err(Stop::Interrupted))));
            }
            for interrupter in &interrupters {
                scope.spawn(|| interrupter.interrupt());
            }
        });
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

#[test]
fn an_interrupt_before_the_program_and_after_the_engine() {
    let (mut stopped, posts) = engine(&Options::default(), Limits::default().heap());
    let interrupter = stopped.interrupter();
    interrupter.interrupt();
    assert!(matches!(run(&mut stopped, "1"), Err(Stop::Interrupted)));
    drop(stopped);
    interrupter.interrupt();
    assert_eq!(texts(&posts), [""; 0]);
}

#[test]
fn a_stack_that_only_the_host_sees_is_its_own_kind_of_stop() {
    // With the largest stack this recursion of native code meets the end of the host's stack before that of its own.
    let heap = HeapLimits { heap_bytes: 256 << 20, stack_bytes: 2 << 20 };
    let (mut engine, _) = engine(&Options::default(), heap);
    let program = "let o = []; for (let i = 0; i < 1e5; i++) o = [o]; JSON.stringify(o)";
    let stop = thread::Builder::new().stack_size(8 << 20).spawn(move || run(&mut engine, program));
    let stop = stop.expect("a thread starts").join().expect("the host's stack is whole");
    assert!(matches!(stop, Err(Stop::StackOverflow)), "{stop:?}");
}

#[tokio::test]
async fn that_stop_is_told_like_any_deep_recursion() {
    let heap = HeapLimits { heap_bytes: 256 << 20, stack_bytes: 2 << 20 };
    let limits = Limits::default().heap_bytes(heap.heap_bytes).stack_bytes(heap.stack_bytes);
    let code_mode = CodeMode::builder().driver(driver()).limits(limits).build().expect("the limits are good");
    let program = "let o: any[] = []; for (let i = 0; i < 1e5; i++) o = [o]; return JSON.stringify(o)";
    let outcome = code_mode.execute(program, ExecuteOptions::default()).await.expect("the host does its part");
    let failure = outcome.result.expect_err("the stack ends");
    assert_eq!((failure.kind, failure.name.as_str()), (FailureKind::StackOverflow, "RangeError"), "{failure:?}");
    let outcome = code_mode.execute("return 1", ExecuteOptions::default()).await.expect("the host does its part");
    assert!(outcome.result.is_ok());
}

#[test]
fn a_heap_is_not_exceeded_by_one_request_nor_by_many() {
    for program in [
        "new Uint8Array(2e9)",
        "new Uint8Array(40e6)",
        "const a = []; for (;;) a.push([a])",
        "let s = 'x'.repeat(9e6); [s + 1, s + 2, s + 3].map(t => t.split(''))",
    ] {
        let (mut engine, _) = engine(&Options::default(), HeapLimits { heap_bytes: 32 << 20, stack_bytes: 512 << 10 });
        let stop = run(&mut engine, &format!("for (;;) try {{ {program} }} catch {{}}"));
        assert!(matches!(stop, Err(Stop::OutOfMemory)), "{program}: {stop:?}");
        assert!(
            engine.heap_peak_bytes().is_some_and(|peak| peak <= 32 << 20),
            "{program}: {:?}",
            engine.heap_peak_bytes()
        );
    }
}

#[cfg(unix)]
#[test]
fn the_cache_is_used_and_only_while_nobody_else_can_write_to_it() {
    use std::{fs, os::unix::fs::PermissionsExt};

    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    // A runtime of its own for each, by the number of slots.
    let start = |slots| {
        let options = Options::default().slots(slots).cache(Cache::Folder(cache.clone()));
        let begun = Instant::now();
        let (mut engine, posts) = engine(&options, Limits::default().heap());
        run(&mut engine, "1 + 1").expect("the program runs");
        assert_eq!(texts(&posts), ["done\n2"]);
        begun.elapsed()
    };
    let files = || {
        let entries = fs::read_dir(&cache).expect("the folder is there");
        entries.map(|entry| entry.expect("it can be read").path()).collect::<Vec<_>>()
    };
    let mode = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    let made = start(11);
    let [file] = &files()[..] else { panic!("{:?}", files()) };
    assert_eq!(fs::metadata(file).expect("it is there").permissions().mode() & 0o777, 0o600);
    let loaded = start(12);
    assert!(loaded * 4 < made, "made in {made:?}, loaded in {loaded:?}");

    fs::write(file, "not machine code").expect("it is ours");
    start(13);
    assert!(fs::metadata(file).expect("it is there").len() > 1 << 20, "a damaged file is written anew");

    // If it were read it would not start.
    fs::write(file, "not machine code").expect("it is ours");
    mode(&cache, 0o777);
    start(14);
    assert_eq!(fs::read(file).expect("it is there"), b"not machine code", "nothing is written where others can");
}

type Posts = Arc<Mutex<Vec<String>>>;

fn engine(options: &Options, heap: HeapLimits) -> (Wasm, Posts) {
    let posts = Posts::default();
    let kept = posts.clone();
    let port = Port::new(move |text| {
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        None
    });
    (Wasm::create(options, &heap, port).expect("an engine starts"), posts)
}

fn run(engine: &mut Wasm, program: &str) -> Result<(), Stop> {
    engine.deliver("s 0 seed\n[]")?;
    // The value of the last expression is the result, if it is one.
    let body = if program.contains(';') { format!("{{ {program} }}") } else { format!("({program})") };
    engine.run(&Script { name: PROGRAM_FILE, source: &format!("async () => {body}") })
}

fn texts(posts: &Posts) -> Vec<String> {
    posts.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
