//! Reads the ecosystem's own `mcpServers` JSON. What is wrong with the file is an error with its place; what is wrong
//! with one server, such as a variable that is not set, costs that server only.

mod expand;
mod raw;

use std::{fmt, fs::File, io::Read, path::Path, time::Duration};

use codemode_core::{Error, ErrorKind};
use http::{HeaderName, HeaderValue};
use wildmatch::WildMatch;

/// The servers to connect to, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct McpConfig {
    /// The servers.
    pub servers: Vec<ServerConfig>,
    /// Fields that mean nothing here, each with a sentence for a person.
    pub warnings: Vec<String>,
}

impl McpConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it cannot be read, is no JSON or has a field of the wrong type; with file and field.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let shown = path.display().to_string();
        let cannot = |error| Error::new(ErrorKind::Config, format!("{shown} cannot be read")).because(error);
        let mut text = String::new();
        let file = File::open(path).map_err(cannot)?;
        file.take(MOST_FILE_BYTES + 1).read_to_string(&mut text).map_err(cannot)?;
        if text.len() as u64 > MOST_FILE_BYTES {
            return Err(Error::new(ErrorKind::Config, format!("{shown} holds more than 1 MiB; is it the right file?")));
        }
        Self::parse(&text, &shown)
    }

    /// Reads a text; `name` is what to call it in errors. Variables come from the environment.
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
        raw::read(text, name, lookup)
    }

    /// Adds a server.
    #[must_use]
    pub fn server(mut self, server: ServerConfig) -> Self {
        self.servers.push(server);
        self
    }
}

/// One server, and which of its tools to take.
#[derive(Clone)]
pub struct ServerConfig {
    /// Its name: the first part of its tools' names.
    pub name: String,
    /// How to reach it; or why that cannot even be tried.
    pub endpoint: Result<Endpoint, String>,
    /// Globs over the server's own tool names; empty takes all.
    pub include: Vec<String>,
    /// Globs over the server's own tool names to leave out; stronger than `include`.
    pub exclude: Vec<String>,
    /// Its tools are [lazy](codemode_core::Tool::lazy): one line in the prompt each, declared when somebody asks.
    pub lazy: bool,
    /// The longest one call may take, waiting for a place not counted. `None` leaves it to the execution's deadline.
    pub timeout: Option<Duration>,
    /// The most calls at once over all its tools. `None` leaves it to the execution's limit.
    pub max_concurrency: Option<usize>,
    /// The longest it may take to start and list its tools. Default 30 s.
    pub start_timeout: Duration,
}

impl ServerConfig {
    /// A server with default options.
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Self {
        Self {
            name: name.into(),
            endpoint: Ok(endpoint),
            include: Vec::new(),
            exclude: Vec::new(),
            lazy: false,
            timeout: None,
            max_concurrency: None,
            start_timeout: DEFAULT_START_TIMEOUT,
        }
    }

    /// A server that is a program and speaks over its standard input and output.
    pub fn stdio(
        name: impl Into<String>,
        command: impl Into<String>,
        args: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self::new(name, Endpoint::Stdio(Command { command: command.into(), args, env: Vec::new(), cwd: None }))
    }

    /// A server at a URL, by streamable HTTP.
    pub fn http(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(name, Endpoint::Http { url: url.into(), headers: Vec::new() })
    }

    /// Whether a tool of this name is taken.
    pub(crate) fn takes(&self, tool: &str) -> bool {
        let any = |globs: &[String]| globs.iter().any(|glob| WildMatch::new(glob).matches(tool));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

impl fmt::Debug for ServerConfig {
    /// Without the endpoint: arguments, variables and headers hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How a server is reached.
#[derive(Clone)]
pub enum Endpoint {
    /// A program to start.
    Stdio(Command),
    /// Streamable HTTP.
    Http {
        /// Where.
        url: String,
        /// Sent with each request.
        headers: Vec<(HeaderName, HeaderValue)>,
    },
}

/// A program to start. It inherits a few harmless variables (`PATH`, `HOME`, language) and no secrets.
#[derive(Clone)]
pub struct Command {
    /// A name in `PATH`, or a path.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables besides the inherited ones.
    pub env: Vec<(String, String)>,
    /// Where it runs; the current directory if `None`.
    pub cwd: Option<String>,
}

const MOST_FILE_BYTES: u64 = 1 << 20;
const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
