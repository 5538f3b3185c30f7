//! MCP both ways: [`Servers`] makes the tools of MCP servers functions of a sandbox, and [`Bridge`] serves the sandbox as
//! one tool to MCP clients.
#![forbid(unsafe_code)]

mod client;
mod config;
mod server;
mod store;

pub use client::{ConnectOptions, Notice, ServerStatus, Servers};
pub use config::{Command, Endpoint, McpConfig, ServerConfig};
pub use server::{Bridge, BridgeOptions, HttpOptions};
pub use store::{Part, Store, Stored};
