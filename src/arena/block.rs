//! The two words before a block's bytes.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::spike::ArenaRef;
use crate::sync::{AtomicU64, Relaxed, order};

use super::ArenaError;

/// Words of a block's header.
pub(super) const BLOCK_WORDS: usize = 2;

const COUNT: usize = 0;
const CHECK: usize = 1;

const _: () = assert!(BLOCK_WORDS * 8 == 16);

/// A number that the bytes of a payload cannot guess.
pub(super) fn new_key() -> u64 {
    // It decides only whether an invented reference is refused, so no result depends on it.
    RandomState::new().build_hasher().finish()
}

/// The word that says: a block of just this place begins here.
fn check_word(key: u64, place: ArenaRef) -> u64 {
    // Two rounds of the finisher of SplitMix64, keyed before each.
    let mix = |x: u64| {
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let position = u64::from(place.offset) << 32 | u64::from(place.length);
    mix(mix(key ^ position) ^ key.rotate_left(32) ^ u64::from(place.generation))
}

/// A view of one block's header. Its segment is held by whoever has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    words: &'a [AtomicU64],
}

impl<'a> Block<'a> {
    pub(super) const fn new(words: &'a [AtomicU64]) -> Self {
        Self { words }
    }

    /// Makes a block whose bytes are written known, with one reference.
    pub(super) fn publish(&self, key: u64, place: ArenaRef) {
        // relaxed: published by the next store
        self.words[COUNT].store(1, Relaxed);
        // SYNC(block-written): whoever sees this word sees the count and the bytes; `check` is the other half.
        self.words[CHECK].store(check_word(key, place), order::block_written_publish());
    }

    /// Whether a live block of just this place begins here.
    pub(super) fn check(&self, key: u64, place: ArenaRef) -> Result<(), ArenaError> {
        // SYNC(block-written): `publish` is the other half.
        let check = self.words[CHECK].load(order::block_written_check());
        // relaxed: ordered by the load above
        let references = self.words[COUNT].load(Relaxed);
        if references != 0 && check == check_word(key, place) {
            Ok(())
        } else {
            Err(ArenaError::Stale { place })
        }
    }

    /// Whether a block of just this place begins here, be it one whose last reference is gone.
    pub(super) fn belongs(&self, key: u64, place: ArenaRef) -> Result<(), ArenaError> {
        // SYNC(block-written): `publish` is the other half.
        let check = self.words[CHECK].load(order::block_written_check());
        if check == check_word(key, place) { Ok(()) } else { Err(ArenaError::Stale { place }) }
    }

    /// One reference more.
    pub(super) fn retain(&self, place: ArenaRef) -> Result<(), ArenaError> {
        self.recount(|references| match references {
            0 => Err(ArenaError::Stale { place }),
            u64::MAX => Err(ArenaError::Saturated { place }),
            _ => Ok(references + 1),
        })
        .map(|_| ())
    }

    /// One reference less; whether it was the last.
    pub(super) fn release(&self, place: ArenaRef) -> Result<bool, ArenaError> {
        let left =
            self.recount(|references| references.checked_sub(1).ok_or(ArenaError::Stale { place }));
        left.map(|left| left == 0)
    }

    fn recount(&self, change: impl Fn(u64) -> Result<u64, ArenaError>) -> Result<u64, ArenaError> {
        let count = &self.words[COUNT];
        let mut before = count.load(Relaxed);
        // bound: lock-free: a failed exchange is another's success
        loop {
            let after = change(before)?;
            // relaxed: what the references protect is ordered by holding the segment
            match count.compare_exchange_weak(before, after, Relaxed, Relaxed) {
                Ok(_) => return Ok(after),
                Err(found) => before = found,
            }
        }
    }
}
