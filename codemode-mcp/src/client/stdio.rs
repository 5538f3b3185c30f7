//! [`StdioTransport`]: a server that is a child process. All that it started ends with it, however it ends.

use std::{
    io,
    process::{ExitStatus, Stdio as Pipe},
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_tools::{ProcessTree, inherited_environment};
use process_wrap::tokio::{ChildWrapper, CommandWrap};
use rmcp::{
    RoleClient,
    model::{ErrorCode, ErrorData, GetExtensions, JsonRpcMessage},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::{
    io::AsyncReadExt,
    process::{ChildStderr, ChildStdin, ChildStdout},
    runtime::Handle,
    task::{JoinHandle, spawn_blocking},
    time::{sleep_until, timeout},
};

use super::{exit::Exit, live, outbox::Room};
use crate::{
    config::Command,
    message_reader::{Incoming, MessageReader, ProtocolWarning},
    message_writer::{MessageWriter, WriteLimits},
};

/// The transport to a child process.
pub(crate) struct StdioTransport {
    messages: MessageReader<ChildStdout, RxJsonRpcMessage<RoleClient>>,
    writer: MessageWriter<ChildStdin>,
    /// `None` once the reaper has taken it.
    process: Option<Process>,
    exit: Arc<Exit>,
}

/// The program and all that it starts. Dropping it kills what is left.
struct Process {
    // First, so that it is dropped first: what is left is killed before the number of the program can become another's.
    tree: Arc<ProcessTree>,
    child: Box<dyn ChildWrapper>,
    stderr: Option<JoinHandle<()>>,
    /// When the program was seen to have ended.
    ended: Option<Instant>,
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
        let tree = Arc::new(ProcessTree::new());
        let (name, value) = tree.variable();
        let mut wrap = CommandWrap::with_new(&command.command, |child| {
            child
                .args(&command.args)
                .env_clear()
                .envs(inherited_environment())
                .envs(command.env.iter().map(|(n, v)| (n, v)))
                .env(name, value);
            child.stdin(Pipe::piped()).stdout(Pipe::piped()).stderr(Pipe::piped()).kill_on_drop(true);
            if let Some(cwd) = &command.cwd {
                child.current_dir(cwd);
            }
        });
        #[cfg(unix)]
        wrap.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        wrap.wrap(process_wrap::tokio::JobObject);
        let started = live::start(&tree, || {
            let child = wrap.spawn()?;
            if let Some(id) = child.id() {
                tree.began(id);
            }
            Ok(child)
        });
        let mut child = match started {
            Some(started) => started.map_err(|error| StartError::new(command, &error))?,
            None => return Err(StartError { reason: "this process is about to end".into(), permanent: true }),
        };
        let (Some(stdin), Some(stdout)) = (child.stdin().take(), child.stdout().take()) else {
            return Err(StartError { reason: "its pipes could not be opened".into(), permanent: true });
        };
        let stderr = child.stderr().take().map(|stderr| tokio::spawn(drain(stderr, exit.clone())));
        let messages = MessageReader::new(stdout, MAX_MESSAGE_BYTES, on_warning);
        let writer = MessageWriter::new(stdin, WRITE_LIMITS);
        Ok(Self { messages, writer, process: Some(Process { tree, child, stderr, ended: None }), exit })
    }
}

impl Process {
    /// Waits up to `limit` for the program to end; whether it did.
    async fn wait(&mut self, limit: Duration, exit: &Exit) -> bool {
        if self.ended.is_none() {
            let Ok(status) = timeout(limit, self.child.wait()).await else { return false };
            self.set_ended(status, exit).await;
        }
        true
    }

    /// Records how the program ended, and ends what it left behind.
    async fn set_ended(&mut self, status: io::Result<ExitStatus>, exit: &Exit) {
        exit.set_status(status);
        self.ended = Some(Instant::now());
        self.kill_tree().await;
    }

    async fn kill_tree(&self) {
        let tree = self.tree.clone();
        // It reads the list of processes.
        let _ = spawn_blocking(move || tree.kill()).await;
    }

    /// Kills all that is left, and waits for the program.
    async fn kill(&mut self, exit: &Exit) {
        if self.ended.is_none() {
            self.kill_tree().await;
            #[cfg(not(unix))]
            let _ = self.child.start_kill();
        }
        // What cannot be killed, in a system call that does not return, is not waited for.
        self.wait(KILL_TIMEOUT, exit).await;
        if let Some(stderr) = self.stderr.take() {
            // What was out of reach may hold the pipe open.
            stderr.abort();
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
async fn drain(mut stderr: ChildStderr, exit: Arc<Exit>) {
    let mut chunk = vec![0; 16 << 10];
    while let Ok(count @ 1..) = stderr.read(&mut chunk).await {
        exit.add_stderr(chunk.get(..count).unwrap_or_default());
    }
}

impl Transport<RoleClient> for StdioTransport {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        // A call holds its room until it is written.
        let room = match &item {
            JsonRpcMessage::Request(request) => request.request.extensions().get::<Room>().cloned(),
            _ => None,
        };
        let sent = self.writer.send(&item);
        async move {
            let _room = room;
            sent.await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let process = self.process.as_mut()?;
        let message = loop {
            // A child of the program may hold the pipe open when it has ended.
            let give_up = process.ended.map(|ended| ended + LAST_OUTPUT);
            tokio::select! {
                biased;
                () = self.writer.closed() => break None,
                () = sleep_until(give_up.unwrap_or_else(Instant::now).into()), if give_up.is_some() => break None,
                // A read error ends the output too.
                incoming = self.messages.next() => match incoming.ok().flatten() {
                    Some(Incoming::Message(message)) => break Some(message),
                    // Its call would otherwise never end.
                    Some(Incoming::BadAnswer(id, why)) => {
                        break Some(JsonRpcMessage::error(ErrorData::new(MALFORMED, why, None), Some(id)));
                    }
                    Some(Incoming::BadRequest(..)) => {}
                    None => break None,
                },
                status = process.child.wait(), if give_up.is_none() => process.set_ended(status, &self.exit).await,
            }
        };
        if message.is_none() {
            if self.writer.has_overflowed() {
                self.exit.set_fault("does not read what it is sent, and was stopped");
            }
            self.exit.close_output();
            if !self.exit.is_at_fault() {
                // It has ended or is about to. The errors of the calls in flight say how.
                process.wait(LAST_OUTPUT, &self.exit).await;
            }
        }
        message
    }

    /// As the protocol says: close its input, wait, send SIGTERM, wait, kill. Not longer than [`CLOSE_TIMEOUT`].
    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.close().await;
        let Some(process) = &mut self.process else { return Ok(()) };
        if !self.exit.is_at_fault() && !process.wait(EXIT_TIMEOUT, &self.exit).await {
            #[cfg(unix)]
            if process.child.signal(SIGTERM).is_ok() {
                process.wait(TERM_TIMEOUT, &self.exit).await;
            }
        }
        process.kill(&self.exit).await;
        Ok(())
    }
}

impl Drop for StdioTransport {
    fn drop(&mut self) {
        let Some(process) = self.process.take() else { return };
        // Without a runtime nothing can wait for it; dropping it kills it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(reap(process, self.exit.clone()));
        }
    }
}

/// Records how a process ended, or kills it if it still runs.
async fn reap(mut process: Process, exit: Arc<Exit>) {
    if !exit.is_at_fault() && process.wait(REAP_TIMEOUT, &exit).await {
        // The last of its output may still be in the pipe.
        if let Some(stderr) = &mut process.stderr {
            let _ = timeout(REAP_TIMEOUT, stderr).await;
        }
    }
    process.kill(&exit).await;
    exit.set_reaped();
}

/// The code of the errors that replace malformed answers.
pub(crate) const MALFORMED: ErrorCode = ErrorCode(-32_099);
/// The maximum size of one message of a server. Core's own limit on one answer is 4 MiB by default; up to here its error
/// says more.
pub(crate) const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// What may wait for a server to read. Calls wait for room before, see [`Outbox`](super::outbox::Outbox); the rest is small.
const WRITE_LIMITS: WriteLimits = WriteLimits { messages: 4_096, bytes: 64 << 20 };
/// How long a server that has ended may be read.
const LAST_OUTPUT: Duration = Duration::from_millis(500);
/// How long a server may take to end by itself when its input is closed, and then when it was told to.
const EXIT_TIMEOUT: Duration = Duration::from_millis(1_500);
#[cfg(unix)]
const TERM_TIMEOUT: Duration = Duration::from_millis(500);
const KILL_TIMEOUT: Duration = Duration::from_millis(500);
/// The longest that closing takes.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
const REAP_TIMEOUT: Duration = Duration::from_millis(200);
#[cfg(unix)]
const SIGTERM: i32 = 15;
