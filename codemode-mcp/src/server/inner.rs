//! [`Inner`]: what all clones of a server and all its client sessions share.

use std::sync::{Arc, PoisonError, RwLock};

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
    /// The room for the inputs of calls that are not answered yet, in units of [`ROOM_BYTES`].
    pub(crate) room: Semaphore,
    /// One permit per thread on which an answer is made from what the sandbox holds.
    pub(crate) threads: Arc<Semaphore>,
}

impl Inner {
    pub(crate) fn new(code_mode: CodeMode, formatter: ResultFormatter, max_executions: usize) -> Self {
        Self {
            code_mode: RwLock::new(code_mode),
            version: watch::Sender::new(0),
            formatter,
            executions: Semaphore::new(max_executions.clamp(1, Semaphore::MAX_PERMITS)),
            room: Semaphore::new(MAX_ROOM.max(max_executions.min(Semaphore::MAX_PERMITS))),
            threads: Arc::new(Semaphore::new(MAX_THREADS)),
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

/// The unit in which room is counted: the calls of all clients together may hold some 64 MiB.
pub(crate) const ROOM_BYTES: usize = 32 << 10;
const MAX_ROOM: usize = 2_048;
/// Enough for any number of processors that answer from memory: more threads would only hold more of it.
const MAX_THREADS: usize = 16;
