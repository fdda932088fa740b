//! Memory for payloads that do not fit into a spike.
//!
//! The arena is cut into segments of equal size. A block is written at the end of the current segment and counted
//! there; when a segment has no room it is left alone, and once all of its blocks are released the next writer that
//! needs room raises its generation and starts it anew. Nothing is searched, merged or moved, and traffic of any length
//! fits as long as each segment empties now and then. A block that is never released therefore keeps a whole segment;
//! what lives long belongs somewhere else.
//!
//! A reference carries the generation of its segment, and each block begins with a word that only the arena can compute
//! for just this position, length and generation. A reference that is stale, altered or invented is refused.
//!
//! Files have the layout of the memory (in words of 8 bytes, `src/shm/header.rs` has the first page):
//!
//! ```text
//! 0        header page; fields: segment count, segment bytes, key, current segment, refusals
//! 4096     segment table, 128 bytes for each segment:
//!            0  hold     generation u32 (high), holders u32 (low): one for each block, lease and call in progress
//!            8  fill     generation u32 (high), used words u32 (low)
//!            16 written  blocks written so far, of all generations
//!            24 leases   holders that are leases
//!            32 zero
//! ..       segments
//!
//! block:     0  count    references
//!            8  check    keyed by the arena, of position, generation and length
//!            16 bytes, zero-filled to whole words
//! ```
//!
//! A process that dies in the middle of a call leaves that segment held; it is not reused until the file is made anew.

#![forbid(unsafe_code)]

mod block;
mod error;
mod in_place;
mod segment;
mod usage;

pub use crate::shm::trust::TrustedWriters;
pub use error::ArenaError;
pub use usage::ArenaUsage;

use std::io;
use std::path::Path;

use crate::shm::header::{self, Format};
use crate::shm::mapping::{Access, Mapping, PAGE_WORDS};
use crate::spike::ArenaRef;
use crate::sync::{AtomicU64, Relaxed, fence, order};

use block::{BLOCK_WORDS, Block};
use segment::{SEGMENT_WORDS, Segment};

const FORMAT: Format = Format::new(
    *b"NBARENA\n",
    1,
    "page 4096: segments u64, segment bytes u64, key u64, current u64, refused u64; \
     segment 128: hold, fill, written, leases; block 16: count, check; bytes to 8",
);

const SEGMENTS: usize = 0;
const SEGMENT_BYTES: usize = 1;
const KEY: usize = 2;
const CURRENT: usize = 3;
const REFUSED: usize = 4;

/// Segments of an arena that is made by its size alone.
const DEFAULT_SEGMENTS: usize = 16;

const SEGMENTS_MAX: usize = 1 << 16;

/// A segment holds at least a block of 48 bytes.
const SEGMENT_BYTES_MIN: usize = 64;

/// Memory for payloads, shared by threads and, when it lies in a file, by processes.
///
/// `Send` and `Sync`: put it into an `Arc`. Every reference is checked before it is followed, whoever made it.
///
/// ```
/// use neuronbus::arena::Arena;
///
/// let arena = Arena::anonymous(1 << 20)?;
/// let block = arena.write(b"a payload that is too long for a spike, which carries 46 bytes")?;
/// assert_eq!(&arena.lease(block)?[..9], b"a payload");
/// arena.release(block)?;
/// assert!(arena.release(block).is_err());
/// # Ok::<(), neuronbus::arena::ArenaError>(())
/// ```
#[derive(Debug)]
pub struct Arena {
    memory: Mapping,
    segments: usize,
    segment_words: usize,
    key: u64,
}

impl Arena {
    /// Private memory of about so many bytes, in 16 segments; a block is at most a segment less 16 bytes.
    ///
    /// # Errors
    /// [`ArenaError::Size`], or [`ArenaError::Memory`] when the system has none.
    pub fn anonymous(bytes: usize) -> Result<Self, ArenaError> {
        Self::with_segments(DEFAULT_SEGMENTS, segment_bytes(bytes)?)
    }

    /// Private memory of so many segments of so many bytes each, which is rounded up to 64.
    ///
    /// # Errors
    /// [`ArenaError::Size`], or [`ArenaError::Memory`] when the system has none.
    pub fn with_segments(segments: usize, segment_bytes: usize) -> Result<Self, ArenaError> {
        let total = total_bytes(segments, segment_bytes)?;
        let memory = Mapping::anonymous(total)
            .map_err(|source| ArenaError::Memory { total, kind: source.kind() })?;
        Ok(Self::format(memory, segments, segment_bytes.next_multiple_of(64)))
    }

    /// A new file of about so many bytes, in 16 segments.
    ///
    /// # Errors
    /// [`ArenaError::AlreadyExists`] for a path that exists, [`ArenaError::Size`], [`ArenaError::Io`].
    pub fn create(path: impl AsRef<Path>, bytes: usize) -> Result<Self, ArenaError> {
        Self::create_for(path.as_ref(), bytes, Access::Owner)
    }

    pub(crate) fn create_for(
        path: &Path,
        bytes: usize,
        access: Access,
    ) -> Result<Self, ArenaError> {
        let segment_bytes = segment_bytes(bytes)?;
        let total = total_bytes(DEFAULT_SEGMENTS, segment_bytes)?;
        let memory =
            Mapping::create(path, total, access).map_err(|source| ArenaError::io(path, &source))?;
        Ok(Self::format(memory, DEFAULT_SEGMENTS, segment_bytes))
    }

    /// An existing file, as it is; any number of processes may have it open.
    ///
    /// # Errors
    /// [`ArenaError::Foreign`] for a file that is no arena of this layout, [`ArenaError::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ArenaError> {
        let path = path.as_ref();
        Self::opened(path, Mapping::open(path))
    }

    /// The same, to be looked at only: nothing but [`Arena::peek`] and [`Arena::usage`] may be called.
    pub(crate) fn open_read_only(path: &Path) -> Result<Self, ArenaError> {
        Self::opened(path, Mapping::open_read_only(path))
    }

    fn opened(path: &Path, memory: io::Result<Mapping>) -> Result<Self, ArenaError> {
        let memory = memory.map_err(|source| ArenaError::io(path, &source))?;
        let mapped = 8 * memory.words().len() as u64;
        FORMAT.check(memory.words(), mapped).map_err(|wrong| ArenaError::foreign(path, wrong))?;
        // relaxed: constant since before the magic was written
        let field = |number| header::field(memory.words(), number).load(Relaxed);
        let (segments, segment_bytes) = (field(SEGMENTS), field(SEGMENT_BYTES));
        let total = match (usize::try_from(segments), usize::try_from(segment_bytes)) {
            (Ok(segments), Ok(bytes)) if bytes % 64 == 0 => total_bytes(segments, bytes).ok(),
            _ => None,
        };
        let expected = total.unwrap_or(0) as u64;
        if expected != mapped {
            let wrong = header::Mismatch { what: "size of the segments", found: mapped, expected };
            return Err(ArenaError::foreign(path, wrong));
        }
        let key = field(KEY);
        Ok(Self::over(memory, segments as usize, segment_bytes as usize, key))
    }

    fn format(memory: Mapping, segments: usize, segment_bytes: usize) -> Self {
        let key = block::new_key();
        let total = 8 * memory.words().len() as u64;
        FORMAT.write(memory.words(), &[segments as u64, segment_bytes as u64, key], total);
        Self::over(memory, segments, segment_bytes, key)
    }

    fn over(memory: Mapping, segments: usize, segment_bytes: usize, key: u64) -> Self {
        Self { memory, segments, segment_words: segment_bytes / 8, key }
    }

    /// Writes a block with one reference to it.
    ///
    /// # Errors
    /// [`ArenaError::TooLarge`] for what never fits, [`ArenaError::Full`] until something is released.
    pub fn write(&self, bytes: &[u8]) -> Result<ArenaRef, ArenaError> {
        let words = BLOCK_WORDS + bytes.len().div_ceil(8);
        if words > self.segment_words {
            return Err(ArenaError::TooLarge { wanted: bytes.len(), limit: self.block_limit() });
        }
        let Some((segment, generation, start)) = self.allocate(words as u32) else {
            // relaxed: a count
            self.header(REFUSED).fetch_add(1, Relaxed);
            return Err(ArenaError::Full { wanted: 8 * words, free: self.usage().free });
        };
        let offset = (self.segment_start(segment) + start as usize + BLOCK_WORDS) as u32;
        let length = bytes.len() as u32;
        let place = ArenaRef { offset, length, generation, segment: segment as u32 };
        self.memory.store_bytes(offset as usize, bytes);
        self.block(place).publish(self.key, place);
        Ok(place)
    }

    /// Adds a reference to a block.
    ///
    /// # Errors
    /// [`ArenaError::Stale`] or [`ArenaError::OutOfRange`] for what is no live block, [`ArenaError::Saturated`]
    /// when they cannot be counted any more.
    pub fn retain(&self, place: ArenaRef) -> Result<(), ArenaError> {
        let hold = self.hold(place)?;
        hold.block.retain(place)
    }

    /// Gives a reference back; the last one makes the memory reusable.
    ///
    /// # Errors
    /// [`ArenaError::Stale`] or [`ArenaError::OutOfRange`] for what is no live block: a second release of the last
    /// reference is refused and changes nothing.
    pub fn release(&self, place: ArenaRef) -> Result<(), ArenaError> {
        let hold = self.hold(place)?;
        if hold.block.release(place)? {
            hold.segment.let_go();
        }
        Ok(())
    }

    /// Replaces the contents of a vector by a copy of a block.
    ///
    /// # Errors
    /// [`ArenaError::Stale`] or [`ArenaError::OutOfRange`] for what is no live block; the vector is then empty.
    pub fn read_into(&self, place: ArenaRef, into: &mut Vec<u8>) -> Result<(), ArenaError> {
        into.clear();
        let _hold = self.hold(place)?;
        self.memory.load_bytes(place.offset as usize, place.length as usize, into);
        Ok(())
    }

    /// Replaces the contents of a vector by a copy of a block, without holding it: nothing is written, so that memory
    /// may be mapped for reading only. A block whose last reference is gone is found for as long as its bytes lie
    /// there.
    ///
    /// # Errors
    /// [`ArenaError::Stale`] or [`ArenaError::OutOfRange`] for what is no block, or was overwritten while it was
    /// copied; the vector is then empty.
    pub(crate) fn peek(&self, place: ArenaRef, into: &mut Vec<u8>) -> Result<(), ArenaError> {
        into.clear();
        let number = self.locate(place)?;
        self.block(place).belongs(self.key, place)?;
        self.memory.load_bytes_racing(place.offset as usize, place.length as usize, into);
        // SYNC(segment-anew): if a byte of the copy is of a later generation, the segment is; `start_anew` is the other
        // half.
        fence(order::segment_anew_check());
        if self.segment(number).generation() == place.generation {
            return Ok(());
        }
        into.clear();
        Err(ArenaError::Stale { place })
    }

    /// Makes the arena again what its blocks in use say, after the only process that wrote it has died: what else it
    /// left held is let go. Only for the new owner, while nobody writes.
    pub(crate) fn recover(&self, live: &[ArenaRef]) {
        for number in 0..self.segments {
            let segment = self.segment(number);
            let generation = segment.generation();
            let here = |place: &&ArenaRef| {
                place.segment as usize == number && place.generation == generation
            };
            let mut places: Vec<ArenaRef> = live.iter().filter(here).copied().collect();
            places.retain(|&place| {
                let block = self.locate(place).map(|_| self.block(place));
                block.and_then(|block| block.belongs(self.key, place)).is_ok()
            });
            places.sort_unstable_by_key(|place| place.offset);
            places.dedup();
            places.iter().for_each(|&place| self.block(place).publish(self.key, place));
            segment.recover(places.len() as u32, self.segment_words as u32);
        }
    }

    /// Whether somebody cut the file short.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.memory.is_cut_short()
    }

    /// The bytes of a block, in place in private memory and copied from a file; they stay while the lease lives, even
    /// when the last reference is released in the meantime.
    ///
    /// # Errors
    /// [`ArenaError::Stale`] or [`ArenaError::OutOfRange`] for what is no live block.
    pub fn lease(&self, place: ArenaRef) -> Result<Lease<'_>, ArenaError> {
        let (at, length) = (place.offset as usize, place.length as usize);
        let hold = self.hold(place)?;
        if self.memory.is_shared() {
            let mut copy = Vec::new();
            self.memory.load_bytes(at, length, &mut copy);
            return Ok(Lease(Leased::Copy(copy)));
        }
        hold.segment.count_lease();
        let view = self.memory.view(at, length);
        Ok(Lease(Leased::InPlace { view, hold: LeaseHold(hold) }))
    }

    /// The most bytes that one block can hold.
    #[must_use]
    pub fn block_limit(&self) -> usize {
        8 * (self.segment_words - BLOCK_WORDS)
    }

    /// How full the arena is and what it has done; each number is of its own moment while others are writing.
    #[must_use]
    pub fn usage(&self) -> ArenaUsage {
        let segments = (0..self.segments).map(|segment| self.segment(segment));
        // relaxed: a count
        usage::of(segments, 8 * self.segment_words, self.header(REFUSED).load(Relaxed))
    }

    /// Segment, generation and first word of a place for so many words, with the segment held once for it.
    fn allocate(&self, words: u32) -> Option<(usize, u32, u32)> {
        let limit = self.segment_words as u32;
        // relaxed: a hint where to look first
        let first = self.header(CURRENT).load(Relaxed) as usize % self.segments;
        (0..self.segments).find_map(|step| {
            let number = (first + step) % self.segments;
            let (generation, start) = self.segment(number).place(words, limit)?;
            if step != 0 {
                self.header(CURRENT).store(number as u64, Relaxed);
            }
            Some((number, generation, start))
        })
    }

    /// The segment that a place lies in, whole.
    fn locate(&self, place: ArenaRef) -> Result<usize, ArenaError> {
        let number = place.segment as usize;
        let words = (place.length as usize).div_ceil(8);
        let start = self.segment_start(number.min(self.segments));
        let end = start + self.segment_words;
        let offset = place.offset as usize;
        if number >= self.segments || offset < start + BLOCK_WORDS || offset + words > end {
            return Err(ArenaError::OutOfRange { place });
        }
        Ok(number)
    }

    /// Holds the segment of a live block, so that it is not reused meanwhile.
    fn hold(&self, place: ArenaRef) -> Result<Hold<'_>, ArenaError> {
        let segment = self.segment(self.locate(place)?);
        segment.hold(place)?;
        // From here on the drop of `hold` lets go, whatever is found.
        let hold = Hold { segment, block: self.block(place) };
        hold.block.check(self.key, place)?;
        Ok(hold)
    }

    fn header(&self, number: usize) -> &AtomicU64 {
        header::field(self.memory.words(), number)
    }

    fn segment(&self, number: usize) -> Segment<'_> {
        let at = PAGE_WORDS + number * SEGMENT_WORDS;
        Segment::new(&self.memory.words()[at..at + SEGMENT_WORDS])
    }

    fn segment_start(&self, number: usize) -> usize {
        PAGE_WORDS + self.segments * SEGMENT_WORDS + number * self.segment_words
    }

    fn block(&self, place: ArenaRef) -> Block<'_> {
        let at = place.offset as usize;
        Block::new(&self.memory.words()[at - BLOCK_WORDS..at])
    }
}

/// A held segment and the block it is held for; let go of when dropped.
#[derive(Debug)]
struct Hold<'a> {
    segment: Segment<'a>,
    block: Block<'a>,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.segment.let_go();
    }
}

/// A hold that is counted as a lease.
#[derive(Debug)]
struct LeaseHold<'a>(Hold<'a>);

impl Drop for LeaseHold<'_> {
    fn drop(&mut self) {
        self.0.segment.uncount_lease();
    }
}

/// The bytes of a block, borrowed from the arena; they stay as they are while this lives.
#[derive(Debug)]
pub struct Lease<'a>(Leased<'a>);

#[derive(Debug)]
enum Leased<'a> {
    InPlace {
        view: &'a [u8],
        #[expect(dead_code, reason = "held for its drop")]
        hold: LeaseHold<'a>,
    },
    Copy(Vec<u8>),
}

impl std::ops::Deref for Lease<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Leased::InPlace { view, .. } => view,
            Leased::Copy(copy) => copy,
        }
    }
}

fn segment_bytes(bytes: usize) -> Result<usize, ArenaError> {
    let each = bytes.div_ceil(DEFAULT_SEGMENTS);
    each.checked_next_multiple_of(64)
        .ok_or(ArenaError::Size { segments: DEFAULT_SEGMENTS, segment_bytes: each })
}

/// The bytes that such an arena takes: positions must fit 32 bits of words.
fn total_bytes(segments: usize, segment_bytes: usize) -> Result<usize, ArenaError> {
    let refused = ArenaError::Size { segments, segment_bytes };
    if !(1..=SEGMENTS_MAX).contains(&segments) || segment_bytes < SEGMENT_BYTES_MIN {
        return Err(refused);
    }
    let each = segment_bytes.checked_next_multiple_of(64);
    let total = each
        .and_then(|each| each.checked_add(8 * SEGMENT_WORDS))
        .and_then(|each| each.checked_mul(segments))
        .and_then(|all| all.checked_add(8 * PAGE_WORDS));
    match total {
        Some(total) if total / 8 <= u32::MAX as usize => Ok(total),
        _ => Err(refused),
    }
}
