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
    BoxFuture, Call, CallError, ContextConfig, Event, EventKind, Failure, FailureKind, Host, IsolateDriver, Json,
    Limits, Program, ProgressSink, Recorder, Threaded, ToolNames,
    testing::{ScriptedEngine, ScriptedOptions},
};

fn scripted() -> Threaded<ScriptedEngine> {
    Threaded::pooled(ScriptedOptions::default())
}

fn config(timeout_ms: u64) -> ContextConfig {
    let limits = Limits::default().timeout(Duration::from_millis(timeout_ms)).grace(Duration::from_millis(50));
    ContextConfig::new(limits, Arc::new(ToolNames::default()))
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
    for (program, timeout_ms) in [("throw", 5_000), ("memory", 5_000), ("rest", 5_000), ("spin", 20), ("deaf 300", 20)]
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
