//! The TCP connections below HTTP. Each costs a file descriptor and memory before a request is authenticated: their number
//! is limited, and an idle one is closed.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Limits on connections.
pub(super) struct ConnectionLimits {
    /// The maximum number at once; further ones are refused.
    pub(super) max_connections: usize,
    /// How long one may take to send the head of its next request.
    pub(super) request_timeout: Duration,
}

/// Serves until `stop` is cancelled and the requests in flight are answered.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: ConnectionLimits, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.request_timeout);
    let permits = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !is_connection_error(&error) {
                    // The process may be out of file descriptors: connections must end first.
                    sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        match permits.clone().try_acquire_owned() {
            Ok(permit) => {
                let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
                let connection = open.watch(connection);
                tokio::spawn(async move {
                    // A client that disconnects is not an error of the server.
                    let _ = connection.await;
                    drop(permit);
                });
            }
            // In a flood most are closed without an answer.
            Err(_) => {
                if let Ok(permit) = refusals.clone().try_acquire_owned() {
                    tokio::spawn(async move {
                        // The client may be gone already, or too slow.
                        let _ = timeout(2 * REFUSAL_TIMEOUT, refuse(stream)).await;
                        drop(permit);
                    });
                }
            }
        }
    }
    drop(listener);
    // What has not ended by then is cut off when the process ends.
    let _ = timeout(limits.request_timeout, open.shutdown()).await;
}

/// Answers 503. Reads the request first: closing a socket with unread data sends a reset, with which clients lose the answer.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let why = "too many connections are open; close one, or try again later\n";
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{why}",
        why.len()
    );
    let mut unread = [0; 1024];
    // A client that sends nothing is answered all the same.
    if let Ok(read) = timeout(REFUSAL_TIMEOUT, stream.read(&mut unread)).await {
        read?;
    }
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Whether the error concerns one connection only, not the listener.
fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

const MAX_REFUSALS: usize = 64;
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
