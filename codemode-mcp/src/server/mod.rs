//! The server half: a sandbox as an MCP server.

mod client_session;
#[cfg(feature = "server-http")]
mod connections;
#[cfg(feature = "server-http")]
mod http;
#[cfg(feature = "server-http")]
mod http_options;
mod inner;
mod mcp_server;
mod progress;
mod tools;

#[cfg(feature = "server-http")]
pub use self::http_options::HttpOptions;
pub use self::mcp_server::{McpServer, McpServerOptions};
