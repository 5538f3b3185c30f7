//! [`ExitStatus`]: how a command ended, and the exit code for it.

use std::process::ExitCode;

/// How a command ended, as its exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It did what was asked.
    Success,
    /// The program failed, or a replay diverged.
    Failed,
    /// Usage, configuration or the host.
    Problem,
    /// This signal cancelled it.
    Signal(u8),
}

impl ExitStatus {
    /// As shells and scripts see it.
    pub fn code(self) -> i32 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Problem => 2,
            Self::Signal(number) => i32::from(128u8.saturating_add(number)),
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        // It is at most 255.
        Self::from(u8::try_from(status.code()).unwrap_or(u8::MAX))
    }
}
