//! A few connections that read in parallel, each used by one query at a time on a thread that may block.
//!
//! Dropping the future of a call interrupts its query: a recursive query that never ends must not hold a thread.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use codemode_core::ToolError;
use tokio::{sync::Semaphore, task};

use crate::{
    Error, ErrorKind,
    sqlite::{cancel::CancelHandle, error, reader::Reader, schema},
};

/// The connections to one database.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    /// Opens the database and reads its schema once, to find what is wrong before a program runs. Also gives a short
    /// description of its tables.
    pub(super) fn open(path: &Path) -> Result<(Arc<Self>, String), Error> {
        let shown = path.display();
        // SQLite takes some names, such as ":memory:", for something else; no absolute path is one of them.
        let absolute =
            std::path::absolute(path).map_err(|error| Error::new(ErrorKind::Io, format!("{shown}: {error}")))?;
        let about = std::fs::metadata(&absolute).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(ErrorKind::NotFound, format!("the database {shown} does not exist"))
            }
            _ => Error::new(ErrorKind::Io, format!("the database {shown} cannot be opened: {error}")),
        })?;
        if !about.is_file() {
            let what = if about.is_dir() { "a directory" } else { "no regular file" };
            let message = format!("the database {shown} is {what}; give a database file");
            return Err(Error::new(ErrorKind::Io, message));
        }
        let opened = Reader::open(&absolute).and_then(|reader| Ok((schema::summary(&reader.connection)?, reader)));
        let (summary, reader) = opened.map_err(|error| error::open_error(path, &error))?;
        let parallel = thread::available_parallelism().map_or(1, usize::from).clamp(MIN_QUERIES, MAX_QUERIES);
        let permits = Arc::new(Semaphore::new(parallel));
        Ok((Arc::new(Self { path: absolute, idle: Mutex::new(vec![reader]), permits }), summary))
    }

    /// Does `job` on a connection and a thread of its own. Dropping the future interrupts it.
    pub(super) async fn with<T: Send + 'static>(
        self: Arc<Self>,
        job: impl FnOnce(&mut Reader) -> Result<T, ToolError> + Send + 'static,
    ) -> Result<T, ToolError> {
        let permit = self.permits.clone().acquire_owned().await;
        let cancel = CancelHandle::default();
        let _cancels_when_dropped = cancel.cancel_on_drop();
        let done = task::spawn_blocking(move || {
            let _permit = permit;
            let mut reader = self.take()?;
            if !cancel.start(&reader) {
                return Err(ToolError::new("the query was cancelled"));
            }
            let result = job(&mut reader);
            cancel.finish();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            result
        });
        done.await.unwrap_or_else(|_| Err(ToolError::new("the query failed inside the host; tell the user")))
    }

    fn take(&self) -> Result<Reader, ToolError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| Reader::open(&self.path), Ok).map_err(|error| error::tool_error(&error, "", None, ""))
    }
}

/// Bounds on how many queries run at once: waiting for the disk needs no core.
const MIN_QUERIES: usize = 4;
const MAX_QUERIES: usize = 16;
