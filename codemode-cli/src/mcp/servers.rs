//! [`McpServers`]: the tools of MCP servers, beside those of `--sqlite` and `--tools`.

use std::{
    path::Path,
    sync::{Once, mpsc},
    time::Duration,
};

use codemode::{
    ArtifactStore, CodeModeBuilder,
    mcp::{ConnectOptions, McpConfig, McpToolset, Notice, ToolChanges, kill_servers},
};
use tokio::runtime::Runtime;

use crate::{output, problem::Problem};

/// Connections to the servers of a file. Their tasks have threads of their own: commands that only print the prompt
/// have none.
pub struct McpServers {
    toolset: McpToolset,
    /// `None` once it was shut down.
    runtime: Option<Runtime>,
    stopped: Once,
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
            Notice::Down { .. } | Notice::Warning { .. } => output::warning_soon(notice.to_string()),
            _ => {}
        });
        let toolset = runtime.block_on(McpToolset::connect(config, options.timeout(timeout)));
        output::flush();
        Ok(Self { toolset, runtime: Some(runtime), stopped: Once::new() })
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

    /// Ends the servers as the protocol says, and kills what is left of them after [`MAX_STOP`].
    pub fn stop(&self) {
        self.stopped.call_once(|| {
            if let Some(runtime) = &self.runtime {
                let (closed, end) = mpsc::channel();
                let toolset = self.toolset.clone();
                runtime.spawn(async move {
                    toolset.close().await;
                    // Nobody waits any more when it took too long.
                    let _ = closed.send(());
                });
                // On a thread that no server can hold.
                let _ = end.recv_timeout(MAX_STOP);
            }
            kill_servers();
        });
    }
}

impl Drop for McpServers {
    fn drop(&mut self) {
        self.stop();
        if let Some(runtime) = self.runtime.take() {
            // Without waiting for what hangs.
            runtime.shutdown_background();
        }
    }
}

const MAX_STOP: Duration = Duration::from_millis(4_500);

impl std::fmt::Debug for McpServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpServers").field("toolset", &self.toolset).finish_non_exhaustive()
    }
}
