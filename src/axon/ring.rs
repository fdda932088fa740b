//! The memory that the ends of an axon share.
//!
//! ```text
//! offset size
//! 0           header page, of a file only; fields: slots, readers
//! 4096   128  claimed   positions the writer has begun to fill; written by the writer at each publish
//! 4224   128  floor     positions below it may be overwritten under a reader; written only by shedding
//! 4352   128  listed    raised whenever an entry becomes held
//! 4480   128  tally     dropped, deferred; touched only when the ring is full
//! 4608   128  bell      rung for those who wait
//! 4736   128  writer    who writes: tenure, start of the process, its namespace
//! 4864   128 each       entries: tenure, cursor, start, dropped before, shed, start of the process, its namespace
//! ..      64 each       slots: a spike's words; bit 63 of the first word is the stamp of the lap
//! ```
//!
//! A *position* is the number of a spike in the life of the ring; position `p` lies in slot `p % capacity`. Its stamp
//! is 1 in lap 0, so that zeroed memory reads as not published, and alternates from lap to lap. A reader that is never
//! passed needs no more than this one bit; an end that can be passed checks `claimed` or `floor` after its copy.

use crate::shm::mapping::{LINE_WORDS, Mapping, PAGE_WORDS, Word};
use crate::shm::slot::{FRONT_WORDS, SLOT_WORDS, SlotMemory};
use crate::spike::Spike;
use crate::sync::{Arc, Mutex, Relaxed, fence, lock, order, yield_now};

use super::account::TapTally;
use super::wait::Doorbell;
use crate::shm::tenure::{self, Holder, Tenure};

/// Words of a slot.
pub(super) const WORDS: usize = size_of::<Spike>() / 8;

const STAMP: u64 = 1 << 63;

/// More slots than this are refused: 2^26 spikes are 4 GiB.
const SLOTS_MAX: usize = 1 << 26;

/// More readers than this are refused: the writer asks every one of them.
const READERS_MAX: usize = 1 << 10;

/// No position is above this, whatever a file says: sums with it do not overflow.
pub(super) const POSITION_MAX: u64 = 1 << 62;

/// How often something is tried again that only a peer who changes its words all the time can spoil.
const PATIENCE: u32 = 1 << 8;

// Lines of the ring, from its first byte behind the header page.
const CLAIMED: usize = 0;
const FLOOR: usize = 1;
const LISTED: usize = 2;
const TALLY: usize = 3;
const BELL: usize = 4;
const WRITER: usize = 5;
const ENTRIES: usize = 6;

const fn line(number: usize) -> usize {
    PAGE_WORDS + number * LINE_WORDS
}

// The models have smaller pages and lines.
const _: () = assert!(
    PAGE_WORDS != 512
        || (8 * line(CLAIMED) == 4096
            && 8 * line(FLOOR) == 4224
            && 8 * line(LISTED) == 4352
            && 8 * line(TALLY) == 4480
            && 8 * line(BELL) == 4608
            && 8 * line(WRITER) == 4736
            && 8 * line(ENTRIES) == 4864)
);

/// Why an axon cannot be made or joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AxonError {
    /// The number of slots is not a power of two, or too large.
    #[error("an axon of {slots} slots is refused: it takes a power of two up to {SLOTS_MAX}")]
    Slots {
        /// What was asked for.
        slots: usize,
    },
    /// The table of readers would be too large.
    #[error("a table of {readers} readers is refused: an axon takes at most {READERS_MAX}")]
    Readers {
        /// What was asked for.
        readers: usize,
    },
    /// The system refused the memory or the file.
    #[error("an axon of {bytes} bytes cannot be had: {kind}")]
    Memory {
        /// Bytes asked for; 0 when they are the file's.
        bytes: usize,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// The file is no axon of this layout.
    #[error("not an axon of this version: {what} is {found:#x}, expected {expected:#x}")]
    Foreign {
        /// Which part of the header.
        what: &'static str,
        /// What is there.
        found: u64,
        /// What should be.
        expected: u64,
    },
    /// Somebody who lives writes this axon.
    #[error("process {pid} writes this axon: it takes one writer")]
    Written {
        /// Who does.
        pid: u32,
    },
    /// Every entry of the table of readers is taken.
    #[error("all {readers} readers of this axon are attached; drop one, or use a tap")]
    ReadersTaken {
        /// How many there can be.
        readers: usize,
    },
}

// A short spike is all in the front half of its slot.
const _: () = assert!(WORDS == SLOT_WORDS && Spike::SHORT_WORDS == FRONT_WORDS);

/// The slots of a ring, held by each end itself so that the way to a slot is as short as can be.
#[derive(Clone)]
pub(super) struct Slots {
    slots: SlotMemory,
    /// `63 - log2(capacity)`: brings the lap's lowest bit to the place of the stamp.
    lap_shift: u32,
}

impl Slots {
    fn of(memory: &Arc<Mapping>, shape: Shape) -> Self {
        let slots = SlotMemory::of(memory, shape.slots_at(), shape.slots);
        Self { slots, lap_shift: 63 - shape.slots.trailing_zeros() }
    }

    #[inline(always)]
    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// The stamp of a position's lap: bit 63 set in even laps.
    #[inline(always)]
    fn stamp(&self, position: u64) -> u64 {
        !(position << self.lap_shift) & STAMP
    }

    /// Fills the slot of a position, the stamped word last. The top bit of a spike's time is not carried, nor is the
    /// back half of a short spike: most spikes are short, and a store costs what it costs.
    #[inline(always)]
    pub(super) fn fill(&self, position: u64, spike: &Spike) {
        let mut words = spike.to_words();
        debug_assert!(words[0] & STAMP == 0, "cortex time is below 2^63");
        words[0] = (words[0] & !STAMP) | self.stamp(position);
        let short = Spike::is_short(words[Spike::TAG_WORD]);
        // SYNC(spike-visible): whoever sees this stamp sees the other words; `stamped` is the other half.
        self.slots.store(position, &words, short, order::spike_visible_publish());
    }

    /// The first word of a position's slot, if it carries the stamp.
    #[inline(always)]
    fn stamped(&self, position: u64) -> Option<u64> {
        // SYNC(spike-visible): `fill` is the other half.
        let first = self.slots.first(position, order::spike_visible_read());
        ((first ^ self.stamp(position)) & STAMP == 0).then_some(first)
    }

    /// A copy of what lies in a position's slot, if it is published; may be torn for an end that the writer can pass.
    #[inline(always)]
    pub(super) fn copy(&self, position: u64) -> Option<Spike> {
        let first = self.stamped(position)?;
        let mut words = [0; WORDS];
        let (front, back) = words.split_at_mut(FRONT_WORDS);
        front.copy_from_slice(&self.slots.front(position));
        front[0] = first & !STAMP;
        // A tag that is torn decides only how much of a copy is made that will be thrown away.
        if !Spike::is_short(front[Spike::TAG_WORD]) {
            back.copy_from_slice(&self.slots.back(position));
        }
        Some(Spike::from_words(words))
    }

    #[inline(always)]
    pub(super) fn is_published(&self, position: u64) -> bool {
        self.stamped(position).is_some()
    }
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Slots").field(&self.slots.len()).finish()
    }
}

/// One reader's line.
#[derive(Debug)]
pub(super) struct Entry {
    /// Who holds it: see [`Tenure`].
    pub(super) state: Word,
    /// The reader is done with every position below.
    pub(super) cursor: Word,
    /// Where the reader started.
    pub(super) start: Word,
    /// How many the writer had dropped by then.
    pub(super) dropped_before: Word,
    /// How many were shed from under the reader.
    pub(super) shed: Word,
    pub(super) holder: Holder,
}

/// What the writer counts besides its position; touched only when the ring is full.
#[derive(Debug)]
pub(super) struct WriterTally {
    pub(super) dropped: Word,
    pub(super) deferred: Word,
}

/// How large a ring is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) slots: usize,
    pub(super) readers: usize,
}

impl Shape {
    pub(super) fn new(slots: usize, readers: usize) -> Result<Self, AxonError> {
        if !slots.is_power_of_two() || slots > SLOTS_MAX {
            return Err(AxonError::Slots { slots });
        }
        if readers > READERS_MAX {
            return Err(AxonError::Readers { readers });
        }
        Ok(Self { slots, readers })
    }

    fn slots_at(self) -> usize {
        line(ENTRIES + self.readers)
    }

    pub(super) fn bytes(self) -> usize {
        8 * (self.slots_at() + WORDS * self.slots)
    }
}

/// The shared part of an axon.
pub(super) struct Ring {
    pub(super) slots: Slots,
    pub(super) entries: Box<[Entry]>,
    pub(super) claimed: Word,
    pub(super) floor: Word,
    /// Raised whenever an entry becomes held, so that a scan notices an entry it has passed.
    pub(super) listed: Word,
    pub(super) tally: WriterTally,
    pub(super) bell: Doorbell,
    /// Who writes, and the process it is in.
    pub(super) writer: (Word, Holder),
    pub(super) memory: Arc<Mapping>,
    pub(super) taps: Mutex<Vec<std::sync::Weak<TapTally>>>,
}

impl Ring {
    /// A ring in private memory.
    pub(super) fn new(slots: usize, readers: usize) -> Result<Self, AxonError> {
        let shape = Shape::new(slots, readers)?;
        let bytes = shape.bytes();
        let memory = Mapping::anonymous(bytes)
            .map_err(|source| AxonError::Memory { bytes, kind: source.kind() })?;
        let ring = Self::over(Arc::new(memory), shape, |_, _| Doorbell::new());
        // Every page is there before the first spike.
        ring.slots.slots.touch();
        Ok(ring)
    }

    /// A ring in memory that is large enough; its bell is made from the word for it.
    pub(super) fn over(
        memory: Arc<Mapping>,
        shape: Shape,
        bell: impl Fn(&Arc<Mapping>, usize) -> Doorbell,
    ) -> Self {
        let word = |number: usize, word: usize| Word::of(&memory, line(number) + word);
        let entry = |number: usize| {
            let word = |at| word(ENTRIES + number, at);
            Entry {
                state: word(0),
                cursor: word(1),
                start: word(2),
                dropped_before: word(3),
                shed: word(4),
                holder: Holder { start: word(5), namespace: word(6) },
            }
        };
        Self {
            slots: Slots::of(&memory, shape),
            entries: (0..shape.readers).map(entry).collect(),
            claimed: word(CLAIMED, 0),
            floor: word(FLOOR, 0),
            listed: word(LISTED, 0),
            tally: WriterTally { dropped: word(TALLY, 0), deferred: word(TALLY, 1) },
            bell: bell(&memory, line(BELL)),
            writer: (
                word(WRITER, 0),
                Holder { start: word(WRITER, 1), namespace: word(WRITER, 2) },
            ),
            taps: Mutex::new(Vec::new()),
            memory,
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// The position behind the last one claimed.
    pub(super) fn now(&self) -> u64 {
        let mut now = 0;
        // bound: repeats only while the writer fills its whole ring in one batch
        for _ in 0..PATIENCE {
            // SYNC(claim-seen): the slot at this position is at most a lap behind; `limit` is the other half.
            now = self.claimed.load(order::claim_seen_jump()).min(POSITION_MAX);
            // A slot that has yet to be filled for the lap before has the stamp of this one.
            if !self.slots.is_published(now) {
                return now;
            }
            yield_now();
        }
        now
    }

    /// Takes a free entry for a reader: at `position`, which the caller holds already, or from now on.
    ///
    /// Returns the entry's number, the tenure it is held under, and where the reader starts.
    pub(super) fn attach(&self, position: Option<u64>) -> Result<(usize, Tenure, u64), AxonError> {
        let taken = self.entries.iter().enumerate().find_map(|(number, entry)| {
            let tenure = tenure::take(&entry.state, &entry.holder)?;
            Some((number, tenure))
        });
        let Some((number, tenure)) = taken else {
            return Err(AxonError::ReadersTaken { readers: self.entries.len() });
        };
        let entry = &self.entries[number];
        // relaxed: a guess that is never too high; it only has to hold the writer until the real start is known
        let guess = position.unwrap_or_else(|| self.claimed.load(Relaxed));
        entry.cursor.store(guess, Relaxed);
        let tenure = tenure::hold(&entry.state, tenure);
        // SYNC(reader-listed): a scan that sees the count sees the entry; `limit` is the other half.
        self.listed.fetch_add(1, order::reader_listed_clone());
        let start = position.unwrap_or_else(|| {
            // SYNC(reader-attached): either the writer's scan sees the entry, or the load in `now` sees the position
            // the writer scanned at, from which it goes at most one ring further; `limit` is the other half.
            fence(order::reader_attached_attach());
            self.now()
        });
        entry.start.store(start, Relaxed);
        entry.dropped_before.store(self.tally.dropped.load(Relaxed), Relaxed);
        entry.shed.store(0, Relaxed);
        entry.cursor.store(start, Relaxed);
        Ok((number, tenure, start))
    }

    /// Lets an entry go, if it is still held under this tenure; whether it was.
    pub(super) fn detach(&self, number: usize, tenure: Tenure) -> bool {
        tenure::end(&self.entries[number].state, tenure)
    }

    pub(super) fn register_tap(&self, tally: &Arc<TapTally>) {
        let mut taps = lock(&self.taps);
        taps.retain(|tap| tap.strong_count() > 0);
        taps.push(Arc::downgrade(tally));
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring")
            .field("slots", &self.slots)
            .field("claimed", &self.claimed)
            .field("floor", &self.floor)
            .finish_non_exhaustive()
    }
}
