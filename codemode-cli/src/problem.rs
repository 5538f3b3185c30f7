//! [`Problem`]: why a command cannot do what was asked, for a person. What a *program* did is never a problem.

/// What is wrong with the usage, the configuration or the host, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The cause, with the path or the option it is about.
    pub message: String,
    /// The next step.
    pub help: Option<String>,
}

impl Problem {
    /// A problem whose message already says what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    /// Adds the next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<codemode::tools::Error> for Problem {
    fn from(error: codemode::tools::Error) -> Self {
        Self { message: error.message().to_owned(), help: error.help().map(str::to_owned) }
    }
}

impl From<&codemode::Error> for Problem {
    fn from(error: &codemode::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<codemode::Error> for Problem {
    fn from(error: codemode::Error) -> Self {
        Self::from(&error)
    }
}
