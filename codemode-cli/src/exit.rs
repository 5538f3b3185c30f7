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

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Success => Self::SUCCESS,
            ExitStatus::Failed => Self::from(1),
            ExitStatus::Problem => Self::from(2),
            ExitStatus::Signal(number) => Self::from(128u8.saturating_add(number)),
        }
    }
}
