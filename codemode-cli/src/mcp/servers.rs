//! [`McpServers`]: the tools of MCP servers, beside those of `--sqlite` and `--tools`.

use std::{path::Path, time::Duration};

use codemode::{
    CodeModeBuilder,
    mcp::{ConnectOptions, McpConfig, Notice, Servers, Store},
};
use tokio::{runtime::Runtime, sync::watch};

use crate::{output, problem::Problem};

/// Connections to the servers of a file. Their tasks have threads of their own: commands that only print the prompt
/// have none.
pub struct McpServers {
    // First, so that it is dropped first: the runtime ends what the servers run on.
    servers: Servers,
    runtime: Runtime,
}

impl McpServers {
    /// Starts the servers and waits for those that are not slower than `patience`.
    ///
    /// # Errors
    /// What is wrong with the file, and where. A server that does not start is a warning.
    pub fn open(path: &Path, patience: Duration) -> Result<Self, Problem> {
        let config = McpConfig::read(path)?;
        for warning in &config.warnings {
            output::warning(warning);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Problem::new(format!("the threads for MCP servers cannot be started: {error}")))?;
        let mut options = ConnectOptions::default().on_notice(|notice| match notice {
            Notice::Down { .. } | Notice::Odd { .. } => output::warning(&notice.to_string()),
            _ => {}
        });
        options.patience = patience;
        let servers = runtime.block_on(Servers::connect(config, options));
        Ok(Self { servers, runtime })
    }

    /// Adds the tools, and a note for each server that is not there.
    pub fn give(&self, builder: CodeModeBuilder) -> CodeModeBuilder {
        self.servers.give(builder)
    }

    /// Says when [`give`](Self::give) would give others.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.servers.changes()
    }

    /// Where content is that was too large for a program.
    pub fn store(&self) -> Store {
        self.servers.store().clone()
    }

    /// Ends the servers as the protocol says.
    pub fn stop(&self) {
        self.runtime.block_on(self.servers.close());
    }
}

impl std::fmt::Debug for McpServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpServers").field("servers", &self.servers).finish_non_exhaustive()
    }
}
