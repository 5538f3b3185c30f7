//! `codemode replay`: runs a recorded execution again without a tool, and says whether it came out the same.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
};

use codemode::{
    CodeMode, Error, ErrorKind, Failure, FailureKind, Outcome, Reply,
    journal::Recording,
    tools::{file, text},
};
use serde_json::json;

use crate::{
    args::ReplayArgs,
    exit::ExitStatus,
    input,
    output::{self, paint::Paint},
    problem::Problem,
    tools,
};

/// Replays the journal of `args`.
pub fn replay(args: &ReplayArgs) -> Result<ExitStatus, Problem> {
    let recording = read(&args.journal)?;
    let source = match &args.program {
        Some(path) => input::program(path, codemode::Limits::default().source_bytes)?,
        None => recording.header.typescript.clone().ok_or_else(|| {
            Problem::new(format!("{} does not hold its program", args.journal.display()))
                .help("give it with --program FILE")
        })?,
    };
    let driver = tools::driver(args.driver.as_deref())?;
    let code_mode = CodeMode::builder().driver(driver).build()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(format!("the runtime cannot be started: {error}")))?;
    let count = Count { posted: recording.posted().count(), delivered: recording.delivered().count() };
    let then = recording.end.as_ref().map(|end| end.failure.clone());
    let result = runtime.block_on(code_mode.replay(&source, recording));
    Verdict::of(result, then)?.print(args.json, &count)
}

struct Count {
    posted: usize,
    delivered: usize,
}

/// Whether a replay is what was recorded.
enum Verdict {
    Equal(Box<Outcome>),
    Diverged(String),
}

impl Verdict {
    /// `then` is how the recorded execution ended, as far as the record says.
    fn of(result: Result<Outcome, Error>, then: Option<Option<Failure>>) -> Result<Self, Problem> {
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(error) if error.kind == ErrorKind::Diverged => return Ok(Self::Diverged(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        // A program that was refused before it ran never met the record; the driver compares all others.
        let now = outcome.result.as_ref().err().map(|failure| (failure.kind, failure.message.as_str()));
        let refused = |kind| matches!(kind, FailureKind::Syntax | FailureKind::Invalid);
        let same = match (now, &then) {
            (_, None) => true,
            (None, Some(then)) => then.is_none(),
            (Some(_), Some(None)) => false,
            (Some((kind, message)), Some(Some(then))) => {
                kind == then.kind && (!refused(kind) || message == then.message)
            }
        };
        if same {
            return Ok(Self::Equal(Box::new(outcome)));
        }
        let shown = |end: Option<(FailureKind, &str)>| {
            end.map_or("success".to_owned(), |(kind, message)| format!("{}: {message}", kind.as_str()))
        };
        let then = then.as_ref().and_then(Option::as_ref).map(|then| (then.kind, then.message.as_str()));
        Ok(Self::Diverged(format!("the program ended with {}, recorded is {}", shown(now), shown(then))))
    }

    fn print(&self, json: bool, count: &Count) -> Result<ExitStatus, Problem> {
        let paint = Paint::stdout();
        let status = if matches!(self, Self::Equal(_)) { ExitStatus::Success } else { ExitStatus::Failed };
        let text = match self {
            Self::Equal(outcome) if json => json!({ "equal": true, "reply": Reply::of(outcome) }).to_string(),
            Self::Diverged(why) if json => json!({ "equal": false, "divergence": why }).to_string(),
            Self::Equal(outcome) => {
                let end = match &outcome.result {
                    Ok(_) => "success".to_owned(),
                    Err(failure) => format!("{}: {}", failure.name, failure.message),
                };
                let Count { posted, delivered } = count;
                let head = paint.good("equal");
                format!(
                    "{head}: {posted} messages and {delivered} deliveries came out the same, ending with {}",
                    text::visible(&end)
                )
            }
            Self::Diverged(why) => format!("{}: {}", paint.error("diverged"), text::visible(why)),
        };
        output::print(&format!("{text}\n"))?;
        Ok(status)
    }
}

fn read(path: &Path) -> Result<Recording, Problem> {
    let file = file::open(path)?;
    let shown = path.display();
    if let Ok(about) = file.metadata()
        && about.len() > MAX_BYTES
    {
        return Err(Problem::new(format!(
            "{shown} holds {}; a journal holds at most {}",
            text::format_bytes(about.len()),
            text::format_bytes(MAX_BYTES)
        )));
    }
    let help = "codemode run --journal FILE writes one";
    let mut input = BufReader::new(file.take(MAX_BYTES));
    // A line of a file that is not a journal may be as long as the file.
    match input.fill_buf() {
        Ok([b'{', ..]) => {}
        Ok([]) => return Err(Problem::new(format!("{shown} is empty, not a journal")).help(help)),
        Ok(_) => return Err(Problem::new(format!("{shown} is not a journal: it does not begin with {{")).help(help)),
        Err(error) => return Err(Problem::new(format!("{shown} cannot be read: {error}"))),
    }
    Recording::read(input).map_err(|error| Problem::new(format!("{shown}: {error}")).help(help))
}

/// A thousand answers of the largest size.
const MAX_BYTES: u64 = 4 << 30;
