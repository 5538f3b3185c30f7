//! `codemode replay`: runs a recorded execution again without a tool, and says whether it came out the same.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
};

use codemode::{
    CodeMode, Error, ErrorKind, Limits, Outcome, Reply,
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
    let limits = args.limits.limits()?;
    let recording = read(&args.journal, &limits)?;
    if recording.header.limits.clone().within(&limits) != recording.header.limits {
        output::warning(
            "the journal asks for larger limits than a replay grants it; if it departs for that, grant more with \
             --timeout, --memory or --max-calls",
        );
    }
    let source = match &args.program {
        Some(path) => input::program(path, limits.source_bytes)?,
        None => recording.header.typescript.clone().ok_or_else(|| {
            Problem::new(format!("{} does not hold its program", args.journal.display()))
                .help("give it with --program FILE")
        })?,
    };
    let driver = tools::driver(args.driver.as_deref())?;
    let code_mode = CodeMode::builder().driver(driver).limits(limits).build()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(format!("the runtime cannot be started: {error}")))?;
    let count = Count { posted: recording.posted().count(), delivered: recording.delivered().count() };
    let result = runtime.block_on(code_mode.replay(&source, recording));
    Verdict::of(result)?.print(args.json, &count)
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
    fn of(result: Result<Outcome, Error>) -> Result<Self, Problem> {
        match result {
            Ok(outcome) => Ok(Self::Equal(Box::new(outcome))),
            Err(error) if error.kind == ErrorKind::Diverged => Ok(Self::Diverged(error.to_string())),
            Err(error) => Err(error.into()),
        }
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

fn read(path: &Path, limits: &Limits) -> Result<Recording, Problem> {
    let file = file::open(path)?;
    let shown = path.display();
    // As JSON a text can be twice as long as it is, and the header holds the program.
    let max_bytes = 2 * (limits.journal_bytes as u64) + MAX_HEADER_BYTES;
    if let Ok(about) = file.metadata()
        && about.len() > max_bytes
    {
        return Err(Problem::new(format!(
            "{shown} holds {}; a journal holds at most {}",
            text::format_bytes(about.len()),
            text::format_bytes(max_bytes)
        )));
    }
    let help = "codemode run --journal FILE writes one";
    let mut input = BufReader::new(file.take(max_bytes));
    // A line of a file that is not a journal may be as long as the file.
    match input.fill_buf() {
        Ok([b'{', ..]) => {}
        Ok([]) => return Err(Problem::new(format!("{shown} is empty, not a journal")).help(help)),
        Ok(_) => return Err(Problem::new(format!("{shown} is not a journal: it does not begin with {{")).help(help)),
        Err(error) => return Err(Problem::new(format!("{shown} cannot be read: {error}"))),
    }
    Recording::read(input).map_err(|error| Problem::new(format!("{shown}: {error}")).help(help))
}

const MAX_HEADER_BYTES: u64 = 64 << 20;
