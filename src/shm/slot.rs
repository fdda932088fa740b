//! Cache lines of eight words that one thread fills while others read them.
//!
//! What matters here is the number of stores, not of instructions: a line lies in another core's cache when it is
//! filled, and every store waits for it in the store buffer, which drains in order. The fewer stores a line takes, the
//! more lines are fetched at a time. Rust has no atomic of 16 bytes, so that on x86-64 the stores are written out. A
//! build with `--cfg neuronbus_word_slots` stores word by word as other processors do, for tools that see only what the
//! compiler knows of (a sanitizer, an interpreter).

#![allow(unsafe_code, reason = "stores of 16 bytes that are as atomic as those of 8")]

use std::sync::atomic::Ordering;

use super::mapping::{Groups, Mapping};
use crate::sync::{Arc, AtomicU64, Relaxed};

/// Words of a slot.
pub(crate) const SLOT_WORDS: usize = 8;

/// Words of the front half of a slot, which can be filled alone.
pub(crate) const FRONT_WORDS: usize = SLOT_WORDS / 2;

/// How a slot is filled on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stores {
    /// Word by word.
    Words,
    /// Two words at a time.
    #[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
    Pairs,
}

impl Stores {
    /// The fastest that is sound here.
    fn of_this_machine() -> Self {
        // An aligned `MOVAPS` is one access on every processor that reports AVX: Intel SDM 3A, 9.1.1; AMD APM 2, 7.3.2.
        #[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
        if std::arch::is_x86_feature_detected!("avx") {
            return Self::Pairs;
        }
        Self::Words
    }
}

type Cells = [AtomicU64; SLOT_WORDS];

/// Slots somewhere in a mapping, each of which is one line.
#[derive(Clone)]
pub(crate) struct SlotMemory {
    /// Each is aligned to its size.
    slots: Groups<SLOT_WORDS>,
    stores: Stores,
}

impl SlotMemory {
    /// `count` slots from a word on. Panics out of range, and if the word is not the first of a line.
    pub(crate) fn of(memory: &Arc<Mapping>, at: usize, count: usize) -> Self {
        Self::filled_by(memory, at, count, Stores::of_this_machine())
    }

    fn filled_by(memory: &Arc<Mapping>, at: usize, count: usize, stores: Stores) -> Self {
        let slots = Groups::of(memory, at, count);
        assert!(slots.as_ptr().addr().is_multiple_of(size_of::<Cells>()), "a slot is one line");
        Self { slots, stores }
    }

    /// How many.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Stores a zero into every slot, so that its page is there.
    pub(crate) fn touch(&self) {
        // relaxed: nobody else has the memory yet
        self.slots.iter().for_each(|cells| cells[0].store(0, Relaxed));
    }

    /// A slot by a number of which only the low bits count. The number of slots is a power of two.
    #[inline(always)]
    fn at(&self, number: u64) -> &Cells {
        &self.slots[number as usize & (self.slots.len() - 1)]
    }

    /// The first word of a slot.
    #[inline(always)]
    pub(crate) fn first(&self, number: u64, order: Ordering) -> u64 {
        self.at(number)[0].load(order)
    }

    /// Stores the words, or those of the front half only, relaxed and the first one last, in the order given.
    #[inline(always)]
    pub(crate) fn store(
        &self,
        number: u64,
        words: &[u64; SLOT_WORDS],
        front_only: bool,
        first: Ordering,
    ) {
        let cells = self.at(number);
        match self.stores {
            Stores::Words => {
                let end = if front_only { FRONT_WORDS } else { SLOT_WORDS };
                for (cell, word) in cells[1..end].iter().zip(&words[1..]) {
                    // relaxed: the first word publishes these
                    cell.store(*word, Relaxed);
                }
                cells[0].store(words[0], first);
            }
            #[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
            Stores::Pairs => pairs::store(cells, words, front_only),
        }
    }

    /// The words of the front half, relaxed.
    ///
    /// Loads are made one by one everywhere: they do not queue as stores do, and a load of one word is served from a
    /// store of two that is still under way, but not the other way round.
    #[inline(always)]
    pub(crate) fn front(&self, number: u64) -> [u64; FRONT_WORDS] {
        let cells = self.at(number);
        // relaxed: ordered by the load of the first word before
        std::array::from_fn(|i| cells[i].load(Relaxed))
    }

    /// The words of the other half, relaxed.
    #[inline(always)]
    pub(crate) fn back(&self, number: u64) -> [u64; SLOT_WORDS - FRONT_WORDS] {
        let cells = self.at(number);
        // relaxed: ordered by the load of the first word before
        std::array::from_fn(|i| cells[FRONT_WORDS + i].load(Relaxed))
    }
}

/// Stores of two words.
///
/// Each stands for two atomic stores of 8 bytes: the processor makes one of the 16 (see
/// [`Stores::of_this_machine`]), so no word is ever torn. The compiler takes a block of assembly that may touch memory
/// as a barrier, and the processor lets no store pass a store or a load: each has what Release asks for, more than the
/// stores that it replaces.
#[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
mod pairs {
    use core::arch::asm;
    use core::arch::x86_64::{__m128i, _mm_set_epi64x};

    use super::{Cells, SLOT_WORDS};

    /// Two words in one register, each put there on its own: a load of both would wait for a store of one.
    #[inline(always)]
    fn pair(low: u64, high: u64) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_set_epi64x(high.cast_signed(), low.cast_signed()) }
    }

    #[inline(always)]
    pub(super) fn store(cells: &Cells, words: &[u64; SLOT_WORDS], front_only: bool) {
        let slot = cells.as_ptr();
        if !front_only {
            let (c, d) = (pair(words[4], words[5]), pair(words[6], words[7]));
            // SAFETY: both addresses are inside the slot, whose words may be written through a shared reference because
            // they are atomics; aligned to 16, because `SlotMemory` has only slots that are aligned to 64.
            unsafe {
                asm!(
                    "movaps [{slot} + 48], {d}",
                    "movaps [{slot} + 32], {c}",
                    slot = in(reg) slot, c = in(xmm_reg) c, d = in(xmm_reg) d,
                    options(nostack, preserves_flags),
                );
            }
        }
        let (a, b) = (pair(words[0], words[1]), pair(words[2], words[3]));
        // SAFETY: as above.
        unsafe {
            asm!(
                "movaps [{slot} + 16], {b}",
                "movaps [{slot}], {a}",
                slot = in(reg) slot, a = in(xmm_reg) a, b = in(xmm_reg) b,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shm::mapping::PAGE_WORDS;

    /// The same slots through every way of filling that this machine has.
    fn ways() -> Vec<SlotMemory> {
        let memory = Arc::new(Mapping::anonymous(8 * PAGE_WORDS).unwrap());
        let mut ways = vec![Stores::Words, Stores::of_this_machine()];
        ways.dedup();
        ways.into_iter().map(|stores| SlotMemory::filled_by(&memory, 0, 4, stores)).collect()
    }

    #[test]
    fn every_way_of_filling_stores_the_same() {
        for (number, way) in (5..).zip(ways()) {
            let words = std::array::from_fn(|i| 0x0101_0101_0101_0101 * (i as u64 + number));
            way.store(number, &words, false, Ordering::Release);
            assert_eq!(way.first(number, Ordering::Acquire), words[0]);
            assert_eq!(way.front(number), words[..FRONT_WORDS], "{:?}", way.stores);
            assert_eq!(way.back(number), words[FRONT_WORDS..], "{:?}", way.stores);
        }
    }

    #[test]
    fn filling_the_front_leaves_the_back_as_it_was() {
        for way in ways() {
            way.store(1, &[1; SLOT_WORDS], false, Ordering::Release);
            way.store(1, &[2; SLOT_WORDS], true, Ordering::Release);
            assert_eq!(way.front(1), [2; FRONT_WORDS]);
            assert_eq!(way.back(1), [1; SLOT_WORDS - FRONT_WORDS], "{:?}", way.stores);
        }
    }

    #[test]
    #[should_panic = "a slot is one line"]
    fn slots_across_two_lines_are_refused() {
        let memory = Arc::new(Mapping::anonymous(8 * PAGE_WORDS).unwrap());
        SlotMemory::of(&memory, 1, 4);
    }
}
