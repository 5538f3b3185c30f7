//! The wording of failures: what happened, where, and what to do next, for the model that reads it.

use serde_json::Value;

use crate::{
    engine::Stop,
    session::{
        message::{Problem, Thrown},
        stack::parse_stack,
    },
    types::{CallError, Failure, FailureKind, Json, Limits, Position, is_deeper, json_size},
};

/// The program threw.
pub(crate) fn of_thrown(thrown: Thrown) -> Failure {
    let overflow = is_overflow(&thrown);
    let kind = if overflow { FailureKind::StackOverflow } else { FailureKind::Threw };
    let mut failure = Failure::new(kind, thrown.name, thrown.message);
    if overflow {
        failure.hint = Some(OVERFLOW_HINT.into());
    }
    failure.frames = thrown.stack.as_deref().map(parse_stack).unwrap_or_default();
    failure.position = failure.frames.first().map(|frame| frame.position);
    failure.code = thrown.code.and_then(attached);
    failure.data = thrown.data.and_then(attached).or_else(|| thrown.fields.and_then(attached));
    let mut below = Vec::new();
    list_causes(thrown.cause.as_deref(), &thrown.errors, &mut below);
    if !below.is_empty() {
        failure.message = format!("{}\n{}", failure.message, below.join("\n"));
    }
    failure
}

/// What was attached to an error. A value nested so deeply that it could not be read as part of a record or an event is
/// kept as its text.
fn attached(json: Json) -> Option<Value> {
    let value = json.value().ok()?;
    Some(if is_deeper(&value, MAX_ATTACHED_DEPTH) { Value::from(json.text()) } else { value })
}

/// The program came to the end of its stack, and let it be.
pub(crate) fn is_overflow(thrown: &Thrown) -> bool {
    thrown.name == "RangeError" && OVERFLOWS.contains(&thrown.message.as_str())
}

fn list_causes(cause: Option<&Thrown>, errors: &[Thrown], out: &mut Vec<String>) {
    if let Some(cause) = cause {
        out.push(format!("  caused by {}: {}", cause.name, cause.message));
        list_causes(cause.cause.as_deref(), &cause.errors, out);
    }
    for error in errors {
        out.push(format!("  - {}: {}", error.name, error.message));
    }
}

/// The engine stopped by itself.
pub(crate) fn of_stop(stop: Stop, limits: &Limits) -> Failure {
    match stop {
        Stop::OutOfMemory => Failure::new(
            FailureKind::OutOfMemory,
            "OutOfMemory",
            format!("the program used more than {} of memory", bytes(limits.heap_bytes)),
        )
        .hint("keep less at once: ask for smaller pages, and keep only the fields you need"),
        Stop::StackOverflow => Failure::new(FailureKind::StackOverflow, "RangeError", OVERFLOWS[0]).hint(OVERFLOW_HINT),
        Stop::Threw(error) => {
            let kind = if error.name == "SyntaxError" { FailureKind::Syntax } else { FailureKind::Threw };
            let mut failure = Failure::new(kind, error.name, error.message);
            failure.frames = error.stack.as_deref().map(parse_stack).unwrap_or_default();
            failure.position = failure.frames.first().map(|frame| frame.position);
            failure
        }
        Stop::Interrupted => {
            Failure::new(FailureKind::EngineFailed, "EngineFailed", "the engine stopped without being asked to")
                .hint("run the program again; if it repeats, this is a defect of the driver")
        }
        Stop::Fault(fault) => Failure::new(FailureKind::EngineFailed, "EngineFailed", fault.to_string())
            .hint("run the program again; if it repeats, this is a defect of the driver"),
    }
}

/// The host stopped the program while calls to `waiting` were open.
pub(crate) fn of_host_stop(kind: FailureKind, limits: &Limits, waiting: Vec<&str>) -> Failure {
    if kind == FailureKind::Cancelled {
        return Failure::new(kind, "Cancelled", "the host cancelled the execution");
    }
    if kind == FailureKind::LimitReached {
        let most = bytes(limits.journal_bytes);
        return Failure::new(kind, JOURNAL_FULL, format!("the journal of this execution is full: it holds {most}"))
            .hint("ask tools for less, and do the work in several programs");
    }
    let mut message = format!("the program ran longer than {:?}", limits.timeout);
    if !waiting.is_empty() {
        message.push_str("; still open: ");
        message.push_str(&counted(&waiting));
    }
    let hint = if waiting.is_empty() {
        "no tool call was open, so the time went into the program itself: look for a loop that does not end"
    } else {
        "ask for less per call, start independent calls together with Promise.all, or do the work in several programs"
    };
    Failure::new(kind, "Timeout", message).hint(hint)
}

/// The time of a program went by before its text was read.
pub(crate) fn not_read_in_time(limits: &Limits) -> Failure {
    let message =
        format!("the program was not read within {:?}: its text is large, or the host is busy", limits.timeout);
    Failure::new(FailureKind::Timeout, "Timeout", message).hint("write a shorter program, or several")
}

/// `a (3 times), b`
fn counted(names: &[&str]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for name in names {
        match counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, n)) => *n += 1,
            None => counts.push((name, 1)),
        }
    }
    let shown: Vec<String> = counts
        .iter()
        .take(MAX_NAMES)
        .map(|(name, n)| if *n == 1 { (*name).to_owned() } else { format!("{name} ({n} times)") })
        .collect();
    let more = if counts.len() > MAX_NAMES { ", …" } else { "" };
    shown.join(", ") + more
}

/// Nothing can ever wake the program; `line` is that of its last await, 0 when unknown.
pub(crate) fn stalled(line: u32) -> Failure {
    let mut failure = Failure::new(
        FailureKind::Stalled,
        "Stalled",
        "the program waits for a promise that nothing can settle: no tool call and no timer is open",
    )
    .hint("every promise you await must come from an external_* call or a timer, or be resolved by your own code");
    if line > 0 {
        failure.position = Some(Position { line, column: 1 });
    }
    failure
}

/// The program returned something without a JSON form.
pub(crate) fn not_serializable(problem: &Problem) -> Failure {
    let place = if problem.path == "$" { "the result".to_owned() } else { format!("the result at {}", problem.path) };
    Failure::new(
        FailureKind::NotSerializable,
        "NotSerializable",
        format!("{place} is {}, which has no JSON form", problem.reason),
    )
    .hint(if problem.reason == "a promise" {
        "something is not awaited: write `await` before the call, or `await Promise.all(list)` for a list of promises"
    } else {
        "return plain objects, arrays, strings, numbers and booleans; convert the rest, for example with String(x)"
    })
}

/// Why a call with an input of `size` bytes is refused while the inputs of others take `taken`.
pub(crate) fn inputs_too_large(size: usize, taken: usize, limit: usize) -> String {
    if taken == 0 {
        format!("the input has {size} bytes of JSON; at most {limit} are taken. Send less in one call")
    } else {
        format!(
            "the input has {size} bytes of JSON and those of unanswered calls have {taken}; at most {limit} are taken \
             together. Await some of them before the next call"
        )
    }
}

/// Refuses a result over the limit.
pub(crate) fn check_result_size(size: usize, limits: &Limits) -> Result<(), Failure> {
    if size <= limits.result_bytes {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::LimitReached,
        "ResultTooLarge",
        format!("the result has {size} bytes of JSON; at most {} are taken", limits.result_bytes),
    )
    .hint("return less: pick the fields you need, filter, aggregate, or slice the list and say how much is left"))
}

/// Refuses an answer over the limit, as an error that the program can catch.
pub(crate) fn check_answer_size(
    answer: Result<Option<Json>, CallError>,
    function: &str,
    limits: &Limits,
) -> Result<Option<Json>, CallError> {
    let size = match &answer {
        Ok(json) => json.as_ref().map_or(0, |json| json.text().len()),
        Err(error) => error.message.len() + error.data.as_ref().map_or(0, json_size),
    };
    if size <= limits.answer_bytes {
        return answer;
    }
    let message = format!(
        "{function} answered with {size} bytes; at most {} are passed on. Ask it for less: a filter, fewer fields, a page",
        limits.answer_bytes
    );
    Err(CallError::new("AnswerTooLarge", message).code("ANSWER_TOO_LARGE"))
}

/// `128 MiB`, `1.5 MiB`, `300 bytes`
pub(crate) fn bytes(n: usize) -> String {
    match n {
        0..0x400 => format!("{n} bytes"),
        0x400..0x10_0000 => format!("{} KiB", round(n, 10)),
        _ => format!("{} MiB", round(n, 20)),
    }
}

fn round(n: usize, shift: u32) -> f64 {
    (n as f64 / f64::from(1u32 << shift) * 10.0).round() / 10.0
}

/// The name of the failure of an execution whose journal is full.
pub(crate) const JOURNAL_FULL: &str = "JournalFull";

/// What engines say when the stack limit is reached.
const OVERFLOWS: [&str; 1] = ["Maximum call stack size exceeded"];
const OVERFLOW_HINT: &str = "the recursion is too deep; use a loop, or check that it ends";
const MAX_NAMES: usize = 5;
/// JSON is read to 128 levels; what holds an attached value adds a few.
const MAX_ATTACHED_DEPTH: usize = 100;
