//! [`Server`]: one configured server over all its connections. A keeper task starts it, starts it again with growing
//! pauses when it ends, and keeps its list of tools; calls use the connection of the moment.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use codemode_core::{ToolContext, ToolError};
use rmcp::{
    model::{CallToolResult, ProtocolVersion, Tool},
    service::ClientLifecycleMode,
};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Notice,
    connection::{Connection, Listed, Running},
    messages::Oddity,
    stdio::Unstartable,
    tools,
};
use crate::config::{Endpoint, ServerConfig};

/// One server, as its tools see it.
pub(crate) struct Server {
    config: ServerConfig,
    state: watch::Sender<State>,
    tools: Mutex<Vec<Tool>>,
    gate: Option<Arc<Semaphore>>,
    tell: Arc<dyn Fn(Notice) + Send + Sync>,
    stop: CancellationToken,
}

/// A server in the hands of those who use it: it stops when the last of them lets go.
pub(crate) struct Held {
    pub(crate) server: Arc<Server>,
    _stop: DropGuard,
}

impl Held {
    pub(crate) fn new(config: ServerConfig, tell: Arc<dyn Fn(Notice) + Send + Sync>) -> Arc<Self> {
        let server = Server::new(config, tell);
        let stop = server.stop.clone().drop_guard();
        Arc::new(Self { server, _stop: stop })
    }
}

/// How a server is at the moment.
#[derive(Clone)]
pub(crate) enum State {
    /// It has not answered yet.
    Starting,
    /// Calls can be made.
    Ready(Connection),
    /// It ended or did not start, and will be tried again then.
    Waiting(String, Instant),
    /// It will not be tried again.
    Failed(String),
}

impl Server {
    fn new(config: ServerConfig, tell: Arc<dyn Fn(Notice) + Send + Sync>) -> Arc<Self> {
        Arc::new(Self {
            state: watch::Sender::new(State::Starting),
            tools: Mutex::default(),
            gate: config.max_concurrency.map(|most| Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)))),
            tell,
            stop: CancellationToken::new(),
            config,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    pub(crate) fn is_lazy(&self) -> bool {
        self.config.lazy
    }

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until the first start has come to something.
    pub(crate) async fn started(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as `self`.
        let _ = state.wait_for(|state| !matches!(state, State::Starting)).await;
    }

    /// Ends the connection; see [`closed`](Self::closed).
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until there is no connection and will be none.
    pub(crate) async fn closed(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as `self`.
        let _ = state.wait_for(|state| matches!(state, State::Failed(_))).await;
    }

    /// The tools it had when it last said.
    pub(crate) fn tools(&self) -> Vec<Tool> {
        lock(&self.tools).clone()
    }

    /// Calls a tool once, over the connection of the moment. While the server restarts, waits for it a little.
    pub(crate) async fn call(
        &self,
        tool: &str,
        input: Value,
        context: &ToolContext,
    ) -> Result<CallToolResult, ToolError> {
        let arguments = match input {
            Value::Object(arguments) => arguments,
            _ => return Err(ToolError::new("the input of an MCP tool is an object").code("INVALID_INPUT")),
        };
        let place = match &self.gate {
            // The semaphore is never closed.
            Some(gate) => gate.clone().acquire_owned().await.ok(),
            None => None,
        };
        let connection = self.connection().await?;
        let call = connection.call(tool, arguments, context, place);
        let Some(most) = self.config.timeout else { return call.await };
        timeout(most, call).await.unwrap_or_else(|_| {
            let name = self.name();
            let message = format!("{tool} of the server {name:?} did not answer within {most:?} and was cancelled");
            Err(ToolError::new(message).named("ToolTimeout").code("TOOL_TIMEOUT"))
        })
    }

    async fn connection(&self) -> Result<Connection, ToolError> {
        let mut state = self.state.subscribe();
        let usable = |state: &State| match state {
            State::Ready(connection) => connection.is_open(),
            State::Failed(_) => true,
            State::Waiting(_, until) => until.saturating_duration_since(Instant::now()) > PATIENCE,
            State::Starting => false,
        };
        let now = timeout(PATIENCE, state.wait_for(usable)).await;
        let why = match now {
            Ok(Ok(state)) => match &*state {
                State::Ready(connection) => return Ok(connection.clone()),
                State::Failed(why) => format!("the server {:?} is not available: {why}", self.name()),
                State::Waiting(why, until) => {
                    let seconds = until.saturating_duration_since(Instant::now()).as_secs().max(1);
                    format!("the server {:?} is not available: {why}; it is started again in {seconds} s", self.name())
                }
                State::Starting => format!("the server {:?} is still starting", self.name()),
            },
            _ => format!("the server {:?} is still starting; try again later", self.name()),
        };
        Err(ToolError::new(why).code("SERVER_UNAVAILABLE"))
    }

    fn tell(&self, notice: Notice) {
        (self.tell)(notice);
    }

    fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Takes over what the server lists.
    fn list(&self, listed: Listed) -> usize {
        let (fresh, mut problems) = tools::accepted(self.name(), |tool| self.config.takes(tool), listed.tools);
        if listed.is_cut {
            problems.push(format!("server {:?} lists more tools than can be kept; the rest is left out", self.name()));
        }
        for problem in problems {
            self.tell(Notice::Odd { server: self.name().to_owned(), what: problem });
        }
        let mut tools = lock(&self.tools);
        // What was there keeps its place, so that a catalog grows at its end and its names stay.
        let mut next: Vec<Tool> =
            tools.iter().filter_map(|old| fresh.iter().find(|new| new.name == old.name).cloned()).collect();
        next.extend(fresh.into_iter().filter(|new| !tools.iter().any(|old| old.name == new.name)));
        *tools = next;
        tools.len()
    }
}

/// Keeps a server running until its `stop` is cancelled.
pub(crate) async fn keep(server: Arc<Server>) {
    let endpoint = match &server.config.endpoint {
        Ok(endpoint) => endpoint.clone(),
        Err(why) => return give_up(&server, why.clone()),
    };
    let stop = server.stop.clone();
    let mut failures = 0;
    let mut lifecycle = auto();
    while !stop.is_cancelled() {
        let begun = Instant::now();
        let started = tokio::select! {
            started = start(&server, &endpoint, lifecycle.clone()) => started,
            () = stop.cancelled() => break,
        };
        let why = match started {
            Ok(running) => {
                let why = run(&server, running, &stop).await;
                if begun.elapsed() > STABLE {
                    failures = 0;
                }
                why
            }
            Err(Unstartable { why, for_good: true }) => return give_up(&server, why),
            Err(Unstartable { why, .. }) => {
                // A server may be so old that a question it does not know ends it.
                lifecycle = if lifecycle == auto() { ClientLifecycleMode::Initialize } else { auto() };
                why
            }
        };
        if stop.is_cancelled() {
            break;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
        failures += 1;
        server.set(State::Waiting(why.clone(), Instant::now() + pause));
        server.tell(Notice::Down { server: server.name().to_owned(), why, retry_in: Some(pause) });
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    server.set(State::Failed("it was closed".into()));
}

fn auto() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: Some(ProtocolVersion::V_2025_11_25),
    }
}

fn give_up(server: &Server, why: String) {
    server.set(State::Failed(why.clone()));
    server.tell(Notice::Down { server: server.name().to_owned(), why, retry_in: None });
}

async fn start(
    server: &Arc<Server>,
    endpoint: &Endpoint,
    lifecycle: ClientLifecycleMode,
) -> Result<Running, Unstartable> {
    let (name, tell) = (server.name().to_owned(), server.tell.clone());
    let odd = move |oddity| {
        let what = match oddity {
            Oddity::Noise(text) => {
                format!(
                    "server {name:?} writes text that is no message to its standard output; it is ignored: {text:?}"
                )
            }
            Oddity::Unreadable(why) => {
                format!("server {name:?} gave an answer that cannot be read, and its call fails: {why}")
            }
            Oddity::TooLarge { bytes, id: Some(_) } => {
                format!("server {name:?} gave an answer of {bytes} bytes; its call fails")
            }
            Oddity::TooLarge { bytes, id: None } => {
                format!("server {name:?} sent a message of {bytes} bytes, which was thrown away")
            }
        };
        tell(Notice::Odd { server: name.clone(), what });
    };
    let most = server.config.start_timeout;
    timeout(most, Running::start(server.name(), endpoint, lifecycle, odd))
        .await
        .unwrap_or_else(|_| Err(Unstartable { why: format!("it did not start within {most:?}"), for_good: false }))
}

/// One connection's life. Gives the reason of its end.
async fn run(server: &Arc<Server>, mut running: Running, stop: &CancellationToken) -> String {
    let name = || server.name().to_owned();
    let connection = running.connection.clone();
    let tools = server.list(std::mem::take(&mut running.listed));
    server.set(State::Ready(connection.clone()));
    server.tell(Notice::Ready { server: name(), tools });
    loop {
        tokio::select! {
            changed = running.next_change() => if !changed { break },
            () = stop.cancelled() => {
                running.close().await;
                return String::new();
            }
        }
        match connection.list_tools().await {
            Ok(listed) => {
                let tools = server.list(listed);
                server.tell(Notice::ToolsChanged { server: name(), tools });
            }
            Err(error) => server.tell(Notice::Odd {
                server: name(),
                what: format!(
                    "server {:?} said that its tools changed, but does not list them: {error}",
                    server.name()
                ),
            }),
        }
    }
    format!("it {}", connection.ending())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a call waits for a server that starts again.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A connection that lived longer makes the pauses short again.
const STABLE: Duration = Duration::from_secs(60);
