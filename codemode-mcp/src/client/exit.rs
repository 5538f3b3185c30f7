//! [`Exit`]: how a server ended, in words, for the errors of the calls in flight.

use std::{
    io,
    process::ExitStatus,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use super::poison::lock;

/// How a server ended, in words. Empty while it runs.
#[derive(Default)]
pub(crate) struct Exit {
    /// Its output is closed: set before any call learns that it gets no answer.
    output_closed: AtomicBool,
    /// Why it is not read any more, although it still sends.
    fault: OnceLock<&'static str>,
    status: Mutex<Option<String>>,
    stderr_tail: Mutex<Vec<u8>>,
    reaped: Notify,
}

impl Exit {
    /// One sentence, with the end of what the server wrote to its standard error.
    pub(crate) fn describe(&self) -> String {
        let status = match self.fault.get() {
            Some(fault) => (*fault).to_owned(),
            None => lock(&self.status).clone().unwrap_or_else(|| "closed the connection".into()),
        };
        let tail = String::from_utf8_lossy(&lock(&self.stderr_tail)).trim().to_owned();
        if tail.is_empty() { status } else { format!("{status}; its last words: {tail}") }
    }

    /// Whether the server can send nothing more.
    pub(crate) fn is_output_closed(&self) -> bool {
        self.output_closed.load(Ordering::SeqCst)
    }

    pub(super) fn close_output(&self) {
        self.output_closed.store(true, Ordering::SeqCst);
    }

    /// Says why the server is stopped. The first reason counts.
    pub(super) fn set_fault(&self, fault: &'static str) {
        let _ = self.fault.set(fault);
        self.close_output();
    }

    /// Whether the server is stopped because of what it did.
    pub(crate) fn is_at_fault(&self) -> bool {
        self.fault.get().is_some()
    }

    /// How the process ended by itself, when it did so before there was a connection.
    pub(crate) async fn early(&self) -> Option<String> {
        // The reaper takes less.
        let _ = timeout(Duration::from_secs(2), self.reaped.notified()).await;
        let ended = self.is_at_fault() || lock(&self.status).is_some();
        ended.then(|| self.describe())
    }

    pub(super) fn set_status(&self, status: io::Result<ExitStatus>) {
        *lock(&self.status) = Some(match status {
            Ok(status) => format!("ended ({status})"),
            Err(error) => format!("ended ({error})"),
        });
    }

    pub(super) fn set_reaped(&self) {
        self.reaped.notify_one();
    }

    /// Keeps the end of what the server writes to its standard error.
    pub(super) fn add_stderr(&self, text: &[u8]) {
        let mut tail = lock(&self.stderr_tail);
        tail.extend_from_slice(text);
        let over = tail.len().saturating_sub(MAX_STDERR_TAIL);
        tail.drain(..over);
    }
}

const MAX_STDERR_TAIL: usize = 1 << 10;
