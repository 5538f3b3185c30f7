//! The messages between guest and host: what the guest says is [`GuestMessage`], what the host delivers is [`HostMessage`].
//!
//! A message is one line of words and, after a newline, a body. Everything the guest says is distrusted here: the
//! prelude is the only speaker there should be, but a message that breaks the form is counted and refused, never
//! believed and never a panic. The form is part of the journal; change [`FORMAT`] when you change it.

use std::{fmt, time::Duration};

use serde::Deserialize;

use crate::types::{CallError, Json, Level, memory_of_values};

/// Version of the messages and of what the prelude does with them. A journal of another version is not replayed.
pub const FORMAT: u32 = 1;

/// What the guest can say through its port.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum GuestMessage<'a> {
    /// `call ID NAME` and the input's JSON: an `external_*` function was called.
    Call {
        /// Chosen by the prelude: 1, 2, 3…
        id: u64,
        /// The function's name.
        function: &'a str,
        /// The input; no body is `undefined`.
        input: Option<Json>,
    },
    /// `timer ID MS`: wake me in so many milliseconds.
    Timer {
        /// Chosen by the prelude, reused by an interval.
        id: u64,
        /// From now.
        delay: Duration,
    },
    /// `untimer ID`: a timer was cleared.
    Untimer {
        /// Which.
        id: u64,
    },
    /// `log LEVEL` and the formatted text.
    Console {
        /// Which method of `console`.
        level: Level,
        /// The line.
        text: &'a str,
    },
    /// `done` and the result's JSON: the program returned.
    Done(Option<Json>),
    /// `unserializable` and a [`Problem`]: the program returned something that has no JSON form.
    Unserializable(Problem),
    /// `fail` and a [`Thrown`]: the program threw.
    Failed(Box<Thrown>),
    /// `waiting LINE`: the answer to [`HostMessage::Where`]; 0 when no line is known.
    Waiting {
        /// The line of the await that was begun last.
        line: u32,
    },
    /// `url` and a request: a URL to parse. Answered at once, without a delivery, since the answer depends on nothing
    /// but the request.
    Url(&'a str),
}

/// Why a result has no JSON form.
#[derive(Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// Where, such as `$.users[3].self`.
    pub path: String,
    /// What is there, such as `a BigInt`.
    pub reason: String,
}

/// An error that the program threw, as the prelude describes it.
#[derive(Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Thrown {
    /// `error` for an `Error`, `value` for anything else.
    #[serde(default)]
    pub thrown: String,
    /// Its name.
    pub name: String,
    /// Its message.
    pub message: String,
    /// Its stack, in the engine's format.
    pub stack: Option<String>,
    /// Its `code`.
    pub code: Option<Json>,
    /// Its `data`.
    pub data: Option<Json>,
    /// Its other fields.
    pub fields: Option<Json>,
    /// Its cause.
    pub cause: Option<Box<Thrown>>,
    /// The errors of an `AggregateError`.
    #[serde(default)]
    pub errors: Vec<Thrown>,
}

/// A message that breaks the form.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message is not well formed")
    }
}

impl std::error::Error for Malformed {}

impl<'a> GuestMessage<'a> {
    /// Reads one message.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let (head, body) = match text.split_once('\n') {
            Some((head, body)) => (head, Some(body)),
            None => (text, None),
        };
        let mut words = head.split(' ');
        let verb = words.next().ok_or(Malformed)?;
        let said = match verb {
            "call" => Self::Call {
                id: number(words.next())?,
                function: words.next().ok_or(Malformed)?,
                input: body.map(json).transpose()?,
            },
            "timer" => Self::Timer { id: number(words.next())?, delay: Duration::from_millis(number(words.next())?) },
            "untimer" => Self::Untimer { id: number(words.next())? },
            "log" => Self::Console { level: level(words.next())?, text: body.ok_or(Malformed)? },
            "done" => Self::Done(body.map(json).transpose()?),
            "unserializable" => Self::Unserializable(parsed(body)?),
            "fail" => Self::Failed(Box::new(parsed(body)?)),
            "waiting" => Self::Waiting { line: u32::try_from(number(words.next())?).map_err(|_| Malformed)? },
            "url" => Self::Url(body.ok_or(Malformed)?),
            _ => return Err(Malformed),
        };
        match words.next() {
            None => Ok(said),
            Some(_) => Err(Malformed),
        }
    }
}

fn number(word: Option<&str>) -> Result<u64, Malformed> {
    let word = word.ok_or(Malformed)?;
    // `u64::from_str` also takes "+1".
    if !word.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Malformed);
    }
    word.parse().map_err(|_| Malformed)
}

fn json(text: &str) -> Result<Json, Malformed> {
    Json::from_text(text).map_err(|_| Malformed)
}

fn parsed<T: for<'de> Deserialize<'de>>(body: Option<&str>) -> Result<T, Malformed> {
    json(body.ok_or(Malformed)?)?.parse().map_err(|_| Malformed)
}

fn level(word: Option<&str>) -> Result<Level, Malformed> {
    Ok(match word.ok_or(Malformed)? {
        "log" => Level::Log,
        "info" => Level::Info,
        "warn" => Level::Warn,
        "error" => Level::Error,
        "debug" => Level::Debug,
        _ => return Err(Malformed),
    })
}

/// What the host delivers. `now` is the guest's clock from then on, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum HostMessage {
    /// `s NOW SEED` and the function names: the first delivery, before the program.
    Start {
        /// The guest's clock.
        now: u64,
        /// Seed of its randomness.
        seed: u64,
        /// The names of the functions it can call, a JSON array of strings.
        functions: Json,
    },
    /// `a ID NOW` and the answer's JSON, or `e ID NOW` and a [`CallError`].
    Answer {
        /// Which call.
        id: u64,
        /// The guest's clock.
        now: u64,
        /// What the tool said; `Ok(None)` is `undefined`.
        answer: Result<Option<Json>, CallError>,
    },
    /// `t ID NOW`: a timer is due.
    Timer {
        /// Which.
        id: u64,
        /// The guest's clock.
        now: u64,
    },
    /// `w`: nothing can ever happen; say where you wait.
    Where,
}

impl HostMessage {
    /// Writes the message.
    pub fn text(&self) -> String {
        match self {
            Self::Start { now, seed, functions } => {
                format!("s {now} {seed}\n{functions}")
            }
            Self::Answer { id, now, answer: Ok(Some(json)) } => {
                let body = json.text();
                let mut text = String::with_capacity(body.len() + 40);
                // Writing to a String cannot fail.
                let _ = std::fmt::Write::write_fmt(&mut text, format_args!("a {id} {now}\n"));
                text.push_str(body);
                text
            }
            Self::Answer { id, now, answer: Ok(None) } => format!("a {id} {now}"),
            Self::Answer { id, now, answer: Err(error) } => {
                let body = serde_json::to_string(error).expect("strings and values have a JSON form");
                format!("e {id} {now}\n{body}")
            }
            Self::Timer { id, now } => format!("t {id} {now}"),
            Self::Where => "w".to_owned(),
        }
    }

    /// Reads a message back, from a journal.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (head, body) = match text.split_once('\n') {
            Some((head, body)) => (head, Some(body)),
            None => (text, None),
        };
        let mut words = head.split(' ');
        let delivery = match words.next().ok_or(Malformed)? {
            "s" => Self::Start {
                now: number(words.next())?,
                seed: number(words.next())?,
                functions: json(body.ok_or(Malformed)?)?,
            },
            "a" => Self::Answer {
                id: number(words.next())?,
                now: number(words.next())?,
                answer: Ok(body.map(json).transpose()?),
            },
            "e" => Self::Answer { id: number(words.next())?, now: number(words.next())?, answer: Err(parsed(body)?) },
            "t" => Self::Timer { id: number(words.next())?, now: number(words.next())? },
            "w" => Self::Where,
            _ => return Err(Malformed),
        };
        match words.next() {
            None => Ok(delivery),
            Some(_) => Err(Malformed),
        }
    }
}

/// Marks an answer of the port as a refusal: the prelude throws an `Error` with the rest of the text.
pub fn refusal(text: &str) -> String {
    format!("!{text}")
}

/// Tells the prelude that nothing it logs will be kept from now on, so that it need not format it.
pub const CONSOLE_FULL: &str = "full";

/// What an input counts: the bytes of its text, or a quarter of the memory that its values take, whichever is more.
pub(crate) fn size_of_input(input: Option<&Json>) -> usize {
    let text = input.map_or("", Json::text).as_bytes();
    // A program can have a thousand of those at most.
    if text.len() <= SMALL_INPUT { text.len() } else { text.len().max(memory_of_values(text) / 4) }
}

/// Bytes of an input whose values are not looked at.
const SMALL_INPUT: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn broken_messages_are_malformed() {
        for text in [
            "",
            "\n",
            "call",
            "call 1",
            "call x external_a",
            "call -1 a",
            "call +1 a",
            "call 1 a b",
            "call 1 a\n{",
            "call 99999999999999999999 a",
            "timer 1",
            "timer 1 1.5",
            "untimer",
            "log\nx",
            "log loud\nx",
            "log log",
            "done\nundefined",
            "fail",
            "fail\n{}",
            "fail\nnull",
            "waiting",
            "waiting 4294967296",
            "url",
            "eval 1",
            "unserializable\n{\"path\":1}",
            "DONE",
            " done",
            "done ",
        ] {
            assert_eq!(GuestMessage::parse(text), Err(Malformed), "{text:?}");
        }
    }

    #[test]
    fn deliveries_read_back_as_they_were_written() {
        let error = CallError { name: "E\n".into(), message: "\"\u{2028}".into(), code: Some(7.into()), data: None };
        let json = Json::from_text("{\"a\\nb\":\"\\n\"}").ok();
        for delivery in [
            HostMessage::Start { now: 5, seed: u64::MAX, functions: Json::from(serde_json::json!(["external_a"])) },
            HostMessage::Answer { id: 1, now: 2, answer: Ok(json) },
            HostMessage::Answer { id: 1, now: 2, answer: Ok(None) },
            HostMessage::Answer { id: 1, now: 2, answer: Err(error) },
            HostMessage::Timer { id: 3, now: 4 },
            HostMessage::Where,
        ] {
            assert_eq!(HostMessage::parse(&delivery.text()), Ok(delivery));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*|(call|timer|untimer|log|done|fail|waiting|url|[saetw]) [0-9a-z -]{0,12}(\n\\PC*)?") {
            let _ = (GuestMessage::parse(&text), HostMessage::parse(&text));
        }
    }
}
