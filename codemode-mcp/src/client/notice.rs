//! [`Notice`]: what happens to servers.

use std::{fmt, time::Duration};

/// What happens to servers. Its `Display` is a sentence for a person.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A server is connected.
    Ready {
        /// The name of the server.
        server: String,
        /// How many tools the sandbox has from it.
        tools: usize,
    },
    /// A server ended or did not start.
    Down {
        /// The name of the server.
        server: String,
        /// What happened.
        why: String,
        /// When it is started again; `None` is never.
        retry_in: Option<Duration>,
    },
    /// A server announced that its tools have changed.
    ToolsChanged {
        /// The name of the server.
        server: String,
        /// How many there are now.
        tools: usize,
    },
    /// A server violates the protocol or a limit. It stays connected.
    Warning {
        /// The name of the server.
        server: String,
        /// A sentence that names the server.
        message: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { server, tools } => write!(f, "server {server:?} is ready with {tools} tools"),
            Self::Down { server, why, retry_in: Some(pause) } => {
                write!(f, "server {server:?} is not available: {why}; next try in {pause:?}")
            }
            Self::Down { server, why, retry_in: None } => write!(f, "server {server:?} is not available: {why}"),
            Self::ToolsChanged { server, tools } => write!(f, "server {server:?} now has {tools} tools"),
            Self::Warning { message, .. } => f.write_str(message),
        }
    }
}
