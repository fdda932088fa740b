use std::ops::Range;
use std::path::Path;

use super::disk::{Directory, Disk};
use super::error::{Damage, Flaw, JournalError};
use super::format::{self, HEAD, Head};
use super::header::Header;
use super::index::{Index, Mark};
use super::scan::Record;
use super::segments::{self, SegmentReader};
use crate::sync::Arc;

/// Bytes that a range is read by: they stay in a near cache while they are checked.
const BLOCK: usize = 64 << 10;

/// Which records are asked for: from, and below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// By sequence.
    Sequences(Range<u64>),
    /// By tick.
    Ticks(Range<u64>),
    /// By time, in ns since 1970.
    Times(Range<u64>),
}

impl Span {
    fn of(&self, sequence: u64, tick: u64, time_ns: u64) -> (u64, &Range<u64>) {
        match self {
            Self::Sequences(range) => (sequence, range),
            Self::Ticks(range) => (tick, range),
            Self::Times(range) => (time_ns, range),
        }
    }

    fn is_after(&self, mark: &Mark) -> bool {
        let (at, range) = self.of(mark.sequence, mark.tick, mark.time_ns);
        at < range.start
    }
}

/// One segment of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentCard {
    /// The file.
    pub name: String,
    /// Its number, from 0.
    pub number: u64,
    /// The sequences in it.
    pub sequences: Range<u64>,
    /// Bytes that are written.
    pub bytes: u64,
    /// Bytes that they take on the disk, if the segment is compressed.
    pub compressed: Option<u64>,
    /// Tick of the first record.
    pub tick: u64,
    /// Time of the first record, in ns since 1970.
    pub time_ns: u64,
}

/// A journal to ask for ranges of records again and again: where things are is read once and kept in memory, about
/// 2.5 bytes for each kilobyte of the journal.
///
/// Each record that is given is checked by itself, and its sequence with the one before; the hashes of batches are for
/// [`Scan`](super::Scan) and [`verify`](super::verify).
#[derive(Debug)]
pub struct Archive {
    disk: Arc<dyn Disk>,
    segments: Vec<(Index, SegmentReader)>,
    buffer: Vec<u8>,
    read: u64,
}

impl Archive {
    /// Opens a journal to be read; it may be written meanwhile.
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::Damaged`], [`JournalError::Io`].
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        if !directory.is_dir() {
            return Err(JournalError::Missing { place: directory.display().to_string() });
        }
        Self::open_on(Arc::new(Directory::new(directory)))
    }

    /// The same on any disk.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<Self, JournalError> {
        let mut archive = Self { disk, segments: Vec::new(), buffer: Vec::new(), read: 0 };
        archive.refresh()?;
        if archive.segments.is_empty() {
            return Err(JournalError::Missing { place: format!("{:?}", archive.disk) });
        }
        Ok(archive)
    }

    /// Takes note of what was written since.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn refresh(&mut self) -> Result<(), JournalError> {
        // Listed first: to a segment that is followed by another when it is read, nothing is added any more.
        let firsts = segments::list_begun(&*self.disk)?;
        if let Some((index, reader)) = self.segments.last_mut() {
            index.grow(reader)?;
        }
        let known = self.segments.last().map(|(_, reader)| reader.start.sequence);
        for first in firsts {
            if known.is_none_or(|known| first > known) {
                self.segments.push(Index::of(&*self.disk, first)?);
            }
        }
        Ok(())
    }

    /// The sequences that are there.
    #[must_use]
    pub fn sequences(&self) -> Range<u64> {
        let first = self.segments.first().map_or(0, |(_, reader)| reader.start.sequence);
        first..self.segments.last().map_or(0, |(index, _)| index.next)
    }

    /// What the journal is about.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.segments[0].1.header
    }

    /// Its segments, oldest first.
    pub fn segments(&self) -> impl Iterator<Item = SegmentCard> {
        self.segments.iter().map(|(index, reader)| {
            let first = index.marks.first();
            SegmentCard {
                name: reader.name.clone(),
                number: reader.start.number,
                sequences: reader.start.sequence..index.next,
                bytes: index.covered,
                compressed: reader.packed,
                tick: first.map_or(reader.start.tick, |mark| mark.tick),
                time_ns: first.map_or(reader.start.time_ns, |mark| mark.time_ns),
            }
        })
    }

    /// Bytes read for ranges so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Hands all records of a span to `visit`, in order; how many.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] at a record that is not what was written, [`JournalError::Io`]. Those before were
    /// given.
    pub fn range(
        &mut self,
        span: &Span,
        mut visit: impl FnMut(Record<'_>),
    ) -> Result<u64, JournalError> {
        // Equal ticks and times may reach back into the segment before.
        let starts = |(_, reader): &(Index, SegmentReader)| {
            let start = &reader.start;
            let (at, range) = span.of(start.sequence, start.tick, start.time_ns);
            at < range.start
        };
        let from = self.segments.partition_point(starts).saturating_sub(1);
        let Self { segments, buffer, read, .. } = self;
        let mut count = 0;
        for (index, reader) in &segments[from..] {
            let mark =
                index.last_before(|mark| span.is_after(mark)).or(index.marks.first().copied());
            let Some(mark) = mark else { continue };
            let mut walk = Walk { index, reader, buffer, base: mark.offset, at: 0, held: 0, read };
            if !walk.run(mark.sequence, span, &mut count, &mut visit)? {
                break;
            }
        }
        Ok(count)
    }
}

/// A walk over the records of one segment.
struct Walk<'a> {
    index: &'a Index,
    reader: &'a SegmentReader,
    buffer: &'a mut Vec<u8>,
    /// Where in the file the buffer begins, where in the buffer the walk is, and how much of it was read.
    base: u64,
    at: usize,
    held: usize,
    read: &'a mut u64,
}

impl Walk<'_> {
    /// Whether the buffer holds so many bytes from here; reads on if need be.
    #[inline]
    fn holds(&mut self, bytes: usize) -> Result<bool, JournalError> {
        Ok(self.at + bytes <= self.held || self.fill(bytes)?)
    }

    #[cold]
    fn fill(&mut self, bytes: usize) -> Result<bool, JournalError> {
        self.buffer.copy_within(self.at..self.held, 0);
        self.base += self.at as u64;
        self.held -= self.at;
        self.at = 0;
        let left = self.index.covered.saturating_sub(self.base + self.held as u64);
        let wanted = usize::try_from(left.min(bytes.max(BLOCK) as u64)).unwrap_or(usize::MAX);
        // Never shortened, so that nothing is zeroed twice.
        if self.buffer.len() < self.held + wanted {
            self.buffer.resize(self.held + wanted, 0);
        }
        let free = &mut self.buffer[self.held..self.held + wanted];
        let read = self.reader.read_at(free, self.base + self.held as u64)?;
        self.held += read;
        *self.read += read as u64;
        Ok(bytes <= self.held)
    }

    /// Gives what is in the span; whether the span may go on behind the segment.
    fn run(
        &mut self,
        mut next: u64,
        span: &Span,
        count: &mut u64,
        visit: &mut impl FnMut(Record<'_>),
    ) -> Result<bool, JournalError> {
        while self.holds(HEAD)? {
            let head = Head::read(&self.buffer[self.at..]).expect("it is held");
            if !self.holds(head.frame())? {
                return Err(self.damage(next, Flaw::Length));
            }
            let frame = &self.buffer[self.at..self.at + head.frame()];
            if !head.is_seal() {
                let (at, range) = span.of(head.sequence, head.tick, head.time_ns);
                if at >= range.end {
                    return Ok(false);
                }
                if !format::record_checks(frame) {
                    return Err(self.damage(next, Flaw::Checksum));
                }
                if head.sequence != next {
                    return Err(self.damage(next, Flaw::Sequence));
                }
                next = next.wrapping_add(1);
                if at >= range.start {
                    let Head { sequence, tick, time_ns, source, kind, .. } = head;
                    let body = &frame[HEAD..HEAD + head.body()];
                    visit(Record { sequence, tick, time_ns, source, kind, body });
                    *count += 1;
                }
            }
            self.at += head.frame();
        }
        Ok(true)
    }

    fn damage(&self, sequence: u64, flaw: Flaw) -> JournalError {
        let segment = self.reader.name.clone();
        let record = sequence.wrapping_sub(self.reader.start.sequence);
        Damage { segment, offset: self.base + self.at as u64, record, sequence, flaw }.into()
    }
}
