//! [`Sessions`]: the sessions of clients over HTTP. The SDK keeps a channel for each request until it is answered; here their
//! number is bounded, and no request takes the place of another one with its id, whose channel would then stay for good.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{Stream, StreamExt, future::ready, stream::once};
use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{
        Transport,
        streamable_http_server::session::{
            ServerSseMessage, SessionId, SessionManager,
            local::{LocalSessionManager, LocalSessionManagerError},
        },
    },
};

use super::open_requests::OpenRequests;

/// All sessions.
pub(super) struct Sessions {
    local: LocalSessionManager,
    open: Mutex<HashMap<SessionId, SharedRequests>>,
}

/// The requests of a session that are not answered yet.
#[derive(Clone)]
struct SharedRequests(Arc<Mutex<OpenRequests>>);

/// A session's transport, which notices the answers.
pub(super) struct SessionTransport<T> {
    transport: T,
    open: SharedRequests,
}

impl Sessions {
    /// Sessions that end when they were idle for so long.
    pub(super) fn new(idle_timeout: Duration) -> Self {
        let mut local = LocalSessionManager::default();
        local.session_config.keep_alive = Some(idle_timeout);
        // What belongs to a cancelled request is nobody's.
        local.session_config.completed_cache_ttl = Duration::ZERO;
        Self { local, open: Mutex::default() }
    }

    /// How many there are.
    pub(super) async fn count(&self) -> usize {
        self.local.sessions.read().await.len()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SessionId, SharedRequests>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, id: &SessionId) -> SharedRequests {
        self.open().get(id).cloned().unwrap_or_default()
    }
}

impl SharedRequests {
    fn lock(&self) -> MutexGuard<'_, OpenRequests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SharedRequests {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(OpenRequests::new(MAX_OPEN_REQUESTS))))
    }
}

impl SessionManager for Sessions {
    type Error = LocalSessionManagerError;
    type Transport = SessionTransport<<LocalSessionManager as SessionManager>::Transport>;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let (id, transport) = self.local.create_session().await?;
        let open = SharedRequests::default();
        self.open().insert(id.clone(), open.clone());
        Ok((id, SessionTransport { transport, open }))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        self.local.initialize_session(id, message).await
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        self.local.has_session(id).await
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.open().remove(id);
        self.local.close_session(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        mut message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let open = self.of(id);
        let mut request = None;
        if let JsonRpcMessage::Request(it) = &mut message {
            request = Some(it.id.clone());
            let entered = open.lock().enter(it);
            if let Err(refusal) = entered {
                let refusal = ServerJsonRpcMessage::error(refusal, request);
                return Ok(once(ready(ServerSseMessage::from_message(refusal))).left_stream());
            }
        }
        match self.local.create_stream(id, message).await {
            Ok(stream) => Ok(stream.right_stream()),
            Err(error) => {
                if let Some(request) = &request {
                    open.lock().leave(request);
                }
                Err(error)
            }
        }
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Self::Error> {
        self.of(id).lock().note_cancelled(&message);
        self.local.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.create_standalone_stream(id).await
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.resume(id, last_event_id).await
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for SessionTransport<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.open.lock().note_sent(&item);
        self.transport.send(item)
    }

    fn receive(&mut self) -> impl Future<Output = Option<RxJsonRpcMessage<RoleServer>>> + Send {
        self.transport.receive()
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.transport.close()
    }
}

/// How many requests of one session may wait for their answers.
const MAX_OPEN_REQUESTS: usize = 128;
