use std::fmt;
use std::ops::Range;
use std::path::Path;

use super::disk::{Directory, Disk};
use super::error::JournalError;
use super::format::{HEAD, Head};
use super::header::Header;
use super::index::Index;
use super::segments::{self, SegmentReader};
use crate::sync::Arc;

/// What a journal keeps of one thing that entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place: consecutive, without gaps, from 0.
    pub sequence: u64,
    /// The tick to which it belongs.
    pub tick: u64,
    /// When it was recorded, in ns since 1970; never less than the record before.
    pub time_ns: u64,
    /// Who it is from: a gate's id, or what the owner calls others.
    pub source: u32,
    /// What it is.
    pub kind: u8,
    /// Its bytes.
    pub body: &'a [u8],
}

/// The records of a journal in order, each verified before it is given: the hash of its batch covers it, its check and
/// its sequence.
///
/// A journal that is being written can be scanned at the same time. The scan then ends before what is not sealed and
/// written yet; asking again goes on.
pub struct Scan {
    disk: Arc<dyn Disk>,
    reader: SegmentReader,
    /// Records of the batch that are still to be given.
    batch: Range<usize>,
    /// Records below this are read and not given.
    from: Position,
}

/// Where a scan begins.
#[derive(Debug, Clone, Copy)]
enum Position {
    Sequence(u64),
    Tick(u64),
    Time(u64),
}

impl Position {
    /// Whether a record lies before.
    fn is_after(self, sequence: u64, tick: u64, time_ns: u64) -> bool {
        match self {
            Self::Sequence(from) => sequence < from,
            Self::Tick(from) => tick < from,
            Self::Time(from) => time_ns < from,
        }
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl Scan {
    /// All records that are there.
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::Damaged`] of the first header, [`JournalError::Io`].
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        if !directory.is_dir() {
            return Err(JournalError::Missing { place: directory.display().to_string() });
        }
        Self::open_on(Arc::new(Directory::new(directory)))
    }

    /// The same on any disk.
    ///
    /// # Errors
    /// As [`Scan::open`].
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<Self, JournalError> {
        let firsts = segments::list(&*disk)?;
        let missing = || JournalError::Missing { place: format!("{disk:?}") };
        let first = *firsts.first().ok_or_else(missing)?;
        let reader = SegmentReader::open(&*disk, first)?;
        Ok(Self { disk, reader, batch: 0..0, from: Position::Sequence(0) })
    }

    /// What the journal is about.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.reader.header
    }

    /// The first sequence of the segment that is read: of a scan that was just opened, the first that is there.
    #[must_use]
    pub fn segment_start(&self) -> u64 {
        self.reader.start.sequence
    }

    /// Begins with a sequence, or with the first that is there above it.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] of a header, [`JournalError::Io`].
    pub fn from_sequence(self, sequence: u64) -> Result<Self, JournalError> {
        self.begin(Position::Sequence(sequence))
    }

    /// Begins with the first record of a tick or a later one.
    ///
    /// # Errors
    /// As [`Scan::from_sequence`].
    pub fn from_tick(self, tick: u64) -> Result<Self, JournalError> {
        self.begin(Position::Tick(tick))
    }

    /// Begins with the first record of a time, in ns since 1970, or a later one.
    ///
    /// # Errors
    /// As [`Scan::from_sequence`].
    pub fn from_time(self, time_ns: u64) -> Result<Self, JournalError> {
        self.begin(Position::Time(time_ns))
    }

    fn begin(mut self, from: Position) -> Result<Self, JournalError> {
        let firsts = segments::list_begun(&*self.disk)?;
        let (mut low, mut high) = (0, firsts.len());
        // The last segment that begins before the position; equal ticks and times may reach back into it.
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            let reader = SegmentReader::open(&*self.disk, firsts[middle])?;
            let start = &reader.start;
            let before = match from {
                Position::Sequence(sequence) => start.sequence <= sequence,
                Position::Tick(tick) => start.tick < tick,
                Position::Time(time_ns) => start.time_ns < time_ns,
            };
            if before { low = middle } else { high = middle }
        }
        if let Some(&first) = firsts.get(low) {
            let (index, mut reader) = Index::of(&*self.disk, first)?;
            let mark =
                index.last_before(|mark| from.is_after(mark.sequence, mark.tick, mark.time_ns));
            match mark {
                Some(mark) => reader.skip_to_mark(&mark)?,
                None => reader = SegmentReader::open(&*self.disk, first)?,
            }
            self.reader = reader;
        }
        self.batch = 0..0;
        self.from = from;
        Ok(self)
    }

    /// The next record, or why there is none; `None` at the end of what is written.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with the place, [`JournalError::Io`]; the next call says the same.
    #[expect(
        clippy::should_implement_trait,
        reason = "a record borrows the scan, so no `Iterator` can give it"
    )]
    pub fn next(&mut self) -> Option<Result<Record<'_>, JournalError>> {
        match self.advance() {
            Ok(Some((head, body))) => {
                let body = &self.reader.bytes()[body];
                let Head { sequence, tick, time_ns, source, kind, .. } = head;
                Some(Ok(Record { sequence, tick, time_ns, source, kind, body }))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Goes to the next record; where its body is.
    fn advance(&mut self) -> Result<Option<(Head, Range<usize>)>, JournalError> {
        // bound: every round reads a record or a batch, or ends
        loop {
            if self.batch.is_empty() && !self.read_batch()? {
                return Ok(None);
            }
            let at = self.batch.start;
            let bytes = &self.reader.bytes()[self.batch.clone()];
            let head = Head::read(bytes).expect("the batch holds whole records");
            self.batch.start += head.frame();
            if !self.from.is_after(head.sequence, head.tick, head.time_ns) {
                return Ok(Some((head, at + HEAD..at + HEAD + head.body())));
            }
        }
    }

    /// Reads the next batch, in the next segment if need be; whether there is one.
    fn read_batch(&mut self) -> Result<bool, JournalError> {
        // Whoever writes may have gone on between two looks, so what does not fit is looked at again.
        let mut again = false;
        // bound: the number of segments, and of seals of nothing
        loop {
            match self.reader.next_batch() {
                Ok(Some(sealed)) if sealed.records.is_empty() => {}
                Ok(Some(sealed)) => {
                    self.batch = sealed.records;
                    return Ok(true);
                }
                Ok(None) => match self.following()? {
                    None => return Ok(false),
                    Some(next) if again || next.start.sequence == self.reader.next => {
                        next.follows(&self.reader)?;
                        self.reader = next;
                        again = false;
                    }
                    // It was written on, and ended, before the next was begun.
                    Some(_) => again = true,
                },
                Err(error @ JournalError::Damaged(_)) => {
                    // What is being written may be there in part; its seal comes last.
                    if self.following()?.is_none() && self.reader.rest()?.seals == 0 {
                        return Ok(false);
                    }
                    if std::mem::replace(&mut again, true) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The segment after the one that is read, if there is one.
    fn following(&self) -> Result<Option<SegmentReader>, JournalError> {
        let firsts = segments::list_begun(&*self.disk)?;
        let next = firsts.partition_point(|&first| first <= self.reader.start.sequence);
        firsts.get(next).map(|&first| SegmentReader::open(&*self.disk, first)).transpose()
    }
}
