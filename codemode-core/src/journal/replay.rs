//! Running an execution again from its record: what to deliver next, and whether the guest still says the same.

use std::collections::VecDeque;

use crate::{
    journal::{Line, RecordedEnd, Recording},
    session::{
        Input,
        message::{GuestMessage, HostMessage},
        wording::is_overflow,
    },
    types::{Error, ErrorKind, Failure, FailureKind, Json},
};

/// The record of an execution while it is replayed.
pub(crate) struct Replay {
    posts: Vec<String>,
    /// How many of them were said again.
    said: usize,
    deliveries: VecDeque<String>,
    end: Option<RecordedEnd>,
    problem: Option<Error>,
}

impl Replay {
    pub(crate) fn new(recording: Recording) -> Self {
        let (mut posts, mut deliveries) = (Vec::new(), VecDeque::new());
        for line in recording.lines {
            match line {
                Line::Posted(text) => posts.push(text),
                Line::Delivered(text) => deliveries.push_back(text),
            }
        }
        // The event loop makes the start message itself, from the same clock and seed.
        deliveries.pop_front();
        Self { posts, said: 0, deliveries, end: recording.end, problem: None }
    }

    /// Compares what the guest says with what it said then; `false` ends the replay.
    pub(crate) fn posted(&mut self, text: &str) -> bool {
        let at = self.said;
        self.said += 1;
        match self.posts.get(at) {
            Some(then) if then == text || ends_in_overflow(then, text) => true,
            Some(then) => {
                self.diverge(format!(
                    "the program no longer says what was recorded: message {} was {}, now it is {}",
                    at + 1,
                    excerpt(then),
                    excerpt(text)
                ));
                false
            }
            // How far a program got before the host stopped it is chance.
            None if self.host_ended() => true,
            None => {
                self.diverge(format!(
                    "the program says more than was recorded: message {} is {}",
                    at + 1,
                    excerpt(text)
                ));
                false
            }
        }
    }

    /// What happens next, when the program waits.
    pub(crate) fn next(&mut self) -> Input<'static> {
        if self.problem.is_some() {
            return Input::Cancel;
        }
        if let Some(text) = self.deliveries.pop_front() {
            return match HostMessage::parse(&text) {
                Ok(delivery) => Input::Recorded(delivery),
                Err(_) => {
                    self.problem = Some(
                        Error::new(ErrorKind::BadJournal, "a delivery in the journal cannot be read")
                            .with("delivery", excerpt(&text)),
                    );
                    Input::Cancel
                }
            };
        }
        match self.end.as_ref().and_then(|end| end.failure.clone()) {
            Some(failure) => Input::RecordEnds(Failure::new(failure.kind, failure.name, failure.message)),
            None => {
                self.diverge("the program waits for an answer that the record does not hold".into());
                Input::Cancel
            }
        }
    }

    /// Whether what was replayed is what was recorded, now that it ended with `result`.
    pub(crate) fn finish(&mut self, result: &Result<Option<Json>, Failure>) -> Option<Error> {
        if self.problem.is_none() && self.said < self.posts.len() && !self.host_ended() {
            let missing = self.posts.get(self.said).map(|text| excerpt(text)).unwrap_or_default();
            self.diverge(format!("the program says less than was recorded: message {} was {missing}", self.said + 1));
        }
        let kind = |failure: Option<FailureKind>| failure.map_or("success", FailureKind::as_str);
        let then = self.end.as_ref().map(|end| kind(end.failure.as_ref().map(|failure| failure.kind)));
        let now = kind(result.as_ref().err().map(|failure| failure.kind));
        if self.problem.is_none() && then.is_some_and(|then| then != now) {
            self.diverge(format!("the program ended with {now}, recorded is {}", then.unwrap_or_default()));
        }
        self.problem.take()
    }

    /// Whether the host gave the execution up, as recorded. The replay of a loop is then stopped by its own deadline.
    pub(crate) fn was_cancelled(&self) -> bool {
        let failure = self.end.as_ref().and_then(|end| end.failure.as_ref());
        failure.is_some_and(|failure| failure.kind == FailureKind::Cancelled)
    }

    fn host_ended(&self) -> bool {
        match &self.end {
            None => true,
            Some(end) => end.failure.as_ref().is_some_and(|failure| failure.kind.ended_by_host()),
        }
    }

    fn diverge(&mut self, message: String) {
        self.problem.get_or_insert_with(|| Error::new(ErrorKind::Diverged, message));
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
            Replay::new(Recording { lines, ..Recording::default() }).posted(now)
        };
        let full = "Maximum call stack size exceeded";
        assert!(replay(&says(full, 1), &says(full, 2)));
        assert!(!replay(&says("too deep", 1), &says("too deep", 2)));
        assert!(!replay(&says(full, 1), &says("too deep", 1)));
    }
}
