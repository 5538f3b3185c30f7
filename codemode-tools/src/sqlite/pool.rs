//! A few connections that read in parallel, each with a thread of its own and used by one query at a time.
//!
//! Dropping the future of a call interrupts its query: a recursive query that never ends must not hold a thread. One that takes
//! a while to notice is out of the way of the others meanwhile.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use codemode_core::ToolError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    Error, ErrorKind,
    sqlite::{cancel::CancelHandle, error, reader::Reader, schema, worker::Worker},
};

/// The connections to one database.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Worker>>,
    permits: Arc<Semaphore>,
    /// For queries that run on although nobody waits for them any more.
    given_up: Arc<Semaphore>,
}

/// The place of a query among those that run.
struct Place {
    permit: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    given_up: Arc<Semaphore>,
}

impl Drop for Place {
    /// Leaves the place to others, while there are few that do so.
    fn drop(&mut self) {
        let mut permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
        if permit.is_some()
            && let Ok(instead) = self.given_up.clone().try_acquire_owned()
        {
            *permit = Some(instead);
        }
    }
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
        let no_thread = |error| Error::new(ErrorKind::Io, format!("there is no thread to read {shown} on: {error}"));
        let worker = Worker::start(absolute.clone()).map_err(no_thread)?;
        let cancel = CancelHandle::default();
        let cancels_when_dropped = cancel.cancel_on_drop();
        let (tell, told) = mpsc::channel();
        let given = worker.give(move |reader| {
            // Nobody waits for either after its time.
            let _ = match reader {
                Ok(reader) => {
                    cancel.start(reader);
                    let told = tell.send(schema::summary_of_names(&reader.connection));
                    told.and_then(|()| tell.send(schema::summary(&reader.connection)))
                }
                Err(error) => tell.send(Err(error)),
            };
            cancel.finish();
        });
        let names = given.ok().and_then(|()| told.recv_timeout(OPEN_TIME).ok()).ok_or_else(|| {
            let message = format!("the database {shown} takes more than {} s to open", OPEN_TIME.as_secs());
            Error::new(ErrorKind::Database, message).with_help("its schema may be too large, or its disk too slow")
        })?;
        let opened = |error| error::open_error(path, &error);
        let names = names.map_err(opened)?;
        let (summary, idle) = match told.recv_timeout(COLUMNS_TIME) {
            Ok(summary) => (summary.map_err(opened)?, vec![worker]),
            // The thread ends when the view it expands lets it.
            Err(_) => (names, Vec::new()),
        };
        drop(cancels_when_dropped);
        let parallel = thread::available_parallelism().map_or(1, usize::from).clamp(MIN_QUERIES, MAX_QUERIES);
        let permits = Arc::new(Semaphore::new(parallel));
        let given_up = Arc::new(Semaphore::new(MAX_GIVEN_UP));
        Ok((Arc::new(Self { path: absolute, idle: Mutex::new(idle), permits, given_up }), summary))
    }

    /// Does `job` on a connection and a thread of its own. Dropping the future interrupts it.
    pub(super) async fn with<T: Send + 'static>(
        self: Arc<Self>,
        job: impl FnOnce(&mut Reader) -> Result<T, ToolError> + Send + 'static,
    ) -> Result<T, ToolError> {
        // It is never closed.
        let permit = Arc::new(Mutex::new(self.permits.clone().acquire_owned().await.ok()));
        let _place = Place { permit: permit.clone(), given_up: self.given_up.clone() };
        let cancel = CancelHandle::default();
        let _cancels_when_dropped = cancel.cancel_on_drop();
        let inside = || ToolError::new("the query failed inside the host; tell the user");
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = match idle {
            Some(worker) => worker,
            None => Worker::start(self.path.clone()).map_err(|error| {
                ToolError::new(format!("the host has no thread for the query ({error}); try again later"))
            })?,
        };
        let (tell, told) = oneshot::channel();
        let (pool, returning) = (self.clone(), worker.clone());
        worker
            .give(move |reader| {
                let result = match reader {
                    Err(error) => Err(error::tool_error(&error, "", None, "")),
                    Ok(reader) if cancel.start(reader) => {
                        let result = job(reader);
                        cancel.finish();
                        result
                    }
                    Ok(_) => Err(ToolError::new("the query was cancelled")),
                };
                pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(returning);
                drop(permit.lock().unwrap_or_else(PoisonError::into_inner).take());
                // Nobody waits for it when the call was dropped.
                let _ = tell.send(result);
            })
            .map_err(|_| inside())?;
        told.await.unwrap_or_else(|_| Err(inside()))
    }
}

/// Bounds on how many queries run at once: waiting for the disk needs no core.
const MIN_QUERIES: usize = 4;
const MAX_QUERIES: usize = 16;
/// How many more may run on for a while after they were given up.
const MAX_GIVEN_UP: usize = 4;
/// How long a database may take to open, and then the columns of its tables. A hostile schema takes any time.
const OPEN_TIME: Duration = Duration::from_secs(20);
const COLUMNS_TIME: Duration = Duration::from_secs(3);
