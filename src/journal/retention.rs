use std::path::Path;
use std::time::Duration;

use super::disk::{Directory, Disk};
use super::error::JournalError;
use super::segments::{self, SegmentReader};

/// What a journal forgets: whole segments, the oldest first, and never the one that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Segments are forgotten while all take more bytes than this.
    pub bytes: Option<u64>,
    /// Segments are forgotten whose last record is older than this.
    pub age: Option<Duration>,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Files.
    pub segments: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// The first sequence that is still there.
    pub first: u64,
}

/// Forgets what a journal in a directory need not keep: of what lies wholly below `keep_from` (the sequence from which
/// the latest snapshot would be replayed), all that `retention` does not ask for. `now_ns` is the time that ages are
/// counted from.
///
/// # Errors
/// [`JournalError::Busy`] while somebody writes it; [`JournalError::Damaged`] of a header, [`JournalError::Io`].
pub fn forget(
    directory: &Path,
    retention: Retention,
    keep_from: u64,
    now_ns: u64,
) -> Result<Forgotten, JournalError> {
    let disk = Directory::new(directory);
    let right = disk.lock().map_err(|error| JournalError::io("locking", "the journal", &error))?;
    if right.is_none() {
        return Err(JournalError::Busy { place: directory.display().to_string() });
    }
    forget_on(&disk, retention, keep_from, now_ns)
}

/// The same for whoever has the right to write.
pub(super) fn forget_on(
    disk: &dyn Disk,
    retention: Retention,
    keep_from: u64,
    now_ns: u64,
) -> Result<Forgotten, JournalError> {
    let firsts = segments::list(disk)?;
    let failed = |what| move |error: std::io::Error| JournalError::io(what, "a segment", &error);
    let length = |&first: &u64| segments::stored(disk, first);
    let lengths: Result<Vec<u64>, _> = firsts.iter().map(length).collect();
    let lengths = lengths.map_err(failed("measuring"))?;
    let mut total: u64 = lengths.iter().sum();
    let first = firsts.first().copied().unwrap_or(0);
    let mut forgotten = Forgotten { first, ..Forgotten::default() };
    for (pair, bytes) in firsts.windows(2).zip(lengths) {
        let &[first, next] = pair else { break };
        // The next segment begins when the last record of this one was at least that old.
        let begun_ns = SegmentReader::open(disk, next)?.start.time_ns;
        let old = retention
            .age
            .is_some_and(|age| u128::from(now_ns.saturating_sub(begun_ns)) > age.as_nanos());
        let too_many = retention.bytes.is_some_and(|limit| total > limit);
        if next > keep_from || !(old || too_many) {
            break;
        }
        segments::remove(disk, first).map_err(failed("removing"))?;
        total -= bytes;
        forgotten.segments += 1;
        forgotten.bytes += bytes;
        forgotten.first = next;
    }
    disk.sync_directory().map_err(failed("removing"))?;
    Ok(forgotten)
}
