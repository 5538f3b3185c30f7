//! [`Store`]: what is too large for a model's context, kept under handles until newer things need its place.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use uuid::Uuid;

/// Keeps large content under handles that nobody can guess. Bounded: the oldest goes first. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Mutex<Kept>>);

struct Kept {
    items: VecDeque<(String, Stored)>,
    bytes: usize,
    most_bytes: usize,
}

/// One thing in a [`Store`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What kind of content it is.
    pub mime_type: Arc<str>,
    /// The text itself, or the base64 text of bytes.
    pub data: Arc<str>,
    /// Whether `data` is base64.
    pub base64: bool,
}

/// A part of something stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is a part of.
    pub whole: Stored,
    /// The part.
    pub data: String,
    /// Where the next part begins; `None` after the last.
    pub next_offset: Option<usize>,
}

impl Store {
    /// A store for so many bytes of data.
    pub fn new(most_bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept { items: VecDeque::new(), bytes: 0, most_bytes })))
    }

    /// Keeps something and gives its handle. `None` when it is larger than the whole store.
    pub fn put(&self, stored: Stored) -> Option<String> {
        let mut kept = self.lock();
        let size = stored.data.len();
        if size > kept.most_bytes {
            return None;
        }
        while kept.bytes + size > kept.most_bytes {
            let Some((_, oldest)) = kept.items.pop_front() else { break };
            kept.bytes -= oldest.data.len();
        }
        let handle = format!("h_{}", Uuid::new_v4().simple());
        kept.bytes += size;
        kept.items.push_back((handle.clone(), stored));
        Some(handle)
    }

    /// What stands under a handle, if it is still there.
    pub fn get(&self, handle: &str) -> Option<Stored> {
        self.lock().items.iter().find(|(name, _)| name == handle).map(|(_, stored)| stored.clone())
    }

    /// At most `length` bytes from `offset` on, never a piece of a character.
    ///
    /// # Errors
    /// A sentence for a model when there is nothing under the handle or the offset is past its end.
    pub fn part(&self, handle: &str, offset: usize, length: usize) -> Result<Part, String> {
        let whole = self.get(handle).ok_or_else(|| {
            format!("there is nothing under the handle {handle:?}: it is mistyped, or newer content took its place; get it again")
        })?;
        let size = whole.data.len();
        if offset > size {
            return Err(format!("the offset {offset} is past the end; the content has {size} bytes"));
        }
        let start = whole.data.floor_char_boundary(offset);
        let mut end = whole.data.floor_char_boundary(start.saturating_add(length.max(1)).min(size));
        if end == start {
            end = whole.data.ceil_char_boundary((start + 1).min(size));
        }
        let data = whole.data.get(start..end).unwrap_or_default().to_owned();
        Ok(Part { data, next_offset: (end < size).then_some(end), whole })
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// The part as a model gets it.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "mimeType": &*self.whole.mime_type,
            "encoding": if self.whole.base64 { "base64" } else { "text" },
            "size": self.whole.data.len(),
            "data": self.data,
        });
        if let (Some(next), Some(json)) = (self.next_offset, json.as_object_mut()) {
            json.insert("nextOffset".into(), next.into());
        }
        json
    }
}

impl Default for Store {
    /// 64 MiB.
    fn default() -> Self {
        Self::new(64 << 20)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = self.lock();
        f.debug_struct("Store").field("items", &kept.items.len()).field("bytes", &kept.bytes).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: &str) -> Stored {
        Stored { mime_type: "text/plain".into(), data: data.into(), base64: false }
    }

    #[test]
    fn the_oldest_makes_room_and_what_cannot_fit_is_refused() {
        let store = Store::new(10);
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
    fn parts_join_to_the_whole_and_never_cut_a_character() {
        let store = Store::default();
        let whole = "aé天😀z".repeat(3);
        let handle = store.put(text(&whole)).expect("it fits");
        for length in 0..8 {
            let (mut joined, mut offset) = (String::new(), Some(0));
            while let Some(at) = offset {
                let part = store.part(&handle, at, length).expect("the offset is inside");
                joined.push_str(&part.data);
                offset = part.next_offset;
            }
            assert_eq!(joined, whole, "length {length}");
        }
        assert!(store.part(&handle, 1000, 1).is_err());
        assert!(store.part("h_0", 0, 1).is_err());
    }
}
