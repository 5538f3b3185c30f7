//! The transport to servers over streamable HTTP.

use std::{error::Error, time::Duration};

use reqwest::redirect;
use rmcp::transport::{
    DynamicTransportError, StreamableHttpClientTransport,
    streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError},
};

use super::http_client::HttpClient;
use crate::config::HttpEndpoint;

/// A transport that connects when it is used.
///
/// # Errors
/// When the HTTP client cannot be built.
pub(super) fn transport(endpoint: &HttpEndpoint) -> Result<StreamableHttpClientTransport<HttpClient>, reqwest::Error> {
    let config = StreamableHttpClientTransportConfig::with_uri(endpoint.url.as_str())
        .custom_headers(endpoint.headers.iter().cloned().collect())
        .max_concurrent_requests(MAX_CONCURRENT_REQUESTS);
    // Another part of the host may have chosen one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A redirect would carry the headers, and with them the secrets, to another place.
    let client = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(redirect::Policy::none());
    Ok(StreamableHttpClientTransport::with_client(HttpClient(client.build()?), config))
}

/// What an HTTP client failed at.
pub(super) enum Failure<'a> {
    /// The error below the client's.
    Cause(&'a (dyn Error + 'static)),
    /// A sentence, where there is none.
    Text(String),
}

/// The failure of an HTTP client in a transport's error. Not the text of the client's error itself: it holds the URL, and a
/// URL can hold a key.
pub(super) fn failure(error: &DynamicTransportError) -> Option<Failure<'_>> {
    let Some(StreamableHttpError::Client(error)) = error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>()
    else {
        return None;
    };
    Some(match error.source() {
        Some(cause) => Failure::Cause(cause),
        None if error.is_timeout() => Failure::Text("it took too long".into()),
        None => Failure::Text(
            error.status().map_or_else(|| "the request failed".into(), |status| format!("it said {status}")),
        ),
    })
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_CONCURRENT_REQUESTS: usize = 128;
