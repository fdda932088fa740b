//! The files of a journal by their names, and one of them read batch by batch.

use std::ops::Range;

use super::disk::{Disk, DiskFile};
use super::error::{Damage, Flaw, JournalError};
use super::format::{self, HASH, HEAD, Hash, Head, SEAL, Seal};
use super::header::{self, HEADER, HEADER_HASH, Header, Start};
use super::index::Mark;
use super::packed::{Flawed, PackedFile};

const ENDING: &str = ".segment";
const PACKED_ENDING: &str = ".segment.zst";
const INDEX_ENDING: &str = ".index";

/// Bytes that are read at once, and at most where batches are large.
const BLOCK: usize = 256 << 10;
const LARGEST: usize = 1 << 20;

/// The segment that begins with a sequence.
pub(super) fn name(first: u64) -> String {
    format!("{first:020}{ENDING}")
}

/// The same, compressed.
pub(super) fn packed_name(first: u64) -> String {
    format!("{first:020}{PACKED_ENDING}")
}

/// The index of the segment that begins with a sequence.
pub(super) fn index_name(first: u64) -> String {
    format!("{first:020}{INDEX_ENDING}")
}

/// The first sequence of the segment with this name; `None` if it is no segment.
fn first(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(ENDING).or_else(|| name.strip_suffix(PACKED_ENDING))?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

/// The first sequences of all segments, in order.
pub(super) fn list(disk: &dyn Disk) -> Result<Vec<u64>, JournalError> {
    let names = disk.list();
    let names = names.map_err(|source| JournalError::io("listing", "the journal", &source))?;
    let mut found: Vec<u64> = names.iter().filter_map(|name| first(name)).collect();
    found.sort_unstable();
    // Whoever died before he removed what he had compressed has left both.
    found.dedup();
    Ok(found)
}

/// A segment to be read, compressed or not.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) name: String,
    pub(super) file: Box<dyn DiskFile>,
    /// Bytes on the disk, if it is compressed.
    pub(super) packed: Option<u64>,
}

/// Opens the segment that begins with a sequence for reading.
pub(super) fn open(disk: &dyn Disk, first: u64) -> Result<Opened, JournalError> {
    let (name, packed_name) = (name(first), packed_name(first));
    match disk.open(&name, false) {
        Ok(file) => return Ok(Opened { name, file, packed: None }),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(failed("opening", &name, first, first, &error));
        }
        Err(_) => {}
    }
    let opened = disk.open(&packed_name, false).and_then(|file| {
        let stored = file.length()?;
        Ok((Box::new(PackedFile::of(file)?), stored))
    });
    let (file, stored) =
        opened.map_err(|error| failed("opening", &packed_name, first, first, &error))?;
    Ok(Opened { name: packed_name, file, packed: Some(stored) })
}

/// Whether the segment is there as it was written.
pub(super) fn is_plain(disk: &dyn Disk, first: u64) -> bool {
    disk.open(&name(first), false).is_ok()
}

/// Bytes that the segment takes on the disk.
pub(super) fn stored(disk: &dyn Disk, first: u64) -> std::io::Result<u64> {
    let plain = disk.open(&name(first), false);
    let there = plain.or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => disk.open(&packed_name(first), false),
        _ => Err(error),
    });
    there?.length()
}

/// Removes the segment that begins with a sequence, whatever is there of it.
pub(super) fn remove(disk: &dyn Disk, first: u64) -> std::io::Result<()> {
    let gone = |removed: std::io::Result<()>| match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    gone(disk.remove(&name(first)))?;
    gone(disk.remove(&packed_name(first)))?;
    // It is a cache, and need not be there.
    let _ = disk.remove(&index_name(first));
    Ok(())
}

/// What an error says of a segment, where a sequence was expected: that the system refused, or that a compressed one is
/// not what was written.
fn failed(
    what: &str,
    segment: &str,
    first: u64,
    sequence: u64,
    error: &std::io::Error,
) -> JournalError {
    match Flawed::of(error) {
        None => JournalError::io(what, segment, error),
        Some(Flawed { offset }) => Damage {
            segment: segment.to_owned(),
            offset,
            record: sequence.wrapping_sub(first),
            sequence,
            flaw: Flaw::Compressed,
        }
        .into(),
    }
}

/// The same for whoever reads while another writes: without a last one whose header is not there yet.
pub(super) fn list_begun(disk: &dyn Disk) -> Result<Vec<u64>, JournalError> {
    let mut firsts = list(disk)?;
    if let Some(&last) = firsts.last() {
        let name = name(last);
        match disk.open(&name, false).and_then(|file| file.length()) {
            Ok(length) if length < HEADER as u64 => {
                firsts.pop();
            }
            // What is compressed was whole before.
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(JournalError::io("opening", &name, &error)),
        }
    }
    Ok(firsts)
}

/// A batch whose seal holds; its bytes are in the reader.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    /// Where its records are.
    pub(super) records: Range<usize>,
    pub(super) seal: Seal,
}

/// A segment that is read from front to back.
#[derive(Debug)]
pub(super) struct SegmentReader {
    file: Box<dyn DiskFile>,
    pub(super) name: String,
    /// Bytes on the disk, if it is compressed.
    pub(super) packed: Option<u64>,
    pub(super) header: Header,
    pub(super) start: Start,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    base: u64,
    /// Where in the buffer the next batch begins; the hash that it continues stands before.
    at: usize,
    /// Sequence that the next record should have.
    pub(super) next: u64,
    /// Bytes of the records of the batch before.
    usual: usize,
}

impl SegmentReader {
    /// The segment that begins with a sequence, its header checked.
    pub(super) fn open(disk: &dyn Disk, first: u64) -> Result<Self, JournalError> {
        let Opened { name, file, packed } = open(disk, first)?;
        let mut page = [0; HEADER];
        let read = file.read_at(&mut page, 0);
        let read = read.map_err(|error| failed("reading", &name, first, first, &error))?;
        let found = header::decode(&page).filter(|(_, start)| start.sequence == first);
        let Some((header, start)) = found.filter(|_| read == HEADER) else {
            let damage =
                Damage { segment: name, offset: 0, record: 0, sequence: first, flaw: Flaw::Header };
            return Err(damage.into());
        };
        let buffer = page[HEADER_HASH..].to_vec();
        let (base, at) = (HEADER_HASH as u64, HASH);
        Ok(Self { file, name, packed, header, start, buffer, base, at, next: first, usual: 0 })
    }

    /// Whether this segment goes on where another ended.
    pub(super) fn follows(&self, before: &Self) -> Result<(), JournalError> {
        let (own, other) = (&self.start, &before.start);
        let flaw = if own.number != other.number.wrapping_add(1) || own.sequence != before.next {
            Flaw::MissingSegment
        } else if self.header != before.header || own.previous != before.hash() {
            Flaw::Foreign
        } else {
            return Ok(());
        };
        let segment = self.name.clone();
        Err(Damage { segment, offset: 0, record: 0, sequence: before.next, flaw }.into())
    }

    /// Goes to the batch at an offset, whose first record has a sequence; whether the hash before it is the expected
    /// one. If not, the reader stays where it is.
    pub(super) fn skip_to(
        &mut self,
        offset: u64,
        next: u64,
        expected: Option<Hash>,
    ) -> Result<bool, JournalError> {
        let mut hash = [0; HASH];
        let base = offset - HASH as u64;
        let read = self.file.read_at(&mut hash, base).map_err(|error| self.io(&error))?;
        if read < HASH || expected.is_some_and(|expected| expected != hash) {
            return Ok(false);
        }
        (self.buffer, self.base, self.at, self.next) = (hash.to_vec(), base, HASH, next);
        Ok(true)
    }

    /// Goes to the batch of a mark.
    pub(super) fn skip_to_mark(&mut self, mark: &Mark) -> Result<(), JournalError> {
        let mut head = [0; HEAD];
        let read = self.file.read_at(&mut head, mark.batch).map_err(|error| self.io(&error))?;
        if let Some(head) = Head::read(&head[..read]) {
            self.skip_to(mark.batch, head.sequence, None)?;
        }
        Ok(())
    }

    /// Reads what stands at an offset.
    pub(super) fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize, JournalError> {
        self.file.read_at(into, offset).map_err(|error| self.io(&error))
    }

    /// Where in the file the next batch begins.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The hash that the next batch continues.
    pub(super) fn hash(&self) -> Hash {
        *self.buffer[self.at - HASH..].first_chunk().expect("a hash stands before each batch")
    }

    /// Bytes of the batch that was read last.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// What is wrong at a place of the buffer, where a sequence was expected.
    pub(super) fn damage(&self, at: usize, sequence: u64, flaw: Flaw) -> Damage {
        Damage {
            segment: self.name.clone(),
            offset: self.base + at as u64,
            record: sequence.wrapping_sub(self.start.sequence),
            sequence,
            flaw,
        }
    }

    /// Something follows the last batch that was read.
    pub(super) fn tail(&self) -> Damage {
        self.damage(self.at, self.next, Flaw::Tail)
    }

    /// Whether the buffer holds the bytes up to `end`, counted from the next batch; reads what is missing.
    fn holds(&mut self, end: usize) -> Result<bool, JournalError> {
        if self.at + end <= self.buffer.len() {
            return Ok(true);
        }
        let kept = self.at - HASH;
        self.buffer.drain(..kept);
        (self.base, self.at) = (self.base + kept as u64, HASH);
        let held = self.buffer.len();
        // A length that was changed asks for more than there is.
        let length = self.file.length().map_err(|error| self.io(&error))?;
        let left = length.saturating_sub(self.base + held as u64);
        let missing = (self.at + end - held) as u64;
        if missing > left {
            return Ok(false);
        }
        // Large batches are read one at a time: what is held of the next would have to be moved to the front.
        let usual = (self.usual + SEAL + HEAD).saturating_sub(held - self.at);
        let block = if self.usual > BLOCK / 8 { usual } else { BLOCK };
        let wanted = missing.max(block.min(LARGEST) as u64).min(left);
        self.buffer.resize(held + usize::try_from(wanted).unwrap_or(usize::MAX), 0);
        let read = self.file.read_at(&mut self.buffer[held..], self.base + held as u64);
        let read = read.map_err(|error| self.io(&error))?;
        self.buffer.truncate(held + read);
        Ok(self.at + end <= self.buffer.len())
    }

    fn io(&self, error: &std::io::Error) -> JournalError {
        failed("reading", &self.name, self.start.sequence, self.next, error)
    }

    /// The next batch, verified; `None` where the segment ends, or is still empty, after a seal.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with the first thing that is wrong, [`JournalError::Io`]. The reader stays where it
    /// is.
    pub(super) fn next_batch(&mut self) -> Result<Option<Sealed>, JournalError> {
        let read = self.read_batch();
        if !matches!(read, Ok(Some(_))) {
            // The next call looks again: it may be written by then.
            self.buffer.truncate(self.at);
        }
        read
    }

    fn read_batch(&mut self) -> Result<Option<Sealed>, JournalError> {
        let mut end = 0;
        loop {
            if !self.holds(end + HEAD)? {
                let ended = end == 0 && self.buffer[self.at..].iter().all(|&byte| byte == 0);
                return if ended { Ok(None) } else { Err(self.locate(end).into()) };
            }
            let head = Head::read(&self.buffer[self.at + end..]).expect("it is held");
            if head.is_blank() {
                return if end == 0 { Ok(None) } else { Err(self.locate(end).into()) };
            }
            if !self.holds(end + head.frame())? {
                return Err(self.locate(end).into());
            }
            if head.is_seal() {
                break;
            }
            end += head.frame();
        }
        let (from, seal_at) = (self.at, self.at + end);
        let seal = Seal::read(&self.buffer[seal_at..]);
        let holds = seal.is_some() && format::chain_holds(&self.buffer, from - HASH, seal_at);
        let Some(seal) = seal.filter(|seal| {
            // A seal of nothing only says how far was synced.
            let empty = end == 0 && seal.records == 0;
            holds && seal.next == self.next.wrapping_add(seal.records.into()) && empty == (end == 0)
        }) else {
            return Err(self.locate(end).into());
        };
        self.at = seal_at + SEAL;
        self.next = seal.next;
        self.usual = end;
        Ok(Some(Sealed { records: from..seal_at, seal }))
    }

    /// What is wrong with the batch that begins here: the first record that is not what it was, or else its end.
    fn locate(&self, seen: usize) -> Damage {
        let bytes = &self.buffer[self.at..];
        let (mut at, mut records) = (0, 0);
        let damage =
            |at, records, flaw| self.damage(self.at + at, self.next.wrapping_add(records), flaw);
        while let Some(head) = Head::read(&bytes[at..]) {
            if head.is_blank() {
                return damage(at, records, Flaw::Torn);
            }
            if head.is_seal() {
                let right = Seal::read(&bytes[at..]);
                let next = self.next.wrapping_add(records);
                let right = right
                    .is_some_and(|seal| u64::from(seal.records) == records && seal.next == next);
                return damage(at, records, if right { Flaw::Chain } else { Flaw::Seal });
            }
            let Some(frame) = bytes.get(at..at + head.frame()) else {
                let flaw = if at < seen { Flaw::Length } else { Flaw::Torn };
                return damage(at, records, flaw);
            };
            if !format::record_checks(frame) {
                return damage(at, records, Flaw::Checksum);
            }
            if head.sequence != self.next.wrapping_add(records) {
                return damage(at, records, Flaw::Sequence);
            }
            at += head.frame();
            records += 1;
        }
        damage(at, records, Flaw::Torn)
    }

    /// What is behind the last batch that holds.
    pub(super) fn rest(&self) -> Result<Rest, JournalError> {
        rest(&*self.file, self.offset()).map_err(|error| self.io(&error))
    }
}

/// What is in a segment whatever its header says.
pub(super) fn everything(disk: &dyn Disk, first: u64) -> Result<Rest, JournalError> {
    let Opened { name, file, .. } = open(disk, first)?;
    let found = rest(&*file, 0);
    let mut found = found.map_err(|error| failed("reading", &name, first, first, &error))?;
    if let Ok(reader) = SegmentReader::open(disk, first) {
        found.synced = found.synced.max(reader.start.synced);
    }
    Ok(found)
}

fn rest(file: &dyn DiskFile, offset: u64) -> std::io::Result<Rest> {
    // The next block begins so early that no seal is cut by it.
    const STEP: usize = BLOCK - SEAL;
    let (mut rest, mut at) = (Rest::default(), offset);
    let mut block = vec![0; BLOCK];
    // bound: the end of the file
    loop {
        let read = file.read_at(&mut block, at)?;
        let bytes = &block[..read];
        if let Some(last) = bytes.iter().rposition(|&byte| byte != 0) {
            rest.bytes = at + last as u64 + 1 - offset;
        }
        for from in (0..read.min(STEP)).step_by(8) {
            if let Some(seal) = Seal::read(&bytes[from..]) {
                rest.seals += 1;
                rest.synced = rest.synced.max(seal.synced);
            }
        }
        if read < BLOCK {
            return Ok(rest);
        }
        at += STEP as u64;
    }
}

/// What is behind the last batch that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rest {
    /// Bytes up to the last that is not zero.
    pub(super) bytes: u64,
    /// Seals among them.
    pub(super) seals: u64,
    /// Sequences below this had been synced when they were written.
    pub(super) synced: u64,
}
