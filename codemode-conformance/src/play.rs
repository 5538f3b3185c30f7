//! Plays one case on a driver: once live while its journal is recorded, and again from the journal.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use codemode_core::{
    CodeMode, Error, ErrorKind, Event, EventKind, ExecuteOptions, IsolateDriver, Outcome, Recorder, Recording, Tool,
};
use tokio::sync::Notify;

use crate::{
    case::Case,
    event_text::{ended_call, event_text},
    test_tools::TestTools,
};

/// What came out when a case was played.
#[derive(Debug)]
#[non_exhaustive]
pub struct Played {
    /// `None` when the host dropped the execution.
    pub outcome: Option<Outcome>,
    /// All events, in order.
    pub events: Vec<Event>,
    /// The journal.
    pub recording: Recording,
    /// Warnings about tools.
    pub tool_warnings: Vec<String>,
    /// From the call of `execute` to its answer; from the drop to the last event where the host dropped it.
    pub took: Duration,
}

/// Runs the program of a case with its tools, gates and limits. Needs a tokio runtime with time.
///
/// # Errors
/// What went wrong on the host's side: the case's tools, the driver, or no answer long after the deadline.
pub async fn play(case: &Case, driver: &Arc<dyn IsolateDriver>) -> Result<Played, String> {
    let stage = Stage::default();
    let code_mode = code_mode(case, driver, &stage)?;
    let recorder = Recorder::default();
    let mut options = ExecuteOptions::default().tool_call_id(case.id()).limits(case.limits()).journal(recorder.clone());
    (options.seed, options.epoch_ms) = (case.seed, case.epoch_ms);
    let options = options.on_event(stage.listener(case));

    let begun = Instant::now();
    let timeout = case.limits().timeout + case.limits().grace + TIMEOUT;
    let execution = tokio::time::timeout(timeout, code_mode.execute(&case.program, options));
    let (outcome, took) = tokio::select! {
        outcome = execution => {
            let outcome = outcome.map_err(|_| "the driver did not answer long after the deadline".to_owned())?;
            (Some(outcome.map_err(|error| format!("the host failed: {error}"))?), begun.elapsed())
        }
        () = stage.cancelled.notified() => (None, Duration::ZERO),
    };
    let took = match outcome {
        Some(_) => took,
        None => stage.wait_for_the_end().await?,
    };
    let recording = whole(&recorder).await?;
    Ok(Played { outcome, events: stage.events(), recording, tool_warnings: stage.tool_warnings(), took })
}

/// Runs `program` on a journal. The tools of the case lend their declarations to the texts of failures; none is called.
///
/// # Errors
/// When the program departs from the journal.
pub async fn replay(
    case: &Case,
    program: &str,
    driver: &Arc<dyn IsolateDriver>,
    recording: Recording,
) -> Result<Outcome, Error> {
    let code_mode = code_mode(case, driver, &Stage::default()).map_err(|why| Error::new(ErrorKind::Config, why))?;
    code_mode.replay(program, recording).await
}

fn code_mode(case: &Case, driver: &Arc<dyn IsolateDriver>, stage: &Stage) -> Result<CodeMode, String> {
    let tools = TestTools::new(&case.gates);
    *lock(&stage.gates) = Some(tools.gates());
    let named = case.tools.iter().map(|name| tools.get(name).ok_or_else(|| format!("there is no test tool {name:?}")));
    let described = case.inline_tools.iter().map(|inline| tools.make(inline));
    let all = named.chain(described).collect::<Result<Vec<Tool>, String>>()?;
    let warnings = stage.tool_warnings.clone();
    CodeMode::builder()
        .driver(driver.clone())
        .tools(all)
        .limits(case.limits())
        .on_warning(move |warning| lock(&warnings).push(warning))
        .build()
        .map_err(|error| format!("the tools are refused: {error}"))
}

/// What a case's run reports while it plays.
#[derive(Default)]
struct Stage {
    events: Arc<Mutex<Vec<Event>>>,
    tool_warnings: Arc<Mutex<Vec<String>>>,
    gates: Arc<Mutex<Option<crate::gates::Gates>>>,
    cancelled: Arc<Notify>,
    finished: Arc<Notify>,
}

impl Stage {
    fn listener(&self, case: &Case) -> impl Fn(Event) + Send + Sync + 'static {
        let (events, cancelled, finished) = (self.events.clone(), self.cancelled.clone(), self.finished.clone());
        let gates = lock(&self.gates).clone();
        let cancel_after = case.cancel_after.clone();
        move |event| {
            let text = event_text(&event);
            let (ended, is_last) = (ended_call(&event), matches!(event.kind, EventKind::Finished { .. }));
            lock(&events).push(event);
            if cancel_after.as_ref() == Some(&text) {
                cancelled.notify_one();
            }
            if let Some(gates) = &gates {
                gates.observe(text, ended);
            }
            if is_last {
                finished.notify_one();
            }
        }
    }

    /// After the execution was dropped: how long until it has ended.
    async fn wait_for_the_end(&self) -> Result<Duration, String> {
        let dropped = Instant::now();
        let finished = tokio::time::timeout(TIMEOUT, self.finished.notified()).await;
        finished.map_err(|_| format!("{TIMEOUT:?} after it was dropped, the execution has not ended"))?;
        Ok(dropped.elapsed())
    }

    fn events(&self) -> Vec<Event> {
        lock(&self.events).clone()
    }

    fn tool_warnings(&self) -> Vec<String> {
        lock(&self.tool_warnings).clone()
    }
}

/// The journal with its end, which is written just after the last event.
async fn whole(recorder: &Recorder) -> Result<Recording, String> {
    let mut recording = recorder.take();
    let asked = Instant::now();
    // A program that was refused before it ran has no journal.
    while recording.end.is_none() && recording != Recording::default() {
        if asked.elapsed() > TIMEOUT {
            return Err("the journal has no end".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        recording.end = recorder.take().end;
    }
    Ok(recording)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For what should take milliseconds, on a loaded machine.
const TIMEOUT: Duration = Duration::from_secs(20);
