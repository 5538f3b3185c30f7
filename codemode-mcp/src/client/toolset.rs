//! [`McpToolset`]: the tools of several MCP servers.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use codemode_core::{ArtifactStore, CodeModeBuilder, Tool};
use futures_util::future::join_all;
use tokio::{sync::watch, time::timeout};

use super::{
    notice::Notice,
    options::ConnectOptions,
    poison::lock,
    server::{ServerHandle, State},
    supervisor::supervise,
    tools,
};
use crate::config::McpConfig;

/// Connections to MCP servers, and their tools. The connections live as long as this value, a clone of it, or one of its
/// tools. Cheap to clone.
///
/// ```no_run
/// use codemode_core::CodeMode;
/// use codemode_mcp::{ConnectOptions, McpConfig, McpToolset};
///
/// # async fn example() -> Result<(), codemode_core::Error> {
/// let config = McpConfig::read("servers.json")?;
/// let toolset = McpToolset::connect(config, ConnectOptions::default()).await;
/// let build = || toolset.add_to(CodeMode::builder().driver(codemode_driver_quickjs::driver())).build();
/// let mut code_mode = build()?;
/// let mut changes = toolset.changes();
/// while changes.changed().await {
///     code_mode = build()?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct McpToolset {
    inner: Arc<Inner>,
}

struct Inner {
    servers: Vec<Arc<ServerHandle>>,
    store: ArtifactStore,
    version: watch::Sender<u64>,
    /// Indices of the servers that had tools, in the order in which they first had some.
    order: Mutex<Vec<usize>>,
}

/// The state of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStatus {
    /// The name of the server.
    pub name: String,
    /// How many tools the sandbox has from it.
    pub tools: usize,
    /// Why calls cannot be made; `None` when they can.
    pub problem: Option<String>,
}

/// Signals that the tools of an [`McpToolset`] changed.
#[derive(Debug, Clone)]
pub struct ToolChanges(watch::Receiver<u64>);

impl ToolChanges {
    /// Waits for a change since the last one that was seen. Several changes count as one. `false` when there can be no
    /// further one, because the toolset and all its tools were dropped.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }

    /// Marks all changes up to now as seen.
    pub fn mark_seen(&mut self) {
        self.0.mark_unchanged();
    }
}

impl McpToolset {
    /// Starts all servers at the same time and waits until each is ready or has failed, or until
    /// [`ConnectOptions::timeout`] has passed. A server that fails costs only its own tools. Must be called in a tokio
    /// runtime with timers and I/O.
    pub async fn connect(config: McpConfig, options: ConnectOptions) -> Self {
        let ConnectOptions { timeout: limit, store, on_notice } = options;
        let version = watch::Sender::new(0);
        let servers: Vec<Arc<ServerHandle>> = config
            .servers
            .into_iter()
            .map(|config| {
                let (version, callback) = (version.clone(), on_notice.clone());
                let notify = move |notice: Notice| {
                    let is_change = !matches!(notice, Notice::Warning { .. });
                    callback(notice);
                    if is_change {
                        version.send_modify(|version| *version += 1);
                    }
                };
                let handle = ServerHandle::new(config, Arc::new(notify));
                tokio::spawn(supervise(handle.server.clone()));
                handle
            })
            .collect();
        let started = join_all(servers.iter().map(|handle| handle.server.started()));
        // The tools of slower servers are added when they are ready.
        let _ = timeout(limit, started).await;
        Self { inner: Arc::new(Inner { servers, store, version, order: Mutex::default() }) }
    }

    /// The current tools of all servers, including those of a server that is away, since it may return before they are
    /// called. The tools of servers that were late stand at the end.
    pub fn tools(&self) -> Vec<Tool> {
        let (mut tools, mut names) = (Vec::<Tool>::new(), HashSet::new());
        for handle in self.in_order() {
            for listed in handle.server.tools().iter() {
                // The names of servers may hold slashes: `a/b` and `c` make the same name as `a` and `b/c`.
                let mut name = format!("{}/{}", handle.server.name(), listed.name);
                while !names.insert(name.clone()) {
                    name.push('_');
                }
                tools.push(tools::tool(name, handle, listed, &self.inner.store));
            }
        }
        if !tools.is_empty() {
            tools.push(tools::read_handle(&self.inner.store));
        }
        tools
    }

    /// Adds the tools to a builder, and a note for each server that is not available.
    #[must_use]
    pub fn add_to(&self, builder: CodeModeBuilder) -> CodeModeBuilder {
        let builder = builder.tools(self.tools());
        let away = self.status().into_iter().filter_map(|status| Some((status.name, status.problem?)));
        away.fold(builder, |builder, (name, problem)| {
            builder.note(format!("the tools of the server {name:?} are not available now: {problem}"))
        })
    }

    /// The state of each server, in the order of the config.
    pub fn status(&self) -> Vec<ServerStatus> {
        let status = |handle: &Arc<ServerHandle>| ServerStatus {
            name: handle.server.name().to_owned(),
            tools: handle.server.tools().len(),
            problem: match handle.server.state() {
                State::Ready(_) => None,
                State::Starting => Some("it is still starting".into()),
                State::Waiting(why, _) | State::Failed(why) => Some(why),
            },
        };
        self.inner.servers.iter().map(status).collect()
    }

    /// Signals when servers come or go or their tools change. [`tools`](Self::tools) then returns others: build a new
    /// [`CodeMode`](codemode_core::CodeMode).
    pub fn changes(&self) -> ToolChanges {
        ToolChanges(self.inner.version.subscribe())
    }

    /// Where content is that was too large to return.
    pub fn store(&self) -> &ArtifactStore {
        &self.inner.store
    }

    /// Closes all connections and ends the processes behind them as the protocol says: a server may take 2 s to end by
    /// itself, then it and all that it started are killed. Without it they are killed when the last holder is dropped.
    ///
    /// It completes within 4 s, whatever the servers do.
    pub async fn close(&self) {
        for handle in &self.inner.servers {
            handle.server.stop();
        }
        let closed = join_all(self.inner.servers.iter().map(|handle| handle.server.closed()));
        // What has not ended by then is killed when the runtime ends.
        let _ = timeout(MAX_CLOSE, closed).await;
    }

    /// The servers that have had tools, earliest first; in the order of the config where that was at the same time.
    fn in_order(&self) -> Vec<&Arc<ServerHandle>> {
        let mut order = lock(&self.inner.order);
        for (i, handle) in self.inner.servers.iter().enumerate() {
            if !order.contains(&i) && !handle.server.tools().is_empty() {
                order.push(i);
            }
        }
        order.iter().filter_map(|i| self.inner.servers.get(*i)).collect()
    }
}

const MAX_CLOSE: Duration = Duration::from_secs(4);

impl fmt::Debug for McpToolset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpToolset").field("status", &self.status()).finish_non_exhaustive()
    }
}
