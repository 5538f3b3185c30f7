//! The signals that ask to stop. Without this a terminal's Ctrl-C would end the process at once, and the commands and servers
//! it started, which are process groups of their own, would live on.
//!
//! The first signal is given to whoever waits for one. When nobody does, and for every further one, the process ends at
//! once: a thread of its own waits for signals, so that nothing that hangs can keep the process.

use std::{
    io,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use tokio::sync::watch;

use crate::exit::ExitStatus;

/// Waits for signals; from its creation on they no longer end the process by themselves.
#[derive(Debug)]
pub struct Signals(watch::Receiver<Option<StopSignal>>);

/// A signal that asks to stop: its number and how people call it.
#[derive(Debug, Clone, Copy)]
pub struct StopSignal {
    pub number: u8,
    pub name: &'static str,
}

type Hook = Box<dyn Fn() + Send>;

static FIRST: OnceLock<watch::Sender<Option<StopSignal>>> = OnceLock::new();
static WAITING: AtomicUsize = AtomicUsize::new(0);
static HAD_ONE: AtomicBool = AtomicBool::new(false);
static HOOKS: Mutex<Vec<Hook>> = Mutex::new(Vec::new());

const INTERRUPT: StopSignal = StopSignal { number: 2, name: "Ctrl-C" };

impl Signals {
    /// Begins to catch them, once for the whole process.
    pub fn catch() -> io::Result<Self> {
        if let Some(first) = FIRST.get() {
            return Ok(Self(first.subscribe()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut caught = {
            let _entered = runtime.enter();
            Caught::new()?
        };
        let first = FIRST.get_or_init(|| watch::Sender::new(None));
        thread::Builder::new().name("codemode signals".into()).spawn(move || {
            runtime.block_on(async {
                loop {
                    received(caught.next().await);
                }
            })
        })?;
        Ok(Self(first.subscribe()))
    }

    /// The first one. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> StopSignal {
        let _waiting = Waiting::enter();
        match self.0.wait_for(Option::is_some).await.map(|signal| *signal) {
            Ok(Some(signal)) => signal,
            // The sender lives as long as the process.
            _ => std::future::pending().await,
        }
    }
}

/// Runs `hook` before a signal ends the process at once. It must be quick.
pub fn before_sudden_end(hook: impl Fn() + Send + 'static) {
    hooks().push(Box::new(hook));
}

fn hooks() -> MutexGuard<'static, Vec<Hook>> {
    HOOKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Someone waits for a signal.
struct Waiting;

impl Waiting {
    fn enter() -> Self {
        WAITING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::SeqCst);
    }
}

fn received(signal: StopSignal) {
    if !HAD_ONE.swap(true, Ordering::SeqCst)
        && WAITING.load(Ordering::SeqCst) > 0
        && let Some(first) = FIRST.get()
    {
        first.send_replace(Some(signal));
        return;
    }
    hooks().iter().for_each(|hook| hook());
    #[cfg(feature = "mcp")]
    codemode::mcp::kill_servers();
    std::process::exit(ExitStatus::Signal(signal.number).code());
}

#[cfg(unix)]
struct Caught {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Caught {
    /// Needs a tokio runtime around it.
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => StopSignal { number: 15, name: "SIGTERM" },
            _ = self.hangup.recv() => StopSignal { number: 1, name: "SIGHUP" },
        }
    }
}

#[cfg(not(unix))]
struct Caught;

#[cfg(not(unix))]
impl Caught {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> StopSignal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPT
    }
}
