//! [`Hearing`]: what a server says unasked. Progress goes to the call it belongs to, a changed tool list to the keeper.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use codemode_core::Progress;
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, Implementation, JsonRpcMessage, JsonRpcNotification,
        ProgressNotificationParam, ProgressToken, ProtocolVersion, ServerNotification,
    },
    service::{NotificationContext, RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::{Notify, mpsc};

/// The client's side of one connection.
#[derive(Clone, Default)]
pub(crate) struct Hearing {
    routes: Arc<Mutex<Routes>>,
    /// The list of tools has changed.
    pub(crate) tools_changed: Arc<Notify>,
}

#[derive(Default)]
struct Routes {
    calls: HashMap<ProgressToken, mpsc::Sender<Progress>>,
    /// What came before its call was known: a server may be faster than the way back from sending.
    early: VecDeque<(ProgressToken, Progress)>,
}

/// The progress of one call, until it is dropped.
pub(crate) struct Route {
    token: ProgressToken,
    routes: Arc<Mutex<Routes>>,
    pub(crate) progress: mpsc::Receiver<Progress>,
}

impl Hearing {
    pub(crate) fn route(&self, token: ProgressToken) -> Route {
        let (send, progress) = mpsc::channel(MOST_WAITING);
        let mut routes = lock(&self.routes);
        let mut kept = VecDeque::new();
        for (of, progress) in routes.early.drain(..) {
            if of == token {
                // Nobody reads yet; what does not fit is as lost as in a flood.
                let _ = send.try_send(progress);
            } else {
                kept.push_back((of, progress));
            }
        }
        routes.early = kept;
        routes.calls.insert(token.clone(), send);
        drop(routes);
        Route { token, routes: self.routes.clone(), progress }
    }

    fn progress(&self, said: ProgressNotificationParam) {
        let progress = Progress { done: said.progress, total: said.total, message: said.message };
        let mut routes = lock(&self.routes);
        match routes.calls.get(&said.progress_token) {
            // A server that floods loses steps, not memory of ours.
            Some(call) => drop(call.try_send(progress)),
            None => {
                routes.early.push_back((said.progress_token, progress));
                if routes.early.len() > MOST_EARLY {
                    routes.early.pop_front();
                }
            }
        }
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        lock(&self.routes).calls.remove(&self.token);
    }
}

/// A transport that is listened to on the way: the SDK handles notifications in tasks of their own, so that the
/// progress of a call could come after its answer.
pub(crate) struct Overheard<T> {
    pub(crate) transport: T,
    pub(crate) hearing: Hearing,
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Overheard<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.transport.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            match self.transport.receive().await? {
                JsonRpcMessage::Notification(JsonRpcNotification {
                    notification: ServerNotification::ProgressNotification(said),
                    ..
                }) => self.hearing.progress(said.params),
                message => return Some(message),
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.transport.close()
    }
}

impl ClientHandler for Hearing {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(ClientCapabilities::default(), Implementation::new("codemode", env!("CARGO_PKG_VERSION")))
            .with_protocol_version(ProtocolVersion::V_2025_11_25)
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.tools_changed.notify_one();
    }
}

fn lock(routes: &Mutex<Routes>) -> MutexGuard<'_, Routes> {
    routes.lock().unwrap_or_else(PoisonError::into_inner)
}

const MOST_WAITING: usize = 64;
const MOST_EARLY: usize = 32;
