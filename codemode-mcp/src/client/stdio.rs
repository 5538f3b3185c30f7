//! [`StdioTransport`]: a server that is a child process. Its process group is killed with it, and how it ended is kept for
//! the errors of the calls in flight.

use std::{
    io,
    process::{ExitStatus, Stdio as Pipe},
    sync::{
        Arc, Mutex,
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

use super::{
    message_reader::{MAX_MESSAGE_BYTES, MessageReader, ProtocolWarning},
    poison::lock,
};
use crate::config::Command;

/// The transport to a child process.
pub(crate) struct StdioTransport {
    messages: MessageReader<ChildStdout>,
    /// Its reading half is empty: the SDK drops messages that it cannot parse, and with them the answer that a call waits
    /// for.
    writer: AsyncRwTransport<RoleClient, Empty, ChildStdin>,
    /// `None` once the reaper has taken it.
    child: Option<Box<dyn ChildWrapper>>,
    stderr: Option<JoinHandle<()>>,
    exit: Arc<Exit>,
}

/// How a server ended, in words. Empty while it runs.
#[derive(Default)]
pub(crate) struct Exit {
    /// Its output is closed: set before any call learns that it gets no answer.
    output_closed: AtomicBool,
    status: Mutex<Option<String>>,
    stderr_tail: Mutex<Vec<u8>>,
    reaped: Notify,
}

impl Exit {
    /// One sentence, with the end of what the server wrote to its standard error.
    pub(crate) fn describe(&self) -> String {
        let status = lock(&self.status).clone().unwrap_or_else(|| "closed the connection".into());
        let tail = String::from_utf8_lossy(&lock(&self.stderr_tail)).trim().to_owned();
        if tail.is_empty() { status } else { format!("{status}; its last words: {tail}") }
    }

    /// Whether the server can send nothing more.
    pub(crate) fn is_output_closed(&self) -> bool {
        self.output_closed.load(Ordering::SeqCst)
    }

    /// How the process ended by itself, when it did so before there was a connection.
    pub(crate) async fn early(&self) -> Option<String> {
        // The reaper takes less.
        let _ = timeout(Duration::from_secs(2), self.reaped.notified()).await;
        let ended = lock(&self.status).is_some();
        ended.then(|| self.describe())
    }

    fn set(&self, status: io::Result<ExitStatus>) {
        *lock(&self.status) = Some(match status {
            Ok(status) => format!("ended ({status})"),
            Err(error) => format!("ended ({error})"),
        });
    }
}

impl StdioTransport {
    /// Starts the program.
    ///
    /// # Errors
    /// Why it cannot be started, and whether that is permanent.
    pub(crate) fn start(
        command: &Command,
        exit: Arc<Exit>,
        on_warning: impl FnMut(ProtocolWarning) + Send + 'static,
    ) -> Result<Self, StartError> {
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
        let mut child = wrap.spawn().map_err(|error| StartError::new(command, &error))?;
        let (Some(stdin), Some(stdout)) = (child.stdin().take(), child.stdout().take()) else {
            return Err(StartError { reason: "its pipes could not be opened".into(), permanent: true });
        };
        let stderr = child.stderr().take().map(|stderr| tokio::spawn(drain(stderr, exit.clone())));
        let messages = MessageReader::new(stdout, MAX_MESSAGE_BYTES, on_warning);
        let writer = AsyncRwTransport::new_client(tokio::io::empty(), stdin);
        Ok(Self { messages, writer, child: Some(child), stderr, exit })
    }

    /// Waits up to `limit` for the process to end; whether it did.
    async fn wait(&mut self, limit: Duration) -> bool {
        let Some(child) = &mut self.child else { return true };
        match timeout(limit, child.wait()).await {
            Ok(status) => {
                self.exit.set(status);
                true
            }
            Err(_) => false,
        }
    }
}

/// Why a server cannot be started.
pub(crate) struct StartError {
    pub(crate) reason: String,
    /// Another try would fail in the same way.
    pub(crate) permanent: bool,
}

impl StartError {
    fn new(command: &Command, error: &io::Error) -> Self {
        let program = &command.command;
        let missing = error.kind() == io::ErrorKind::NotFound;
        let reason = match (&command.cwd, missing) {
            (Some(cwd), true) => format!("{program:?} or its folder {cwd:?} does not exist"),
            (None, true) => format!("there is no program {program:?}; install it, or give its path in \"command\""),
            _ => format!("{program:?} cannot be started: {error}"),
        };
        Self { reason, permanent: missing || error.kind() == io::ErrorKind::PermissionDenied }
    }
}

/// Keeps the end of what a server writes to its standard error, and drains the pipe so that it never blocks.
async fn drain(stderr: ChildStderr, exit: Arc<Exit>) {
    let mut reader = BufReader::new(stderr);
    let mut chunk = [0; 2048];
    while let Ok(count @ 1..) = reader.read(&mut chunk).await {
        let mut tail = lock(&exit.stderr_tail);
        tail.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let over = tail.len().saturating_sub(MAX_STDERR_TAIL);
        tail.drain(..over);
    }
}

impl Transport<RoleClient> for StdioTransport {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.writer.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        // A read error ends the output too.
        let message = self.messages.next().await.ok().flatten();
        if message.is_none() {
            self.exit.output_closed.store(true, Ordering::SeqCst);
            // It has ended or is about to. The errors of the calls in flight say how.
            self.wait(Duration::from_millis(500)).await;
        }
        message
    }

    /// As the protocol says: close its input, wait, send SIGTERM, wait, kill.
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

impl Drop for StdioTransport {
    fn drop(&mut self) {
        let (Some(child), stderr, exit) = (self.child.take(), self.stderr.take(), self.exit.clone()) else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(reap(child, stderr, exit))),
            // Without a runtime nothing can wait for it; dropping it kills it.
            Err(_) => drop(child),
        }
    }
}

/// Records how a process ended, or kills it if it still runs.
async fn reap(mut child: Box<dyn ChildWrapper>, stderr: Option<JoinHandle<()>>, exit: Arc<Exit>) {
    match timeout(Duration::from_millis(200), child.wait()).await {
        Ok(status) => {
            // The last of its output may still be in the pipe.
            if let Some(stderr) = stderr {
                let _ = timeout(Duration::from_millis(200), stderr).await;
            }
            exit.set(status);
        }
        Err(_) => drop(Box::into_pin(child.kill()).await),
    }
    exit.reaped.notify_one();
}

#[cfg(unix)]
const SIGTERM: i32 = 15;
const MAX_STDERR_TAIL: usize = 1 << 10;
