//! [`OpenRequests`]: the requests of one client that are not answered yet. The SDK keeps a task or a channel for each, and
//! of two with one id it would answer only one.

use std::{collections::HashSet, future::pending, sync::Arc};

use rmcp::{
    RoleServer,
    model::{
        ClientNotification, ClientRequest, ErrorData, GetExtensions, JsonRpcMessage, JsonRpcNotification,
        JsonRpcRequest, RequestId,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The requests of one client.
#[derive(Debug)]
pub(super) struct OpenRequests {
    /// Those that the client waits for.
    ids: HashSet<RequestId>,
    /// One permit per request that is being worked on. One that the client cancelled has its permit until the work ends.
    places: Arc<Semaphore>,
    max: usize,
}

/// The place of a request. It stands in the request's extensions, which the SDK drops when the request's handler ends.
#[derive(Debug, Clone)]
struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl OpenRequests {
    /// None yet, and at most `max`.
    pub(super) fn new(max: usize) -> Self {
        Self { ids: HashSet::new(), places: Arc::new(Semaphore::new(max)), max }
    }

    /// Completes when there is room for another request. Cancel safe. Await it anew when an answer was sent.
    pub(super) async fn room(&self) {
        if self.ids.len() >= self.max {
            return pending().await;
        }
        // It is never closed, and the permit is there for `enter`, which nobody else calls meanwhile.
        let _ = self.places.acquire().await;
    }

    /// Takes a place for a request.
    ///
    /// # Errors
    /// When another one has its id, or when there are `max`.
    pub(super) fn enter(&mut self, request: &mut JsonRpcRequest<ClientRequest>) -> Result<(), ErrorData> {
        if self.ids.contains(&request.id) {
            let why = "a request with this id is not answered yet; give each its own id";
            return Err(ErrorData::invalid_request(why, None));
        }
        match self.places.clone().try_acquire_owned() {
            Ok(permit) if self.ids.len() < self.max => {
                request.request.extensions_mut().insert(Place { _permit: Arc::new(permit) });
                self.ids.insert(request.id.clone());
                Ok(())
            }
            _ => {
                let why =
                    "too many requests of this client are not answered yet; send the next one when one of them is";
                Err(ErrorData::invalid_request(why, None))
            }
        }
    }

    /// Forgets a request: nobody answers it.
    pub(super) fn leave(&mut self, id: &RequestId) {
        self.ids.remove(id);
    }

    /// Forgets a request that is answered with this.
    pub(super) fn note_sent(&mut self, message: &TxJsonRpcMessage<RoleServer>) {
        match message {
            JsonRpcMessage::Response(response) => self.leave(&response.id),
            JsonRpcMessage::Error(error) => {
                if let Some(id) = &error.id {
                    self.leave(id);
                }
            }
            _ => {}
        }
    }

    /// Forgets a request that is cancelled with this: it gets no answer.
    pub(super) fn note_cancelled(&mut self, message: &RxJsonRpcMessage<RoleServer>) {
        if let JsonRpcMessage::Notification(JsonRpcNotification {
            notification: ClientNotification::CancelledNotification(cancelled),
            ..
        }) = message
            && let Some(id) = &cancelled.params.request_id
        {
            self.leave(id);
        }
    }
}
