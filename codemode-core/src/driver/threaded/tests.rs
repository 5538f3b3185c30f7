//! Threads, deadlines, cancelling, warm pool and journal, over an engine without JavaScript.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{
    driver::ProgressSink,
    journal::Recorder,
    testing::{ScriptedEngine, ScriptedOptions},
    types::{Call, CallError, Event, EventKind, FailureKind, Json, Limits, ToolNames},
};

/// A driver over [`ScriptedEngine`].
fn scripted() -> Threaded<ScriptedEngine> {
    Threaded::pooled(ScriptedOptions::default())
}

/// Tools: `a` answers at once, `b` never, `c` panics, `d` blocks its thread.
#[derive(Default)]
struct Tools {
    events: Mutex<Vec<Event>>,
    dropped: Arc<AtomicUsize>,
    panics_on_console: bool,
}

struct Counting(Arc<AtomicUsize>);

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Host for Tools {
    fn call(&self, call: Call, _: ProgressSink) -> BoxFuture<'static, Result<Option<Json>, CallError>> {
        let counting = Counting(self.dropped.clone());
        Box::pin(async move {
            let _counting = counting;
            match &*call.function {
                "external_a" => Ok(call.input),
                "external_c" => panic!("the tool has a defect"),
                "external_d" => {
                    std::thread::sleep(Duration::from_millis(400));
                    Ok(None)
                }
                _ => std::future::pending().await,
            }
        })
    }

    fn event(&self, event: Event) {
        assert!(!(self.panics_on_console && matches!(event.kind, EventKind::Console { .. })), "asked to panic");
        self.events.lock().expect("no test panics with the lock").push(event);
    }
}

fn config(timeout_ms: u64) -> ContextConfig {
    let names = ["a", "b", "c", "d"].map(|tool| (format!("external_{tool}"), tool));
    let limits = Limits::default().timeout(Duration::from_millis(timeout_ms)).grace(Duration::from_millis(50));
    ContextConfig { limits, tools: Arc::new(ToolNames::new(names)) }
}

async fn run_with(driver: &impl IsolateDriver, timeout_ms: u64, program: &str, tools: Arc<Tools>) -> Answer {
    driver.execute(config(timeout_ms), Program::new(program, "t"), tools).await
}

async fn run(program: &str) -> Outcome {
    run_with(&scripted(), 10_000, program, Arc::default()).await.expect("the host is fine")
}

fn kind(outcome: &Outcome) -> Option<FailureKind> {
    outcome.result.as_ref().err().map(|failure| failure.kind)
}

fn logged(outcome: &Outcome) -> Vec<&str> {
    outcome.console.iter().map(|line| &*line.text).collect()
}

#[tokio::test]
async fn a_call_is_answered_and_the_program_ends() {
    let outcome = run("post call 1 external_a\\n[1]\nrest\npost done\\n2").await;
    assert_eq!(outcome.result, Ok(Json::from_text("2").ok()));
    assert_eq!(outcome.stats.calls, 1);
    let answer = *logged(&outcome).first().expect("the delivery was logged");
    assert!(answer.starts_with("a 1 ") && answer.ends_with("\n[1]"), "{answer}");
}

#[test]
fn no_runtime_is_needed() {
    let answer = Arc::new(Mutex::new(None));
    let driver = scripted();
    let program = "post call 1 external_a\\n1\npost timer 1 2\nrest\nrest\npost done\\n1";
    let filled = answer.clone();
    crate::driver::workers::block_on(async move {
        let outcome = run_with(&driver, 5_000, program, Arc::default()).await;
        *filled.lock().expect("nothing panics with the lock") = Some(outcome);
    });
    let outcome = answer.lock().expect("nothing panics with the lock").take().expect("it ran");
    assert_eq!(outcome.expect("the host is fine").result, Ok(Json::from_text("1").ok()));
}

#[tokio::test]
async fn a_deadline_stops_a_busy_engine_and_a_waiting_one() {
    for program in ["spin", "post call 1 external_b\nrest", "post timer 1 60000\nrest"] {
        let begun = Instant::now();
        let outcome = run_with(&scripted(), 50, program, Arc::default()).await.expect("the host is fine");
        assert_eq!(kind(&outcome), Some(FailureKind::Timeout), "{program}");
        assert!(begun.elapsed() < Duration::from_millis(500), "{program} took {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn an_engine_that_ignores_its_interrupt_costs_a_thread_and_not_the_caller() {
    // A pool of threads of its own would be needed to count other tests' lost threads out; none of them loses any.
    let driver = scripted().max_lost_threads(0);
    let begun = Instant::now();
    let outcome = run_with(&driver, 50, "post log log\\nhi\ndeaf 600", Arc::default()).await.expect("the host is fine");
    assert_eq!(kind(&outcome), Some(FailureKind::Timeout));
    assert_eq!(logged(&outcome), ["hi"]);
    assert!(begun.elapsed() < Duration::from_millis(400), "{:?}", begun.elapsed());
    assert_eq!(driver.lost_threads(), 1);
    let refused = run_with(&driver, 50, "post done", Arc::default()).await.expect_err("the driver refuses work");
    assert_eq!(refused.kind, ErrorKind::ThreadsLost);
    while driver.lost_threads() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(run_with(&driver, 5_000, "post done", Arc::default()).await.is_ok());
}

#[tokio::test]
async fn dropping_the_future_cancels_the_engine_and_its_calls() {
    let tools = Arc::new(Tools::default());
    let dropped = tools.dropped.clone();
    let driver = scripted();
    {
        let future = run_with(&driver, 60_000, "post call 1 external_b\nrest", tools.clone());
        let waited = tokio::time::timeout(Duration::from_millis(50), future).await;
        assert!(waited.is_err(), "it waits for a call that never answers");
    }
    let begun = Instant::now();
    while dropped.load(Ordering::SeqCst) == 0 {
        assert!(begun.elapsed() < Duration::from_millis(100), "the call was not dropped");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_tool_that_panics_is_an_error_in_the_program() {
    let outcome = run("post call 1 external_c\nrest\npost done").await;
    let answer = *logged(&outcome).first().expect("the delivery was logged");
    assert!(answer.contains("external_c crashed on the host: the tool has a defect"), "{answer}");
}

#[tokio::test]
async fn a_callback_that_panics_is_an_error_of_the_host() {
    let tools = Arc::new(Tools { panics_on_console: true, ..Tools::default() });
    let error = run_with(&scripted(), 5_000, "post log log\\nhi\nspin", tools).await.expect_err("reported");
    assert_eq!(error.kind, ErrorKind::HostPanicked);
}

#[tokio::test]
async fn a_driver_that_fails_or_panics_is_reported() {
    let failing = Threaded::<ScriptedEngine>::pooled(ScriptedOptions { fails: Some("no luck".into()), panics: false });
    let panicking = Threaded::pooled(ScriptedOptions { fails: None, panics: true });
    for (driver, kind) in [(&failing, ErrorKind::DriverStart), (&panicking, ErrorKind::DriverFailed)] {
        let error = run_with(driver, 5_000, "post done", Arc::default()).await.expect_err("reported");
        assert_eq!(error.kind, kind);
        let error = driver.create_context(config(5_000)).await.err().expect("reported");
        assert_eq!(error.kind, kind);
    }
    let error = run_with(&scripted(), 5_000, "panic", Arc::default()).await.expect_err("reported");
    assert_eq!(error.kind, ErrorKind::DriverFailed);
}

#[tokio::test]
async fn engine_failures_have_their_own_kinds() {
    assert_eq!(kind(&run("memory").await), Some(FailureKind::OutOfMemory));
    assert_eq!(kind(&run("throw").await), Some(FailureKind::Threw));
    assert_eq!(kind(&run("rest").await), Some(FailureKind::Stalled));
    assert_eq!(kind(&run("nonsense").await), Some(FailureKind::Syntax));
}

#[tokio::test]
async fn the_answer_waits_for_a_large_engine_to_go_and_not_for_a_small_one() {
    let took = async |program| {
        let begun = Instant::now();
        assert_eq!(run(program).await.result, Ok(None), "{program}");
        begun.elapsed()
    };
    let (small, large) = (took("hold 4096 300\npost done").await, took("hold 400000000 300\npost done").await);
    assert!(small < Duration::from_millis(200), "{small:?}");
    assert!(large >= Duration::from_millis(300), "{large:?}");
}

#[tokio::test]
async fn a_context_runs_one_program_after_another() {
    let driver = scripted();
    let mut context = driver.create_context(config(5_000)).await.expect("a sandbox");
    for _ in 0..2 {
        let outcome = context.execute(Program::new("post done\\n1", "t"), Arc::new(Tools::default())).await;
        assert_eq!(outcome.expect("the host is fine").result, Ok(Json::from_text("1").ok()));
    }
}

#[tokio::test]
async fn the_warm_pool_empties_and_refills() {
    let driver = scripted().warm(2, Limits::default().heap());
    driver.prewarm().expect("it starts");
    assert_eq!(driver.pool_len(), 2);
    for _ in 0..5 {
        let outcome = run_with(&driver, 5_000, "post done", Arc::default()).await.expect("the host is fine");
        assert_eq!(outcome.result, Ok(None));
        assert_eq!(driver.pool_len(), 2);
    }
}

#[tokio::test]
async fn an_execution_replays_from_its_journal_and_a_changed_program_diverges() {
    let program =
        "post call 1 external_a\\n[1]\npost call 2 external_a\\n[2]\nrest\nrest\npost log log\\nx\npost done\\n3";
    let recorder = Recorder::default();
    let driver = scripted();
    let mut recorded = Program::new(program, "t");
    recorded.journal = Some(Box::new(recorder.clone()));
    let outcome = driver.execute(config(5_000), recorded, Arc::new(Tools::default())).await.expect("the host is fine");
    let recording = recorder.take();
    assert_eq!(recording.header.javascript, program);

    let again = driver.replay(config(5_000), Program::new(program, "t"), recording.clone()).await.expect("it is equal");
    assert_eq!((again.result, again.console), (outcome.result, outcome.console));

    for (changed, what) in [
        (program.replace("[2]", "[5]"), "line 4 was"),
        (program.replace("post log log\\nx", "post log log\\ny"), "was \"log log\\nx\""),
        (program.replace("post done\\n3", "post log log\\nz\npost done\\n3"), "was \"done\\n3\""),
        ("rest".to_owned(), "waits where it was recorded to go on: line 3"),
    ] {
        let error = driver.replay(config(5_000), Program::new(changed, "t"), recording.clone()).await.expect_err(what);
        assert_eq!(error.kind, ErrorKind::Diverged);
        assert!(error.message.contains(what), "{error}");
    }
}

#[tokio::test]
async fn events_are_whole_and_in_order() {
    let tools = Arc::new(Tools::default());
    let program = "post log warn\\nhi\npost call 1 external_a\\n1\npost call 2 external_b\nrest\npost done\\n2";
    run_with(&scripted(), 5_000, program, tools.clone()).await.expect("the host is fine");
    let events = tools.events.lock().expect("no test panics with the lock");
    let names: Vec<&str> = events.iter().map(|event| event.name().trim_start_matches("code_mode:")).collect();
    let expected = [
        "execution_started",
        "console",
        "external_call",
        "external_call",
        "external_result",
        "console",
        "external_error",
        "execution_finished",
    ];
    assert_eq!(names, expected);
    assert!(events.iter().all(|event| &*event.tool_call_id == "t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_workers_do_not_stop_the_others() {
    let driver = Arc::new(scripted());
    let hogs: Vec<_> = (0..32)
        .map(|_| {
            let driver = driver.clone();
            tokio::spawn(async move { run_with(&*driver, 2_000, "spin", Arc::default()).await })
        })
        .collect();
    let begun = Instant::now();
    let outcome = run_with(&*driver, 2_000, "post call 1 external_a\\n1\nrest\npost done\\n5", Arc::default()).await;
    assert_eq!(outcome.expect("the host is fine").result, Ok(Json::from_text("5").ok()));
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    for hog in hogs {
        hog.abort();
    }
}

#[test]
fn dedicated_engines_work_as_well() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let driver = Threaded::<ScriptedEngine>::dedicated(ScriptedOptions::default());
    let program = "post call 1 external_a\\n1\npost timer 1 5\nrest\nrest\npost done\\n5";
    let outcome = runtime.block_on(run_with(&driver, 2_000, program, Arc::default())).expect("the host is fine");
    assert_eq!(outcome.result, Ok(Json::from_text("5").ok()));
}
