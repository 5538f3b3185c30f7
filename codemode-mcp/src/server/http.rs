//! Streamable HTTP: loopback by default, `Host` and `Origin` checked against DNS rebinding, an optional token, and a limit
//! on everything that a client can make grow.

use std::{
    io,
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
use codemode_core::{Error, ErrorKind, memory_of_values, too_many_values};
use rmcp::{
    model::ProtocolVersion,
    transport::{StreamableHttpServerConfig, StreamableHttpService},
};
use subtle::ConstantTimeEq;
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};

use super::{
    client_session::ClientSession,
    connections::{self, ConnectionLimits},
    http_options::HttpOptions,
    mcp_server::McpServer,
    sessions::Sessions,
};

impl McpServer {
    /// Serves clients over streamable HTTP at `/mcp` until [`HttpOptions::stop`] is cancelled.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an address other than loopback without a token, [`ErrorKind::Io`] when the address cannot
    /// be served.
    pub async fn serve_http(&self, listener: TcpListener, options: HttpOptions) -> Result<(), Error> {
        let cannot = |error: io::Error| Error::new(ErrorKind::Io, "HTTP cannot be served").because(error);
        let address = listener.local_addr().map_err(cannot)?;
        if !address.ip().is_loopback() && options.token.is_none() {
            let why = "an address that others can reach needs a bearer token; give one, or listen on 127.0.0.1";
            return Err(Error::new(ErrorKind::Config, why).with("address", address.to_string()));
        }
        let limits =
            ConnectionLimits { max_connections: options.max_connections, request_timeout: options.request_timeout };
        let stop = options.stop.clone();
        connections::serve(listener, self.router(options), limits, stop).await;
        Ok(())
    }

    fn router(&self, options: HttpOptions) -> Router {
        let sessions = Arc::new(Sessions::new(options.idle_timeout));
        let hosts =
            ["localhost", "127.0.0.1", "::1"].into_iter().map(str::to_owned).chain(options.allowed_hosts.clone());
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(hosts)
            .with_allowed_origins(options.allowed_origins.clone())
            .enforce_origin_validation()
            .with_max_request_body_bytes(options.max_body_bytes)
            .with_cancellation_token(options.stop.child_token());
        let inner = self.inner.clone();
        let session = move || Ok(ClientSession::new(inner.clone()));
        let service = StreamableHttpService::new(session, sessions.clone(), config);
        let admission = Arc::new(Admission {
            token: options.token,
            sessions,
            max_sessions: options.max_sessions,
            max_body_bytes: options.max_body_bytes,
            request_timeout: options.request_timeout,
            pending: AtomicUsize::new(0),
            reading: Semaphore::new(MAX_READING >> 10),
        });
        Router::new().nest_service("/mcp", service).layer(middleware::from_fn_with_state(admission, admit))
    }
}

/// The checks on a request before the protocol handles it.
struct Admission {
    token: Option<String>,
    sessions: Arc<Sessions>,
    max_sessions: usize,
    max_body_bytes: usize,
    request_timeout: Duration,
    /// Requests in flight that begin a session.
    pending: AtomicUsize,
    /// Room for the values of requests that are being read, in KiB.
    reading: Semaphore,
}

impl Admission {
    /// Since 2026-07-28 there are no sessions.
    fn begins_session(&self, request: &Request) -> bool {
        let headers = request.headers();
        let is_stateless = headers
            .get("mcp-protocol-version")
            .is_some_and(|version| version.as_bytes() >= ProtocolVersion::V_2026_07_28.as_str().as_bytes());
        request.method() == Method::POST && !headers.contains_key("mcp-session-id") && !is_stateless
    }
}

/// The place of a session that is about to begin.
struct PendingSession<'a>(&'a Admission);

impl<'a> PendingSession<'a> {
    /// `None` when there are too many sessions.
    async fn reserve(admission: &'a Admission) -> Option<Self> {
        let before = admission.pending.fetch_add(1, Ordering::SeqCst);
        let pending = Self(admission);
        (admission.sessions.count().await + before < admission.max_sessions).then_some(pending)
    }
}

impl Drop for PendingSession<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn admit(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    if let Some(token) = &admission.token
        && !has_token(request.headers(), token)
    {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, "this server wants a bearer token\n").into_response();
    }
    let (head, body) = request.into_parts();
    let body = match timeout(admission.request_timeout, to_bytes(body, admission.max_body_bytes)).await {
        Ok(Ok(body)) => body,
        // Also when the client disconnected, which then does not read this.
        Ok(Err(_)) => {
            let text = format!("a request may have at most {} bytes\n", admission.max_body_bytes);
            return (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
        }
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive\n").into_response(),
    };
    // The SDK makes values of all of it, a hundred times as large as the text in the worst case.
    if let Some(why) = too_many_values(&body, MAX_VALUES) {
        return (StatusCode::PAYLOAD_TOO_LARGE, format!("the request is refused: {why}\n")).into_response();
    }
    let room = u32::try_from(memory_of_values(&body) >> 10).unwrap_or(u32::MAX);
    let Ok(reading) = timeout(admission.request_timeout, admission.reading.acquire_many(room)).await else {
        let text = "the requests of all clients together hold too much; send this one again later\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], text).into_response();
    };
    let request = Request::from_parts(head, Body::from(body));
    let _pending = if admission.begins_session(&request) {
        match PendingSession::reserve(&admission).await {
            Some(pending) => Some(pending),
            None => {
                let text =
                    "too many sessions are open; close one (DELETE), or wait until one has been silent for long\n";
                return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")], text).into_response();
            }
        }
    } else {
        None
    };
    let response = next.run(request).await.map(Body::new);
    drop(reading);
    response
}

/// Compares in constant time, so that the time of the answer does not reveal how much of a guess was right.
fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let given = given.and_then(|value| value.split_at_checked(7));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(given.ct_eq(token.as_bytes()))
    })
}

/// What the values of one request may take, and those of all that are being read. What waits for an answer is counted again
/// by its session.
const MAX_VALUES: usize = 32 << 20;
const MAX_READING: usize = 128 << 20;
