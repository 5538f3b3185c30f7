//! The TCP connections below HTTP. Each costs a file and memory before a request has said who it is from: they are
//! bounded, and one on which nothing is asked is closed.

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

/// What connections may cost.
pub(super) struct Bounds {
    /// The most at once; further ones are refused.
    pub(super) connections: usize,
    /// How long one may take to send the head of its next request.
    pub(super) patience: Duration,
}

/// Serves until `stop` is cancelled and the requests that have begun are answered.
pub(super) async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.patience);
    let places = Arc::new(Semaphore::new(bounds.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let refusals = Arc::new(Semaphore::new(MOST_REFUSALS));
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    // The process has no files left, perhaps: others must end first.
                    sleep(PAUSE).await;
                }
                continue;
            }
        };
        match places.clone().try_acquire_owned() {
            Ok(place) => {
                let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
                let connection = open.watch(connection);
                tokio::spawn(async move {
                    // A client that breaks off is no failure of ours.
                    let _ = connection.await;
                    drop(place);
                });
            }
            // In a flood most are closed without a word.
            Err(_) => {
                if let Ok(place) = refusals.clone().try_acquire_owned() {
                    tokio::spawn(async move {
                        // It may be gone already, or too slow to be told.
                        let _ = timeout(2 * REFUSAL_PATIENCE, refuse(stream)).await;
                        drop(place);
                    });
                }
            }
        }
    }
    drop(listener);
    // Whoever does not come to an end in this time is cut off when the process ends.
    let _ = timeout(bounds.patience, open.shutdown()).await;
}

/// Says why. Clients want their request taken before it is answered, and lose an answer that is followed by a reset, which
/// is what closing with something unread would send.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let why = "too many connections are open; close one, or try again later\n";
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{why}",
        why.len()
    );
    let mut unread = [0; 1024];
    // One that asks nothing is told all the same.
    if let Ok(read) = timeout(REFUSAL_PATIENCE, stream.read(&mut unread)).await {
        read?;
    }
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

const MOST_REFUSALS: usize = 64;
const REFUSAL_PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(500);
