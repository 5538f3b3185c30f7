//! Compares what came out with what the case expects, and every stream of events with the rules that all obey.

use std::collections::BTreeMap;

use codemode_core::{Event, EventKind, FailureKind, Json, Outcome, Reply};
use serde_json::{Value, json};

use crate::{case::Case, event_text::event_text, expected::ConsoleText, play::Played, show};

/// Everything in which a played case differs from what it expects.
pub(crate) fn played(case: &Case, played: &Played) -> Vec<String> {
    let mut wrong = Vec::new();
    let texts: Vec<String> = played.events.iter().map(event_text).collect();
    if let Some(outcome) = &played.outcome {
        wrong.extend(self::outcome(case, outcome));
        wrong.extend(show::values("refused messages", &json!(case.refused), &json!(outcome.stats.refused_messages)));
        if let Some(seed) = case.seed {
            wrong.extend(show::values("seed", &json!(seed), &json!(outcome.stats.seed)));
        }
        let reply = case.reply.as_deref().map(parsed);
        wrong.extend(reply.and_then(|reply| show::values("reply", &reply, &json!(Reply::of(outcome)))));
    } else {
        let console: Vec<String> = case.console.iter().map(|line| format!("console {line}")).collect();
        let written: Vec<String> = texts.iter().filter(|text| text.starts_with("console ")).cloned().collect();
        wrong.extend(show::lists("console", &console, &written));
    }
    wrong.extend(case.events.as_ref().and_then(|events| show::lists("events", events, &texts)));
    if let Some(calls) = &case.calls {
        let of_calls =
            |text: &&String| ["call ", "result ", "error ", "cancelled "].iter().any(|w| text.starts_with(w));
        let got: Vec<String> = texts.iter().filter(of_calls).cloned().collect();
        wrong.extend(show::lists("calls", calls, &got));
    }
    wrong.extend(show::lists("tool warnings", &case.tool_warnings, &played.tool_warnings));
    if let Some(max) = case.max_ms
        && played.took.as_millis() > u128::from(max)
    {
        wrong.push(format!("it took {:?}; max_ms is {max}\n", played.took));
    }
    wrong.extend(well_formed(case, played).err().map(|why| format!("the events break a rule: {why}\n")));
    wrong
}

/// What must come out of the live run and of the replay alike.
pub(crate) fn outcome(case: &Case, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    match (&outcome.result, &case.error) {
        (Err(failure), Some(expected)) => {
            let (expected, got) = expected.beside(failure);
            wrong.extend(show::values("error", &expected, &got));
        }
        (Err(failure), None) => wrong.push(format!("it failed: {}\n  {failure:?}\n", failure.kind.as_str())),
        (Ok(result), Some(_)) => wrong.push(format!("it returned {}\n", show::clip(&result_text(result.as_ref())))),
        (Ok(result), None) => wrong.extend(self::result(case.result.as_deref(), result.as_ref())),
    }
    let console: Vec<String> = case.console.iter().map(ConsoleText::to_string).collect();
    let written: Vec<String> = outcome.console.iter().map(|line| ConsoleText::from(line).to_string()).collect();
    wrong.extend(show::lists("console", &console, &written));
    wrong.extend(show::lists("warnings", &case.warnings, &outcome.warnings));
    wrong.extend(show::lists("dropped", &case.dropped, &dropped(outcome)));
    wrong
}

/// Everything in which a replay differs from the run it replays. What the host ended need not end at the same place.
pub(crate) fn replayed(live: &Outcome, again: &Outcome) -> Vec<String> {
    if live.result.as_ref().is_err_and(|failure| failure.kind.ended_by_host()) {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    // Where a stack ends depends on which functions an engine has compiled by then.
    let full =
        |outcome: &Outcome| outcome.result.as_ref().is_err_and(|failure| failure.kind == FailureKind::StackOverflow);
    if live.result != again.result && !(full(live) && full(again)) {
        wrong.extend(show::texts("result", &format!("{:#?}", live.result), &format!("{:#?}", again.result)));
    }
    let lines =
        |outcome: &Outcome| outcome.console.iter().map(|line| ConsoleText::from(line).to_string()).collect::<Vec<_>>();
    wrong.extend(show::lists("console", &lines(live), &lines(again)));
    wrong.extend(show::lists("warnings", &live.warnings, &again.warnings));
    wrong.extend(show::lists("dropped", &dropped(live), &dropped(again)));
    wrong
}

fn result(expected: Option<&str>, got: Option<&Json>) -> Option<String> {
    let (Some(expected), Some(got)) = (expected, got) else {
        return show::texts("result", expected.unwrap_or("undefined"), &result_text(got));
    };
    match (serde_json::from_str::<Value>(expected), got.value()) {
        (Ok(expected), Ok(got)) => show::values("result", &expected, &got),
        // Nested over 128 levels deep.
        _ => show::texts("result", expected.trim(), got.text()),
    }
}

fn result_text(result: Option<&Json>) -> String {
    result.map_or_else(|| "undefined".into(), Json::to_string)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

fn dropped(outcome: &Outcome) -> Vec<String> {
    let text = |call: &codemode_core::DroppedCall| {
        format!("{} {}{}", call.call_id, call.function, if call.started { " started" } else { "" })
    };
    outcome.dropped_calls.iter().map(text).collect()
}

/// The rules of [`EventKind`], for any program.
fn well_formed(case: &Case, played: &Played) -> Result<(), String> {
    let events = &played.events;
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Err("there are none".into()) };
    let EventKind::Started { code_length } = first.kind else { return Err("the first is not `started`".into()) };
    if code_length != case.program.len() {
        return Err(format!("code_length is {code_length}, the program has {} bytes", case.program.len()));
    }
    if case.epoch_ms.is_some_and(|epoch| epoch != first.timestamp_ms) && played.recording.end.is_some() {
        return Err(format!("the first has the time {}, not the epoch", first.timestamp_ms));
    }
    let id = case.id();
    if let Some(event) = events.iter().find(|event| *event.tool_call_id != *id) {
        return Err(format!("one has the tool call id {:?}, not {id:?}", event.tool_call_id));
    }
    if events.iter().zip(events.iter().skip(1)).any(|(a, b)| a.timestamp_ms > b.timestamp_ms) {
        return Err("the times go back".into());
    }
    let (calls, cancelled) = pairs(events)?;
    let EventKind::Finished { success, error, .. } = &last.kind else {
        return Err("the last is not `finished`".into());
    };
    let Some(outcome) = &played.outcome else { return Ok(()) };
    let failure = outcome.result.as_ref().err();
    if *success != failure.is_none() || error.as_deref() != failure {
        return Err(format!("`finished` says {error:?}, the outcome {failure:?}"));
    }
    let console = events.iter().filter_map(|event| match &event.kind {
        EventKind::Console { level, message } => Some((*level, message)),
        _ => None,
    });
    if !console.eq(outcome.console.iter().map(|line| (line.level, &line.text))) {
        return Err("the console events are not the console of the outcome".into());
    }
    let started = outcome.dropped_calls.iter().filter(|call| call.started).count();
    if cancelled != started || calls != outcome.stats.calls as usize {
        let counted = outcome.stats.calls;
        return Err(format!("{calls} calls and {cancelled} cancelled, the outcome says {counted} and {started}"));
    }
    Ok(())
}

/// Checks that calls come in the order of their ids and that each ends once; gives how many began and were cancelled.
fn pairs(events: &[Event]) -> Result<(usize, usize), String> {
    let (mut open, mut calls, mut cancelled, mut last_id) = (BTreeMap::new(), 0, 0, 0);
    for (at, event) in events.iter().enumerate() {
        match &event.kind {
            EventKind::Started { .. } if at > 0 => return Err("there are two `started`".into()),
            EventKind::Finished { .. } if at + 1 < events.len() => {
                return Err("something comes after `finished`".into());
            }
            EventKind::Call { call_id, function, tool, .. } => {
                if *call_id <= last_id {
                    return Err(format!("call {call_id} begins after call {last_id}"));
                }
                last_id = *call_id;
                calls += 1;
                open.insert(*call_id, (function.clone(), tool.clone()));
            }
            EventKind::CallResult { call_id, function, tool, .. }
            | EventKind::CallError { call_id, function, tool, .. } => {
                if open.remove(call_id) != Some((function.clone(), tool.clone())) {
                    return Err(format!("call {call_id} of {function} ends without having begun, or twice"));
                }
                cancelled += usize::from(event_text(event).starts_with("cancelled "));
            }
            _ => {}
        }
    }
    match open.first_key_value() {
        None => Ok((calls, cancelled)),
        Some((id, _)) => Err(format!("call {id} never ends")),
    }
}
