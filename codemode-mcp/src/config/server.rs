//! [`ServerConfig`]: one server, how it is reached, and which of its tools are used.

use std::{fmt, time::Duration};

#[cfg(feature = "client-http")]
use codemode_core::{Error, ErrorKind};
#[cfg(feature = "client-http")]
use http::{HeaderName, HeaderValue};
use wildmatch::WildMatch;

/// One server, and which of its tools are used.
///
/// ```
/// use std::time::Duration;
///
/// use codemode_mcp::{Command, ServerConfig};
///
/// let command = Command::new("npx").args(["-y", "some-server"]).env("TOKEN", "secret");
/// let server = ServerConfig::new("files", command).exclude(["write_*"]).timeout(Duration::from_secs(20));
/// # assert_eq!(server.exclude, ["write_*"]);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Its name: the first part of its tools' names.
    pub name: String,
    /// How to reach it, or the reason why it cannot be reached.
    pub endpoint: Result<Endpoint, String>,
    /// Globs over the server's own tool names; empty includes all.
    pub include: Vec<String>,
    /// Globs over the server's own tool names to leave out; overrides `include`.
    pub exclude: Vec<String>,
    /// Its tools are [lazy](codemode_core::Tool::lazy): one line in the prompt each, declared on request.
    pub lazy: bool,
    /// The longest one call may take, not counting the time it waits for its turn. `None` leaves it to the execution's
    /// deadline.
    pub timeout: Option<Duration>,
    /// The maximum number of calls at once over all its tools. `None` leaves it to the execution's limit.
    pub max_concurrency: Option<usize>,
    /// The longest it may take to start and list its tools. Default 30 s.
    pub start_timeout: Duration,
}

impl ServerConfig {
    /// A server with default options.
    pub fn new(name: impl Into<String>, endpoint: impl Into<Endpoint>) -> Self {
        Self::from_endpoint(name, Ok(endpoint.into()))
    }

    /// A server that is a child process and speaks over its standard input and output.
    pub fn stdio(
        name: impl Into<String>,
        command: impl Into<String>,
        args: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::new(name, Command::new(command).args(args))
    }

    /// A server at a URL, over streamable HTTP.
    #[cfg(feature = "client-http")]
    pub fn http(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(name, HttpEndpoint::new(url))
    }

    pub(crate) fn from_endpoint(name: impl Into<String>, endpoint: Result<Endpoint, String>) -> Self {
        Self {
            name: name.into(),
            endpoint,
            include: Vec::new(),
            exclude: Vec::new(),
            lazy: false,
            timeout: None,
            max_concurrency: None,
            start_timeout: DEFAULT_START_TIMEOUT,
        }
    }

    /// Sets [`include`](Self::include).
    #[must_use]
    pub fn include(mut self, globs: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.include = globs.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`exclude`](Self::exclude).
    #[must_use]
    pub fn exclude(mut self, globs: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.exclude = globs.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`lazy`](Self::lazy).
    #[must_use]
    pub fn lazy(mut self, lazy: bool) -> Self {
        self.lazy = lazy;
        self
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets [`max_concurrency`](Self::max_concurrency).
    #[must_use]
    pub fn max_concurrency(mut self, calls: usize) -> Self {
        self.max_concurrency = Some(calls);
        self
    }

    /// Sets [`start_timeout`](Self::start_timeout).
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Whether a tool of this name is used.
    pub(crate) fn includes(&self, tool: &str) -> bool {
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
#[non_exhaustive]
pub enum Endpoint {
    /// A child process.
    Stdio(Command),
    /// Streamable HTTP.
    #[cfg(feature = "client-http")]
    Http(HttpEndpoint),
}

/// A program to start. It inherits a few harmless variables (`PATH`, `HOME`, language) and no secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct Command {
    /// A name in `PATH`, or a path.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables besides the inherited ones.
    pub env: Vec<(String, String)>,
    /// Its working directory; the current one if `None`.
    pub cwd: Option<String>,
}

impl Command {
    /// A program without arguments.
    pub fn new(command: impl Into<String>) -> Self {
        Self { command: command.into(), args: Vec::new(), env: Vec::new(), cwd: None }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }
}

impl From<Command> for Endpoint {
    fn from(command: Command) -> Self {
        Self::Stdio(command)
    }
}

/// The address of a server over streamable HTTP, and what each request carries.
#[cfg(feature = "client-http")]
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpEndpoint {
    /// The URL of the MCP endpoint.
    pub url: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

#[cfg(feature = "client-http")]
impl HttpEndpoint {
    /// An address without headers.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new() }
    }

    /// Adds a header to each request. Its value is treated as a secret.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when HTTP does not allow the name or the value. The message does not hold the value.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::new(ErrorKind::Config, format!("the {what} of an HTTP header is not allowed"));
        let header = HeaderName::try_from(name).map_err(|_| wrong("name").with("name", name))?;
        let mut value = HeaderValue::try_from(value).map_err(|_| wrong("value").with("name", name))?;
        value.set_sensitive(true);
        self.headers.push((header, value));
        Ok(self)
    }
}

#[cfg(feature = "client-http")]
impl From<HttpEndpoint> for Endpoint {
    fn from(endpoint: HttpEndpoint) -> Self {
        Self::Http(endpoint)
    }
}

pub(crate) const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(30);
