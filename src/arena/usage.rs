use serde::{Deserialize, Serialize};

use super::segment::Segment;

/// How full an arena is and what it has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ArenaUsage {
    /// Bytes of all segments.
    pub capacity: u64,
    /// Bytes of segments that cannot be written anew yet, as far as they are filled.
    pub in_use: u64,
    /// Bytes that can be written at once, though not in one block.
    pub free: u64,
    /// Blocks with at least one reference.
    pub blocks: u64,
    /// Leases in place.
    pub leases: u64,
    /// Blocks written so far.
    pub written: u64,
    /// Blocks whose last reference was released.
    pub released: u64,
    /// Writes refused because the arena was full.
    pub refused_full: u64,
}

/// Saturating throughout: a file may hold anything, and the numbers are of different moments.
pub(super) fn of<'a>(
    segments: impl Iterator<Item = Segment<'a>>,
    segment_bytes: usize,
    refused_full: u64,
) -> ArenaUsage {
    let mut usage = ArenaUsage { refused_full, ..ArenaUsage::default() };
    let mut holders = 0;
    for state in segments.map(|segment| segment.state()) {
        let used = (8 * u64::from(state.used_words)).min(segment_bytes as u64);
        let used = if state.holders == 0 { 0 } else { used };
        usage.capacity += segment_bytes as u64;
        usage.in_use += used;
        usage.free += segment_bytes as u64 - used;
        usage.leases = usage.leases.saturating_add(state.leases);
        usage.written = usage.written.saturating_add(state.written);
        holders += u64::from(state.holders);
    }
    usage.blocks = holders.saturating_sub(usage.leases);
    usage.released = usage.written.saturating_sub(usage.blocks);
    usage
}
