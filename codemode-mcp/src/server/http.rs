//! Streamable HTTP: loopback unless said otherwise, Host and Origin checked against rebinding, an optional token, and a
//! bound on everything that a client can make grow.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use codemode_core::{Error, ErrorKind};
use rmcp::{
    model::ProtocolVersion,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::local::LocalSessionManager,
    },
};
use subtle::ConstantTimeEq;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Bridge,
    connections::{self, Bounds},
    session::Session,
};

/// How to serve over HTTP. The path is `/mcp`.
#[derive(Clone)]
pub struct HttpOptions {
    /// The token that each request must carry as `Authorization: Bearer …`. Without one only loopback addresses are
    /// served.
    pub token: Option<String>,
    /// Names in the `Host` header besides `localhost`, `127.0.0.1` and `::1`.
    pub hosts: Vec<String>,
    /// Values of the `Origin` header that may come, such as `https://app.example.com:443`. Requests of browsers carry
    /// one, those of other clients do not; by default none may come.
    pub origins: Vec<String>,
    /// The most sessions at once. Default 64.
    pub sessions: usize,
    /// The most TCP connections at once. A client has one for each request under way and one for what it is told
    /// unasked. Default 512.
    pub connections: usize,
    /// How long a request may take to arrive, and a connection to send its next one. Default 30 s.
    pub patience: Duration,
    /// How long a session may be silent. Default 5 minutes.
    pub idle: Duration,
    /// The most bytes of one request. Default 1 MiB.
    pub body_bytes: usize,
    /// Ends the service.
    pub stop: CancellationToken,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            token: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            sessions: 64,
            connections: 512,
            patience: Duration::from_secs(30),
            idle: Duration::from_secs(300),
            body_bytes: 1 << 20,
            stop: CancellationToken::new(),
        }
    }
}

impl fmt::Debug for HttpOptions {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("hosts", &self.hosts)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

impl Bridge {
    /// Serves clients over streamable HTTP at `/mcp` until [`HttpOptions::stop`] is cancelled.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an address other than loopback without a token, or when the address cannot be served.
    pub async fn serve_http(&self, listener: TcpListener, options: HttpOptions) -> Result<(), Error> {
        let cannot = |error: io::Error| Error::new(ErrorKind::Config, "HTTP cannot be served").because(error);
        let address = listener.local_addr().map_err(cannot)?;
        if !address.ip().is_loopback() && options.token.is_none() {
            let why = "an address that others can reach needs a bearer token; give one, or listen on 127.0.0.1";
            return Err(Error::new(ErrorKind::Config, why).with("address", address.to_string()));
        }
        let (stop, bounds) =
            (options.stop.clone(), Bounds { connections: options.connections, patience: options.patience });
        connections::serve(listener, self.router(options), bounds, stop).await;
        Ok(())
    }

    fn router(&self, options: HttpOptions) -> Router {
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.keep_alive = Some(options.idle);
        let sessions = Arc::new(sessions);
        let hosts = ["localhost", "127.0.0.1", "::1"].into_iter().map(str::to_owned).chain(options.hosts.clone());
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(hosts)
            .with_allowed_origins(options.origins.clone())
            .enforce_origin_validation()
            .with_max_request_body_bytes(options.body_bytes)
            .with_cancellation_token(options.stop.child_token());
        let bridge = self.clone();
        let service = StreamableHttpService::new(move || Ok(Session::new(bridge.clone())), sessions.clone(), config);
        let door = Arc::new(Door {
            token: options.token,
            sessions,
            most_sessions: options.sessions,
            most_bytes: options.body_bytes,
            patience: options.patience,
            beginning: AtomicUsize::new(0),
        });
        Router::new().nest_service("/mcp", service).layer(middleware::from_fn_with_state(door, enter))
    }
}

/// What a request must pass before the protocol sees it.
struct Door {
    token: Option<String>,
    sessions: Arc<LocalSessionManager>,
    most_sessions: usize,
    most_bytes: usize,
    patience: Duration,
    /// Requests on their way to begin a session.
    beginning: AtomicUsize,
}

impl Door {
    /// Since 2026-07-28 there are no sessions.
    fn begins_session(&self, request: &Request) -> bool {
        let headers = request.headers();
        let is_stateless = headers
            .get("mcp-protocol-version")
            .is_some_and(|version| version.as_bytes() >= ProtocolVersion::V_2026_07_28.as_str().as_bytes());
        request.method() == Method::POST && !headers.contains_key("mcp-session-id") && !is_stateless
    }
}

/// A place for a session that is about to begin.
struct Begins<'a>(&'a Door);

impl<'a> Begins<'a> {
    async fn at(door: &'a Door) -> Option<Self> {
        let before = door.beginning.fetch_add(1, Ordering::SeqCst);
        let begins = Self(door);
        (door.sessions.sessions.read().await.len() + before < door.most_sessions).then_some(begins)
    }
}

impl Drop for Begins<'_> {
    fn drop(&mut self) {
        self.0.beginning.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn enter(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    if let Some(token) = &door.token
        && !carries(request.headers(), token)
    {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, "this server wants a bearer token\n").into_response();
    }
    let (head, body) = request.into_parts();
    let body = match timeout(door.patience, to_bytes(body, door.most_bytes)).await {
        Ok(Ok(body)) => body,
        // A client that broke off does not read this either.
        Ok(Err(_)) => {
            let text = format!("a request may have at most {} bytes\n", door.most_bytes);
            return (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
        }
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive\n").into_response(),
    };
    let request = Request::from_parts(head, Body::from(body));
    let _begins = if door.begins_session(&request) {
        match Begins::at(&door).await {
            Some(begins) => Some(begins),
            None => {
                let text =
                    "too many sessions are open; close one (DELETE), or wait until one has been silent for long\n";
                return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")], text).into_response();
            }
        }
    } else {
        None
    };
    next.run(request).await.map(Body::new)
}

/// Compared in constant time: the answer does not tell how much of a guess was right.
fn carries(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let given = given.and_then(|value| value.split_at_checked(7));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(given.ct_eq(token.as_bytes()))
    })
}
