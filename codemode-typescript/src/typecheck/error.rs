//! [`TypeCheckError`]: why a type check gave no result. Type errors themselves are
//! [`Diagnostic`](crate::Diagnostic)s.

use std::{fmt, path::Path};

/// Why a type check gave no result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeCheckError {
    /// What to match on.
    pub kind: TypeCheckErrorKind,
    /// One sentence that names the cause and the next step.
    pub message: String,
    /// The path that was tried, and what it stands for: `("compiler", "/usr/bin/tsc")`.
    pub path: Option<(&'static str, String)>,
}

/// The kinds of [`TypeCheckError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeCheckErrorKind {
    /// There is no compiler.
    NotFound,
    /// The compiler does not start.
    NotStarted,
    /// The compiler ended, or took longer than the deadline.
    NoAnswer,
    /// The program names files or modules, which the compiler would read.
    Unsupported,
}

impl TypeCheckError {
    pub(super) fn new(kind: TypeCheckErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), path: None }
    }

    pub(super) fn at(mut self, name: &'static str, path: &Path) -> Self {
        self.path = Some((name, path.display().to_string()));
        self
    }
}

impl fmt::Display for TypeCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.path {
            Some((name, path)) => write!(f, " ({name}: {path})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TypeCheckError {}
