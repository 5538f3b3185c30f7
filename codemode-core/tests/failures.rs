//! One failure in event, journal and outcome; and listeners that block. A test program of its own, since engines that
//! ignore their interrupt count as lost threads of the whole process.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use codemode_core::{
    BoxFuture, Call, CallError, ContextConfig, ErrorKind, Event, EventKind, Failure, FailureKind, Host, IsolateDriver,
    Json, Limits, Program, Progress, ProgressSink, Recorder, Threaded, ToolNames,
    testing::{ScriptedEngine, ScriptedOptions},
};

fn scripted() -> Threaded<ScriptedEngine> {
    Threaded::pooled(ScriptedOptions::default())
}

fn config(timeout_ms: u64) -> ContextConfig {
    let limits = Limits::default().timeout(Duration::from_millis(timeout_ms)).grace(Duration::from_millis(50));
    ContextConfig::new(limits, Arc::new(ToolNames::new([("external_a", "a")])))
}

/// Blocks in its callback when the execution has finished, as a listener must not.
#[derive(Default)]
struct SlowListener {
    threads: Mutex<Vec<Option<String>>>,
}

impl Host for SlowListener {
    fn call(&self, _: Call, _: ProgressSink) -> BoxFuture<'static, Result<Option<Json>, CallError>> {
        Box::pin(async { Ok(None) })
    }

    fn event(&self, event: Event) {
        let name = std::thread::current().name().map(str::to_owned);
        self.threads.lock().expect("nothing panics with the lock").push(name);
        if matches!(event.kind, EventKind::Finished { .. }) {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_blocks_delays_no_other_deadline() {
    // Ignores its interrupt, so that its last event is told after the grace, and blocks there.
    let listener = Arc::new(SlowListener::default());
    let told = listener.clone();
    let slow =
        tokio::spawn(async move { scripted().execute(config(20), Program::new("deaf 2000", "slow"), told).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    let outcome = scripted()
        .execute(config(50), Program::new("spin", "other"), Arc::<Explains>::default())
        .await
        .expect("the host is fine");
    assert!(outcome.result.is_err_and(|failure| failure.kind == FailureKind::Timeout));
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    let slow = slow.await.expect("no panic").expect("the host is fine");
    assert!(slow.result.is_err_and(|failure| failure.kind == FailureKind::Timeout));
    let threads = listener.threads.lock().expect("nothing panics with the lock").clone();
    assert!(threads.contains(&Some("codemode-report".to_owned())), "{threads:?}");
    assert!(!threads.iter().flatten().any(|name| name.contains("timer") || name.contains("watch")), "{threads:?}");
}

/// Words each failure, and keeps what the last event said.
#[derive(Default)]
struct Explains {
    times: AtomicUsize,
    told: Mutex<Option<Failure>>,
}

impl Host for Explains {
    fn call(&self, _: Call, _: ProgressSink) -> BoxFuture<'static, Result<Option<Json>, CallError>> {
        // A tool that blocks its thread.
        std::thread::sleep(Duration::from_millis(300));
        Box::pin(async { Ok(None) })
    }

    fn explain(&self, failure: &mut Failure) {
        let times = self.times.fetch_add(1, Ordering::SeqCst) + 1;
        failure.hint = Some(format!("explained {times} times"));
    }

    fn event(&self, event: Event) {
        if let EventKind::Finished { error, .. } = event.kind {
            *self.told.lock().expect("nothing panics with the lock") = error.map(|failure| *failure);
        }
    }
}

#[tokio::test]
async fn event_journal_and_outcome_carry_one_failure_explained_once() {
    let blocks = "post call 1 external_a\\n1\nrest";
    for (program, timeout_ms) in
        [("throw", 5_000), ("memory", 5_000), ("rest", 5_000), ("spin", 20), ("deaf 300", 20), (blocks, 20)]
    {
        let (host, recorder) = (Arc::new(Explains::default()), Recorder::default());
        let given = Program::new(program, "t").journal(Some(Box::new(recorder.clone())));
        let outcome = scripted().execute(config(timeout_ms), given, host.clone()).await.expect("the host is fine");
        let failure = outcome.result.expect_err(program);
        assert_eq!(failure.hint.as_deref(), Some("explained 1 times"), "{program}");
        let told = host.told.lock().expect("nothing panics with the lock").clone();
        assert_eq!(told.as_ref(), Some(&failure), "{program}");
        let recorded = recorder.take().end.and_then(|end| end.failure);
        assert_eq!(recorded.as_ref(), Some(&failure), "{program}");
    }
}

/// Two tools: one that blocks its thread for a while, and one that counts its calls. Keeps the names of all events.
#[derive(Default)]
struct Blocks {
    counted: AtomicUsize,
    events: Mutex<Vec<String>>,
}

impl Host for Blocks {
    fn call(&self, call: Call, _: ProgressSink) -> BoxFuture<'static, Result<Option<Json>, CallError>> {
        if &*call.function == "external_blocks" {
            std::thread::sleep(Duration::from_millis(500));
        } else {
            self.counted.fetch_add(1, Ordering::SeqCst);
        }
        Box::pin(async { Ok(None) })
    }

    fn event(&self, event: Event) {
        let id = match &event.kind {
            EventKind::Call { call_id, .. } | EventKind::CallError { call_id, .. } => format!(" {call_id}"),
            _ => String::new(),
        };
        self.events.lock().expect("nothing panics with the lock").push(format!("{}{id}", event.name()));
    }
}

#[tokio::test]
async fn a_call_that_a_blocked_thread_has_not_started_never_starts_and_its_events_stay_in_order() {
    let host = Arc::new(Blocks::default());
    let mut config = config(50);
    config.tools = Arc::new(ToolNames::new([("external_blocks", "blocks"), ("external_counts", "counts")]));
    let program = "post call 1 external_blocks\\n1\npost call 2 external_counts\\n1\nrest";
    let outcome = scripted().execute(config, Program::new(program, "t"), host.clone()).await.expect("the host is fine");
    assert!(outcome.result.is_err_and(|failure| failure.kind == FailureKind::Timeout));
    // Until the blocked thread has come back.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(host.counted.load(Ordering::SeqCst), 0);
    let events = host.events.lock().expect("nothing panics with the lock").clone();
    assert_eq!(
        events,
        [
            "code_mode:execution_started",
            "code_mode:external_call 1",
            "code_mode:external_call 2",
            "code_mode:external_error 1",
            "code_mode:external_error 2",
            "code_mode:execution_finished"
        ]
    );
}

/// Blocks for a moment while it receives progress, which another thread reports.
#[derive(Default)]
struct SlowProgress(Mutex<Vec<&'static str>>);

impl Host for SlowProgress {
    fn call(&self, _: Call, progress: ProgressSink) -> BoxFuture<'static, Result<Option<Json>, CallError>> {
        Box::pin(async move {
            std::thread::spawn(move || progress.report(Progress::new(1.0)));
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(None)
        })
    }

    fn event(&self, event: Event) {
        if matches!(event.kind, EventKind::Progress { .. }) {
            std::thread::sleep(Duration::from_millis(150));
        }
        self.0.lock().expect("nothing panics with the lock").push(event.name());
    }
}

#[tokio::test]
async fn the_caller_is_answered_after_the_last_event() {
    let host = Arc::new(SlowProgress::default());
    let mut config = config(5_000);
    config.limits.grace = Duration::from_secs(5);
    let program = "post call 1 external_a\\n1\nrest\npost done\\n1";
    let outcome = scripted().execute(config, Program::new(program, "t"), host.clone()).await.expect("the host is fine");
    assert!(outcome.result.is_ok());
    let events = host.0.lock().expect("nothing panics with the lock").clone();
    assert_eq!(
        events,
        [
            "code_mode:execution_started",
            "code_mode:external_call",
            "code_mode:external_progress",
            "code_mode:external_result",
            // What is delivered to a scripted engine, it logs.
            "code_mode:console",
            "code_mode:execution_finished"
        ]
    );
}

/// Panics when it receives progress.
struct PanicsOnProgress;

impl Host for PanicsOnProgress {
    fn call(&self, _: Call, progress: ProgressSink) -> BoxFuture<'static, Result<Option<Json>, CallError>> {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            progress.report(Progress::new(1.0));
        });
        Box::pin(std::future::pending())
    }

    fn event(&self, event: Event) {
        assert!(!matches!(event.kind, EventKind::Progress { .. }), "asked to panic");
    }
}

#[tokio::test]
async fn a_callback_that_panics_stops_a_program_that_waits() {
    let begun = Instant::now();
    let program = Program::new("post call 1 external_a\\n1\nrest", "t");
    let error = scripted().execute(config(10_000), program, Arc::new(PanicsOnProgress)).await.expect_err("it panicked");
    assert_eq!(error.kind, ErrorKind::HostPanicked);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
