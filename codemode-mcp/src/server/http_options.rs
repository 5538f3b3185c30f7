//! [`HttpOptions`]: access control and limits of a server over HTTP.

use std::{fmt, time::Duration};

use tokio_util::sync::CancellationToken;

/// How to serve over HTTP. The path is `/mcp`.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// The token that each request must carry as `Authorization: Bearer …`. Without one only loopback addresses are
    /// served.
    pub token: Option<String>,
    /// Names allowed in the `Host` header besides `localhost`, `127.0.0.1` and `::1`.
    pub allowed_hosts: Vec<String>,
    /// Values allowed in the `Origin` header, such as `https://app.example.com:443`. Only requests of browsers carry one;
    /// by default all of them are refused.
    pub allowed_origins: Vec<String>,
    /// The maximum number of sessions at once. Default 64.
    pub max_sessions: usize,
    /// The maximum number of TCP connections at once. A client has one for each request in flight and one for
    /// notifications. Default 512.
    pub max_connections: usize,
    /// How long a request may take to arrive, and a connection to send its next one. Default 30 s.
    pub request_timeout: Duration,
    /// How long a session may be idle. Default 5 minutes.
    pub idle_timeout: Duration,
    /// The maximum size of a request body. Default 1 MiB. Whatever it is, the values of a request may take 32 MiB of memory.
    pub max_body_bytes: usize,
    /// Ends the service when it is cancelled.
    pub stop: CancellationToken,
}

impl HttpOptions {
    /// Sets [`token`](Self::token).
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets [`allowed_hosts`](Self::allowed_hosts).
    #[must_use]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`allowed_origins`](Self::allowed_origins).
    #[must_use]
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`max_sessions`](Self::max_sessions).
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// Sets [`max_connections`](Self::max_connections).
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets [`request_timeout`](Self::request_timeout).
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets [`idle_timeout`](Self::idle_timeout).
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets [`max_body_bytes`](Self::max_body_bytes).
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Sets [`stop`](Self::stop).
    #[must_use]
    pub fn stop(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            token: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            max_sessions: 64,
            max_connections: 512,
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(300),
            max_body_bytes: 1 << 20,
            stop: CancellationToken::new(),
        }
    }
}

impl fmt::Debug for HttpOptions {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("allowed_hosts", &self.allowed_hosts)
            .field("allowed_origins", &self.allowed_origins)
            .finish_non_exhaustive()
    }
}
