//! [`Bridge`]: a sandbox as an MCP server. One tool runs programs; the others find what does not fit into a prompt and
//! read what does not fit into an answer.

mod connections;
mod http;
mod live;
mod reply;
mod session;
mod tools;

use std::sync::{Arc, PoisonError, RwLock};

use codemode_core::{CodeMode, Error, ErrorKind};
use rmcp::ServiceExt;
use tokio::sync::{Semaphore, watch};

pub use self::http::HttpOptions;
use self::{reply::Shaper, session::Session};
use crate::store::Store;

/// Serves a [`CodeMode`] to MCP clients. Cheap to clone; clones serve the same.
#[derive(Clone)]
pub struct Bridge {
    shared: Arc<Shared>,
}

struct Shared {
    code_mode: RwLock<CodeMode>,
    /// Grows when `code_mode` is another.
    version: watch::Sender<u64>,
    shaper: Shaper,
    places: Semaphore,
}

/// How a [`Bridge`] serves.
#[derive(Debug, Clone)]
pub struct BridgeOptions {
    /// Tokens of one answer, at about four bytes each; what is longer is cut, with a handle for the rest. Default 10,000.
    pub result_tokens: usize,
    /// The most executions at once over all clients; more wait. Default 32.
    pub executions: usize,
    /// Where the rest of long answers is kept. Give it the store of the [`Servers`](crate::Servers), so that clients can
    /// read their content too.
    pub store: Store,
}

impl Default for BridgeOptions {
    fn default() -> Self {
        Self { result_tokens: 10_000, executions: 32, store: Store::default() }
    }
}

impl Bridge {
    /// A server over a sandbox. Its [lazy](codemode_core::Tool::lazy) tools are found with `search_tools` and
    /// `discover_tools`; [`CodeModeBuilder::catalog_tokens`](codemode_core::CodeModeBuilder::catalog_tokens) makes a large
    /// catalog lazy.
    pub fn new(code_mode: CodeMode, options: BridgeOptions) -> Self {
        let most_bytes = options.result_tokens.saturating_mul(BYTES_PER_TOKEN).max(1_000);
        let shaper = Shaper { store: options.store, most_bytes };
        Self {
            shared: Arc::new(Shared {
                code_mode: RwLock::new(code_mode),
                version: watch::Sender::new(0),
                shaper,
                places: Semaphore::new(options.executions.clamp(1, Semaphore::MAX_PERMITS)),
            }),
        }
    }

    /// Puts another sandbox in its place, for instance with other tools. Programs that run go on in the old one; clients
    /// are told that the tools have changed.
    pub fn replace(&self, code_mode: CodeMode) {
        *self.shared.code_mode.write().unwrap_or_else(PoisonError::into_inner) = code_mode;
        self.shared.version.send_modify(|version| *version += 1);
    }

    /// The sandbox of the moment.
    pub fn code_mode(&self) -> CodeMode {
        self.shared.code_mode.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves one client over standard input and output until it goes. Nothing else may write to standard output.
    ///
    /// # Errors
    /// When the client does not speak the protocol.
    pub async fn serve_stdio(&self) -> Result<(), Error> {
        self.serve(rmcp::transport::stdio()).await
    }

    /// Serves one client over any pair of streams until it goes.
    ///
    /// # Errors
    /// When the client does not speak the protocol.
    pub async fn serve<R, W>(&self, (read, write): (R, W)) -> Result<(), Error>
    where
        R: tokio::io::AsyncRead + Send + Unpin + 'static,
        W: tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let no_client = |why: String| Error::new(ErrorKind::Config, format!("no MCP client is there: {why}"));
        let running =
            Session::new(self.clone()).serve((read, write)).await.map_err(|error| no_client(error.to_string()))?;
        running.waiting().await.map_err(|error| no_client(error.to_string()))?;
        Ok(())
    }
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bridge").field("code_mode", &self.code_mode()).finish_non_exhaustive()
    }
}

/// A rule of thumb over the tokenizers of the day for English text and code.
const BYTES_PER_TOKEN: usize = 4;
