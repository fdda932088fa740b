//! Vectors of texts that were encoded before: the least recently used is let go first, and none grows too old.

use std::num::NonZeroUsize;
use std::sync::Arc;

use foldhash::fast::FixedState;
use lru::LruCache;
use neuronbus::time::Tick;
use serde::{Deserialize, Serialize};

use crate::encoder::{Model, VectorError};

/// What a cache did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheCounts {
    /// Texts that were there.
    pub hits: u64,
    /// Texts that were not, or no longer.
    pub misses: u64,
    /// Vectors that were let go to make room.
    pub evicted: u64,
    /// Vectors that had grown too old when they were asked for; they are among the misses.
    pub expired: u64,
}

impl CacheCounts {
    /// Hits among all that was asked for, 0 to 1.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses).max(1) as f64
    }
}

#[derive(Debug)]
struct Entry {
    since: Tick,
    vector: Box<[f32]>,
}

/// Vectors of one model by their texts. Age is cortex time, so that a run can be repeated.
#[derive(Debug)]
pub struct EmbeddingCache {
    model: Arc<Model>,
    entries: LruCache<Box<str>, Entry, FixedState>,
    /// Ticks after which a vector is too old; `u64::MAX` is never.
    lifetime: u64,
    counts: CacheCounts,
}

impl EmbeddingCache {
    /// A cache for so many vectors of a model, each for so many ticks at most.
    #[must_use]
    pub fn new(model: Arc<Model>, capacity: NonZeroUsize, lifetime: Option<u64>) -> Self {
        Self {
            model,
            entries: LruCache::with_hasher(capacity, FixedState::default()),
            lifetime: lifetime.unwrap_or(u64::MAX),
            counts: CacheCounts::default(),
        }
    }

    /// Whose vectors these are.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What it did so far.
    #[must_use]
    pub const fn counts(&self) -> CacheCounts {
        self.counts
    }

    /// How many vectors it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The vector of a text, if it is there and not too old; it is the most recently used then.
    pub fn get(&mut self, text: &str, now: Tick) -> Option<&[f32]> {
        let fresh = match self.entries.get(text) {
            Some(entry) => now.0.saturating_sub(entry.since.0) < self.lifetime,
            None => {
                self.counts.misses += 1;
                return None;
            }
        };
        if !fresh {
            self.entries.pop(text);
            self.counts.misses += 1;
            self.counts.expired += 1;
            return None;
        }
        self.counts.hits += 1;
        self.entries.peek(text).map(|entry| &*entry.vector)
    }

    /// Keeps the vector of a text from now on.
    ///
    /// # Errors
    /// [`VectorError`] for a vector of another model or length; the cache is as it was.
    pub fn put(
        &mut self,
        text: &str,
        model: &Model,
        vector: &[f32],
        now: Tick,
    ) -> Result<(), VectorError> {
        self.model.same(model)?;
        let (expected, found) = (self.model.dimensions(), vector.len());
        if expected != found {
            let model = self.model.to_string();
            return Err(VectorError::Dimensions { model, expected, found });
        }
        let entry = Entry { since: now, vector: vector.into() };
        if self.entries.push(text.into(), entry).is_some_and(|(gone, _)| *gone != *text) {
            self.counts.evicted += 1;
        }
        Ok(())
    }

    /// Texts, since when, and vectors, the least recently used first.
    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = (&str, Tick, &[f32])> {
        self.entries.iter().rev().map(|(text, entry)| (&**text, entry.since, &*entry.vector))
    }

    /// Becomes what a snapshot says.
    pub(crate) fn refill(
        &mut self,
        counts: CacheCounts,
        entries: impl Iterator<Item = (Box<str>, Tick, Box<[f32]>)>,
    ) {
        self.entries.clear();
        for (text, since, vector) in entries {
            self.entries.put(text, Entry { since, vector });
        }
        self.counts = counts;
    }
}
