//! The server half: a sandbox as an MCP server.

mod client_session;
mod client_transport;
#[cfg(feature = "server-http")]
mod connections;
#[cfg(feature = "server-http")]
mod http;
#[cfg(feature = "server-http")]
mod http_options;
mod inner;
mod mcp_server;
mod open_requests;
mod progress;
#[cfg(feature = "server-http")]
mod sessions;
mod tools;

#[cfg(feature = "server-http")]
pub use self::http_options::HttpOptions;
pub use self::mcp_server::{McpServer, McpServerOptions};
