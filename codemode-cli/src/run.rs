//! `codemode run`: everything that can be wrong is found before the program starts, then it runs, is shown live, and
//! its result is printed.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use codemode::{
    CodeMode, Error, EventKind, ExecuteOptions, Failure, FailureKind, Limits, Outcome, Recorder, Reply,
    journal::Recording, tools::text::format_bytes,
};
use tokio::{sync::Notify, time::timeout};

use crate::{
    args::RunArgs,
    exit::ExitStatus,
    input,
    output::{
        self,
        listener::{EventSender, Listener, ListenerReport, Sink},
        paint::Paint,
        screen::Screen,
    },
    problem::Problem,
    signals::{Signals, StopSignal},
    size::format_duration,
    tools::{self, Tools},
};

/// Runs the program of `args`.
pub fn run(args: &RunArgs) -> Result<ExitStatus, Problem> {
    let events_on_stdout = args.events.as_deref().is_some_and(input::is_dash);
    if args.json && events_on_stdout {
        return Err(Problem::new("--json and --events - both want standard output").help("give --events a file"));
    }
    let limits = args.limits.limits()?;
    refuse_to_overwrite(args)?;
    // Before anything is started that must not outlive this process.
    let signals = Signals::catch().map_err(|error| Problem::new(format!("Ctrl-C cannot be caught: {error}")))?;
    let source = input::program(&args.file, limits.source_bytes)?;
    let driver = tools::driver(args.driver.as_deref())?;
    let tools = Tools::open(&args.tools)?;
    let sink = match &args.events {
        None => Sink::None,
        Some(path) if input::is_dash(path) => Sink::Stdout,
        Some(path) => Sink::File(create(path)?, path.display().to_string()),
    };
    let journal = args.journal.as_deref().map(create).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(format!("the threads for tool calls cannot be started: {error}")))?;

    let listener = Listener::start((!args.json).then(Screen::new), sink)?;
    let warnings = listener.sender();
    let code_mode = tools.code_mode(driver, limits.clone(), move |warning| warnings.warning(warning))?;
    let recorder = Recorder::default();
    let mut options = ExecuteOptions::default();
    options.seed = args.seed;
    options.journal = journal.as_ref().map(|_| recorder.clone());
    let outcome =
        runtime.block_on(until_it_ends(&code_mode, &source, options, listener.sender(), signals, limits.grace));
    let print = move || {
        let ListenerReport { console, problem } = listener.finish();
        let outcome = RunOutcome { events_on_stdout, ..outcome.with_console(console) };
        let status = if args.json { outcome.print_json() } else { outcome.print(&input::name(&args.file)) };
        if let (Some(file), Some(path)) = (journal, &args.journal) {
            let recording = completed(recorder.take(), &source, &limits, &outcome);
            recording
                .write(BufWriter::new(file))
                .map_err(|error| Problem::new(format!("the journal {} cannot be written: {error}", path.display())))?;
        }
        problem.map_or(status, Err)
    };
    let status = print_then_stop(print, &tools);
    // A query that was given up ends within milliseconds; nothing else may hold the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    status
}

/// Prints first: servers may take long to stop. But a reader that does not read keeps no servers.
fn print_then_stop(
    print: impl FnOnce() -> Result<ExitStatus, Problem> + Send,
    tools: &Tools,
) -> Result<ExitStatus, Problem> {
    thread::scope(|scope| {
        let (done, printed) = mpsc::channel::<()>();
        let printing = scope.spawn(move || {
            // Dropped when it is printed.
            let _done = done;
            print()
        });
        let _ = printed.recv_timeout(MAX_PRINT_DELAY);
        tools.stop();
        printing
            .join()
            .unwrap_or_else(|_| Err(Problem::new("the result cannot be shown; this is a defect of codemode")))
    })
}

/// How long servers and commands live on while the result is printed.
const MAX_PRINT_DELAY: Duration = Duration::from_secs(1);

/// What an execution came to, and the signal that cancelled it.
struct RunOutcome {
    result: Result<Outcome, Error>,
    signal: Option<StopSignal>,
    events_on_stdout: bool,
}

/// Runs the program until it ends, or a signal cancels it.
async fn until_it_ends(
    code_mode: &CodeMode,
    source: &str,
    options: ExecuteOptions,
    events: EventSender,
    mut signals: Signals,
    grace: Duration,
) -> RunOutcome {
    let finished = Arc::new(Notify::new());
    let options = options.on_event({
        let finished = finished.clone();
        move |event| {
            let last = matches!(event.kind, EventKind::Finished { .. });
            events.event(event);
            if last {
                finished.notify_one();
            }
        }
    });
    let mut execution = Box::pin(code_mode.execute(source, options));
    let signal = tokio::select! {
        result = &mut execution => return RunOutcome { result, signal: None, events_on_stdout: false },
        signal = signals.next() => signal,
    };
    // Dropping it cancels. Its last events come when the engine has given in; a second signal ends all at once.
    drop(execution);
    let _ = timeout(grace + Duration::from_millis(200), finished.notified()).await;
    let failure = Failure::new(FailureKind::Cancelled, "Cancelled", format!("{} cancelled the execution", signal.name));
    RunOutcome { result: Ok(Outcome::new(Err(failure))), signal: Some(signal), events_on_stdout: false }
}

impl RunOutcome {
    /// The outcome of a cancelled execution knows its console from the events.
    fn with_console(mut self, console: Vec<codemode::ConsoleLine>) -> Self {
        if let (Some(_), Ok(outcome)) = (self.signal, &mut self.result) {
            outcome.console = console;
        }
        self
    }

    fn exit_status(&self) -> ExitStatus {
        match (&self.result, self.signal) {
            (_, Some(signal)) => ExitStatus::Signal(signal.number),
            (Ok(Outcome { result: Ok(_), .. }), None) => ExitStatus::Success,
            (Ok(_), None) => ExitStatus::Failed,
            (Err(_), None) => ExitStatus::Problem,
        }
    }

    /// Exactly one JSON object on standard output, whatever happened.
    fn print_json(&self) -> Result<ExitStatus, Problem> {
        let reply = match &self.result {
            Ok(outcome) => Reply::of(outcome),
            Err(error) => Reply::of_host_error(error),
        };
        output::print(&format!("{reply}\n"))?;
        if let Some(signal) = self.signal {
            output::note(&format!("cancelled by {}", signal.name));
        }
        Ok(self.exit_status())
    }

    fn print(&self, program: &str) -> Result<ExitStatus, Problem> {
        let outcome = match &self.result {
            Ok(outcome) => outcome,
            Err(error) => {
                output::report(&Problem::from(error));
                return Ok(ExitStatus::Problem);
            }
        };
        if let Some(signal) = self.signal {
            output::note(&format!("cancelled by {}", signal.name));
            return Ok(self.exit_status());
        }
        // Where a limit ended the program they only say that its calls ended with it.
        let cut_short = outcome.result.as_ref().is_err_and(|failure| failure.kind.ended_by_host());
        for warning in outcome.warnings.iter().filter(|_| !cut_short) {
            output::warning(warning);
        }
        match &outcome.result {
            Ok(Some(json)) if self.events_on_stdout => output::say(&output::result(json, Paint::stderr())),
            Ok(Some(json)) => output::print(&output::result(json, Paint::stdout()))?,
            Ok(None) => output::note("the program returned nothing"),
            Err(failure) => output::say(&output::failure(failure, program)),
        }
        if !outcome.stats.startup.is_zero() {
            output::say(&format!("{}\n", Paint::stderr().dim(&cost(outcome))));
        }
        Ok(self.exit_status())
    }
}

/// One line on what an execution cost.
fn cost(outcome: &Outcome) -> String {
    let stats = &outcome.stats;
    let calls = if stats.calls == 1 { "1 call".to_owned() } else { format!("{} calls", stats.calls) };
    let mut text = format!("{calls} in {}, started in {}", format_duration(stats.run), format_duration(stats.startup));
    if let Some(bytes) = stats.heap_peak_bytes {
        text.push_str(&format!(", heap {}", format_bytes(bytes)));
    }
    text
}

/// The recording with what only the command line knows: the TypeScript. A program that was refused left none, and
/// gets one that says so.
fn completed(mut recording: Recording, source: &str, limits: &Limits, run: &RunOutcome) -> Recording {
    if recording.header.journal == 0
        && let Ok(Outcome { result: Err(failure), .. }) = &run.result
    {
        recording = Recording::rejected(limits, failure.clone());
    }
    recording.header.typescript = Some(source.to_owned());
    recording
}

/// A typing mistake in `--journal` or `--events` must not cost the program or the database.
fn refuse_to_overwrite(args: &RunArgs) -> Result<(), Problem> {
    let outputs: Vec<(&str, &PathBuf)> = [("--events", &args.events), ("--journal", &args.journal)]
        .into_iter()
        .filter_map(|(option, path)| Some((option, path.as_ref()?)))
        .filter(|(option, path)| *option == "--journal" || !input::is_dash(path))
        .collect();
    if args.journal.as_deref().is_some_and(input::is_dash) {
        return Err(Problem::new("--journal wants a file, not standard output"));
    }
    let same = |a: &Path, b: &Path| match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    };
    let inputs = [Some(&args.file), args.tools.sqlite.as_ref(), args.tools.tools.as_ref()];
    for (option, path) in &outputs {
        if let Some(input) = inputs.into_iter().flatten().find(|input| same(input, path)) {
            return Err(Problem::new(format!("{option} would overwrite {}", input.display())));
        }
    }
    if let [(_, events), (_, journal)] = outputs.as_slice()
        && same(events, journal)
    {
        return Err(Problem::new(format!("--events and --journal both name {}", events.display())));
    }
    Ok(())
}

fn create(path: &Path) -> Result<File, Problem> {
    File::create(path).map_err(|error| Problem::new(format!("{} cannot be written: {error}", path.display())))
}
