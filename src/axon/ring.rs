//! The memory that the ends of an axon share.
//!
//! ```text
//! slots    slot x capacity      64 bytes each: a spike's words; bit 63 of the first word is the stamp of the lap
//! claimed  one 128-byte line    positions the writer has begun to fill; written by the writer at each publish
//! floor    one 128-byte line    positions below it may be overwritten under a reader; written only by shedding
//! entries  one 128-byte line each: state, cursor, and what the reader accounts for
//! ```
//!
//! A *position* is the number of a spike in the life of the ring; position `p` lies in slot `p % capacity`. Its stamp
//! is 1 in lap 0, so that zeroed memory reads as not published, and alternates from lap to lap. A reader that is never
//! passed needs no more than this one bit; an end that can be passed checks `claimed` or `floor` after its copy.

use crossbeam_utils::CachePadded;

use crate::spike::Spike;
use crate::sync::{Arc, AtomicU64, Mutex, Relaxed, fence, lock, order, yield_now};

use super::account::TapTally;
use super::wait::Doorbell;

/// Words of a slot.
pub(super) const WORDS: usize = size_of::<Spike>() / 8;

const STAMP: u64 = 1 << 63;

/// More slots than this are refused: 2^26 spikes are 4 GiB.
const SLOTS_MAX: usize = 1 << 26;

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
    /// Every entry of the table of readers is taken.
    #[error("all {readers} readers of this axon are attached; drop one, or use a tap")]
    ReadersTaken {
        /// How many there can be.
        readers: usize,
    },
}

/// One cache line that holds one spike.
#[repr(C, align(64))]
pub(super) struct Slot([AtomicU64; WORDS]);

// The models have smaller spikes and larger atomics.
const _: () = assert!(WORDS != 8 || (size_of::<Slot>() == 64 && align_of::<Slot>() == 64));
#[cfg(target_arch = "x86_64")]
const _: () = assert!(align_of::<CachePadded<u64>>() == 128);

impl Slot {
    fn empty() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    /// Fills the slot, the stamped word last. The top bit of a spike's time is not carried, nor are the bytes behind a
    /// short payload: most spikes are short, and a store costs what it costs.
    #[inline(always)]
    fn fill(&self, spike: &Spike, stamp: u64) {
        debug_assert!(spike.to_words()[0] & STAMP == 0, "cortex time is below 2^63");
        let words = spike.to_words();
        let (start, rest) = self.0.split_at(Spike::SHORT_WORDS);
        for (cell, word) in start[1..].iter().zip(&words[1..]) {
            // relaxed: the stamped word publishes these
            cell.store(*word, Relaxed);
        }
        if !Spike::is_short(words[Spike::TAG_WORD]) {
            for (cell, word) in rest.iter().zip(&words[Spike::SHORT_WORDS..]) {
                // relaxed: the stamped word publishes these
                cell.store(*word, Relaxed);
            }
        }
        // SYNC(spike-visible): whoever sees this stamp sees the words above; `stamped` is the other half.
        self.0[0].store((words[0] & !STAMP) | stamp, order::spike_visible_publish());
    }

    /// The first word, if it carries this stamp.
    #[inline(always)]
    fn stamped(&self, stamp: u64) -> Option<u64> {
        // SYNC(spike-visible): `fill` is the other half.
        let first = self.0[0].load(order::spike_visible_read());
        ((first ^ stamp) & STAMP == 0).then_some(first)
    }

    /// The spike behind a first word.
    #[inline(always)]
    fn copy(&self, first: u64) -> Spike {
        let mut words = [0; WORDS];
        words[0] = first & !STAMP;
        for (word, cell) in words[1..Spike::SHORT_WORDS].iter_mut().zip(&self.0[1..]) {
            // relaxed: ordered by the load of the stamped word
            *word = cell.load(Relaxed);
        }
        // A tag that is torn decides only how much of a copy is made that will be thrown away.
        if !Spike::is_short(words[Spike::TAG_WORD]) {
            let rest = &self.0[Spike::SHORT_WORDS..];
            for (word, cell) in words[Spike::SHORT_WORDS..].iter_mut().zip(rest) {
                // relaxed: ordered by the load of the stamped word
                *word = cell.load(Relaxed);
            }
        }
        Spike::from_words(words)
    }
}

/// The slots of a ring, held by each end itself so that the way to a slot is as short as can be.
#[derive(Clone)]
pub(super) struct Slots {
    slots: Arc<[Slot]>,
    /// `63 - log2(capacity)`: brings the lap's lowest bit to the place of the stamp.
    lap_shift: u32,
}

impl Slots {
    fn new(count: usize) -> Self {
        Self {
            slots: std::iter::repeat_with(Slot::empty).take(count).collect(),
            lap_shift: 63 - count.trailing_zeros(),
        }
    }

    #[inline(always)]
    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }

    #[inline(always)]
    fn at(&self, position: u64) -> &Slot {
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// The stamp of a position's lap: bit 63 set in even laps.
    #[inline(always)]
    fn stamp(&self, position: u64) -> u64 {
        !(position << self.lap_shift) & STAMP
    }

    /// Fills the slot of a position.
    #[inline(always)]
    pub(super) fn fill(&self, position: u64, spike: &Spike) {
        self.at(position).fill(spike, self.stamp(position));
    }

    /// A copy of what lies in a position's slot, if it is published; may be torn for an end that the writer can pass.
    #[inline(always)]
    pub(super) fn copy(&self, position: u64) -> Option<Spike> {
        let slot = self.at(position);
        slot.stamped(self.stamp(position)).map(|first| slot.copy(first))
    }

    #[inline(always)]
    pub(super) fn is_published(&self, position: u64) -> bool {
        self.at(position).stamped(self.stamp(position)).is_some()
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
    /// [`FREE`] or [`HELD`].
    pub(super) state: AtomicU64,
    /// The reader is done with every position below.
    pub(super) cursor: AtomicU64,
    /// Where the reader started.
    pub(super) start: AtomicU64,
    /// How many the writer had dropped by then.
    pub(super) dropped_before: AtomicU64,
    /// How many were shed from under the reader.
    pub(super) shed: AtomicU64,
}

pub(super) const FREE: u64 = 0;
pub(super) const HELD: u64 = 1;

/// What the writer counts besides its position; touched only when the ring is full.
#[derive(Debug)]
pub(super) struct WriterTally {
    pub(super) dropped: AtomicU64,
    pub(super) deferred: AtomicU64,
}

/// The shared part of an axon.
pub(super) struct Ring {
    pub(super) slots: Slots,
    pub(super) entries: Box<[CachePadded<Entry>]>,
    pub(super) claimed: CachePadded<AtomicU64>,
    pub(super) floor: CachePadded<AtomicU64>,
    /// Raised whenever an entry becomes held, so that a scan notices an entry it has passed.
    pub(super) listed: CachePadded<AtomicU64>,
    pub(super) tally: CachePadded<WriterTally>,
    pub(super) bell: Doorbell,
    attaching: Mutex<()>,
    pub(super) taps: Mutex<Vec<std::sync::Weak<TapTally>>>,
}

impl Ring {
    pub(super) fn new(slots: usize, readers: usize) -> Result<Self, AxonError> {
        if !slots.is_power_of_two() || slots > SLOTS_MAX {
            return Err(AxonError::Slots { slots });
        }
        let zero = || CachePadded::new(AtomicU64::new(0));
        let entry = || {
            let zero = || AtomicU64::new(0);
            CachePadded::new(Entry {
                state: zero(),
                cursor: zero(),
                start: zero(),
                dropped_before: zero(),
                shed: zero(),
            })
        };
        Ok(Self {
            slots: Slots::new(slots),
            entries: std::iter::repeat_with(entry).take(readers).collect(),
            claimed: zero(),
            floor: zero(),
            listed: zero(),
            tally: CachePadded::new(WriterTally {
                dropped: AtomicU64::new(0),
                deferred: AtomicU64::new(0),
            }),
            bell: Doorbell::new(),
            attaching: Mutex::new(()),
            taps: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// The position behind the last one claimed.
    pub(super) fn now(&self) -> u64 {
        // bound: repeats only while the writer fills its whole ring in one batch
        loop {
            // SYNC(claim-seen): the slot at this position is at most a lap behind; `limit` is the other half.
            let now = self.claimed.load(order::claim_seen_jump());
            // A slot that has yet to be filled for the lap before has the stamp of this one.
            if !self.slots.is_published(now) {
                return now;
            }
            yield_now();
        }
    }

    /// Takes a free entry for a reader: at `position`, which the caller holds already, or from now on.
    ///
    /// Returns the entry's number and where the reader starts.
    pub(super) fn attach(&self, position: Option<u64>) -> Result<(usize, u64), AxonError> {
        let _one_at_a_time = lock(&self.attaching);
        // relaxed: entries change hands under the lock only
        let Some(number) = self.entries.iter().position(|e| e.state.load(Relaxed) == FREE) else {
            return Err(AxonError::ReadersTaken { readers: self.entries.len() });
        };
        let entry = &self.entries[number];
        // relaxed: a guess that is never too high; it only has to hold the writer until the real start is known
        entry.cursor.store(position.unwrap_or_else(|| self.claimed.load(Relaxed)), Relaxed);
        entry.state.store(HELD, Relaxed);
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
        Ok((number, start))
    }

    pub(super) fn detach(&self, number: usize) {
        let _one_at_a_time = lock(&self.attaching);
        // SYNC(slot-free): the reader's last loads are over; `limit` is the other half.
        self.entries[number].state.store(FREE, order::slot_free_publish());
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
