//! [`Servers`]: MCP servers as tools of a sandbox.

mod connection;
mod handler;
mod messages;
mod server;
mod stdio;
mod tools;
mod unwrap;

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use codemode_core::{CodeModeBuilder, Tool};
use futures_util::future::join_all;
use tokio::{sync::watch, time::timeout};

use self::server::{Held, State};
use crate::{config::McpConfig, store::Store};

/// Connections to MCP servers. They live as long as this, a clone of it, or one of its tools. Cheap to clone.
#[derive(Clone)]
pub struct Servers {
    shared: Arc<Shared>,
}

struct Shared {
    servers: Vec<Arc<Held>>,
    store: Store,
    version: watch::Sender<u64>,
    /// Servers that had tools, in the order in which that became known.
    order: Mutex<Vec<usize>>,
}

/// What happens to servers, for people: each is also a sentence.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A server is connected, with so many tools.
    Ready {
        /// Which.
        server: String,
        /// How many tools the sandbox has from it.
        tools: usize,
    },
    /// A server ended or did not start.
    Down {
        /// Which.
        server: String,
        /// What happened.
        why: String,
        /// When it is tried again; `None` is never.
        retry_in: Option<Duration>,
    },
    /// A server said that its tools have changed.
    ToolsChanged {
        /// Which.
        server: String,
        /// How many there are now.
        tools: usize,
    },
    /// A server does something that it should not.
    Odd {
        /// Which.
        server: String,
        /// A sentence that names it.
        what: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { server, tools } => write!(f, "server {server:?} is ready with {tools} tools"),
            Self::Down { server, why, retry_in: Some(pause) } => {
                write!(f, "server {server:?} is not available: {why}; next try in {pause:?}")
            }
            Self::Down { server, why, retry_in: None } => write!(f, "server {server:?} is not available: {why}"),
            Self::ToolsChanged { server, tools } => write!(f, "server {server:?} now has {tools} tools"),
            Self::Odd { what, .. } => f.write_str(what),
        }
    }
}

/// How to connect.
#[derive(Clone)]
pub struct ConnectOptions {
    /// How long [`Servers::connect`] waits for slow servers. The slower ones come later, as a
    /// [change](Servers::changes). Default 10 s.
    pub patience: Duration,
    /// Where content goes that is too large for a model.
    pub store: Store,
    /// Hears what happens to the servers; see [`on_notice`](Self::on_notice).
    pub on_notice: Arc<dyn Fn(Notice) + Send + Sync>,
}

impl ConnectOptions {
    /// Hears what happens to the servers, from tasks of the runtime: it must not block.
    #[must_use]
    pub fn on_notice(mut self, hear: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        self.on_notice = Arc::new(hear);
        self
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { patience: Duration::from_secs(10), store: Store::default(), on_notice: Arc::new(|_| {}) }
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// Which.
    pub name: String,
    /// How many tools the sandbox has from it.
    pub tools: usize,
    /// `None` when calls can be made, else why not.
    pub problem: Option<String>,
}

impl Servers {
    /// Starts all servers at the same time and waits until each has its tools, has failed, or has taken longer than
    /// [`ConnectOptions::patience`]. A server that fails costs its own tools only. Must be called in a tokio runtime
    /// with timers and input/output.
    pub async fn connect(config: McpConfig, options: ConnectOptions) -> Self {
        let ConnectOptions { patience, store, on_notice } = options;
        let version = watch::Sender::new(0);
        let servers: Vec<Arc<Held>> = config
            .servers
            .into_iter()
            .map(|config| {
                let (version, hear) = (version.clone(), on_notice.clone());
                let tell = move |notice: Notice| {
                    let is_change = !matches!(notice, Notice::Odd { .. });
                    hear(notice);
                    if is_change {
                        version.send_modify(|version| *version += 1);
                    }
                };
                let held = Held::new(config, Arc::new(tell));
                tokio::spawn(server::keep(held.server.clone()));
                held
            })
            .collect();
        let started = join_all(servers.iter().map(|held| held.server.started()));
        // The slow ones come later.
        let _ = timeout(patience, started).await;
        Self { shared: Arc::new(Shared { servers, store, version, order: Mutex::default() }) }
    }

    /// The tools of all servers, as they are now: those of a server that is away too, since it may come back before they
    /// are called. Servers that were late stand at the end.
    pub fn tools(&self) -> Vec<Tool> {
        let (mut tools, mut names) = (Vec::<Tool>::new(), HashSet::new());
        for held in self.in_order() {
            for listed in held.server.tools() {
                // The names of servers have slashes too: `a/b` and `c` make the name that `a` and `b/c` make.
                let mut name = format!("{}/{}", held.server.name(), listed.name);
                while !names.insert(name.clone()) {
                    name.push('_');
                }
                tools.push(tools::tool(name, held, &listed, &self.shared.store));
            }
        }
        if !tools.is_empty() {
            tools.push(tools::reader(&self.shared.store));
        }
        tools
    }

    /// Adds the tools to a builder, and a note for each server that is not there.
    #[must_use]
    pub fn give(&self, builder: CodeModeBuilder) -> CodeModeBuilder {
        let builder = builder.tools(self.tools());
        let away = self.status().into_iter().filter_map(|status| Some((status.name, status.problem?)));
        away.fold(builder, |builder, (name, problem)| {
            builder.note(format!("the tools of the server {name:?} are not available now: {problem}"))
        })
    }

    /// How each server is, in the order of the config.
    pub fn status(&self) -> Vec<ServerStatus> {
        let status = |held: &Arc<Held>| ServerStatus {
            name: held.server.name().to_owned(),
            tools: held.server.tools().len(),
            problem: match held.server.state() {
                State::Ready(_) => None,
                State::Starting => Some("it is still starting".into()),
                State::Waiting(why, _) | State::Failed(why) => Some(why),
            },
        };
        self.shared.servers.iter().map(status).collect()
    }

    /// A number that grows when servers come or go or their tools change: then [`tools`](Self::tools) gives others, and
    /// a new [`CodeMode`](codemode_core::CodeMode) is due.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// Where content is that was too large to give.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Ends all connections and the programs behind them. Without it they are killed when the last holder is dropped.
    pub async fn close(&self) {
        for held in &self.shared.servers {
            held.server.stop();
        }
        join_all(self.shared.servers.iter().map(|held| held.server.closed())).await;
    }

    /// First those that had tools first, in the order of the config where they were together.
    fn in_order(&self) -> Vec<&Arc<Held>> {
        let mut order = self.shared.order.lock().unwrap_or_else(PoisonError::into_inner);
        for (i, held) in self.shared.servers.iter().enumerate() {
            if !order.contains(&i) && !held.server.tools().is_empty() {
                order.push(i);
            }
        }
        order.iter().filter_map(|i| self.shared.servers.get(*i)).collect()
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers").field("status", &self.status()).finish()
    }
}
