//! Counts of a hippocampus, readable by others while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a hippocampus did; each count is a number of its own.
#[derive(Debug, Default)]
pub struct MemoryMeter {
    counts: [AtomicU64; 7],
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Stored,
    Recalled,
    Exact,
    Consolidated,
    Forgotten,
    Crowded,
    Refused,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct MemoryCounts {
    /// Events that were stored.
    pub stored: u64,
    /// Searches by meaning.
    pub recalled: u64,
    /// Searches by topic, because there was no vector, or one of another model.
    pub exact: u64,
    /// Memories that became long-term ones.
    pub consolidated: u64,
    /// Memories that faded away.
    pub forgotten: u64,
    /// Memories that made room for stronger ones.
    pub crowded: u64,
    /// Spikes and events that could not be handled.
    pub refused: u64,
}

impl MemoryMeter {
    pub(crate) fn count(&self, what: Count) {
        // relaxed: a count.
        self.counts[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> MemoryCounts {
        // relaxed: counts.
        let of = |what: Count| self.counts[what as usize].load(Ordering::Relaxed);
        MemoryCounts {
            stored: of(Count::Stored),
            recalled: of(Count::Recalled),
            exact: of(Count::Exact),
            consolidated: of(Count::Consolidated),
            forgotten: of(Count::Forgotten),
            crowded: of(Count::Crowded),
            refused: of(Count::Refused),
        }
    }
}
