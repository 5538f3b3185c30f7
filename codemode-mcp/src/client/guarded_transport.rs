//! [`GuardedTransport`]: a transport that takes what a server sends unasked before the SDK sees it. The SDK starts a task for
//! each request and notification, so a server could fill our memory with what it sends, and with the answers that it does
//! not read. And it would pass on progress after the answer of its call.
#![expect(deprecated, reason = "servers before 2026-07-28 may ask for roots")]

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use rmcp::{
    RoleClient,
    model::{
        ClientNotification, ClientResult, ElicitResult, ElicitationAction, ErrorCode, ErrorData, JsonRpcMessage,
        JsonRpcNotification, JsonRpcRequest, ListRootsResult, RequestId, ServerNotification, ServerRequest,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::{
    task::JoinSet,
    time::{sleep_until, timeout, timeout_at},
};

use super::{exit::Exit, handler::NotificationHandler, stdio::CLOSE_TIMEOUT};

/// A transport, and what it keeps from the SDK.
pub(crate) struct GuardedTransport<T> {
    transport: T,
    handler: NotificationHandler,
    exit: Arc<Exit>,
    /// Our answers that the server has not read yet.
    answers: JoinSet<()>,
    /// Since when the server reads none of them, although there are too many.
    stalled: Option<Instant>,
    /// The requests that the server may answer.
    open: HashSet<RequestId>,
    /// How many messages it sent unasked since then.
    unasked: (Instant, usize),
}

impl<T: Transport<RoleClient>> GuardedTransport<T> {
    pub(crate) fn new(transport: T, handler: NotificationHandler, exit: Arc<Exit>) -> Self {
        let unasked = (Instant::now(), 0);
        Self { transport, handler, exit, answers: JoinSet::new(), stalled: None, open: HashSet::new(), unasked }
    }

    /// Waits until the server has read some of our answers, and until it may send more. `false` when it reads none: it is at
    /// fault then. Cancel safe.
    async fn admits(&mut self) -> bool {
        while self.answers.try_join_next().is_some() {}
        while self.answers.len() >= MAX_ANSWERS {
            let until = *self.stalled.get_or_insert_with(Instant::now) + PATIENCE;
            if timeout_at(until.into(), self.answers.join_next()).await.is_err() {
                self.exit.set_fault("sent requests without end and did not read the answers, and was stopped");
                return false;
            }
            self.stalled = None;
        }
        let (since, count) = self.unasked;
        if count >= MAX_UNASKED {
            sleep_until((since + PERIOD).into()).await;
        }
        if since.elapsed() >= PERIOD {
            self.unasked = (Instant::now(), 0);
        }
        true
    }

    /// Answers a request of the server.
    fn answer(&mut self, JsonRpcRequest { id, request, .. }: JsonRpcRequest<ServerRequest>) {
        // No server needs such an id, and each answer would hold it.
        if matches!(&id, RequestId::String(id) if id.len() > MAX_ID_BYTES) {
            return;
        }
        let result = match request {
            ServerRequest::PingRequest(_) => Ok(ClientResult::empty(())),
            ServerRequest::ListRootsRequest(_) => Ok(ClientResult::ListRootsResult(ListRootsResult::default())),
            ServerRequest::ElicitRequest(_) => {
                Ok(ClientResult::ElicitResult(ElicitResult::new(ElicitationAction::Decline)))
            }
            _ => Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "this client has no such method", None)),
        };
        let answer = match result {
            Ok(result) => JsonRpcMessage::response(result, id),
            Err(error) => JsonRpcMessage::error(error, Some(id)),
        };
        let sent = self.transport.send(answer);
        self.answers.spawn(async move {
            // The transport notices a server that is gone.
            let _ = sent.await;
        });
    }

    /// Takes a notification, or passes it on if the SDK acts on it.
    fn notified(&self, notification: JsonRpcNotification<ServerNotification>) -> Option<RxJsonRpcMessage<RoleClient>> {
        match notification.notification {
            ServerNotification::ProgressNotification(progress) => self.handler.progress(progress.params),
            // Several are noticed as one.
            ServerNotification::ToolListChangedNotification(_) => self.handler.tools_changed.notify_one(),
            ServerNotification::CancelledNotification(_)
            | ServerNotification::SubscriptionsAcknowledgedNotification(_) => {
                return Some(JsonRpcMessage::Notification(notification));
            }
            // Log messages and what belongs to prompts and resources, which no program can use.
            _ => {}
        }
        None
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for GuardedTransport<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        match &item {
            JsonRpcMessage::Request(request) => {
                self.open.insert(request.id.clone());
            }
            JsonRpcMessage::Notification(JsonRpcNotification {
                notification: ClientNotification::CancelledNotification(cancelled),
                ..
            }) => {
                cancelled.params.request_id.as_ref().map(|id| self.open.remove(id));
            }
            _ => {}
        }
        self.transport.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            if !self.admits().await {
                return None;
            }
            let message = self.transport.receive().await?;
            let is_asked_for = match &message {
                JsonRpcMessage::Response(response) => self.open.remove(&response.id),
                JsonRpcMessage::Error(error) => error.id.as_ref().is_some_and(|id| self.open.remove(id)),
                _ => false,
            };
            if !is_asked_for {
                self.unasked.1 += 1;
            }
            match message {
                JsonRpcMessage::Request(request) => self.answer(request),
                JsonRpcMessage::Notification(notification) => {
                    if let Some(message) = self.notified(notification) {
                        return Some(message);
                    }
                }
                answer => return Some(answer),
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.answers.abort_all();
        // The one of HTTP waits for the SDK to read what still arrives, which it no longer does. It ends when it is dropped.
        timeout(CLOSE_TIMEOUT, self.transport.close()).await.unwrap_or(Ok(()))
    }
}

/// How many of our answers may wait for a server to read.
const MAX_ANSWERS: usize = 256;
/// How long it may read none of them when there are so many.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_ID_BYTES: usize = 1 << 10;
/// How many messages nobody asked for, progress included, are read from one server in a period; the rest waits in its pipe.
const MAX_UNASKED: usize = 20_000;
const PERIOD: Duration = Duration::from_secs(1);
