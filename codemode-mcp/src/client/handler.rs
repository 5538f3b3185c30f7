//! [`NotificationHandler`]: routes the notifications of a server. Progress goes to the call it belongs to, a changed tool
//! list to the supervisor.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use codemode_core::Progress;
use rmcp::{
    ClientHandler,
    model::{
        ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam, ProgressToken, ProtocolVersion,
        RequestId,
    },
};
use tokio::sync::{Notify, mpsc};

use super::poison::lock;

/// The client's side of one connection.
#[derive(Clone, Default)]
pub(crate) struct NotificationHandler {
    subscriptions: Arc<Mutex<Subscriptions>>,
    /// Notified when the list of tools has changed.
    pub(crate) tools_changed: Arc<Notify>,
}

#[derive(Default)]
struct Subscriptions {
    calls: HashMap<ProgressToken, mpsc::Sender<Progress>>,
    /// Progress without a subscriber: a server may report some before `subscribe` follows the request.
    unclaimed: VecDeque<(ProgressToken, Progress)>,
}

/// The progress of one call. Dropping it ends the subscription.
pub(crate) struct ProgressSubscription {
    token: ProgressToken,
    subscriptions: Arc<Mutex<Subscriptions>>,
    pub(crate) progress: mpsc::Receiver<Progress>,
}

impl NotificationHandler {
    pub(crate) fn subscribe(&self, token: ProgressToken) -> ProgressSubscription {
        let (send, progress) = mpsc::channel(MAX_QUEUED);
        let mut subscriptions = lock(&self.subscriptions);
        let mut kept = VecDeque::new();
        for (of, progress) in subscriptions.unclaimed.drain(..) {
            if of == token {
                // Over the bound of the channel it is lost, as below.
                let _ = send.try_send(progress);
            } else {
                kept.push_back((of, progress));
            }
        }
        subscriptions.unclaimed = kept;
        subscriptions.calls.insert(token.clone(), send);
        drop(subscriptions);
        ProgressSubscription { token, subscriptions: self.subscriptions.clone(), progress }
    }

    pub(super) fn progress(&self, mut params: ProgressNotificationParam) {
        if let Some(message) = &mut params.message
            && message.len() > MAX_MESSAGE_BYTES
        {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
            message.push_str(" … (cut)");
            message.shrink_to_fit();
        }
        // It is ours and short, unless the server makes one up.
        if matches!(&params.progress_token.0, RequestId::String(token) if token.len() > MAX_TOKEN_BYTES) {
            return;
        }
        let mut progress = Progress::new(params.progress);
        (progress.total, progress.message) = (params.total, params.message);
        let mut subscriptions = lock(&self.subscriptions);
        match subscriptions.calls.get(&params.progress_token) {
            // A server that floods loses steps; it does not fill our memory.
            Some(call) => drop(call.try_send(progress)),
            None => {
                subscriptions.unclaimed.push_back((params.progress_token, progress));
                if subscriptions.unclaimed.len() > MAX_UNCLAIMED {
                    subscriptions.unclaimed.pop_front();
                }
            }
        }
    }
}

impl Drop for ProgressSubscription {
    fn drop(&mut self) {
        lock(&self.subscriptions).calls.remove(&self.token);
    }
}

impl ClientHandler for NotificationHandler {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(ClientCapabilities::default(), Implementation::new("codemode", env!("CARGO_PKG_VERSION")))
            .with_protocol_version(ProtocolVersion::V_2025_11_25)
    }
}

const MAX_QUEUED: usize = 64;
const MAX_UNCLAIMED: usize = 32;
/// The longest message of one step.
const MAX_MESSAGE_BYTES: usize = 16 << 10;
const MAX_TOKEN_BYTES: usize = 256;
