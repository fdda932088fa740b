//! Many words at a time between private bytes and words that others reach.
//!
//! Word by word, a payload of a megabyte takes half as long again as a plain copy, because the compiler joins no two
//! accesses of an atomic. x86-64 has an instruction for just this, which is written out here: `REP MOVSQ` is so many
//! moves of 8 bytes, and an aligned one of 8 bytes is atomic (AMD APM 2, 7.3.2; Intel SDM 3A, 9.1.1). The processor may
//! make them in any order, as it may those of Relaxed accesses, but all of them before what is stored behind (Intel SDM
//! 3A, 9.2.4). As in [`super::slot`], `--cfg neuronbus_word_slots` has it done word by word.

#![allow(unsafe_code, reason = "moves of 8 bytes that are as atomic as those that they replace")]

use std::mem::MaybeUninit;

use crate::sync::{AtomicU64, Relaxed};

/// Fewer words are moved one by one: the instruction takes some time to begin.
#[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
const MANY: usize = 64;

/// Stores whole words, of which there are as many as places.
#[inline]
pub(super) fn store(places: &[AtomicU64], words: &[[u8; 8]]) {
    assert_eq!(places.len(), words.len(), "each word has its place");
    #[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
    if places.len() >= MANY {
        // SAFETY: both slices have that many words, and do not overlap: nobody has a shared reference to bytes that are
        // atomics. Atomics may be written through a shared reference.
        unsafe { move_words(words.as_ptr().cast(), places.as_ptr().cast_mut().cast(), words.len()) }
        return;
    }
    for (place, word) in places.iter().zip(words) {
        // relaxed: the block's header publishes these
        place.store(u64::from_ne_bytes(*word), Relaxed);
    }
}

/// Loads whole words, of which there are as many as places; all of them are written.
#[inline]
pub(super) fn load(places: &[AtomicU64], words: &mut [[MaybeUninit<u8>; 8]]) {
    assert_eq!(places.len(), words.len(), "each word has its place");
    #[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
    if places.len() >= MANY {
        // SAFETY: both slices have that many words, and do not overlap, because one is exclusive.
        unsafe { move_words(places.as_ptr().cast(), words.as_mut_ptr().cast(), words.len()) }
        return;
    }
    for (place, word) in places.iter().zip(words) {
        // relaxed: the load of the block's header orders these
        *word = place.load(Relaxed).to_ne_bytes().map(MaybeUninit::new);
    }
}

/// Moves words upwards from the first.
///
/// # Safety
/// Both ranges are valid for that many words, and do not overlap. What is an atomic in either is aligned to 8 bytes.
#[cfg(all(target_arch = "x86_64", not(any(neuronbus_word_slots, miri))))]
#[inline]
unsafe fn move_words(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: as the caller promises; the direction flag is clear wherever Rust code runs.
    unsafe {
        core::arch::asm!(
            "rep movsq",
            inout("rcx") count => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_words_as_there_are_arrive_and_no_others() {
        for count in [0, 1, 63, 64, 65, 1000] {
            let places: Vec<AtomicU64> = (0..count + 2).map(|_| AtomicU64::new(7)).collect();
            // At an odd address.
            let bytes: Vec<u8> = (0..8 * count + 1).map(|n| n as u8).collect();
            let (words, _) = bytes[1..].as_chunks::<8>();
            store(&places[1..=count], words);
            let ends = [&places[0], &places[count + 1]].map(|place| place.load(Relaxed));
            assert_eq!(ends, [7, 7], "{count} words");

            let mut loaded = vec![[MaybeUninit::new(1); 8]; count];
            load(&places[1..=count], &mut loaded);
            for (loaded, word) in loaded.iter().flatten().zip(words.as_flattened()) {
                // SAFETY: it was written when the vector was made.
                assert_eq!(unsafe { loaded.assume_init() }, *word, "{count} words");
            }
        }
    }

    #[test]
    #[should_panic = "each word has its place"]
    fn another_number_of_places_is_refused() {
        store(&[const { AtomicU64::new(0) }; 3], &[[0; 8]; 4]);
    }
}
