//! [`Recording`]: a journal in memory and as JSON lines, and [`Recorder`], which makes one.

use std::{
    io::{self, BufRead, Write},
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};

use crate::{
    journal::{Entry, Journal},
    poison::lock,
    session::message::{FORMAT, HostMessage},
    types::{Error, ErrorKind, Failure, Limits, ToolNames},
};

/// A journal in memory. Clones share it, so that a host keeps one and gives one away.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Recording>>);

impl Recorder {
    /// Takes what was recorded so far and leaves it empty.
    pub fn take(&self) -> Recording {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Journal for Recorder {
    fn record(&mut self, entry: Entry<'_>) {
        let mut recording = lock(&self.0);
        match entry {
            Entry::Begins { javascript, tools, limits } => {
                recording.header = Header::new(javascript, tools, limits);
            }
            Entry::Posted(text) => recording.lines.push(Line::Posted(text.to_owned())),
            Entry::Delivered(text) => recording.lines.push(Line::Delivered(text.to_owned())),
            Entry::Ended(failure) => {
                recording.end = Some(RecordedEnd { failure: failure.cloned() });
            }
        }
    }
}

/// A recorded execution.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Recording {
    /// What ran.
    pub header: Header,
    /// What went in and out, in order.
    pub lines: Vec<Line>,
    /// How it ended; `None` when the record was cut short.
    pub end: Option<RecordedEnd>,
}

/// What a recording needs to be run again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Header {
    /// [`FORMAT`] when it was recorded.
    pub journal: u32,
    /// The script.
    pub javascript: String,
    /// The program as the model wrote it, where the host added it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typescript: Option<String>,
    /// Function name and tool name of each tool.
    pub tools: Vec<(Arc<str>, Arc<str>)>,
    /// The limits in force.
    pub limits: Limits,
}

/// One text of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Line {
    /// The guest said it.
    #[serde(rename = "posted")]
    Posted(String),
    /// The host delivered it.
    #[serde(rename = "delivered")]
    Delivered(String),
}

/// How a recorded execution ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedEnd {
    /// `None` when the program returned.
    pub failure: Option<Failure>,
}

impl RecordedEnd {
    /// An end with a failure, or with a result.
    pub fn new(failure: Option<Failure>) -> Self {
        Self { failure }
    }
}

impl Header {
    fn new(javascript: &str, tools: &ToolNames, limits: &Limits) -> Self {
        Self {
            journal: FORMAT,
            javascript: javascript.to_owned(),
            typescript: None,
            tools: tools.pairs().map(|(function, tool)| (function.clone(), tool.clone())).collect(),
            limits: limits.clone(),
        }
    }

    /// The names to replay with.
    pub fn tool_names(&self) -> ToolNames {
        ToolNames::new(self.tools.iter().cloned())
    }
}

impl Recording {
    /// The record of a program that was rejected before it could run: nothing went in or out.
    pub fn rejected(limits: &Limits, failure: Failure) -> Self {
        let header = Header { journal: FORMAT, limits: limits.clone(), ..Header::default() };
        Self { header, lines: Vec::new(), end: Some(RecordedEnd { failure: Some(failure) }) }
    }

    /// The start message: the program's clock and seed.
    pub fn start(&self) -> Option<(u64, u64)> {
        match HostMessage::parse(self.delivered().next()?).ok()? {
            HostMessage::Start { now, seed, .. } => Some((now, seed)),
            _ => None,
        }
    }

    /// What the guest said, in order.
    pub fn posted(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::Posted(text) => Some(text.as_str()),
            Line::Delivered(_) => None,
        })
    }

    /// What the host delivered, in order.
    pub fn delivered(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::Delivered(text) => Some(text.as_str()),
            Line::Posted(_) => None,
        })
    }

    /// Writes the recording as JSON lines: the header, each text, the end.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut out, &self.header)?;
        out.write_all(b"\n")?;
        for line in &self.lines {
            serde_json::to_writer(&mut out, line)?;
            out.write_all(b"\n")?;
        }
        if let Some(end) = &self.end {
            serde_json::to_writer(&mut out, &EndLine { end: end.clone() })?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// [`ErrorKind::BadJournal`] with the line that cannot be read.
    pub fn read(input: impl BufRead) -> Result<Self, Error> {
        let mut lines = input.lines().enumerate().map(|(i, line)| (i + 1, line));
        let bad = |line: usize, why: String| {
            Error::new(ErrorKind::BadJournal, format!("this is not a journal: {why}")).with("line", line.to_string())
        };
        let text =
            |(n, line): (usize, io::Result<String>)| line.map(|line| (n, line)).map_err(|e| bad(n, e.to_string()));
        let (n, first) = text(lines.next().ok_or_else(|| bad(1, "it is empty".into()))?)?;
        let header: Header = serde_json::from_str(&first).map_err(|e| bad(n, without_place(&e)))?;
        if header.journal != FORMAT {
            return Err(bad(n, format!("its version is {}, this program reads version {FORMAT}", header.journal)));
        }
        let mut recording = Self { header, ..Self::default() };
        for line in lines {
            let (n, line) = text(line)?;
            if recording.end.is_some() {
                return Err(bad(n, "there is more after its end".into()));
            }
            match serde_json::from_str(&line).map_err(|e| bad(n, without_place(&e)))? {
                AnyLine::Text(text) => recording.lines.push(text),
                AnyLine::End(end) => recording.end = Some(end.end),
            }
        }
        Ok(recording)
    }
}

/// What serde_json says, without its place: it counts lines from the one that it was given.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said).to_owned()
}

#[derive(Serialize, Deserialize)]
struct EndLine {
    end: RecordedEnd,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected one of `posted`, `delivered`, `end`")]
enum AnyLine {
    Text(Line),
    End(Box<EndLine>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::FailureKind;

    #[test]
    fn a_recording_reads_back_as_it_was_written() {
        let mut recorder = Recorder::default();
        let tools = ToolNames::new([("external_a", "a-b")]);
        recorder.record(Entry::Begins { javascript: "x\ny", tools: &tools, limits: &Limits::default() });
        recorder.record(Entry::Delivered("s 5 7\n[]"));
        recorder.record(Entry::Posted("log log\nhi\nthere"));
        recorder.record(Entry::Ended(Some(&Failure::new(FailureKind::Timeout, "Timeout", "too long"))));
        let recording = recorder.take();
        let mut text = Vec::new();
        recording.write(&mut text).expect("a Vec takes everything");
        let read = Recording::read(text.as_slice()).expect("a journal");
        assert_eq!(read, recording);
        assert_eq!(read.start(), Some((5, 7)));
        assert_eq!(read.header.limits, Limits::default());
    }

    #[test]
    fn what_is_not_a_journal_is_named_by_its_line() {
        for (text, line) in [("", "1"), ("{}", "1"), ("\u{0}\u{1}", "1"), ("[]\n", "1")] {
            let error = Recording::read(text.as_bytes()).expect_err("refused");
            assert_eq!(error.kind, ErrorKind::BadJournal);
            assert_eq!(error.context, [("line", line.to_owned())]);
        }
        let mut good = Vec::new();
        Recording { header: Header { journal: FORMAT, ..Header::default() }, ..Recording::default() }
            .write(&mut good)
            .expect("a Vec takes everything");
        good.extend_from_slice(b"{\"shouted\":\"x\"}\n");
        let error = Recording::read(good.as_slice()).expect_err("refused");
        assert_eq!(error.context, [("line", "2".to_owned())]);
    }
}
