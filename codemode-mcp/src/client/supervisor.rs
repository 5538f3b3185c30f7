//! The supervisor of a server: a task that starts it, restarts it with growing pauses when it ends, and keeps its list of
//! tools up to date.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rmcp::{ServiceError, model::ProtocolVersion, service::ClientLifecycleMode};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Listing, Running},
    notice::Notice,
    server::{Server, State},
    stdio::StartError,
};
use crate::{config::Endpoint, message_reader::ProtocolWarning};

/// Runs a server until it is stopped or cannot be started.
pub(crate) async fn supervise(server: Arc<Server>) {
    let endpoint = match &server.config().endpoint {
        Ok(endpoint) => endpoint.clone(),
        Err(why) => return give_up(&server, why.clone()),
    };
    let stop = server.stopping().clone();
    let mut failures = 0;
    let mut lifecycle = negotiated();
    while !stop.is_cancelled() {
        let begun = Instant::now();
        let started = tokio::select! {
            started = start(&server, &endpoint, lifecycle.clone()) => started,
            () = stop.cancelled() => break,
        };
        let why = match started {
            Ok(running) => {
                let why = run(&server, running, &stop).await;
                if begun.elapsed() > STABLE_AFTER {
                    failures = 0;
                }
                why
            }
            Err(StartError { reason, permanent: true }) => return give_up(&server, reason),
            Err(StartError { reason, .. }) => {
                // An old server may exit on a request that it does not know.
                lifecycle = if lifecycle == negotiated() { ClientLifecycleMode::Initialize } else { negotiated() };
                reason
            }
        };
        if stop.is_cancelled() {
            break;
        }
        let pause = MIN_PAUSE.saturating_mul(1 << failures.min(16)).min(MAX_PAUSE);
        failures += 1;
        server.set_state(State::Waiting(why.clone(), Instant::now() + pause));
        server.notify(Notice::Down { server: server.name().to_owned(), why, retry_in: Some(pause) });
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    server.set_state(State::Failed("it was closed".into()));
}

/// Tries the protocol without sessions first, then the handshake of the versions before.
fn negotiated() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: Some(ProtocolVersion::V_2025_11_25),
    }
}

fn give_up(server: &Server, why: String) {
    server.set_state(State::Failed(why.clone()));
    server.notify(Notice::Down { server: server.name().to_owned(), why, retry_in: None });
}

async fn start(
    server: &Arc<Server>,
    endpoint: &Endpoint,
    lifecycle: ClientLifecycleMode,
) -> Result<Running, StartError> {
    let limit = server.config().start_timeout;
    // A strong reference would be a cycle: the server holds its connection, and that the callback.
    let warned = Arc::downgrade(server);
    let on_warning = move |warning: ProtocolWarning| {
        if let Some(server) = warned.upgrade() {
            server.warn(message(server.name(), warning));
        }
    };
    timeout(limit, Running::start(server.name(), endpoint, lifecycle, on_warning))
        .await
        .unwrap_or_else(|_| Err(StartError { reason: format!("it did not start within {limit:?}"), permanent: false }))
}

/// The sentence of a [`Notice::Warning`].
fn message(name: &str, warning: ProtocolWarning) -> String {
    match warning {
        ProtocolWarning::UnexpectedOutput(text) => {
            format!("server {name:?} writes text that is no message to its standard output; it is ignored: {text:?}")
        }
        ProtocolWarning::Malformed(why) => {
            format!("server {name:?} gave an answer that cannot be read, and its call fails: {why}")
        }
        ProtocolWarning::TooLarge { bytes, id: Some(_) } => {
            format!("server {name:?} gave an answer of {bytes} bytes; its call fails")
        }
        ProtocolWarning::TooLarge { bytes, id: None } => {
            format!("server {name:?} sent a message of {bytes} bytes, which was thrown away")
        }
    }
}

/// Runs one connection to its end. Returns the reason.
async fn run(server: &Arc<Server>, mut running: Running, stop: &CancellationToken) -> String {
    let name = || server.name().to_owned();
    let connection = running.connection.clone();
    let mut kept_bytes = running.listing.bytes;
    let (tools, _) = update(server, std::mem::take(&mut running.listing)).await;
    server.set_state(State::Ready(connection.clone()));
    server.notify(Notice::Ready { server: name(), tools });
    loop {
        let next = async {
            if !running.next_change().await {
                return None;
            }
            let began = Instant::now();
            let limit = server.config().start_timeout;
            let listed = timeout(limit, connection.list_tools()).await;
            Some((began, listed.unwrap_or_else(|_| Err(ServiceError::Timeout { timeout: limit }))))
        };
        let (began, listed) = tokio::select! {
            next = next => match next {
                Some(next) => next,
                None => break,
            },
            () = stop.cancelled() => {
                running.close().await;
                return String::new();
            }
        };
        match listed {
            Ok(listing) => {
                kept_bytes = kept_bytes.saturating_add(listing.bytes);
                let (tools, changed) = update(server, listing).await;
                if changed {
                    server.notify(Notice::ToolsChanged { server: name(), tools });
                }
            }
            Err(error) => server.warn(format!(
                "server {:?} said that its tools changed, but does not list them: {error}",
                server.name()
            )),
        }
        if connection.keeps_listings() && kept_bytes > MAX_KEPT_BYTES {
            running.close().await;
            return "listed its tools so often that a new connection is needed".into();
        }
        // A server that announces changes without end takes a small part of the time.
        let pause = (began.elapsed() * 10).clamp(MIN_LISTING_PAUSE, MAX_PAUSE);
        tokio::select! {
            ended = running.ended_within(pause) => if ended { break },
            () = stop.cancelled() => {
                running.close().await;
                return String::new();
            }
        }
    }
    format!("it {}", connection.exit())
}

/// As [`Server::update_tools`], on a thread that may be held for long.
async fn update(server: &Arc<Server>, listing: Listing) -> (usize, bool) {
    let of = server.clone();
    // It does not panic; and then there would be no tools.
    spawn_blocking(move || of.update_tools(listing)).await.unwrap_or_default()
}

const MIN_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(60);
const MIN_LISTING_PAUSE: Duration = Duration::from_millis(500);
/// How many bytes of listings one connection over HTTP may keep.
const MAX_KEPT_BYTES: usize = 128 << 20;
/// After a connection that lived longer the pauses are short again.
const STABLE_AFTER: Duration = Duration::from_secs(60);
