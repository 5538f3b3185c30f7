//! [`Inner`]: what all clones of a server and all its client sessions share.

use std::sync::{PoisonError, RwLock};

use codemode_core::{CodeMode, ResultFormatter};
use tokio::sync::{Semaphore, watch};

/// The shared state of a server.
pub(crate) struct Inner {
    code_mode: RwLock<CodeMode>,
    /// Incremented when `code_mode` is replaced.
    pub(crate) version: watch::Sender<u64>,
    pub(crate) formatter: ResultFormatter,
    /// One permit per execution.
    pub(crate) executions: Semaphore,
}

impl Inner {
    pub(crate) fn new(code_mode: CodeMode, formatter: ResultFormatter, max_executions: usize) -> Self {
        Self {
            code_mode: RwLock::new(code_mode),
            version: watch::Sender::new(0),
            formatter,
            executions: Semaphore::new(max_executions.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    pub(crate) fn code_mode(&self) -> CodeMode {
        self.code_mode.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn replace(&self, code_mode: CodeMode) {
        *self.code_mode.write().unwrap_or_else(PoisonError::into_inner) = code_mode;
        self.version.send_modify(|version| *version += 1);
    }
}
