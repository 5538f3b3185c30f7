//! [`ClientTransport`]: a client over a pair of streams. What it sends is bounded in size, what is not answered yet in number,
//! and what waits for it to read in number and bytes.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rmcp::{
    RoleServer,
    model::{ErrorData, JsonRpcMessage, RequestId},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
};

use super::open_requests::OpenRequests;
use crate::{
    message_reader::{Incoming, MessageReader},
    message_writer::{MessageWriter, WriteLimits},
};

/// The transport to one client.
pub(crate) struct ClientTransport<R, W> {
    messages: MessageReader<R, RxJsonRpcMessage<RoleServer>>,
    writer: MessageWriter<W>,
    /// Those that the SDK has. It drops what waits for room here, and asks again, when it has sent an answer.
    open: OpenRequests,
    /// Answers to requests that could not be read.
    refusals: JoinSet<()>,
    overflowed: Arc<AtomicBool>,
}

impl<R, W> ClientTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    pub(crate) fn new(read: R, write: W) -> Self {
        Self {
            messages: MessageReader::new(read, MAX_REQUEST_BYTES, |_| {}),
            writer: MessageWriter::new(write, WRITE_LIMITS),
            open: OpenRequests::new(MAX_OPEN_REQUESTS),
            refusals: JoinSet::new(),
            overflowed: Arc::default(),
        }
    }

    /// Set when the client asked for more than it read.
    pub(crate) fn overflowed(&self) -> Arc<AtomicBool> {
        self.overflowed.clone()
    }

    /// The next message, when there is room for what comes of it.
    async fn next(&mut self) -> Option<Incoming<RxJsonRpcMessage<RoleServer>>> {
        self.open.room().await;
        self.writer.keeps_up(PATIENCE).await;
        self.messages.next().await.ok().flatten()
    }

    fn refuse(&mut self, id: Option<RequestId>, why: ErrorData) {
        let refusal = TxJsonRpcMessage::<RoleServer>::error(why, id);
        let sent = self.writer.send(&refusal);
        self.refusals.spawn(async move {
            // A client that is gone does not read it.
            let _ = sent.await;
        });
    }
}

impl<R, W> Transport<RoleServer> for ClientTransport<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.open.note_sent(&item);
        self.writer.send(&item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            while self.refusals.try_join_next().is_some() {}
            let writer = self.writer.clone();
            let incoming = tokio::select! {
                biased;
                () = writer.closed() => None,
                incoming = self.next() => incoming,
            };
            match incoming {
                Some(Incoming::Message(JsonRpcMessage::Request(mut request))) => match self.open.enter(&mut request) {
                    Ok(()) => return Some(JsonRpcMessage::Request(request)),
                    Err(why) => self.refuse(Some(request.id), why),
                },
                Some(Incoming::Message(message)) => {
                    self.open.note_cancelled(&message);
                    return Some(message);
                }
                Some(Incoming::BadRequest(id, why)) => self.refuse(id, ErrorData::invalid_request(why, None)),
                // Nothing was asked of the client.
                Some(Incoming::BadAnswer(..)) => {}
                None => {
                    self.overflowed.store(self.writer.has_overflowed(), Ordering::SeqCst);
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.close().await;
        Ok(())
    }
}

/// The longest request: a program has at most 256 KiB by default.
const MAX_REQUEST_BYTES: usize = 4 << 20;
/// More than the calls and subscriptions that a client may have at once: those beyond are refused, which is an answer.
const MAX_OPEN_REQUESTS: usize = 256;
/// What may wait for a client to read. From half of it on, its requests are not read until it does.
const WRITE_LIMITS: WriteLimits = WriteLimits { messages: 1_024, bytes: 64 << 20 };
/// How long a client may read nothing before its requests are read regardless, until it is disconnected.
const PATIENCE: Duration = Duration::from_secs(5);
