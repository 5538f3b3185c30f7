//! A few connections that read in parallel, each used by one query at a time on a thread that may block.
//!
//! Dropping the future of a call interrupts its query: a recursive query that never ends must not hold a thread.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use codemode::ToolError;
use rusqlite::{Connection, InterruptHandle, OpenFlags};
use tokio::{sync::Semaphore, task};

use crate::{
    problem::Problem,
    sqlite::{
        fault,
        fence::{self, Seen},
        schema,
    },
};

/// The connections to one database.
#[derive(Debug)]
pub struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
    places: Arc<Semaphore>,
}

/// One connection that can only read.
#[derive(Debug)]
pub struct Reader {
    pub connection: Connection,
    /// What its fence refused.
    pub seen: Seen,
    stop: Arc<AtomicBool>,
}

impl Pool {
    /// Opens the database and reads its schema once, to find what is wrong before a program runs. Also gives a short
    /// description of its tables.
    pub fn open(path: &Path) -> Result<(Arc<Self>, String), Problem> {
        let shown = path.display();
        // SQLite takes some names, such as ":memory:", for something else; no absolute path is one of them.
        let absolute = std::path::absolute(path).map_err(|error| Problem::new(format!("{shown}: {error}")))?;
        let about = std::fs::metadata(&absolute).map_err(|error| {
            let problem = Problem::new(format!("the database {shown} cannot be opened: {error}"));
            match error.kind() {
                std::io::ErrorKind::NotFound => {
                    Problem::new(format!("the database {shown} does not exist")).help(format!(
                        "give an existing one, or put the SQL that makes it into {}",
                        path.with_extension("sql").display()
                    ))
                }
                _ => problem,
            }
        })?;
        if !about.is_file() {
            let what = if about.is_dir() { "a directory" } else { "no regular file" };
            return Err(Problem::new(format!("the database {shown} is {what}; give a database file")));
        }
        let opened = Reader::open(&absolute).and_then(|mut reader| Ok((schema::summary(&mut reader)?, reader)));
        let (summary, reader) = opened.map_err(|error| fault::problem(path, &error))?;
        let most = thread::available_parallelism().map_or(1, usize::from).clamp(FEWEST, MOST);
        let pool = Self { path: absolute, idle: Mutex::new(vec![reader]), places: Arc::new(Semaphore::new(most)) };
        Ok((Arc::new(pool), summary))
    }

    /// Does `job` on a connection and a thread of its own. Dropping the future interrupts it.
    pub async fn with<T: Send + 'static>(
        self: Arc<Self>,
        job: impl FnOnce(&mut Reader) -> Result<T, ToolError> + Send + 'static,
    ) -> Result<T, ToolError> {
        let place = self.places.clone().acquire_owned().await;
        let brake = Arc::new(Brake::default());
        let _stops_when_dropped = Stop(brake.clone());
        let done = task::spawn_blocking(move || {
            let _place = place;
            let mut reader = self.take()?;
            if !brake.arm(&reader) {
                return Err(ToolError::new("the query was cancelled"));
            }
            let result = job(&mut reader);
            brake.disarm();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            result
        });
        done.await.unwrap_or_else(|_| Err(ToolError::new("the query failed inside the host; tell the user")))
    }

    fn take(&self) -> Result<Reader, ToolError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| Reader::open(&self.path), Ok).map_err(|error| fault::tool_error(&error, "", None, ""))
    }
}

impl Reader {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        let seen = fence::close_in(&mut connection)?;
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || asked.load(Ordering::Relaxed)))?;
        Ok(Self { connection, seen, stop })
    }

    /// Whether nobody waits for the query any more.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Reaches the query of one call while it runs, and no other query of the same connection.
#[derive(Default)]
struct Brake(Mutex<Grip>);

#[derive(Default)]
enum Grip {
    #[default]
    Waiting,
    Running(InterruptHandle, Arc<AtomicBool>),
    Over,
}

impl Brake {
    /// Says which connection the query runs on; `false` when it need not run any more.
    fn arm(&self, reader: &Reader) -> bool {
        let mut grip = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*grip, Grip::Over) {
            return false;
        }
        reader.stop.store(false, Ordering::Relaxed);
        *grip = Grip::Running(reader.connection.get_interrupt_handle(), reader.stop.clone());
        true
    }

    fn disarm(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Grip::Over;
    }
}

/// Interrupts the query when the call is given up.
struct Stop(Arc<Brake>);

impl Drop for Stop {
    fn drop(&mut self) {
        let mut grip = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Grip::Running(handle, stop) = std::mem::replace(&mut *grip, Grip::Over) {
            // The flag stops a query that is only about to begin, which an interrupt does not reach.
            stop.store(true, Ordering::Relaxed);
            handle.interrupt();
        }
    }
}

/// How many queries run at once, at least and at most: waiting for the disk needs no core.
const FEWEST: usize = 4;
const MOST: usize = 16;
/// How long a query waits for a writer.
const BUSY: Duration = Duration::from_secs(2);
/// Instructions of SQLite's machine between two looks at the flag: well below a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;
