//! [`Outbox`]: the room for calls that wait to be sent to a server.

use std::sync::Arc;

use rmcp::model::JsonObject;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::weight::weight;

/// What may wait to be sent, in units of [`ROOM_BYTES`]. Cheap to clone.
#[derive(Clone)]
pub(super) struct Outbox(Arc<Semaphore>);

/// The room that a call takes while it waits to be sent. It is a part of the request, so that it is given back when the
/// request is written, whether its caller still waits or not.
#[derive(Clone)]
pub(super) struct Room {
    _permits: Arc<OwnedSemaphorePermit>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_ROOM)))
    }

    /// Waits for the room to send these arguments.
    pub(super) async fn room(&self, arguments: &JsonObject) -> Option<Room> {
        let units = (weight(arguments) / ROOM_BYTES + 1).min(MAX_ROOM);
        // The semaphore is never closed.
        let permits = self.0.clone().acquire_many_owned(u32::try_from(units).unwrap_or(1)).await.ok()?;
        Some(Room { _permits: Arc::new(permits) })
    }
}

/// The unit in which room is counted: about 1,000 calls and 32 MiB may wait for a server that does not read.
const ROOM_BYTES: usize = 32 << 10;
const MAX_ROOM: usize = 1_024;
