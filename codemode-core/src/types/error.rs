//! What the host failed at. What a *program* did is never an [`Error`]; it is in the [`Outcome`](crate::Outcome).

use std::{error::Error as StdError, fmt};

use crate::engine::Fault;

/// A failure of the host: the configuration is wrong, the driver could not start, a thread was lost.
#[derive(Debug)]
#[non_exhaustive]
pub struct Error {
    /// What to match on.
    pub kind: ErrorKind,
    /// One sentence that names the cause and the next step.
    pub message: String,
    /// What is known about the place, such as `("tool", "getUser")`.
    pub context: Vec<(&'static str, String)>,
    /// The error below this one.
    pub source: Option<Fault>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A limit, a tool or an option is wrong. Nothing was run.
    Config,
    /// This driver cannot do what was asked.
    Unsupported,
    /// The engine could not be created.
    DriverStart,
    /// A driver broke its contract: it panicked, or ended without an answer.
    DriverFailed,
    /// The operating system refused something: a thread, a file, a socket.
    Io,
    /// The other side of a connection does not speak the protocol, or not as agreed.
    Protocol,
    /// Too many threads are held by engines that ignore their interrupt; the driver takes no more work.
    ThreadsLost,
    /// The host's own callback panicked; the execution was stopped.
    HostPanicked,
    /// A journal does not belong to this program: what the program posted differs from what was recorded.
    Diverged,
    /// The text of a journal cannot be read.
    BadJournal,
    /// The type checker did not answer.
    TypeCheck,
}

impl Error {
    /// An error of `kind` with a sentence for a person.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), context: Vec::new(), source: None }
    }

    /// Adds what is known about the place.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.context.push((name, value.into()));
        self
    }

    /// Adds the error below this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Fault>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (i, (name, value)) in self.context.iter().enumerate() {
            write!(f, "{}{name}: {value}", if i == 0 { " (" } else { ", " })?;
        }
        if !self.context.is_empty() {
            f.write_str(")")?;
        }
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

#[cfg(feature = "typecheck")]
impl From<codemode_typescript::typecheck::TypeCheckError> for Error {
    fn from(error: codemode_typescript::typecheck::TypeCheckError) -> Self {
        use codemode_typescript::typecheck::TypeCheckErrorKind as Kind;
        let kind = match error.kind {
            Kind::NotFound | Kind::NotStarted => ErrorKind::Config,
            Kind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::TypeCheck,
        };
        let made = Self::new(kind, error.message);
        match error.path {
            Some((name, path)) => made.with(name, path),
            None => made,
        }
    }
}
