use std::path::Path;

use super::disk::{Directory, Disk};
use super::error::{Flaw, JournalError};
use super::format::{self, Hash, Head};
use super::header::JournalId;
use super::segments::{self, SegmentReader};

/// What a journal that holds is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Which journal.
    pub id: JournalId,
    /// Files.
    pub segments: u64,
    /// Bytes of all, without what is prepared for more.
    pub bytes: u64,
    /// Batches.
    pub batches: u64,
    /// Records.
    pub records: u64,
    /// The first sequence that is there.
    pub first: u64,
    /// The sequence after the last.
    pub next: u64,
    /// Tick of the last record.
    pub last_tick: u64,
    /// Hash of the last seal: kept elsewhere, it proves that nothing was exchanged whole or cut at a seal.
    pub hash: Hash,
}

/// Reads all of a journal: every byte of every segment is covered by a check, a sequence or a hash.
///
/// # Errors
/// [`JournalError::Damaged`] with the first place that is not what was written; [`JournalError::Missing`],
/// [`JournalError::Io`].
pub fn verify(directory: &Path) -> Result<Summary, JournalError> {
    if !directory.is_dir() {
        return Err(JournalError::Missing { place: directory.display().to_string() });
    }
    verify_on(&Directory::new(directory))
}

/// The same on any disk.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(disk: &dyn Disk) -> Result<Summary, JournalError> {
    let firsts = segments::list(disk)?;
    let mut before: Option<SegmentReader> = None;
    let mut summary: Option<Summary> = None;
    for &first in &firsts {
        let mut reader = SegmentReader::open(disk, first)?;
        if let Some(before) = &before {
            reader.follows(before)?;
        }
        let summary = summary.get_or_insert_with(|| Summary {
            id: reader.header.id(),
            segments: 0,
            bytes: 0,
            batches: 0,
            records: 0,
            first,
            next: first,
            last_tick: reader.start.tick,
            hash: reader.hash(),
        });
        while let Some(batch) = reader.next_batch()? {
            let records = &reader.bytes()[batch.records.clone()];
            if let Err((at, sequence)) = check_records(records) {
                let at = batch.records.start + at;
                return Err(reader.damage(at, sequence, Flaw::Checksum).into());
            }
            summary.batches += 1;
            summary.last_tick = batch.seal.tick;
        }
        if reader.rest()?.bytes > 0 {
            return Err(reader.tail().into());
        }
        summary.segments += 1;
        summary.bytes += reader.offset();
        summary.next = reader.next;
        summary.records = summary.next - summary.first;
        summary.hash = reader.hash();
        before = Some(reader);
    }
    summary.ok_or_else(|| JournalError::Missing { place: format!("{disk:?}") })
}

/// Checks the records of a batch whose hash holds; where the first is that does not, and its sequence.
fn check_records(bytes: &[u8]) -> Result<(), (usize, u64)> {
    let mut at = 0;
    while let Some(head) = Head::read(&bytes[at..]) {
        if !format::record_checks(&bytes[at..at + head.frame()]) {
            return Err((at, head.sequence));
        }
        at += head.frame();
    }
    Ok(())
}
