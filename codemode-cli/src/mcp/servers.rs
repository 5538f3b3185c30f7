//! [`McpServers`]: the tools of MCP servers, beside those of `--sqlite` and `--tools`.

use std::{path::Path, time::Duration};

use codemode::{
    ArtifactStore, CodeModeBuilder,
    mcp::{ConnectOptions, McpConfig, McpToolset, Notice, ToolChanges},
};
use tokio::runtime::Runtime;

use crate::{output, problem::Problem};

/// Connections to the servers of a file. Their tasks have threads of their own: commands that only print the prompt
/// have none.
pub struct McpServers {
    // First, so that it is dropped first: the runtime ends what the servers run on.
    toolset: McpToolset,
    runtime: Runtime,
}

impl McpServers {
    /// Starts the servers and waits for the slow ones up to `timeout`.
    ///
    /// # Errors
    /// What is wrong with the file, and where. A server that does not start is a warning.
    pub fn open(path: &Path, timeout: Duration) -> Result<Self, Problem> {
        let config = McpConfig::read(path)?;
        for warning in &config.warnings {
            output::warning(warning);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Problem::new(format!("the threads for MCP servers cannot be started: {error}")))?;
        let options = ConnectOptions::default().on_notice(|notice| match notice {
            Notice::Down { .. } | Notice::Warning { .. } => output::warning(&notice.to_string()),
            _ => {}
        });
        let toolset = runtime.block_on(McpToolset::connect(config, options.timeout(timeout)));
        Ok(Self { toolset, runtime })
    }

    /// Adds the tools, and a note for each server that is not there.
    pub fn give(&self, builder: CodeModeBuilder) -> CodeModeBuilder {
        self.toolset.add_to(builder)
    }

    /// Says when [`give`](Self::give) would give others.
    pub fn changes(&self) -> ToolChanges {
        self.toolset.changes()
    }

    /// Where content is that was too large for a program.
    pub fn store(&self) -> ArtifactStore {
        self.toolset.store().clone()
    }

    /// Ends the servers as the protocol says.
    pub fn stop(&self) {
        self.runtime.block_on(self.toolset.close());
    }
}

impl std::fmt::Debug for McpServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpServers").field("toolset", &self.toolset).finish_non_exhaustive()
    }
}
