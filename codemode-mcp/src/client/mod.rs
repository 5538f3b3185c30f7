//! The client half: MCP servers as tools of a sandbox.
//!
//! [`McpToolset`] holds a [`ServerHandle`](server::ServerHandle) per configured server. A [supervisor](supervisor) task
//! connects each, reconnects it and keeps its list of tools; a call uses the [`Connection`](connection::Connection) of the
//! moment.

mod connection;
mod exit;
mod guarded_transport;
mod handler;
#[cfg(feature = "client-http")]
mod http;
#[cfg(feature = "client-http")]
mod http_client;
mod listing;
mod live;
mod notice;
mod options;
mod outbox;
mod poison;
mod result_value;
mod server;
mod stdio;
mod supervisor;
mod tools;
mod toolset;

pub use self::{
    live::kill_servers,
    notice::Notice,
    options::ConnectOptions,
    toolset::{McpToolset, ServerStatus, ToolChanges},
};
