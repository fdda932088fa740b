//! What an encoder neuron did so far, readable while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters that one neuron writes and anybody reads.
#[derive(Debug, Default)]
pub struct SemanticMeter {
    counts: [AtomicU64; COUNTERS],
}

/// How many things are counted.
pub(crate) const COUNTERS: usize = 9;

/// What can be counted, by position.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    Texts,
    Recognised,
    Unrecognised,
    Refused,
    Hits,
    Misses,
    Asked,
    Degraded,
    Saturated,
}

/// What an encoder neuron did so far: every text is one of recognised, unrecognised and refused, or waits for its
/// vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SemanticCounts {
    /// Spikes that came in to be recognised.
    pub texts: u64,
    /// Texts that fired at least one concept.
    pub recognised: u64,
    /// Texts that belong to no concept.
    pub unrecognised: u64,
    /// Payloads that are no text, or none that can be encoded.
    pub refused: u64,
    /// Texts whose vector was in the cache.
    pub hits: u64,
    /// Texts whose vector was not.
    pub misses: u64,
    /// Texts that were sent to the encoder's gate.
    pub asked: u64,
    /// Texts that were matched by topic only, because their vector could not be had.
    pub degraded: u64,
    /// Spikes that found no room.
    pub saturated: u64,
}

impl SemanticMeter {
    pub(crate) fn count(&self, what: Count) {
        // relaxed: counters are read for themselves, and one neuron writes them.
        self.counts[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted until now.
    #[must_use]
    pub fn counts(&self) -> SemanticCounts {
        // relaxed: see `count`.
        let [texts, recognised, unrecognised, refused, hits, misses, asked, degraded, saturated] =
            std::array::from_fn(|at| self.counts[at].load(Ordering::Relaxed));
        let first =
            SemanticCounts { texts, recognised, unrecognised, refused, ..Default::default() };
        SemanticCounts { hits, misses, asked, degraded, saturated, ..first }
    }

    pub(crate) fn restore(&self, counts: &[u64; COUNTERS]) {
        for (place, &count) in self.counts.iter().zip(counts) {
            // relaxed: see `count`.
            place.store(count, Ordering::Relaxed);
        }
    }

    pub(crate) fn raw(&self) -> [u64; COUNTERS] {
        // relaxed: see `count`.
        std::array::from_fn(|at| self.counts[at].load(Ordering::Relaxed))
    }
}
