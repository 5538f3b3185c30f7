//! [`Options`]: what a host can set for this engine.

use crate::cache::Cache;

/// What a host can set for this engine. Drivers with equal options share one pool of memories for as long as the
/// process lives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Sandboxes for which memory is kept ready. Each reserves 4 GiB of addresses, and of real memory at most 1 MiB
    /// while it is not in use. More sandboxes than these live outside of the pool, and start some ten times slower.
    /// Default 1,000.
    pub slots: u32,
    /// Where the compiled guest is kept from one process to the next. Default [`Cache::User`].
    pub cache: Cache,
}

impl Default for Options {
    fn default() -> Self {
        Self { slots: 1_000, cache: Cache::User }
    }
}

impl Options {
    /// Sets [`slots`](Self::slots).
    #[must_use]
    pub fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// Sets [`cache`](Self::cache).
    #[must_use]
    pub fn cache(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }
}
