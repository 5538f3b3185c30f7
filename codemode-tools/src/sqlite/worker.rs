//! A thread with one connection. SQLite recurses over what strangers wrote, so the stack is this module's choice and not
//! that of the thread or the runtime that happens to call.

use std::{io, path::PathBuf, sync::mpsc, thread};

use crate::sqlite::reader::Reader;

/// Reaches a thread that does one job after the other. The thread ends when the last of these is dropped.
#[derive(Debug, Clone)]
pub(super) struct Worker(mpsc::Sender<Job>);

type Job = Box<dyn FnOnce(rusqlite::Result<&mut Reader>) + Send>;

impl Worker {
    /// Starts the thread; the database at an absolute path is opened with the first job.
    pub(super) fn start(path: PathBuf) -> io::Result<Self> {
        let (give, jobs) = mpsc::channel::<Job>();
        let work = move || {
            let mut reader = None;
            for job in jobs {
                if reader.is_none() {
                    match Reader::open(&path) {
                        Ok(opened) => reader = Some(opened),
                        Err(error) => {
                            job(Err(error));
                            continue;
                        }
                    }
                }
                if let Some(reader) = &mut reader {
                    job(Ok(reader));
                }
            }
        };
        thread::Builder::new().name("codemode-sqlite".into()).stack_size(STACK_BYTES).spawn(work)?;
        Ok(Self(give))
    }

    /// Hands a job to the thread.
    ///
    /// # Errors
    /// When the thread is gone, because a job panicked.
    pub(super) fn give(
        &self,
        job: impl FnOnce(rusqlite::Result<&mut Reader>) + Send + 'static,
    ) -> Result<(), mpsc::SendError<()>> {
        self.0.send(Box::new(job)).map_err(|_| mpsc::SendError(()))
    }
}

/// The deepest recursion that the limits allow takes some 700 KiB in an optimised build of SQLite. What is not touched
/// takes no memory.
pub(super) const STACK_BYTES: usize = 8 << 20;
