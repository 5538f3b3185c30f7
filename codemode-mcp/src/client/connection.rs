//! [`Connection`]: one connection to one server, from start to end.

use std::{error::Error, pin::pin, sync::Arc, time::Duration};

use codemode_core::{ToolContext, ToolError};
use rmcp::{
    RoleClient, ServiceError,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotificationParam, ClientRequest, ErrorData,
        JsonObject, PaginatedRequestParams, ProtocolVersion, RequestId, ServerResult, SubscriptionFilter, Tool,
    },
    service::{
        ClientCacheConfig, ClientInitializeError, ClientLifecycleMode, ClientServiceExt, Peer, PeerRequestOptions,
        RunningServiceCancellationToken, Subscription,
    },
    transport::DynamicTransportError,
};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, task::JoinHandle, time::timeout};

#[cfg(feature = "client-http")]
use super::http;
use super::{
    exit::Exit,
    guarded_transport::GuardedTransport,
    handler::NotificationHandler,
    outbox::Outbox,
    stdio::{CLOSE_TIMEOUT, MALFORMED, StartError, StdioTransport},
};
use crate::{config::Endpoint, message_reader::ProtocolWarning};

/// An established connection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connection {
    server: Arc<str>,
    peer: Peer<RoleClient>,
    handler: NotificationHandler,
    exit: Arc<Exit>,
    runtime: Handle,
    outbox: Outbox,
    keeps_listings: bool,
}

/// A connection and its task, owned by the supervisor.
pub(crate) struct Running {
    pub(crate) connection: Connection,
    pub(crate) listing: Listing,
    stop: RunningServiceCancellationToken,
    ended: JoinHandle<()>,
    /// Kept, because the server announces changes while it is.
    subscription: Option<Subscription>,
}

/// The tools that a server lists.
#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) tools: Vec<Tool>,
    /// There are more, over a limit.
    pub(crate) truncated: bool,
    pub(crate) bytes: usize,
}

impl Listing {
    /// Adds the tools of a page, up to the limits.
    fn with(mut self, tools: Vec<Tool>) -> Self {
        for tool in tools {
            self.bytes = self.bytes.saturating_add(serde_json::to_vec(&tool).map_or(0, |text| text.len()));
            self.truncated |= self.tools.len() >= MAX_TOOLS || self.bytes > MAX_LISTED_BYTES;
            if self.truncated {
                break;
            }
            self.tools.push(tool);
        }
        self
    }
}

impl Running {
    /// Starts the server, negotiates the protocol and lists the tools.
    pub(crate) async fn start(
        server: &str,
        endpoint: &Endpoint,
        lifecycle: ClientLifecycleMode,
        on_warning: impl FnMut(ProtocolWarning) + Send + 'static,
    ) -> Result<Self, StartError> {
        let (handler, exit) = (NotificationHandler::default(), Arc::<Exit>::default());
        let temporary = |reason: String| StartError { reason, permanent: false };
        let service = match endpoint {
            Endpoint::Stdio(command) => {
                let transport = StdioTransport::start(command, exit.clone(), on_warning)?;
                let transport = GuardedTransport::new(transport, handler.clone(), exit.clone());
                match handler.clone().serve_with_lifecycle(transport, lifecycle).await {
                    Ok(service) => service,
                    Err(error) => {
                        let reason = match exit.early().await {
                            Some(how) => format!("it {how}"),
                            None => negotiation_failure(&error),
                        };
                        return Err(temporary(reason));
                    }
                }
            }
            #[cfg(feature = "client-http")]
            Endpoint::Http(endpoint) => {
                let transport = http::transport(endpoint).map_err(|error| temporary(chain(&error)))?;
                let transport = GuardedTransport::new(transport, handler.clone(), exit.clone());
                handler
                    .clone()
                    .serve_with_lifecycle(transport, lifecycle)
                    .await
                    .map_err(|error| temporary(negotiation_failure(&error)))?
            }
        };
        let peer = service.peer().clone();
        // It would keep each page that the server ever listed.
        peer.set_response_cache_config(ClientCacheConfig::disabled()).await;
        let connection = Connection {
            server: server.into(),
            peer,
            handler,
            exit,
            runtime: Handle::current(),
            outbox: Outbox::new(),
            keeps_listings: !matches!(endpoint, Endpoint::Stdio(_)),
        };
        let listing = connection
            .list_tools()
            .await
            .map_err(|error| temporary(format!("its tools cannot be listed: {}", connection.explain(&error))))?;
        let subscription = connection.subscribe().await;
        let stop = service.cancellation_token();
        // Drives the connection to its end.
        let ended = tokio::spawn(async { drop(service.waiting().await) });
        Ok(Self { connection, listing, stop, ended, subscription })
    }

    /// Waits until the list of tools has changed (`true`) or the connection has ended (`false`).
    pub(crate) async fn next_change(&mut self) -> bool {
        tokio::select! {
            () = self.connection.handler.tools_changed.notified() => true,
            _ = &mut self.ended => false,
        }
    }

    /// Waits; whether the connection ended meanwhile, after which it must not be asked again.
    pub(crate) async fn ended_within(&mut self, pause: Duration) -> bool {
        timeout(pause, &mut self.ended).await.is_ok()
    }

    /// Closes the connection and, over stdio, ends the process. Takes at most [`CLOSE_TIMEOUT`].
    pub(crate) async fn close(mut self) {
        drop(self.subscription);
        self.stop.cancel();
        // A task that panicked has nothing left to close; one that takes longer goes on alone.
        let _ = timeout(CLOSE_TIMEOUT, &mut self.ended).await;
    }
}

impl Connection {
    /// All tools, page by page, up to the limits on pages, tools and bytes.
    pub(crate) async fn list_tools(&self) -> Result<Listing, ServiceError> {
        let (mut listing, mut cursor) = (Listing::default(), None);
        for page in 1.. {
            let next = self.peer.list_tools(Some(PaginatedRequestParams::default().with_cursor(cursor))).await?;
            cursor = next.next_cursor;
            listing = listing.with(next.tools);
            if cursor.is_none() || listing.truncated {
                break;
            }
            listing.truncated = page >= MAX_PAGES;
        }
        Ok(listing)
    }

    /// Whether a call could still get an answer. The supervisor notices a closed connection a moment later.
    pub(crate) fn is_open(&self) -> bool {
        !self.exit.is_output_closed() && !self.peer.is_transport_closed()
    }

    /// Whether the transport keeps all that was ever listed, as the one of HTTP does for its headers.
    pub(crate) fn keeps_listings(&self) -> bool {
        self.keeps_listings
    }

    /// How the server ended.
    pub(crate) fn exit(&self) -> String {
        self.exit.describe()
    }

    /// Since 2026-07-28 a server announces changes of its tools to subscribers only.
    async fn subscribe(&self) -> Option<Subscription> {
        let server = self.peer.peer_info()?;
        let announces = server.capabilities.tools.as_ref()?.list_changed == Some(true);
        if !announces || server.protocol_version.as_str() < ProtocolVersion::V_2026_07_28.as_str() {
            return None;
        }
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        // A server that declares the capability and refuses the subscription is treated as one without it.
        self.peer.listen(filter).await.ok()
    }

    /// Calls a tool once. Dropping the future cancels the call at the server; only then is its permit released.
    pub(crate) async fn call(
        &self,
        tool: &str,
        arguments: JsonObject,
        context: &ToolContext,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<CallToolResult, ToolError> {
        let room = self.outbox.room(&arguments).await;
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let mut request = CallToolRequest::new(params);
        if let Some(room) = room {
            request.extensions.insert(room);
        }
        let request = ClientRequest::CallToolRequest(request);
        let options = PeerRequestOptions::no_options();
        let handle = match self.peer.send_request_with_option(request, options).await {
            Ok(handle) => handle,
            Err(error) => return Err(self.failed(&error)),
        };
        let mut subscription = self.handler.subscribe(handle.progress_token.clone());
        let mut open = OpenCall { id: Some(handle.id.clone()), connection: self, permit };
        let mut answer = pin!(handle.await_response());
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut answer => break answer,
                Some(progress) = subscription.progress.recv() => context.progress(progress),
            }
        };
        open.id = None;
        // Progress that arrived before the answer is reported before it.
        while let Ok(progress) = subscription.progress.try_recv() {
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

    /// The error of a call without a result.
    fn failed(&self, error: &ServiceError) -> ToolError {
        match error {
            ServiceError::McpError(error) if error.code == MALFORMED => {
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
            ServiceError::TransportClosed => format!("the server {:?} {}", self.server, self.exit()),
            ServiceError::TransportSend(error) => {
                format!("the server {:?} cannot be reached: {}", self.server, transport_failure(error))
            }
            error => format!("the server {:?} did not answer: {}", self.server, chain(error)),
        }
    }
}

/// A call in flight. Dropping it while it has an `id` cancels it at the server.
struct OpenCall<'a> {
    id: Option<RequestId>,
    connection: &'a Connection,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let (peer, permit) = (self.connection.peer.clone(), self.permit.take());
        self.connection.runtime.spawn(async move {
            let _permit = permit;
            let params = CancelledNotificationParam::new(Some(id), Some("the program no longer waits".into()));
            // Without a connection there is nothing to cancel.
            let _ = peer.notify_cancelled(params).await;
        });
    }
}

/// Why there is no connection. The transport's own error says more than the one around it.
fn negotiation_failure(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => {
            format!("it cannot be reached: {}", transport_failure(error))
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => negotiation_failure(fallback),
        error => format!("it did not agree on the protocol: {}", chain(error)),
    }
}

/// What a transport failed at.
fn transport_failure(error: &DynamicTransportError) -> String {
    #[cfg(feature = "client-http")]
    if let Some(failure) = http::failure(error) {
        return match failure {
            http::Failure::Cause(cause) => chain(cause),
            http::Failure::Text(text) => text,
        };
    }
    chain(&*error.error)
}

/// An error and its sources, without repetition.
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

const MAX_PAGES: usize = 1_000;
const MAX_TOOLS: usize = 10_000;
const MAX_LISTED_BYTES: usize = 32 << 20;
