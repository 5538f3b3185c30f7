//! [`ArtifactStore`]: content that is too large for a model's context, kept in memory under random handles until newer
//! content needs the space.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::poison::lock;

/// Keeps large content under random handles. Its size is bounded: the oldest content is evicted first. Clones share
/// their content.
///
/// A handle holds 122 random bits, so that a client that shares the store with others cannot guess theirs.
///
/// ```
/// use codemode_core::{Artifact, ArtifactStore};
///
/// let store = ArtifactStore::default();
/// let handle = store.put(Artifact::text("text/plain", "a long text")).expect("it fits");
/// let chunk = store.chunk(&handle, 0, 6).expect("the handle is known");
/// assert_eq!((chunk.data.as_str(), chunk.next_offset), ("a long", Some(6)));
/// ```
#[derive(Clone)]
pub struct ArtifactStore(Arc<Mutex<Inner>>);

struct Inner {
    /// Oldest first.
    artifacts: VecDeque<(String, Artifact)>,
    bytes: usize,
    max_bytes: usize,
}

/// One piece of content in an [`ArtifactStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Artifact {
    /// The MIME type of the content, not of its encoding.
    pub mime_type: Arc<str>,
    /// The text itself, or binary content as base64.
    pub data: Arc<str>,
    /// Whether `data` is base64.
    pub base64: bool,
}

/// A range of an [`Artifact`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunk {
    /// The artifact it was read from.
    pub artifact: Artifact,
    /// The data in the range.
    pub data: String,
    /// The offset of the next chunk; `None` after the last.
    pub next_offset: Option<usize>,
}

impl Artifact {
    /// A text.
    pub fn text(mime_type: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { mime_type: mime_type.into(), data: text.into(), base64: false }
    }

    /// Binary content, encoded as base64.
    pub fn base64(mime_type: impl Into<Arc<str>>, data: impl Into<Arc<str>>) -> Self {
        Self { mime_type: mime_type.into(), data: data.into(), base64: true }
    }
}

impl ArtifactStore {
    /// A store that holds up to `max_bytes` bytes of data.
    pub fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner { artifacts: VecDeque::new(), bytes: 0, max_bytes })))
    }

    /// Stores an artifact and returns its handle; `None` when it is larger than the whole store.
    pub fn put(&self, artifact: Artifact) -> Option<String> {
        let mut inner = self.lock();
        let size = artifact.data.len();
        if size > inner.max_bytes {
            return None;
        }
        while inner.bytes + size > inner.max_bytes {
            let Some((_, oldest)) = inner.artifacts.pop_front() else { break };
            inner.bytes -= oldest.data.len();
        }
        let handle = format!("h_{}", Uuid::new_v4().simple());
        inner.bytes += size;
        inner.artifacts.push_back((handle.clone(), artifact));
        Some(handle)
    }

    /// The artifact under a handle, unless it was evicted.
    pub fn get(&self, handle: &str) -> Option<Artifact> {
        self.lock().artifacts.iter().find(|(name, _)| name == handle).map(|(_, artifact)| artifact.clone())
    }

    /// Reads up to `length` bytes, starting at `offset`. Both ends are moved to character boundaries, and a chunk holds
    /// at least one character.
    ///
    /// # Errors
    /// A sentence for a model when the handle is unknown or the offset is past the end.
    pub fn chunk(&self, handle: &str, offset: usize, length: usize) -> Result<Chunk, String> {
        let artifact = self.get(handle).ok_or_else(|| {
            format!("there is nothing under the handle {handle:?}: it is mistyped, or newer content took its place; get it again")
        })?;
        let data = &artifact.data;
        let size = data.len();
        if offset > size {
            return Err(format!("the offset {offset} is past the end; the content has {size} bytes"));
        }
        let start = data.floor_char_boundary(offset);
        let mut end = data.floor_char_boundary(start.saturating_add(length.max(1)).min(size));
        if end == start {
            end = data.ceil_char_boundary((start + 1).min(size));
        }
        let data = data.get(start..end).unwrap_or_default().to_owned();
        Ok(Chunk { data, next_offset: (end < size).then_some(end), artifact })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }
}

impl Chunk {
    /// The chunk as a tool returns it: `{ mimeType, encoding, size, data, nextOffset? }`.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "mimeType": &*self.artifact.mime_type,
            "encoding": if self.artifact.base64 { "base64" } else { "text" },
            "size": self.artifact.data.len(),
            "data": self.data,
        });
        if let (Some(next), Some(json)) = (self.next_offset, json.as_object_mut()) {
            json.insert("nextOffset".into(), next.into());
        }
        json
    }
}

impl Default for ArtifactStore {
    /// 64 MiB.
    fn default() -> Self {
        Self::new(64 << 20)
    }
}

impl fmt::Debug for ArtifactStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("ArtifactStore")
            .field("artifacts", &inner.artifacts.len())
            .field("bytes", &inner.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: &str) -> Artifact {
        Artifact::text("text/plain", data)
    }

    #[test]
    fn the_oldest_is_evicted_and_what_cannot_fit_is_refused() {
        let store = ArtifactStore::new(10);
        let first = store.put(text("12345")).expect("it fits");
        let second = store.put(text("67890")).expect("it fits");
        let third = store.put(text("abc")).expect("it fits");
        assert_eq!(store.get(&first), None);
        assert_eq!(store.get(&second), Some(text("67890")));
        assert_eq!(store.get(&third), Some(text("abc")));
        assert_eq!(store.put(text("12345678901")), None);
        assert!(store.get(&third).is_some());
    }

    #[test]
    fn chunks_join_to_the_artifact_and_never_split_a_character() {
        let store = ArtifactStore::default();
        let whole = "aé天😀z".repeat(3);
        let handle = store.put(text(&whole)).expect("it fits");
        for length in 0..8 {
            let (mut joined, mut offset) = (String::new(), Some(0));
            while let Some(at) = offset {
                let chunk = store.chunk(&handle, at, length).expect("the offset is inside");
                joined.push_str(&chunk.data);
                offset = chunk.next_offset;
            }
            assert_eq!(joined, whole, "length {length}");
        }
        assert!(store.chunk(&handle, 1000, 1).is_err());
        assert!(store.chunk("h_0", 0, 1).is_err());
    }

    #[test]
    fn a_chunk_says_how_its_data_is_encoded() {
        let store = ArtifactStore::default();
        let handle = store.put(Artifact::base64("image/png", "QUJD")).expect("it fits");
        let json = |offset, length| store.chunk(&handle, offset, length).expect("the handle is known").to_json();
        assert_eq!(
            json(0, 2),
            json!({ "mimeType": "image/png", "encoding": "base64", "size": 4, "data": "QU", "nextOffset": 2 })
        );
        assert_eq!(json(2, 2).get("nextOffset"), None);
    }
}
