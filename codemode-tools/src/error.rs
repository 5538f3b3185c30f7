//! [`Error`]: why tools cannot be made from what the host gave. A call that fails is a `ToolError` instead.

use std::fmt;

/// Why tools cannot be made: a file is missing, is of another kind, or declares something wrong.
///
/// The message names the file and, where there is one, the line. It converts into a [`codemode_core::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file does not exist.
    NotFound,
    /// A file cannot be read or written, or is not text.
    Io,
    /// A text has another form than the one that is read: not JSON, or JSON of another shape.
    Format,
    /// A tool is declared in a way that cannot work.
    Declaration,
    /// SQLite cannot open or make the database.
    Database,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None }
    }

    /// Adds the next step.
    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What to match on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The cause, with the path it is about.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The next step, where the message does not say it.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for codemode_core::Error {
    fn from(error: Error) -> Self {
        Self::new(codemode_core::ErrorKind::Config, error.to_string())
    }
}
