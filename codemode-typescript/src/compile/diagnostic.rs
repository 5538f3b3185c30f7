//! What [`compile`](super::compile) reports, and the collector that gives every report its position and code frame.
//!
//! Offsets come in as bytes of the text that was parsed; positions go out as lines and columns of the model's text.

use std::cell::OnceCell;

use super::frame::code_frame;
use super::position::Lines;

/// At most so many errors, and so many lints, are reported: more would bury the first.
const MAX_REPORTS: usize = 10;

/// Bytes of a message and a hint: a name may be as long as the program.
const MAX_MESSAGE: usize = 1_000;
const MAX_HINT: usize = 8_000;

/// One thing wrong with a program, at one place in the model's text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What to match on.
    pub kind: DiagnosticKind,
    /// What is wrong, in one sentence without its position.
    pub message: String,
    /// Line in the model's text, from 1.
    pub line: u32,
    /// Column in the model's text, from 1, in UTF-16 code units.
    pub column: u32,
    /// Line and column just behind the text in question, where it has an extent.
    pub end: Option<(u32, u32)>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The lines around the place, with a caret; see [`super::code_frame`].
    pub code_frame: String,
}

/// The kinds of [`Diagnostic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiagnosticKind {
    /// Not TypeScript, or an early error of JavaScript.
    Syntax,
    /// An `external_*` function or a host API that does not exist here.
    UnknownName,
    /// A literal input that its tool can never take.
    InvalidInput,
    /// What a type checker found.
    Type,
    /// TypeScript that this sandbox does not run: modules, JSX, decorators.
    Unsupported,
    /// More bytes, or deeper nesting, than is accepted.
    TooLarge,
    /// Allowed, but most likely not what was meant.
    Lint(Lint),
}

/// What a lint found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lint {
    /// A name that nothing defines; it throws if that line runs.
    UnknownName,
    /// The result of a call of a tool is thrown away before it is there.
    NotAwaited,
    /// A promise is used as if it were its value.
    MissingAwait,
    /// `forEach` with an async callback: nothing waits for it.
    ForEachAsync,
    /// A function looks like the program but is never called.
    NeverCalled,
    /// The program ends in a declaration, so its result is `undefined`.
    NothingReturned,
}

impl Diagnostic {
    fn is_lint(&self) -> bool {
        self.kind.is_lint()
    }
}

impl DiagnosticKind {
    fn is_lint(self) -> bool {
        matches!(self, Self::Lint(_))
    }
}

/// Collects diagnostics of one source text.
pub(super) struct Reporter<'a> {
    source: &'a str,
    lines: OnceCell<Lines>,
    /// Bytes that were added in front of the parsed text.
    shift: u32,
    found: Vec<(u32, Diagnostic)>,
}

impl<'a> Reporter<'a> {
    pub fn new(source: &'a str) -> Self {
        Self { source, lines: OnceCell::new(), shift: 0, found: Vec::new() }
    }

    /// Says that offsets from now on count `shift` bytes that are not in the source.
    pub fn set_shift(&mut self, shift: u32) {
        self.shift = shift;
    }

    /// Lines of the source.
    pub fn lines(&self) -> &Lines {
        self.lines.get_or_init(|| Lines::new(self.source))
    }

    /// The model's line of an offset in the parsed text.
    pub fn line(&self, offset: u32) -> u32 {
        self.lines().line(self.in_source(offset))
    }

    /// Reports `start..end` of the parsed text; the second report at one place is dropped.
    pub fn report(&mut self, kind: DiagnosticKind, span: (u32, u32), message: impl Into<String>, hint: Option<String>) {
        let (start, end) = (self.in_source(span.0), self.in_source(span.1));
        let here = |(at, other): &(u32, Diagnostic)| *at == start && other.is_lint() == kind.is_lint();
        if self.is_full(kind) || self.found.iter().any(here) {
            return;
        }
        let (line, column) = self.lines().position(self.source, start);
        let end = (end > start).then(|| self.lines().position(self.source, end));
        let width = end.map_or(1, |(last, behind)| if last == line { behind - column } else { u32::MAX });
        let code_frame = code_frame(self.source, line, column, width);
        let (message, hint) = (clipped(message.into(), MAX_MESSAGE), hint.map(|hint| clipped(hint, MAX_HINT)));
        self.found.push((start, Diagnostic { kind, message, line, column, end, hint, code_frame }));
    }

    /// Whether no more reports of this kind are taken.
    pub fn is_full(&self, kind: DiagnosticKind) -> bool {
        self.found.iter().filter(|(_, other)| other.is_lint() == kind.is_lint()).count() >= MAX_REPORTS
    }

    /// Whether anything was reported that keeps the program from running.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|(_, diagnostic)| !diagnostic.is_lint())
    }

    /// Errors and lints, each in the order of the text.
    pub fn finish(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        self.found.sort_by_key(|(offset, _)| *offset);
        let (lints, errors): (Vec<_>, Vec<_>) =
            self.found.into_iter().map(|(_, diagnostic)| diagnostic).partition(Diagnostic::is_lint);
        (errors, lints)
    }

    fn in_source(&self, offset: u32) -> u32 {
        let mut offset = (offset.saturating_sub(self.shift) as usize).min(self.source.len());
        while !self.source.is_char_boundary(offset) {
            offset -= 1;
        }
        offset as u32
    }
}

fn clipped(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}
