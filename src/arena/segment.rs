//! One segment: who holds it, and how far it is filled.
//!
//! The generation and the number of holders share a word, so that holding a segment of a certain generation and
//! starting it anew exclude each other by one compare-and-swap each.

use crate::spike::ArenaRef;
use crate::sync::{AtomicU64, Relaxed, fence, order};

use super::ArenaError;

/// Words of one entry of the segment table: a line pair of its own.
pub(super) const SEGMENT_WORDS: usize = 16;

const HOLD: usize = 0;
const FILL: usize = 1;
const WRITTEN: usize = 2;
const LEASES: usize = 3;

const _: () = assert!(SEGMENT_WORDS * 8 == 128 && LEASES < SEGMENT_WORDS);

const fn pack(generation: u32, count: u32) -> u64 {
    (generation as u64) << 32 | count as u64
}

const fn unpack(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// What a segment says of itself at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) holders: u32,
    pub(super) leases: u64,
    pub(super) written: u64,
    pub(super) used_words: u32,
}

/// A view of one entry of the segment table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    words: &'a [AtomicU64],
}

impl<'a> Segment<'a> {
    pub(super) const fn new(words: &'a [AtomicU64]) -> Self {
        Self { words }
    }

    pub(super) fn state(&self) -> State {
        // relaxed: counts
        let load = |number: usize| self.words[number].load(Relaxed);
        State {
            holders: unpack(load(HOLD)).1,
            leases: load(LEASES),
            written: load(WRITTEN),
            used_words: unpack(load(FILL)).1,
        }
    }

    /// The generation that blocks are written in now.
    pub(super) fn generation(&self) -> u32 {
        // relaxed: where it matters, ordered by a fence
        unpack(self.words[HOLD].load(Relaxed)).0
    }

    /// Is held once for each of so many blocks and by nobody else; takes no more of them if it is not known how far it
    /// is filled.
    pub(super) fn recover(&self, blocks: u32, limit: u32) {
        let generation = self.generation();
        // relaxed: nobody else writes the arena
        let (filled, used) = unpack(self.words[FILL].load(Relaxed));
        let used = if filled == generation && used <= limit { used } else { limit };
        self.words[LEASES].store(0, Relaxed);
        self.words[FILL].store(pack(generation, used), Relaxed);
        self.words[HOLD].store(pack(generation, blocks), Relaxed);
    }

    /// Becomes a holder if the segment is still of the reference's generation.
    pub(super) fn hold(&self, place: ArenaRef) -> Result<(), ArenaError> {
        let hold = &self.words[HOLD];
        let mut word = hold.load(Relaxed);
        // bound: lock-free: a failed exchange is another's success
        loop {
            let (generation, holders) = unpack(word);
            if generation != place.generation {
                return Err(ArenaError::Stale { place });
            }
            if holders == u32::MAX {
                return Err(ArenaError::Saturated { place });
            }
            // SYNC(segment-held): what the last holders of an earlier generation did is over, what the one who
            // started this generation did is visible; `let_go` is the other half.
            match hold.compare_exchange_weak(word, word + 1, order::segment_held_take(), Relaxed) {
                Ok(_) => return Ok(()),
                Err(found) => word = found,
            }
        }
    }

    /// Stops being one holder.
    pub(super) fn let_go(&self) {
        // SYNC(segment-held): our loads and stores in the segment are over; `hold` and `start_anew` are the other half.
        self.words[HOLD].fetch_sub(1, order::segment_held_let_go());
    }

    pub(super) fn count_lease(&self) {
        // relaxed: a count
        self.words[LEASES].fetch_add(1, Relaxed);
    }

    pub(super) fn uncount_lease(&self) {
        // relaxed: a count
        self.words[LEASES].fetch_sub(1, Relaxed);
    }

    /// Generation and first word of so many free words, held once; starts the segment anew if nobody holds it.
    pub(super) fn place(&self, words: u32, limit: u32) -> Option<(u32, u32)> {
        let placed = self.append(words, limit).or_else(|| self.start_anew(words))?;
        // relaxed: a count
        self.words[WRITTEN].fetch_add(1, Relaxed);
        Some(placed)
    }

    fn append(&self, words: u32, limit: u32) -> Option<(u32, u32)> {
        let fill = &self.words[FILL];
        // relaxed: ranges are kept apart by the exchange; what lies in them is ordered by the hold
        let mut word = fill.load(Relaxed);
        let fits = |word| unpack(word).1 <= limit && limit - unpack(word).1 >= words;
        if !fits(word) {
            return None;
        }
        let (generation, _) = unpack(word);
        self.hold(ArenaRef { generation, offset: 0, length: 0, segment: 0 }).ok()?;
        // bound: lock-free: a failed exchange is another's success
        while fits(word) && unpack(word).0 == generation {
            let (_, used) = unpack(word);
            match fill.compare_exchange_weak(word, pack(generation, used + words), Relaxed, Relaxed)
            {
                Ok(_) => return Some((generation, used)),
                Err(found) => word = found,
            }
        }
        self.let_go();
        None
    }

    /// Raises the generation of a segment without holders: whoever has a reference into it has a stale one.
    fn start_anew(&self, words: u32) -> Option<(u32, u32)> {
        let hold = &self.words[HOLD];
        let word = hold.load(Relaxed);
        let (generation, holders) = unpack(word);
        if holders != 0 {
            return None;
        }
        let generation = generation.wrapping_add(1);
        // SYNC(segment-held): what the last holders did is over; `let_go` is the other half.
        hold.compare_exchange(word, pack(generation, 1), order::segment_held_take(), Relaxed)
            .ok()?;
        // SYNC(segment-anew): whoever copies a byte that is stored from here on finds the generation raised;
        // `Arena::peek` is the other half.
        fence(order::segment_anew_publish());
        // relaxed: the generation in the word keeps it apart from what others may still see
        self.words[FILL].store(pack(generation, words), Relaxed);
        Some((generation, 0))
    }
}
