//! Hashing, writing and syncing what was sealed: the work of the I/O thread, and of whoever waits.

use std::fmt;
use std::io;

use super::disk::{Disk, DiskFile};
use super::error::JournalError;
use super::format::{self, HASH, Hash, Head, SEAL};
use super::header::{self, HEADER, HEADER_HASH, Header, Start};
use super::index::Index;
use super::options::{Level, Options};
use super::packing::{self, Packing};
use super::progress::{Health, Reached};
use super::queue::{Batches, Intake};
use super::retention::{self, Retention};
use super::segments;
use crate::sync::{Arc, Relaxed};

/// Bytes that are prepared at once for small writes that are synced: without a change of the file's size, a sync has
/// no journal of the file system to wait for.
const PREPARED: u64 = 1 << 20;

/// Bytes that are hashed and then written at once: what was hashed is still in a near cache when it is copied.
const RUN: u64 = 256 << 10;

/// The marks of a segment are stored beside it whenever so many bytes were added: whoever opens a journal that is
/// written, or was left by a crash, reads no more than that to know where things are.
const MARKED: u64 = 8 << 20;

/// Segments at the end that are not compressed: the one that is written, and the one before, which may not be synced.
const NEWEST: usize = 2;

/// Segments that may be written and not synced: above, the oldest is synced, which bounds open files.
const BEHIND: usize = 16;

/// The segment that is being written.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: Box<dyn DiskFile>,
    /// Where the next batch goes.
    pub(super) end: u64,
    /// Where the file ends: zeros in between.
    pub(super) length: u64,
}

pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    options: Options,
    header: Header,
    intake: Intake,
    reached: Arc<Reached>,
    segment: Segment,
    /// Its marks, and its first sequence.
    index: Index,
    first: u64,
    /// Number of the segment.
    number: u64,
    /// Hash that the next batch continues.
    previous: Hash,
    /// Head of the seal before.
    last: Head,
    /// Sequences below this are said to be synced by what is written.
    said: u64,
    /// Segments before that are not synced.
    behind: Vec<Segment>,
    /// Whether a name was made that may not survive a loss of power.
    new_names: bool,
    /// What was taken and is not all written, and how many of its batches are.
    current: Option<(Batches, usize)>,
    /// The segment that is being compressed, and whether there may be one to compress.
    packing: Option<Packing>,
    packs: bool,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("segment", &self.segment).finish_non_exhaustive()
    }
}

/// What an operation's failure means for the journal.
fn failed(
    reached: &Reached,
    operation: &'static str,
    waiting: u64,
    error: &io::Error,
) -> JournalError {
    if !is_full(error) {
        return reached.poison(operation, error);
    }
    let waiting = waiting.max(1);
    reached.without_space.store(waiting, Relaxed);
    JournalError::NoSpace { waiting }
}

fn is_full(error: &io::Error) -> bool {
    [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&error.kind())
}

impl Writer {
    /// A writer that goes on in a segment, after a batch with a hash.
    pub(super) fn new(
        (disk, options, header): (Arc<dyn Disk>, Options, Header),
        (intake, reached): (Intake, Arc<Reached>),
        (segment, index, first): (Segment, Index, u64),
        behind: Vec<Segment>,
        (number, previous, last): (u64, Hash, Head),
        said: u64,
    ) -> Self {
        let packs = options.compress;
        Self {
            disk,
            options,
            header,
            intake,
            reached,
            segment,
            index,
            first,
            number,
            previous,
            last,
            said,
            behind,
            new_names: true,
            current: None,
            packing: None,
            packs,
        }
    }

    /// Takes what waits and brings it to a level, and to that of the options. Whether there was anything to do.
    ///
    /// # Errors
    /// [`JournalError::NoSpace`]: what was taken is kept, and the next call tries again; [`JournalError::Poisoned`].
    pub(super) fn work(&mut self, level: Level) -> Result<bool, JournalError> {
        if let Health::Poisoned { .. } = self.reached.health() {
            self.reached.check()?;
        }
        let (mut batches, mut done) =
            match self.current.take().or_else(|| Some((self.intake.take()?, 0))) {
                Some(taken) => taken,
                None => return self.sync_if(level),
            };
        let written = self.write(&mut batches, &mut done);
        if let Err(error) = written {
            self.current = Some((batches, done));
            return Err(error);
        }
        self.reached.without_space.store(0, Relaxed);
        self.intake.give_back(batches);
        self.sync_if(level)?;
        Ok(true)
    }

    /// Whether nothing is left to be written.
    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none() && self.intake.is_empty()
    }

    fn sync_if(&mut self, level: Level) -> Result<bool, JournalError> {
        let written = self.reached.written.load(Relaxed);
        let due = level.max(self.options.level) == Level::Synced;
        if !due || self.reached.synced.load(Relaxed) == written {
            return Ok(false);
        }
        self.sync()?;
        self.reached.synced.store(written, Relaxed);
        Ok(true)
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        let mut behind = self.behind.iter_mut();
        let synced = behind.try_for_each(|segment| segment.file.sync_data());
        let synced = synced.and_then(|()| self.segment.file.sync_data());
        // Never tried again: the system may have dropped what it could not write, and call the next sync a success.
        synced.map_err(|error| self.reached.poison("syncing a segment", &error))?;
        self.behind.clear();
        if self.new_names {
            let synced = self.disk.sync_directory();
            synced.map_err(|error| self.reached.poison("syncing the directory", &error))?;
            self.new_names = false;
        }
        Ok(())
    }

    /// Writes batches, run by run: as many as fit the segment at once.
    fn write(&mut self, batches: &mut Batches, done: &mut usize) -> Result<(), JournalError> {
        while *done < batches.seals.len() {
            let start = if *done == 0 { HASH } else { batches.seals[*done - 1] + SEAL };
            let room = self.options.segment_bytes.saturating_sub(self.segment.end);
            let within = |bytes| move |&&at: &&usize| (at + SEAL - start) as u64 <= bytes;
            let waiting = &batches.seals[*done..];
            let mut count = waiting.iter().take_while(within(room.min(RUN))).count();
            if count == 0 && !within(room)(&&waiting[0]) && self.segment.end > HEADER as u64 {
                let waiting = (batches.bytes.len() - start) as u64;
                self.rotate(&batches.bytes[start..], waiting)?;
                continue;
            }
            // A batch that is larger than a run is one; one that is larger than a segment has one of its own.
            count = count.max(1);
            let seals = &batches.seals[*done..*done + count];
            let synced = self.reached.synced.load(Relaxed);
            self.said = synced;
            // What stood here, if anything, has been written.
            batches.bytes[start - HASH..start].copy_from_slice(&self.previous);
            let (mut from, mut last) = (start - HASH, self.previous);
            for &at in seals {
                last = format::finish_seal(&mut batches.bytes, from, at, synced);
                from = at + SEAL - HASH;
            }
            let seal =
                Head::read(&batches.bytes[seals[count - 1]..]).expect("it was just filled in");
            let offset = self.segment.end;
            self.put(&batches.bytes[start..from + HASH])?;
            let mut batch = start;
            for at in seals {
                self.index.add(&batches.bytes[batch..*at], offset + (batch - start) as u64);
                batch = at + SEAL;
            }
            self.previous = last;
            self.last = seal;
            self.reached.written.store(seal.sequence, Relaxed);
            *done += count;
            if self.segment.end >= self.index.covered.max(HEADER as u64) + MARKED {
                self.store_index();
            }
        }
        Ok(())
    }

    /// Writes a run of batches at the segment's end.
    fn put(&mut self, run: &[u8]) -> Result<(), JournalError> {
        let (length, segment) = (run.len() as u64, &mut self.segment);
        let written = segment.file.write_at(run, segment.end).and_then(|()| {
            segment.length = segment.length.max(segment.end + length);
            let small = self.options.level == Level::Synced && length < PREPARED;
            let (from, room) =
                (segment.length, self.options.segment_bytes.saturating_sub(segment.length));
            if small && from == segment.end + length && room > 0 {
                let zeros = vec![0; room.min(PREPARED) as usize];
                match segment.file.write_at(&zeros, from) {
                    Ok(()) => segment.length = from + zeros.len() as u64,
                    // The batch itself is written; whoever needs the room is refused it then.
                    Err(error) if is_full(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        });
        written.map_err(|error| failed(&self.reached, "writing a segment", length, &error))?;
        segment.end += length;
        Ok(())
    }

    /// Ends the segment and begins the next with a batch.
    fn rotate(&mut self, batch: &[u8], waiting: u64) -> Result<(), JournalError> {
        let reached = self.reached.clone();
        let full = |error: io::Error| failed(&reached, "beginning a segment", waiting, &error);
        let first = Head::read(batch).expect("a batch has at least one record");
        let start = Start {
            number: self.number + 1,
            sequence: first.sequence,
            tick: first.tick,
            time_ns: first.time_ns,
            synced: self.reached.synced.load(Relaxed),
            previous: self.previous,
        };
        if self.segment.length > self.segment.end {
            self.segment.file.set_length(self.segment.end).map_err(full)?;
            self.segment.length = self.segment.end;
        }
        let (next, hash) = begin(&*self.disk, &self.header, &start).map_err(full)?;
        self.store_index();
        self.index = Index::default();
        self.first = start.sequence;
        self.new_names = true;
        self.number = start.number;
        self.previous = hash;
        self.behind.push(std::mem::replace(&mut self.segment, next));
        if self.behind.len() > BEHIND {
            let synced = self.behind.remove(0).file.sync_data();
            synced.map_err(|error| self.reached.poison("syncing a segment", &error))?;
        }
        self.forget();
        self.packs = self.options.compress;
        Ok(())
    }

    /// Compresses a block of a segment that nobody writes any more; whether there was one. What fails costs only space:
    /// the segment stays as it is until another one has ended.
    pub(super) fn pack(&mut self) -> bool {
        if !self.packs || self.reached.check().is_err() {
            return false;
        }
        let Some(packing) = &mut self.packing else {
            let next =
                packing::cold(&*self.disk, NEWEST).ok().and_then(|cold| cold.first().copied());
            self.packing = next.and_then(|first| Packing::begin(&*self.disk, first).ok());
            self.packs = self.packing.is_some();
            return self.packs;
        };
        match packing.step(&*self.disk) {
            Ok(None) => {}
            Ok(Some(_)) => self.packing = None,
            Err(_) => {
                self.packs = false;
                self.leave_packing();
            }
        }
        true
    }

    fn leave_packing(&mut self) {
        if let Some(packing) = self.packing.take() {
            packing.abandon(&*self.disk);
        }
    }

    /// Forgets what need not be kept. What cannot be removed now is tried again with the next segment.
    fn forget(&self) {
        let retention = self.options.retention;
        if retention != Retention::default() {
            let keep_from = self.reached.keep_from.load(Relaxed);
            let now_ns = self.last.time_ns;
            let _ = retention::forget_on(&*self.disk, retention, keep_from, now_ns);
        }
    }

    /// Writes the segment's marks beside it. They are a cache: what fails costs only time.
    fn store_index(&mut self) {
        let index = &mut self.index;
        (index.covered, index.next) = (self.segment.end, self.last.sequence);
        index.hash = self.previous;
        let _ = index.store(&*self.disk, self.header.id(), self.first);
    }

    /// Cuts the zeros that were prepared, syncs all, and writes down that it did: what is changed from then on is
    /// damage, and no torn tail.
    pub(super) fn finish(&mut self) -> Result<(), JournalError> {
        self.leave_packing();
        self.sync_if(Level::Synced)?;
        let Self { segment, reached, last, .. } = self;
        if self.said < last.sequence {
            let seal = format::empty_seal(*last, self.previous);
            match segment.file.write_at(&seal, segment.end) {
                Ok(()) => {
                    segment.end += SEAL as u64;
                    segment.length = segment.length.max(segment.end);
                    self.previous = *seal[SEAL - HASH..].first_chunk().expect("it ends a seal");
                    self.said = last.sequence;
                }
                // Nothing is lost without it.
                Err(error) if is_full(&error) => {}
                Err(error) => return Err(reached.poison("ending a segment", &error)),
            }
        }
        if segment.length > segment.end {
            let cut = segment.file.set_length(segment.end);
            cut.map_err(|error| reached.poison("cutting a segment", &error))?;
            segment.length = segment.end;
        }
        self.store_index();
        self.sync()
    }
}

/// Makes a segment with its header, and gives the header's hash. What is left of a failed attempt is removed.
pub(super) fn begin(
    disk: &dyn Disk,
    header: &Header,
    start: &Start,
) -> io::Result<(Segment, Hash)> {
    let name = segments::name(start.sequence);
    let page = header::encode(header, start);
    let mut file = disk.create(&name)?;
    if let Err(error) = file.write_at(&page, 0) {
        // Another attempt would be refused by what is left; the first error matters more.
        let _ = disk.remove(&name);
        return Err(error);
    }
    let hash = *page[HEADER_HASH..].first_chunk().expect("a hash ends the header");
    Ok((Segment { file, end: HEADER as u64, length: HEADER as u64 }, hash))
}
