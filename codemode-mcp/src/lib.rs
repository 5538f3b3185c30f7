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
//!
//! What strangers send is worked on by these threads; none is held by one of them for long:
//!
//! | what | where | bound |
//! |---|---|---|
//! | lines of stdio peers up to 64 KiB | a worker of the caller's runtime (2 MiB of stack) | the parser nests 128 deep |
//! | longer lines, up to 16 MiB of a server and 4 MiB of a client | a blocking thread of the runtime (2 MiB of stack) | one for each peer |
//! | events of HTTP, and bodies up to 64 KiB | a worker | 16 MiB of a server, 1 MiB of a client |
//! | longer bodies of a server | a blocking thread | 16 MiB |
//! | lists of tools, searches, results for clients | a blocking thread | 10,000 tools and 32 MiB for each server; 128 calls for each client |
//! | the end of a server: the list of processes is read | a blocking thread | once for each server |
//!
//! Before anything is parsed, what its values would take in memory is estimated: at most 256 MiB for a message of a stream or
//! of a server, 32 MiB for a request over HTTP and 128 MiB for all of those that are being read.
#![forbid(unsafe_code)]

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod config;
#[cfg(any(feature = "client", feature = "server"))]
mod message_reader;
#[cfg(any(feature = "client", feature = "server"))]
mod message_writer;
#[cfg(feature = "server")]
mod server;
#[cfg(any(feature = "client", feature = "server"))]
mod weight;

#[cfg(feature = "client")]
pub use client::{ConnectOptions, McpToolset, Notice, ServerStatus, ToolChanges, kill_servers};
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
