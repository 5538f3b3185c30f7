//! [`ConnectOptions`]: how a toolset connects to its servers.

use std::{fmt, sync::Arc, time::Duration};

use codemode_core::ArtifactStore;

use super::notice::Notice;

/// How a [`McpToolset`](crate::McpToolset) connects.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// How long [`McpToolset::connect`](crate::McpToolset::connect) waits for slow servers. The tools of a slower one are
    /// added later, as a [change](crate::McpToolset::changes). Default 10 s.
    pub timeout: Duration,
    /// Where content goes that is too large for a model.
    pub store: ArtifactStore,
    pub(crate) on_notice: Arc<dyn Fn(Notice) + Send + Sync>,
}

impl ConnectOptions {
    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`store`](Self::store).
    #[must_use]
    pub fn store(mut self, store: ArtifactStore) -> Self {
        self.store = store;
        self
    }

    /// Sets a callback for what happens to the servers. It is called from tasks of the runtime and must not block.
    #[must_use]
    pub fn on_notice(mut self, callback: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        self.on_notice = Arc::new(callback);
        self
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), store: ArtifactStore::default(), on_notice: Arc::new(|_| {}) }
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
