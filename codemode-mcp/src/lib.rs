//! MCP both ways: `McpToolset` turns the tools of MCP servers into functions of a sandbox, and `McpServer` serves the
//! sandbox as one tool to MCP clients.
//!
//! | feature | what it adds |
//! |---|---|
//! | `client` | `McpToolset` and `McpConfig`, for servers that are child processes |
//! | `client-http` | servers over streamable HTTP |
//! | `server` | `McpServer` over standard input and output, or any other pair of streams |
//! | `server-http` | `McpServer::serve_http` |
//! | `http` | `client-http` and `server-http` |
//!
//! All are on by default.
#![forbid(unsafe_code)]

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "server")]
mod server;

#[cfg(feature = "client")]
pub use client::{ConnectOptions, McpToolset, Notice, ServerStatus, ToolChanges};
#[cfg(feature = "client-http")]
pub use config::HttpEndpoint;
#[cfg(feature = "client")]
pub use config::{Command, Endpoint, McpConfig, ServerConfig};
#[cfg(feature = "server-http")]
pub use server::HttpOptions;
#[cfg(feature = "server")]
pub use server::{McpServer, McpServerOptions};
// Types of other crates that stand in signatures here.
#[cfg(feature = "server")]
pub use tokio::io::{AsyncRead, AsyncWrite};
#[cfg(feature = "server-http")]
pub use tokio::net::TcpListener;
#[cfg(feature = "server-http")]
pub use tokio_util::sync::CancellationToken;
