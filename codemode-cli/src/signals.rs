//! The signals that cancel an execution. Without this a terminal's Ctrl-C would end the process at once, and the
//! commands it started, which are process groups of their own, would live on.

use std::io;

/// Waits for signals; from its creation on they no longer end the process.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

/// A signal that asks to stop: its number and how people call it.
#[derive(Debug, Clone, Copy)]
pub struct StopSignal {
    pub number: u8,
    pub name: &'static str,
}

const INTERRUPT: StopSignal = StopSignal { number: 2, name: "Ctrl-C" };

#[cfg(unix)]
impl Signals {
    /// Begins to catch them. Needs a tokio runtime around it.
    pub fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => StopSignal { number: 15, name: "SIGTERM" },
            _ = self.hangup.recv() => StopSignal { number: 1, name: "SIGHUP" },
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Begins to catch Ctrl-C.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The next Ctrl-C.
    pub async fn next(&mut self) -> StopSignal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPT
    }
}
