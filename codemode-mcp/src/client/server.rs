//! [`Server`]: one configured server across all its connections. Its supervisor sets its state and tools; calls use the
//! connection of the moment.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use codemode_core::{ToolContext, ToolError};
use indexmap::IndexMap;
use rmcp::model::{CallToolResult, Tool};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    connection::{Connection, Listing},
    listing,
    notice::Notice,
    poison::lock,
};
use crate::config::ServerConfig;

/// One server, as its tools see it.
pub(crate) struct Server {
    config: ServerConfig,
    state: watch::Sender<State>,
    tools: Mutex<Arc<Vec<Tool>>>,
    /// The problems of the last listing, so that they are told once.
    problems: Mutex<Vec<String>>,
    /// The permits of `max_concurrency`.
    permits: Option<Arc<Semaphore>>,
    notify: Arc<dyn Fn(Notice) + Send + Sync>,
    stop: CancellationToken,
}

/// Keeps a server running: it stops when the last handle is dropped. The supervisor holds none.
pub(crate) struct ServerHandle {
    pub(crate) server: Arc<Server>,
    _stop: DropGuard,
}

impl ServerHandle {
    pub(crate) fn new(config: ServerConfig, notify: Arc<dyn Fn(Notice) + Send + Sync>) -> Arc<Self> {
        let server = Server::new(config, notify);
        let stop = server.stop.clone().drop_guard();
        Arc::new(Self { server, _stop: stop })
    }
}

/// The current state of a server.
#[derive(Clone)]
pub(crate) enum State {
    /// It has not answered yet.
    Starting,
    /// Calls can be made.
    Ready(Connection),
    /// It ended or did not start; it is started again at that time.
    Waiting(String, Instant),
    /// It is not started again.
    Failed(String),
}

impl Server {
    fn new(config: ServerConfig, notify: Arc<dyn Fn(Notice) + Send + Sync>) -> Arc<Self> {
        Arc::new(Self {
            state: watch::Sender::new(State::Starting),
            tools: Mutex::default(),
            problems: Mutex::default(),
            permits: config.max_concurrency.map(|max| Arc::new(Semaphore::new(max.clamp(1, Semaphore::MAX_PERMITS)))),
            notify,
            stop: CancellationToken::new(),
            config,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    pub(crate) fn config(&self) -> &ServerConfig {
        &self.config
    }

    pub(crate) fn is_lazy(&self) -> bool {
        self.config.lazy
    }

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until the first start has succeeded or failed.
    pub(crate) async fn started(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as `self`.
        let _ = state.wait_for(|state| !matches!(state, State::Starting)).await;
    }

    /// Ends the connection; see [`closed`](Self::closed).
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Cancelled by [`stop`](Self::stop), and when the last handle is dropped.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Waits until there is no connection and none can follow.
    pub(crate) async fn closed(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as `self`.
        let _ = state.wait_for(|state| matches!(state, State::Failed(_))).await;
    }

    /// The tools it listed last.
    pub(crate) fn tools(&self) -> Arc<Vec<Tool>> {
        lock(&self.tools).clone()
    }

    /// Calls a tool once, over the connection of the moment. Waits for a server that restarts, up to
    /// [`RECONNECT_TIMEOUT`].
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
        let permit = match &self.permits {
            // The semaphore is never closed.
            Some(permits) => permits.clone().acquire_owned().await.ok(),
            None => None,
        };
        let connection = self.connection().await?;
        let call = connection.call(tool, arguments, context, permit);
        let Some(limit) = self.config.timeout else { return call.await };
        timeout(limit, call).await.unwrap_or_else(|_| {
            let name = self.name();
            let message = format!("{tool} of the server {name:?} did not answer within {limit:?} and was cancelled");
            Err(ToolError::new(message).named("ToolTimeout").code("TOOL_TIMEOUT"))
        })
    }

    async fn connection(&self) -> Result<Connection, ToolError> {
        let mut state = self.state.subscribe();
        let usable = |state: &State| match state {
            State::Ready(connection) => connection.is_open(),
            State::Failed(_) => true,
            State::Waiting(_, until) => until.saturating_duration_since(Instant::now()) > RECONNECT_TIMEOUT,
            State::Starting => false,
        };
        let now = timeout(RECONNECT_TIMEOUT, state.wait_for(usable)).await;
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

    pub(crate) fn notify(&self, notice: Notice) {
        (self.notify)(notice);
    }

    /// Notifies of a protocol violation. `message` names the server.
    pub(crate) fn warn(&self, message: String) {
        self.notify(Notice::Warning { server: self.name().to_owned(), message });
    }

    pub(crate) fn set_state(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Replaces the tools by those that the server lists now. Returns their number, and whether they are others. It may
    /// take long: a server may list thousands.
    pub(crate) fn update_tools(&self, listing: Listing) -> (usize, bool) {
        let (fresh, mut problems) = listing::accept(self.name(), |tool| self.config.includes(tool), listing.tools);
        if listing.truncated {
            problems.push(format!("server {:?} lists more tools than can be kept; the rest is left out", self.name()));
        }
        let told = std::mem::replace(&mut *lock(&self.problems), problems.clone());
        for problem in problems.into_iter().filter(|problem| !told.contains(problem)) {
            self.warn(problem);
        }
        let old = self.tools();
        let mut fresh: IndexMap<_, Tool> = fresh.into_iter().map(|tool| (tool.name.clone(), tool)).collect();
        // Known tools keep their place, so that a catalog grows at its end and its names stay.
        let mut next: Vec<Tool> = old.iter().filter_map(|old| fresh.get_mut(&old.name).map(std::mem::take)).collect();
        next.extend(fresh.into_values().filter(|tool| !tool.name.is_empty()));
        let changed = *old != next;
        let count = next.len();
        *lock(&self.tools) = Arc::new(next);
        (count, changed)
    }
}

/// How long a call waits for a server that restarts.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(10);
