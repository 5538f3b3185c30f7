//! [`McpServer`]: a sandbox as an MCP server. One tool runs programs; the others find tools that do not fit into a prompt
//! and read results that do not fit into an answer.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use codemode_core::{ArtifactStore, CodeMode, Error, ErrorKind, ResultFormatter};
use rmcp::ServiceExt;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{client_session::ClientSession, client_transport::ClientTransport, inner::Inner};

/// Serves a [`CodeMode`] to MCP clients. Cheap to clone; clones serve the same.
///
/// ```no_run
/// use codemode_core::CodeMode;
/// use codemode_mcp::{McpServer, McpServerOptions};
///
/// # async fn example() -> Result<(), codemode_core::Error> {
/// let code_mode = CodeMode::builder().driver(codemode_driver_quickjs::driver()).build()?;
/// let server = McpServer::new(code_mode, McpServerOptions::default().max_executions(8));
/// server.serve_stdio().await
/// # }
/// ```
#[derive(Clone)]
pub struct McpServer {
    pub(super) inner: Arc<Inner>,
}

/// How an [`McpServer`] serves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct McpServerOptions {
    /// The size of one result in tokens, at about four bytes each. A longer one is truncated, with a handle for the rest.
    /// Default 10,000.
    pub result_tokens: usize,
    /// The maximum number of executions at once over all clients; more wait. Default 32.
    pub max_executions: usize,
    /// Where the rest of long results is kept. Give it the store of the `McpToolset`, so that clients can read that content
    /// too.
    pub store: ArtifactStore,
}

impl McpServerOptions {
    /// Sets [`result_tokens`](Self::result_tokens).
    #[must_use]
    pub fn result_tokens(mut self, tokens: usize) -> Self {
        self.result_tokens = tokens;
        self
    }

    /// Sets [`max_executions`](Self::max_executions).
    #[must_use]
    pub fn max_executions(mut self, executions: usize) -> Self {
        self.max_executions = executions;
        self
    }

    /// Sets [`store`](Self::store).
    #[must_use]
    pub fn store(mut self, store: ArtifactStore) -> Self {
        self.store = store;
        self
    }
}

impl Default for McpServerOptions {
    fn default() -> Self {
        Self { result_tokens: 10_000, max_executions: 32, store: ArtifactStore::default() }
    }
}

impl McpServer {
    /// A server over a sandbox. Clients find its [lazy](codemode_core::Tool::lazy) tools with `search_tools` and
    /// `discover_tools`; [`CodeModeBuilder::catalog_tokens`](codemode_core::CodeModeBuilder::catalog_tokens) makes the tools
    /// of a large catalog lazy.
    pub fn new(code_mode: CodeMode, options: McpServerOptions) -> Self {
        let formatter = ResultFormatter::with_token_budget(options.store, options.result_tokens);
        Self { inner: Arc::new(Inner::new(code_mode, formatter, options.max_executions)) }
    }

    /// Replaces the sandbox, for instance by one with other tools, and notifies the clients. Programs that run go on in
    /// the old one.
    pub fn replace(&self, code_mode: CodeMode) {
        self.inner.replace(code_mode);
    }

    /// The current sandbox.
    pub fn code_mode(&self) -> CodeMode {
        self.inner.code_mode()
    }

    /// Serves one client over standard input and output until it disconnects. Nothing else may write to standard output.
    ///
    /// # Errors
    /// When the client does not speak the protocol.
    pub async fn serve_stdio(&self) -> Result<(), Error> {
        self.serve(rmcp::transport::stdio()).await
    }

    /// Serves one client over any pair of streams until it disconnects.
    ///
    /// # Errors
    /// When the client does not speak the protocol, or asks for more than it reads.
    pub async fn serve<R, W>(&self, (read, write): (R, W)) -> Result<(), Error>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let no_client = |why: String| Error::new(ErrorKind::Protocol, format!("no MCP client is there: {why}"));
        let session = ClientSession::new(self.inner.clone());
        let transport = ClientTransport::new(read, write);
        let overflowed = transport.overflowed();
        let running = session.serve(transport).await.map_err(|error| no_client(error.to_string()))?;
        running.waiting().await.map_err(|error| no_client(error.to_string()))?;
        if overflowed.load(Ordering::SeqCst) {
            let why = "the MCP client sends requests and does not read the answers; it was disconnected";
            return Err(Error::new(ErrorKind::Protocol, why));
        }
        Ok(())
    }
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer").field("code_mode", &self.code_mode()).finish_non_exhaustive()
    }
}
