use std::time::Duration;

use super::error::JournalError;
use super::format::{HASH, HEAD, SEAL};
use super::header::HEADER;
use super::retention::Retention;

/// How far something has got on its way to the disk; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// Sealed in this process's memory: lost when it dies.
    Memory,
    /// Written: survives this process, not the machine.
    PageCache,
    /// Synced: survives a loss of power.
    #[default]
    Synced,
}

/// How a journal is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How far every batch is brought unasked; who waits for more gets more. Below `PageCache` makes no sense and
    /// counts as that.
    pub level: Level,
    /// Bytes of a segment before the next is begun; a batch that is larger gets one of its own.
    pub segment_bytes: u64,
    /// Bytes that may wait to be written; three times so much address space is reserved.
    pub memory_bytes: usize,
    /// The I/O thread gathers what comes within this time into one write and one sync, unless somebody waits.
    pub window: Duration,
    /// What is forgotten when a segment is begun, of what [`Journal::keep_from`](super::Journal::keep_from) allows.
    pub retention: Retention,
    /// Whether segments are compressed that nobody writes any more: all but the two newest, block by block, while there
    /// is nothing else to do. What cannot be compressed stays as it is.
    pub compress: bool,
    /// Whether there is an I/O thread. Without, [`Journal::drive`](super::Journal::drive) and whoever waits do its
    /// work: for simulation.
    pub thread: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: Level::Synced,
            segment_bytes: 64 << 20,
            memory_bytes: 8 << 20,
            window: Duration::from_micros(500),
            retention: Retention::default(),
            compress: false,
            thread: true,
        }
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<(), JournalError> {
        let least = |what, value: u64, least: u64| {
            if value < least {
                return Err(JournalError::Options { what, value, least });
            }
            Ok(())
        };
        least("a segment size", self.segment_bytes, 2 * HEADER as u64)?;
        least("a memory size", self.memory_bytes as u64, (HASH + HEAD + SEAL + 64) as u64)
    }
}
