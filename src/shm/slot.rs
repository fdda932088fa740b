//! Cache lines of eight words that one thread fills while others read them.
//!
//! What matters here is the number of stores, not of instructions: a line lies in another core's cache when it is
//! filled, and every store waits for it in the store buffer, which drains in order. The fewer stores a line takes, the
//! more lines are fetched at a time. Rust has no atomic of 16 bytes, so that on x86-64 the moves are written out. A
//! build with `--cfg neuronbus_word_slots` moves word by word as other processors do, for tools that see only what the
//! compiler knows of (a sanitizer, an interpreter).

#![allow(unsafe_code, reason = "moves of 16 bytes that are as atomic as those of 8")]

use std::sync::atomic::Ordering;

use super::mapping::{Groups, Mapping};
use crate::sync::{Arc, AtomicU64, Relaxed};

/// Words of a slot.
pub(crate) const SLOT_WORDS: usize = 8;

/// Words of the front half of a slot, which can be moved alone.
pub(crate) const FRONT_WORDS: usize = SLOT_WORDS / 2;

/// How a slot is moved on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moves {
    /// Word by word.
    Words,
    /// Two words at a time.
    #[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
    Pairs,
}

impl Moves {
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
    moves: Moves,
}

impl SlotMemory {
    /// `count` slots from a word on. Panics out of range, and if the word is not the first of a line.
    pub(crate) fn of(memory: &Arc<Mapping>, at: usize, count: usize) -> Self {
        Self::moved(memory, at, count, Moves::of_this_machine())
    }

    fn moved(memory: &Arc<Mapping>, at: usize, count: usize, moves: Moves) -> Self {
        let slots = Groups::of(memory, at, count);
        assert!(slots.as_ptr().addr().is_multiple_of(size_of::<Cells>()), "a slot is one line");
        Self { slots, moves }
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
        match self.moves {
            Moves::Words => {
                let end = if front_only { FRONT_WORDS } else { SLOT_WORDS };
                for (cell, word) in cells[1..end].iter().zip(&words[1..]) {
                    // relaxed: the first word publishes these
                    cell.store(*word, Relaxed);
                }
                cells[0].store(words[0], first);
            }
            #[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
            Moves::Pairs => pairs::store(cells, words, front_only),
        }
    }

    /// The words of the front half, relaxed.
    #[inline(always)]
    pub(crate) fn front(&self, number: u64) -> [u64; FRONT_WORDS] {
        let cells = self.at(number);
        match self.moves {
            // relaxed: ordered by the load of the first word before
            Moves::Words => std::array::from_fn(|i| cells[i].load(Relaxed)),
            #[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
            Moves::Pairs => pairs::load::<0>(cells),
        }
    }

    /// The words of the other half, relaxed.
    #[inline(always)]
    pub(crate) fn back(&self, number: u64) -> [u64; SLOT_WORDS - FRONT_WORDS] {
        let cells = self.at(number);
        match self.moves {
            // relaxed: ordered by the load of the first word before
            Moves::Words => std::array::from_fn(|i| cells[FRONT_WORDS + i].load(Relaxed)),
            #[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
            Moves::Pairs => pairs::load::<32>(cells),
        }
    }
}

/// Moves of two words.
///
/// Each stands for two atomic accesses of 8 bytes: the processor makes one access of the 16 (see
/// [`Moves::of_this_machine`]), so no word is ever torn. The compiler takes a block of assembly that may touch memory
/// as a barrier, and the processor lets no load pass a load and no store pass a store, so that a store has what Release
/// asks for and a load what Acquire does: stronger than the moves word by word that they replace.
#[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
mod pairs {
    use core::arch::asm;
    use core::arch::x86_64::__m128i;

    use super::{Cells, FRONT_WORDS, SLOT_WORDS};

    #[inline(always)]
    pub(super) fn store(cells: &Cells, words: &[u64; SLOT_WORDS], front_only: bool) {
        let [a, b, c, d]: [__m128i; 4] = bytemuck::must_cast(*words);
        let slot = cells.as_ptr();
        if !front_only {
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

    /// The half that begins `OFFSET` bytes from the start of the slot.
    #[inline(always)]
    pub(super) fn load<const OFFSET: usize>(cells: &Cells) -> [u64; FRONT_WORDS] {
        const { assert!(OFFSET == 0 || OFFSET == 32, "a half begins at its offset") };
        let (low, high): (__m128i, __m128i);
        // SAFETY: both addresses are inside the slot, and aligned to 16, because `SlotMemory` has only slots that are
        // aligned to 64.
        unsafe {
            asm!(
                "movaps {low}, [{slot} + {offset}]",
                "movaps {high}, [{slot} + {offset} + 16]",
                slot = in(reg) cells.as_ptr(), offset = const OFFSET,
                low = out(xmm_reg) low, high = out(xmm_reg) high,
                options(nostack, preserves_flags, readonly),
            );
        }
        bytemuck::must_cast([low, high])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shm::mapping::PAGE_WORDS;

    /// The same slots through every way of moving that this machine has.
    fn ways() -> Vec<SlotMemory> {
        let memory = Arc::new(Mapping::anonymous(8 * PAGE_WORDS).unwrap());
        let mut ways = vec![Moves::Words, Moves::of_this_machine()];
        ways.dedup();
        ways.into_iter().map(|moves| SlotMemory::moved(&memory, 0, 4, moves)).collect()
    }

    #[test]
    fn whatever_way_a_slot_was_filled_each_way_reads_the_same() {
        for (number, filled) in (5_u64..).zip(ways()) {
            let words = std::array::from_fn(|i| 0x0101_0101_0101_0101 * (i as u64 + number));
            filled.store(number, &words, false, Ordering::Release);
            for read in ways_of(&filled) {
                assert_eq!(read.first(number, Ordering::Acquire), words[0]);
                assert_eq!(read.front(number), words[..FRONT_WORDS], "{:?}", read.moves);
                assert_eq!(read.back(number), words[FRONT_WORDS..], "{:?}", read.moves);
            }
        }
    }

    fn ways_of(slots: &SlotMemory) -> Vec<SlotMemory> {
        let with = |moves| SlotMemory { slots: slots.slots.clone(), moves };
        vec![with(Moves::Words), with(Moves::of_this_machine())]
    }

    #[test]
    fn filling_the_front_leaves_the_back_as_it_was() {
        for way in ways() {
            way.store(1, &[1; SLOT_WORDS], false, Ordering::Release);
            way.store(1, &[2; SLOT_WORDS], true, Ordering::Release);
            assert_eq!(way.front(1), [2; FRONT_WORDS]);
            assert_eq!(way.back(1), [1; SLOT_WORDS - FRONT_WORDS], "{:?}", way.moves);
        }
    }

    #[test]
    #[should_panic = "a slot is one line"]
    fn slots_across_two_lines_are_refused() {
        let memory = Arc::new(Mapping::anonymous(8 * PAGE_WORDS).unwrap());
        SlotMemory::of(&memory, 1, 4);
    }
}
