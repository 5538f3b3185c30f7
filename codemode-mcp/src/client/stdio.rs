//! [`Stdio`]: a server that is a program of ours. Its group is killed with it, and how it ended is kept for the errors of
//! the calls that were under way.

use std::{
    io,
    process::{ExitStatus, Stdio as Pipe},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use codemode_tools::inherited_environment;
use process_wrap::tokio::{ChildWrapper, CommandWrap};
use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use tokio::{
    io::{AsyncReadExt, BufReader, Empty},
    process::{ChildStderr, ChildStdin, ChildStdout},
    runtime::Handle,
    sync::Notify,
    task::JoinHandle,
    time::timeout,
};

use super::messages::{Messages, Oddity};
use crate::config::Command;

/// A running program, as a transport.
pub(crate) struct Stdio {
    messages: Messages<ChildStdout>,
    /// Reads nothing: the SDK drops what it cannot read, and with it the answer that a call waits for.
    writer: AsyncRwTransport<RoleClient, Empty, ChildStdin>,
    /// Gone when the reaper has it.
    child: Option<Box<dyn ChildWrapper>>,
    words: Option<JoinHandle<()>>,
    ended: Arc<Ended>,
}

/// How a server ended, for people. Empty while it runs.
#[derive(Default)]
pub(crate) struct Ended {
    /// Its output has come to an end: set before any call learns that it gets no answer.
    over: AtomicBool,
    how: Mutex<Option<String>>,
    last_words: Mutex<Vec<u8>>,
    reaped: Notify,
}

impl Ended {
    /// One sentence, with the end of what the server wrote to its standard error.
    pub(crate) fn sentence(&self) -> String {
        let how = lock(&self.how).clone().unwrap_or_else(|| "closed the connection".into());
        let words = String::from_utf8_lossy(&lock(&self.last_words)).trim().to_owned();
        if words.is_empty() { how } else { format!("{how}; its last words: {words}") }
    }

    /// Whether nothing more can come from it.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// How it ended by itself, for a server that did not get as far as a connection.
    pub(crate) async fn early(&self) -> Option<String> {
        // The reaper needs no longer than this.
        let _ = timeout(Duration::from_secs(2), self.reaped.notified()).await;
        let ended = lock(&self.how).is_some();
        ended.then(|| self.sentence())
    }

    fn set(&self, status: io::Result<ExitStatus>) {
        *lock(&self.how) = Some(match status {
            Ok(status) => format!("ended ({status})"),
            Err(error) => format!("ended ({error})"),
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stdio {
    /// Starts the program.
    ///
    /// # Errors
    /// Why it cannot be started, and whether another try could do better.
    pub(crate) fn start(
        command: &Command,
        ended: Arc<Ended>,
        odd: impl FnMut(Oddity) + Send + 'static,
    ) -> Result<Self, Unstartable> {
        let mut wrap = CommandWrap::with_new(&command.command, |child| {
            child
                .args(&command.args)
                .env_clear()
                .envs(inherited_environment())
                .envs(command.env.iter().map(|(n, v)| (n, v)));
            child.stdin(Pipe::piped()).stdout(Pipe::piped()).stderr(Pipe::piped()).kill_on_drop(true);
            if let Some(cwd) = &command.cwd {
                child.current_dir(cwd);
            }
        });
        #[cfg(unix)]
        wrap.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        wrap.wrap(process_wrap::tokio::JobObject);
        let mut child = wrap.spawn().map_err(|error| Unstartable::new(command, &error))?;
        let (Some(stdin), Some(stdout)) = (child.stdin().take(), child.stdout().take()) else {
            return Err(Unstartable { why: "its pipes could not be opened".into(), for_good: true });
        };
        let words = child.stderr().take().map(|stderr| tokio::spawn(listen(stderr, ended.clone())));
        let messages = Messages::new(stdout, MOST_MESSAGE_BYTES, odd);
        let writer = AsyncRwTransport::new_client(tokio::io::empty(), stdin);
        Ok(Self { messages, writer, child: Some(child), words, ended })
    }

    async fn wait(&mut self, patience: Duration) -> bool {
        let Some(child) = &mut self.child else { return true };
        match timeout(patience, child.wait()).await {
            Ok(status) => {
                self.ended.set(status);
                true
            }
            Err(_) => false,
        }
    }
}

/// Why a program cannot be started.
pub(crate) struct Unstartable {
    pub(crate) why: String,
    /// No other try can do better.
    pub(crate) for_good: bool,
}

impl Unstartable {
    fn new(command: &Command, error: &io::Error) -> Self {
        let program = &command.command;
        let missing = error.kind() == io::ErrorKind::NotFound;
        let why = match (&command.cwd, missing) {
            (Some(cwd), true) => format!("{program:?} or its folder {cwd:?} does not exist"),
            (None, true) => format!("there is no program {program:?}; install it, or give its path in \"command\""),
            _ => format!("{program:?} cannot be started: {error}"),
        };
        Self { why, for_good: missing || error.kind() == io::ErrorKind::PermissionDenied }
    }
}

/// Keeps the end of what a server writes to its standard error, and never lets it wait for a reader.
async fn listen(stderr: ChildStderr, ended: Arc<Ended>) {
    let mut reader = BufReader::new(stderr);
    let mut chunk = [0; 2048];
    while let Ok(count @ 1..) = reader.read(&mut chunk).await {
        let mut words = lock(&ended.last_words);
        words.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let over = words.len().saturating_sub(MOST_LAST_WORDS);
        words.drain(..over);
    }
}

impl Transport<RoleClient> for Stdio {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.writer.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        // Output that cannot be read any more is at its end.
        let message = self.messages.next().await.ok().flatten();
        if message.is_none() {
            self.ended.over.store(true, Ordering::SeqCst);
            // Its output is closed: it has ended, or will at once. Calls under way want to know how.
            self.wait(Duration::from_millis(500)).await;
        }
        message
    }

    /// As the protocol says: close its input, give it time, ask it to end, kill it.
    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.close().await?;
        if self.wait(Duration::from_secs(2)).await {
            return Ok(());
        }
        #[cfg(unix)]
        if self.child.as_ref().is_some_and(|child| child.signal(SIGTERM).is_ok())
            && self.wait(Duration::from_secs(1)).await
        {
            return Ok(());
        }
        match &mut self.child {
            Some(child) => Box::into_pin(child.kill()).await,
            None => Ok(()),
        }
    }
}

impl Drop for Stdio {
    fn drop(&mut self) {
        let (Some(child), words, ended) = (self.child.take(), self.words.take(), self.ended.clone()) else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(reap(child, words, ended))),
            // Without a runtime nobody waits for it; it is killed as it is dropped.
            Err(_) => drop(child),
        }
    }
}

/// Says how a program ended, if it did, and ends it if it did not.
async fn reap(mut child: Box<dyn ChildWrapper>, words: Option<JoinHandle<()>>, ended: Arc<Ended>) {
    match timeout(Duration::from_millis(200), child.wait()).await {
        Ok(status) => {
            // What it said last may still be in the pipe.
            if let Some(words) = words {
                let _ = timeout(Duration::from_millis(200), words).await;
            }
            ended.set(status);
        }
        Err(_) => drop(Box::into_pin(child.kill()).await),
    }
    ended.reaped.notify_one();
}

#[cfg(unix)]
const SIGTERM: i32 = 15;
/// One message of a server. Core's own limit on one answer is 4 MiB by default; what is between tells the program more.
pub(crate) const MOST_MESSAGE_BYTES: usize = 16 << 20;
const MOST_LAST_WORDS: usize = 1 << 10;
