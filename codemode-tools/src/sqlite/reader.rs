//! One connection that can only read, and the flag that ends its query.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::sqlite::{
    authorizer::{self, Attempt},
    functions, limits,
};

/// One connection that can only read.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) connection: Connection,
    /// What its authorizer noted of the statement.
    pub(super) attempt: Attempt,
    /// Ends the query when it is set, within [`STEPS_BETWEEN_CHECKS`].
    pub(super) cancelled: Arc<AtomicBool>,
}

impl Reader {
    /// Opens the database at an absolute path.
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        limits::apply(&connection)?;
        let cancelled = Arc::new(AtomicBool::new(false));
        functions::replace_slow(&connection, &cancelled)?;
        let attempt = authorizer::restrict(&mut connection)?;
        let flag = cancelled.clone();
        connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(move || flag.load(Ordering::Relaxed)))?;
        Ok(Self { connection, attempt, cancelled })
    }

    /// Whether the call of the query was dropped.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// How long a query waits for a writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Instructions of SQLite's machine between two checks of the flag: well below a millisecond.
const STEPS_BETWEEN_CHECKS: i32 = 1_000;
