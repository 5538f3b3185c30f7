//! [`McpConfig`]: which servers to connect to, read from the ecosystem's own `mcpServers` JSON.
//!
//! A mistake in the file is an error with its place. A problem with one server, such as a variable that is not set, makes
//! only that server unavailable.

mod expand;
mod raw;
mod server;

use std::{fs::File, io::Read, path::Path};

use codemode_core::{Error, ErrorKind};

#[cfg(feature = "client-http")]
pub use self::server::HttpEndpoint;
pub use self::server::{Command, Endpoint, ServerConfig};

/// The servers to connect to, in the order of the file.
///
/// ```
/// use codemode_mcp::McpConfig;
///
/// let text = r#"{ "mcpServers": { "files": { "command": "npx", "args": ["-y", "some-server"] } } }"#;
/// let config = McpConfig::parse(text, "servers.json")?;
/// assert_eq!(config.servers[0].name, "files");
/// # Ok::<(), codemode_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct McpConfig {
    /// The servers.
    pub servers: Vec<ServerConfig>,
    /// One sentence for each unknown field.
    pub warnings: Vec<String>,
}

impl McpConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it cannot be read, is not JSON or has a field of the wrong type; with file and field.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let shown = path.display().to_string();
        let cannot = |error| Error::new(ErrorKind::Config, format!("{shown} cannot be read")).because(error);
        let mut text = String::new();
        let file = File::open(path).map_err(cannot)?;
        file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(cannot)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(Error::new(ErrorKind::Config, format!("{shown} holds more than 1 MiB; is it the right file?")));
        }
        Self::parse(&text, &shown)
    }

    /// Reads a text; `name` stands for it in errors. Variables come from the environment.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], as [`read`](Self::read).
    pub fn parse(text: &str, name: &str) -> Result<Self, Error> {
        Self::parse_with(text, name, &|variable| std::env::var(variable).ok())
    }

    /// Reads a text; variables come from `lookup`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], as [`read`](Self::read).
    pub fn parse_with(text: &str, name: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let (servers, warnings) = raw::read(text, name, lookup)?;
        Ok(Self { servers, warnings })
    }

    /// Adds a server.
    #[must_use]
    pub fn server(mut self, server: ServerConfig) -> Self {
        self.servers.push(server);
        self
    }
}

const MAX_FILE_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests;
