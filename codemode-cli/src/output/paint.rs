//! Colours, where they are wanted: on a terminal that knows them, unless `NO_COLOR` says no.

use std::{fmt::Write, io};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use anstyle::{AnsiColor, Style};

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// No colours.
    #[cfg(test)]
    pub fn off() -> Self {
        Self { on: false }
    }

    /// What suits standard error.
    pub fn stderr() -> Self {
        Self::of(&io::stderr())
    }

    /// What suits standard output.
    pub fn stdout() -> Self {
        Self::of(&io::stdout())
    }

    fn of(stream: &impl RawStream) -> Self {
        Self { on: AutoStream::choice(stream) != ColorChoice::Never }
    }

    pub fn error(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    pub fn warn(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    pub fn hint(self, text: &str) -> String {
        self.with(AnsiColor::Cyan.on_default(), text)
    }

    pub fn good(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub fn strong(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    /// A key of a JSON object.
    pub fn key(self, text: &str, out: &mut String) {
        self.push(AnsiColor::Blue.on_default(), text, out);
    }

    /// A JSON string.
    pub fn string(self, text: &str, out: &mut String) {
        self.push(AnsiColor::Green.on_default(), text, out);
    }

    /// A JSON number, `true`, `false` or `null`.
    pub fn scalar(self, text: &str, out: &mut String) {
        self.push(AnsiColor::Yellow.on_default(), text, out);
    }

    fn with(self, style: Style, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 10);
        self.push(style, text, &mut out);
        out
    }

    fn push(self, style: Style, text: &str, out: &mut String) {
        if self.on {
            // Writing to a String cannot fail.
            let _ = write!(out, "{style}{text}{style:#}");
        } else {
            out.push_str(text);
        }
    }
}
