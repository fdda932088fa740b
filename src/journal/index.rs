//! Where in a segment what is: marks at some records, so that a range is read from near its start.
//!
//! A segment has its marks beside it, in a file with the same name and another ending, as of when it ended or was some
//! megabytes shorter. They are a cache: one that is missing, or does not fit, is made again from the segment.
//!
//! ```text
//! offset size  field
//! 0      8     magic "NEUROIDX"
//! 8      4     version, 1
//! 12     4     CRC-32C of bytes 16 to the end
//! 16     16    id of the journal
//! 32     8     first sequence of the segment
//! 40     8     bytes of the segment that the marks cover
//! 48     8     sequence of the record after those
//! 56     32    hash of the last seal that they cover
//! 88     40 n  marks: sequence, tick, time, offset of the record, offset of its batch; 8 bytes each
//! ```

use bytemuck::{Pod, Zeroable};

use super::disk::Disk;
use super::error::JournalError;
use super::format::{Hash, Head};
use super::header::JournalId;
use super::segments::{self, SegmentReader};

/// Bytes between two marks, about: what is read in vain before the start of a range.
pub(super) const STRIDE: u64 = 16 << 10;

const MAGIC: [u8; 8] = *b"NEUROIDX";
const VERSION: u32 = 1;

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Mark {
    pub(super) sequence: u64,
    pub(super) tick: u64,
    pub(super) time_ns: u64,
    /// Where it begins, and where its batch does.
    pub(super) offset: u64,
    pub(super) batch: u64,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Top {
    magic: [u8; 8],
    version: u32,
    crc: u32,
    journal: [u8; 16],
    first: u64,
    covered: u64,
    next: u64,
    hash: Hash,
}

const _: () = assert!(size_of::<Top>() == 88 && size_of::<Mark>() == 40);

/// The marks of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Index {
    pub(super) marks: Vec<Mark>,
    /// Where what the marks cover ends, the sequence of the record there, and the hash of the seal before it.
    pub(super) covered: u64,
    pub(super) next: u64,
    pub(super) hash: Hash,
}

impl Index {
    /// Marks the records of a batch that begins at `batch` in the file.
    pub(super) fn add(&mut self, records: &[u8], batch: u64) {
        let mut at = 0;
        while let Some(head) = Head::read(&records[at..]).filter(|head| !head.is_seal()) {
            let offset = batch + at as u64;
            if self.marks.last().is_none_or(|last| offset >= last.offset + STRIDE) {
                let Head { sequence, tick, time_ns, .. } = head;
                self.marks.push(Mark { sequence, tick, time_ns, offset, batch });
            }
            at += head.frame();
        }
    }

    /// The last mark before the first record for which `before` is false; marks are in order.
    pub(super) fn last_before(&self, before: impl Fn(&Mark) -> bool) -> Option<Mark> {
        let count = self.marks.partition_point(before);
        count.checked_sub(1).map(|at| self.marks[at])
    }

    /// Writes the marks beside their segment.
    pub(super) fn store(&self, disk: &dyn Disk, id: JournalId, first: u64) -> std::io::Result<()> {
        let name = segments::index_name(first);
        let &Self { covered, next, hash, .. } = self;
        let (magic, version, crc, journal) = (MAGIC, VERSION, 0, id.0);
        let top = Top { magic, version, crc, journal, first, covered, next, hash };
        let mut bytes = bytemuck::bytes_of(&top).to_vec();
        bytes.extend_from_slice(bytemuck::cast_slice(&self.marks));
        let crc = crc32c::crc32c(&bytes[16..]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        let new = format!("{name}.new");
        // What somebody who died has left of this name; most often nothing.
        let _ = disk.remove(&new);
        let mut file = disk.create(&new)?;
        let stored = file.write_at(&bytes, 0).and_then(|()| disk.rename(&new, &name));
        if stored.is_err() {
            // A part of it is of no use to anybody.
            let _ = disk.remove(&new);
        }
        stored
    }

    /// The marks that stand beside a segment, if they fit it.
    fn load(disk: &dyn Disk, reader: &SegmentReader) -> Option<Self> {
        let file = disk.open(&segments::index_name(reader.start.sequence), false).ok()?;
        let mut bytes = vec![0; usize::try_from(file.length().ok()?).ok()?];
        file.read_at(&mut bytes, 0).ok()?;
        let (top, marks) = bytes.split_at_checked(size_of::<Top>())?;
        let top: Top = bytemuck::pod_read_unaligned(top);
        let fits = top.magic == MAGIC
            && top.version == VERSION
            && top.crc == crc32c::crc32c(&bytes[16..])
            && top.journal == reader.header.id().0
            && top.first == reader.start.sequence
            && marks.len().is_multiple_of(size_of::<Mark>());
        let marks = marks.chunks_exact(size_of::<Mark>()).map(bytemuck::pod_read_unaligned);
        let Top { covered, next, hash, .. } = top;
        fits.then(|| Self { marks: marks.collect(), covered, next, hash })
    }

    /// The marks of a segment: those beside it, and what is missing read from it.
    ///
    /// # Errors
    /// As [`SegmentReader::next_batch`]; a batch that is being written ends the index.
    pub(super) fn of(disk: &dyn Disk, first: u64) -> Result<(Self, SegmentReader), JournalError> {
        let mut reader = SegmentReader::open(disk, first)?;
        let mut index = Self::load(disk, &reader).unwrap_or_default();
        if index.covered > 0 && !reader.skip_to(index.covered, index.next, Some(index.hash))? {
            // The segment was cut and written anew since.
            index = Self::default();
        }
        index.grow(&mut reader)?;
        Ok((index, reader))
    }

    /// Adds what was written since.
    pub(super) fn grow(&mut self, reader: &mut SegmentReader) -> Result<(), JournalError> {
        let mut again = false;
        loop {
            let batch = reader.offset();
            match reader.next_batch() {
                Ok(Some(sealed)) => {
                    self.add(&reader.bytes()[sealed.records], batch);
                    again = false;
                }
                Ok(None) => break,
                Err(JournalError::Damaged(_)) if reader.rest()?.seals == 0 => break,
                // What was there in part may have become whole between the two looks.
                Err(JournalError::Damaged(_)) if !again => again = true,
                Err(error) => return Err(error),
            }
        }
        (self.covered, self.next, self.hash) = (reader.offset(), reader.next, reader.hash());
        Ok(())
    }
}
