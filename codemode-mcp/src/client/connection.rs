//! [`Connection`]: one connection to one server, from its start to its end.

use std::{error::Error, pin::pin, sync::Arc, time::Duration};

use codemode_core::{ToolContext, ToolError};
use reqwest::redirect;
use rmcp::{
    RoleClient, ServiceError,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotificationParam, ClientRequest, ErrorData,
        JsonObject, PaginatedRequestParams, ProtocolVersion, RequestId, ServerResult, SubscriptionFilter, Tool,
    },
    service::{
        ClientInitializeError, ClientLifecycleMode, ClientServiceExt, Peer, PeerRequestOptions,
        RunningServiceCancellationToken, Subscription,
    },
    transport::{
        DynamicTransportError, StreamableHttpClientTransport,
        streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError},
    },
};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, task::JoinHandle};

use super::{
    handler::{Hearing, Overheard},
    messages::{Oddity, UNREADABLE},
    stdio::{Ended, MOST_MESSAGE_BYTES, Stdio, Unstartable},
};
use crate::config::Endpoint;

/// A connection that calls can use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connection {
    server: Arc<str>,
    peer: Peer<RoleClient>,
    hearing: Hearing,
    ended: Arc<Ended>,
    runtime: Handle,
}

/// A connection with its task.
pub(crate) struct Running {
    pub(crate) connection: Connection,
    pub(crate) listed: Listed,
    stop: RunningServiceCancellationToken,
    ended: JoinHandle<()>,
    subscription: Option<Subscription>,
}

/// What a server lists.
#[derive(Default)]
pub(crate) struct Listed {
    pub(crate) tools: Vec<Tool>,
    /// It would have gone on.
    pub(crate) is_cut: bool,
}

impl Running {
    /// Starts the server, agrees on a protocol and lists the tools.
    pub(crate) async fn start(
        server: &str,
        endpoint: &Endpoint,
        lifecycle: ClientLifecycleMode,
        odd: impl FnMut(Oddity) + Send + 'static,
    ) -> Result<Self, Unstartable> {
        let (hearing, ended) = (Hearing::default(), Arc::<Ended>::default());
        let again = |why: String| Unstartable { why, for_good: false };
        let service = match endpoint {
            Endpoint::Stdio(command) => {
                let transport = Stdio::start(command, ended.clone(), odd)?;
                let transport = Overheard { transport, hearing: hearing.clone() };
                match hearing.clone().serve_with_lifecycle(transport, lifecycle).await {
                    Ok(service) => service,
                    Err(error) => {
                        let why = match ended.early().await {
                            Some(how) => format!("it {how}"),
                            None => no_agreement(&error),
                        };
                        return Err(again(why));
                    }
                }
            }
            Endpoint::Http { url, headers } => {
                let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                    .custom_headers(headers.iter().cloned().collect())
                    .max_concurrent_requests(MOST_POSTS)
                    .max_sse_event_size(MOST_MESSAGE_BYTES);
                let client = http_client().map_err(|error| again(chain(&error)))?;
                let transport = StreamableHttpClientTransport::with_client(client, config);
                let transport = Overheard { transport, hearing: hearing.clone() };
                hearing
                    .clone()
                    .serve_with_lifecycle(transport, lifecycle)
                    .await
                    .map_err(|error| again(no_agreement(&error)))?
            }
        };
        let peer = service.peer().clone();
        let connection = Connection { server: server.into(), peer, hearing, ended, runtime: Handle::current() };
        let listed = connection
            .list_tools()
            .await
            .map_err(|error| again(format!("its tools cannot be listed: {}", connection.explain(&error))))?;
        let subscription = connection.subscribe().await;
        let stop = service.cancellation_token();
        // Ends when the connection does, also when nobody asks.
        let ended = tokio::spawn(async { drop(service.waiting().await) });
        Ok(Self { connection, listed, stop, ended, subscription })
    }

    /// Waits until the list of tools has changed (`true`) or the connection has ended (`false`).
    pub(crate) async fn next_change(&mut self) -> bool {
        let heard = self.connection.hearing.tools_changed.clone();
        let subscribed = async {
            match &mut self.subscription {
                Some(subscription) => match subscription.next().await {
                    Ok(Some(_)) => {}
                    // Without it the list is as it was; the connection's own end is seen below.
                    Ok(None) | Err(_) => {
                        self.subscription = None;
                        std::future::pending().await
                    }
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = heard.notified() => true,
            () = subscribed => true,
            _ = &mut self.ended => false,
        }
    }

    /// Ends the connection and, if it is ours, the program.
    pub(crate) async fn close(self) {
        drop(self.subscription);
        self.stop.cancel();
        // A task that panicked has nothing more to close.
        let _ = self.ended.await;
    }
}

impl Connection {
    /// All tools, page by page. A server that pages for ever, or lists more than can be kept, is cut off.
    pub(crate) async fn list_tools(&self) -> Result<Listed, ServiceError> {
        let (mut listed, mut bytes, mut cursor) = (Listed::default(), 0_usize, None);
        for page in 0.. {
            let next = self.peer.list_tools(Some(PaginatedRequestParams::default().with_cursor(cursor))).await?;
            for tool in next.tools {
                bytes = bytes.saturating_add(serde_json::to_vec(&tool).map_or(0, |text| text.len()));
                listed.is_cut |= listed.tools.len() >= MOST_TOOLS || bytes > MOST_LISTED_BYTES;
                if listed.is_cut {
                    return Ok(listed);
                }
                listed.tools.push(tool);
            }
            cursor = next.next_cursor;
            if cursor.is_none() {
                break;
            }
            listed.is_cut = page + 1 >= MOST_PAGES;
            if listed.is_cut {
                break;
            }
        }
        Ok(listed)
    }

    /// Whether a call could still get an answer. The keeper learns a moment later that there is no connection any more.
    pub(crate) fn is_open(&self) -> bool {
        !self.ended.is_over() && !self.peer.is_transport_closed()
    }

    /// How the server ended.
    pub(crate) fn ending(&self) -> String {
        self.ended.sentence()
    }

    /// Since 2026-07-28 a server says that its tools changed only to those who subscribe.
    async fn subscribe(&self) -> Option<Subscription> {
        let server = self.peer.peer_info()?;
        let says_so = server.capabilities.tools.as_ref()?.list_changed == Some(true);
        if !says_so || server.protocol_version.as_str() < ProtocolVersion::V_2026_07_28.as_str() {
            return None;
        }
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        // A server that promises it and refuses it is no worse than one that does not promise.
        self.peer.listen(filter).await.ok()
    }

    /// Calls a tool once. Dropping the future tells the server that the call is cancelled; only then is its place free.
    pub(crate) async fn call(
        &self,
        tool: &str,
        arguments: JsonObject,
        context: &ToolContext,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<CallToolResult, ToolError> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let options = PeerRequestOptions::no_options();
        let handle = match self.peer.send_request_with_option(request, options).await {
            Ok(handle) => handle,
            Err(error) => return Err(self.failed(&error)),
        };
        let mut route = self.hearing.route(handle.progress_token.clone());
        let mut open = OpenCall { id: Some(handle.id.clone()), connection: self, place };
        let mut answer = pin!(handle.await_response());
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut answer => break answer,
                Some(progress) = route.progress.recv() => context.progress(progress),
            }
        };
        open.id = None;
        // What was said before the answer is told before it.
        while let Ok(progress) = route.progress.try_recv() {
            context.progress(progress);
        }
        match answer {
            Ok(ServerResult::CallToolResult(result)) => Ok(result),
            Ok(ServerResult::InputRequiredResult(_)) => Err(ToolError::new(
                "the tool wants an answer from a person before it goes on, which a program cannot give; ask the user and \
                 give what it wants in the input, or do without this tool",
            )
            .code("INPUT_REQUIRED")),
            Ok(ServerResult::CreateTaskResult(_)) => {
                Err(ToolError::new("the server answered with a long-running task, which is not supported")
                    .code("UNSUPPORTED"))
            }
            Ok(_) => Err(ToolError::new("the server's answer is not a tool result; its server has a mistake")
                .code("BAD_ANSWER")),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// What the program learns of a call that got no result.
    fn failed(&self, error: &ServiceError) -> ToolError {
        match error {
            ServiceError::McpError(error) if error.code == UNREADABLE => {
                ToolError::new(error.message.to_string()).code("BAD_ANSWER")
            }
            ServiceError::McpError(ErrorData { code, message, data, .. }) => {
                let error = ToolError::new(message.to_string()).code(code.0);
                match data {
                    Some(data) => error.data(data.clone()),
                    None => error,
                }
            }
            _ => ToolError::new(format!(
                "{}; the call may or may not have taken effect, and was not sent again",
                self.explain(error)
            ))
            .code("CONNECTION_LOST"),
        }
    }

    fn explain(&self, error: &ServiceError) -> String {
        match error {
            ServiceError::TransportClosed => format!("the server {:?} {}", self.server, self.ending()),
            ServiceError::TransportSend(error) => {
                format!("the server {:?} cannot be reached: {}", self.server, unreached(error))
            }
            error => format!("the server {:?} did not answer: {}", self.server, chain(error)),
        }
    }
}

/// Tells the server when nobody waits any more.
struct OpenCall<'a> {
    id: Option<RequestId>,
    connection: &'a Connection,
    place: Option<OwnedSemaphorePermit>,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let (peer, place) = (self.connection.peer.clone(), self.place.take());
        self.connection.runtime.spawn(async move {
            let _place = place;
            let params = CancelledNotificationParam::new(Some(id), Some("the program no longer waits".into()));
            // A server that is gone does not go on with the call.
            let _ = peer.notify_cancelled(params).await;
        });
    }
}

fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    // Another part of the host may have chosen one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A redirect would carry the headers, and with them the secrets, to another place.
    reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(redirect::Policy::none()).build()
}

/// Why there is no connection. The transport's own error says more than its wrapping.
fn no_agreement(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => format!("it cannot be reached: {}", unreached(error)),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => no_agreement(fallback),
        error => format!("it did not agree on the protocol: {}", chain(error)),
    }
}

/// What a transport failed at. Not the text of an HTTP client's error itself: it has the URL, and a URL can hold a key.
fn unreached(error: &DynamicTransportError) -> String {
    match error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        Some(StreamableHttpError::Client(error)) => match error.source() {
            Some(below) => chain(below),
            None if error.is_timeout() => "it took too long".into(),
            None => error.status().map_or_else(|| "the request failed".into(), |status| format!("it said {status}")),
        },
        _ => chain(&*error.error),
    }
}

/// An error and what is below it, once each.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        let more = source.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        below = source.source();
    }
    text
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MOST_POSTS: usize = 128;
const MOST_PAGES: usize = 1_000;
const MOST_TOOLS: usize = 10_000;
const MOST_LISTED_BYTES: usize = 32 << 20;
