//! Running an execution again from its record: what to deliver next, and whether the guest still says the same.

use std::collections::VecDeque;

use crate::{
    journal::{ENTRY_BYTES, Line, RecordedEnd, Recording},
    session::{
        Input,
        message::{GuestMessage, HostMessage},
        wording::{JOURNAL_FULL, is_overflow},
    },
    types::{Error, ErrorKind, Failure, FailureKind, Json, Limits},
};

/// The record of an execution while it is replayed. Its lines are met one after the other, in the order in which they
/// were taken down.
pub(crate) struct Replay {
    lines: VecDeque<Line>,
    /// The program is not the recorded one: what it names is its own affair.
    changed: bool,
    /// The replay has the limits of the record: what it says of them must be the same.
    same_limits: bool,
    /// What the lines took of `journal_bytes`, which bounds them.
    bytes: usize,
    journal_bytes: usize,
    /// The most that one delivery may have.
    answer_bytes: usize,
    /// How many came out the same.
    same: usize,
    /// The next delivery was given to the event loop.
    offered: bool,
    end: Option<RecordedEnd>,
    problem: Option<Error>,
}

/// What became of a message of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// It may count.
    Same,
    /// It is not what was recorded.
    Otherwise,
    /// The journal was full here, which ended the execution.
    JournalWasFull,
}

impl Replay {
    /// The replay of `javascript`, with the limits that the host granted it.
    pub(crate) fn new(recording: Recording, javascript: &str, granted: &Limits) -> Self {
        let Recording { header, lines, end } = recording;
        let length = |line: &Line| match line {
            Line::Posted(text) | Line::Delivered(text) => text.len() + ENTRY_BYTES,
        };
        let bytes = lines.iter().map(length).sum();
        Self {
            lines: lines.into(),
            changed: header.javascript != javascript,
            same_limits: header.limits == *granted,
            bytes,
            journal_bytes: header.limits.journal_bytes,
            answer_bytes: header.limits.answer_bytes,
            same: 0,
            offered: false,
            end,
            problem: None,
        }
    }

    /// Compares what the guest says with what it said then.
    pub(crate) fn posted(&mut self, text: &str) -> Said {
        match self.lines.front() {
            Some(Line::Posted(then)) if then == text || ends_in_overflow(then, text) => {
                self.step();
                return Said::Same;
            }
            Some(Line::Posted(then)) => {
                let then = excerpt(then);
                self.diverge(format!(
                    "the program no longer says what was recorded: {} was {then}, now it is {}",
                    self.line(),
                    excerpt(text)
                ));
            }
            Some(Line::Delivered(then)) => {
                let then = excerpt(then);
                self.diverge(format!(
                    "the program says more than was recorded: at {}, where {then} was delivered, it says {}",
                    self.line(),
                    excerpt(text)
                ));
            }
            None if self.journal_was_full() => {
                if self.had_no_room_for(text.len()) {
                    return Said::JournalWasFull;
                }
                self.is_cut();
            }
            // How far a program got before the host stopped it is chance.
            None if self.host_ended() => return Said::Same,
            None if self.end.is_none() => self.is_cut(),
            None => {
                self.diverge(format!("the program says more than was recorded: {} is {}", self.line(), excerpt(text)));
            }
        }
        Said::Otherwise
    }

    /// What happens next, when the program waits.
    pub(crate) fn next(&mut self) -> Input<'static> {
        if self.problem.is_some() {
            return Input::Cancel;
        }
        match self.lines.front() {
            Some(Line::Delivered(text)) if self.offered => {
                let text = excerpt(text);
                self.diverge(format!("{} is a delivery that nothing waits for: {text}", self.line()));
            }
            Some(Line::Delivered(text)) => match HostMessage::parse(text) {
                Ok(delivery) => {
                    self.offered = true;
                    return Input::Recorded(delivery);
                }
                Err(_) => {
                    let error = Error::new(ErrorKind::BadJournal, "a delivery in the journal cannot be read");
                    self.problem = Some(error.with("delivery", excerpt(text)));
                }
            },
            Some(Line::Posted(then)) => {
                let then = excerpt(then);
                self.diverge(format!("the program waits where it was recorded to go on: {} was {then}", self.line()));
            }
            None if self.journal_was_full() && !self.had_no_room_for(self.answer_bytes.saturating_mul(2)) => {
                self.is_cut()
            }
            None => match self.end.as_ref().map(|end| end.failure.clone()) {
                Some(Some(failure)) if self.host_ended() || failure.kind == FailureKind::Stalled => {
                    return Input::RecordEnds(Failure::new(failure.kind, failure.name, failure.message));
                }
                Some(_) => self.diverge("the program waits for an answer that the record does not hold".into()),
                None => self.is_cut(),
            },
        }
        Input::Cancel
    }

    /// Compares what is delivered with what was delivered then; `false` ends the replay.
    pub(crate) fn delivered(&mut self, text: &str) -> bool {
        match self.lines.front() {
            Some(Line::Delivered(then)) if then == text || self.changed && same_start(then, text) => {
                self.step();
                return true;
            }
            Some(Line::Delivered(then) | Line::Posted(then)) => {
                let then = excerpt(then);
                self.diverge(format!(
                    "{} of the record is {then}; what the host delivers here is {}",
                    self.line(),
                    excerpt(text)
                ));
            }
            None if self.end.is_none() => self.is_cut(),
            // A program that the host stopped before it began.
            None if self.host_ended() => return true,
            None => self.diverge(format!("the record ends where the host delivers {}", excerpt(text))),
        }
        false
    }

    /// Whether what was replayed is what was recorded, now that it ended with `result`.
    pub(crate) fn finish(&mut self, result: &Result<Option<Json>, Failure>) -> Option<Error> {
        if self.problem.is_none() {
            match self.lines.front() {
                // The host stopped both, and this one earlier.
                Some(_) if self.host_ended() => self.diverge(format!(
                    "the replay was stopped where {} messages and deliveries had come out the same; {} more of the record \
                     were not reached, so nobody knows whether they would: grant it more time and memory, or replay it on \
                     a faster driver",
                    self.same,
                    self.lines.len()
                )),
                Some(Line::Posted(then)) => {
                    let then = excerpt(then);
                    self.diverge(format!("the program says less than was recorded: {} was {then}", self.line()));
                }
                Some(Line::Delivered(then)) => {
                    let then = excerpt(then);
                    self.diverge(format!("the program ended before {} of the record, {then}", self.line()));
                }
                None if self.end.is_none() => self.is_cut(),
                None => {}
            }
        }
        if self.problem.is_none()
            && let Some(end) = &self.end
        {
            let then = end.failure.as_ref();
            self.problem = departure(then, result).or_else(|| self.other_words(then?, result.as_ref().err()?));
        }
        self.problem.take()
    }

    /// What the host says when it stops a program, it says of its limits, in words that are the same on all engines. What was
    /// still open is known only where both were stopped at one place.
    fn other_words(&self, then: &Failure, now: &Failure) -> Option<Error> {
        let is_of_host = self.host_ended() && then.kind != FailureKind::EngineFailed;
        let words = |failure: &Failure| failure.message.split("; still open: ").next().map(str::to_owned);
        (is_of_host && self.same_limits && words(then) != words(now)).then(|| departed(Some(then), Some(now)))
    }

    /// Whether so many bytes more would have filled the journal.
    fn had_no_room_for(&self, bytes: usize) -> bool {
        self.bytes <= self.journal_bytes && self.journal_bytes - self.bytes < bytes.saturating_add(ENTRY_BYTES)
    }

    /// Whether the host stopped what was recorded, and the record is not at its end yet: how much a program says until then
    /// is chance.
    pub(crate) fn lags(&self) -> bool {
        self.host_ended() && !self.lines.is_empty()
    }

    /// Whether the host gave the execution up, as recorded. The replay of a loop is then stopped by its own deadline.
    pub(crate) fn was_cancelled(&self) -> bool {
        let failure = self.end.as_ref().and_then(|end| end.failure.as_ref());
        failure.is_some_and(|failure| failure.kind == FailureKind::Cancelled)
    }

    fn step(&mut self) {
        self.lines.pop_front();
        self.same += 1;
        self.offered = false;
    }

    /// The line at hand, as a person counts the lines of the file, whose first is the header.
    fn line(&self) -> String {
        format!("line {}", self.same + 2)
    }

    fn host_ended(&self) -> bool {
        let failure = self.end.as_ref().and_then(|end| end.failure.as_ref());
        failure.is_some_and(|failure| failure.kind.ended_by_host()) || self.journal_was_full()
    }

    fn journal_was_full(&self) -> bool {
        let failure = self.end.as_ref().and_then(|end| end.failure.as_ref());
        failure.is_some_and(|failure| failure.kind == FailureKind::LimitReached && failure.name == JOURNAL_FULL)
    }

    fn diverge(&mut self, message: String) {
        self.problem.get_or_insert_with(|| Error::new(ErrorKind::Diverged, message));
    }

    fn is_cut(&mut self) {
        let message = format!(
            "the journal ends before the execution did; its {} messages and deliveries came out the same",
            self.same
        );
        self.problem.get_or_insert_with(|| Error::new(ErrorKind::BadJournal, message));
    }
}

/// Says so if an execution that was recorded to end with `then` ended otherwise. How a failure is worded may differ from
/// engine to engine.
pub(crate) fn departure(then: Option<&Failure>, now: &Result<Option<Json>, Failure>) -> Option<Error> {
    let now = now.as_ref().err();
    (then.map(|then| then.kind) != now.map(|now| now.kind)).then(|| departed(then, now))
}

/// The error of a program that ended with `now` where `then` was recorded.
pub(crate) fn departed(then: Option<&Failure>, now: Option<&Failure>) -> Error {
    let shown = |end: Option<&Failure>| {
        end.map_or_else(|| "success".to_owned(), |end| format!("{}: {}", end.kind.as_str(), end.message))
    };
    Error::new(ErrorKind::Diverged, format!("the program ended with {}, recorded is {}", shown(now), shown(then)))
}

/// Whether both are start messages with one clock and one seed.
fn same_start(then: &str, now: &str) -> bool {
    match (HostMessage::parse(then), HostMessage::parse(now)) {
        (Ok(HostMessage::Start { now: clock, seed, .. }), Ok(HostMessage::Start { now: other, seed: another, .. })) => {
            (clock, seed) == (other, another)
        }
        _ => false,
    }
}

/// Whether both say that the stack is full, if perhaps in another place: where it ends depends on which functions an engine
/// has compiled by then.
fn ends_in_overflow(then: &str, now: &str) -> bool {
    match (GuestMessage::parse(then), GuestMessage::parse(now)) {
        (Ok(GuestMessage::Failed(mut then)), Ok(GuestMessage::Failed(mut now))) if is_overflow(&then) => {
            (then.stack, now.stack) = (None, None);
            then == now
        }
        _ => false,
    }
}

/// The beginning of a message, quoted.
fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_EXCERPT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

const MAX_EXCERPT: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_stack_may_be_full_in_another_place() {
        let says = |message: &str, line: u32| {
            let stack = format!("    at f (program.ts:{line}:1)");
            let thrown =
                serde_json::json!({ "thrown": "error", "name": "RangeError", "message": message, "stack": stack });
            format!("fail\n{thrown}")
        };
        let replay = |then: &str, now: &str| {
            let lines = vec![Line::Posted(then.to_owned())];
            let recording = Recording { lines, ..Recording::default() };
            Replay::new(recording, "", &Limits::default()).posted(now) == Said::Same
        };
        let full = "Maximum call stack size exceeded";
        assert!(replay(&says(full, 1), &says(full, 2)));
        assert!(!replay(&says("too deep", 1), &says("too deep", 2)));
        assert!(!replay(&says(full, 1), &says("too deep", 1)));
    }
}
