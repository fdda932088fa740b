//! What shared memory allows: slots of 64 bytes with the number in the line, and nothing around them. Nobody is known
//! by anything, nothing survives a death, and a second reader would not be held back.
#![allow(unsafe_code, reason = "a mapped file as atomic words")]

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapRaw;
use neuronbus::spike::Spike;

use super::link::{Link, SLOTS};
use crate::rings::{BATCH, check, message};

/// Words of one way: the slots, and a line pair for the reader's position.
const WAY_WORDS: usize = 8 * SLOTS + 16;

/// Positions that the reader passes before it says so.
const TOLD_EVERY: u64 = SLOTS as u64 / 4;

/// A bare ring for each way.
pub(super) struct Bare {
    memory: MmapRaw,
    out: usize,
    back: usize,
    /// Up to where the reader was when it was last looked at.
    passed: u64,
}

impl Bare {
    pub(super) const NAME: &'static str = "a bare slot ring in shared memory";

    fn over(file: &File, out: usize, back: usize) -> Self {
        let memory = MmapRaw::map_raw(file).expect("shared memory can be mapped");
        assert!(memory.len() == 16 * WAY_WORDS, "two ways are mapped");
        Self { memory, out, back, passed: 0 }
    }

    #[inline(always)]
    fn words(&self, way: usize) -> &[AtomicU64] {
        let start = self.memory.as_mut_ptr().cast::<AtomicU64>();
        // SAFETY: mapped, aligned to a page, of this length as `over` has seen, alive as long as `self`, and accessed
        // only through atomics.
        let words = unsafe { std::slice::from_raw_parts(start, 2 * WAY_WORDS) };
        &words[way * WAY_WORDS..][..WAY_WORDS]
    }

    #[inline(always)]
    fn store(&self, number: u64) {
        let slot = &self.words(self.out)[8 * (number as usize % SLOTS)..][..8];
        let words = message(number).to_words();
        for (cell, word) in slot[1..].iter().zip(&words[1..]) {
            cell.store(*word, Ordering::Relaxed);
        }
        slot[0].store(!words[0], Ordering::Release);
    }
}

impl Link for Bare {
    fn here(folder: &Path) -> Self {
        let mut options = File::options();
        let options = options.read(true).write(true).create_new(true);
        let file = options.open(folder.join("bare")).expect("shared memory takes a file");
        file.set_len(16 * WAY_WORDS as u64).expect("shared memory has room");
        Self::over(&file, 0, 1)
    }

    fn there(folder: &Path) -> Self {
        let file = File::options().read(true).write(true).open(folder.join("bare"));
        Self::over(&file.expect("it was made before"), 1, 0)
    }

    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        if number - self.passed >= SLOTS as u64 {
            self.passed = self.words(self.out)[8 * SLOTS].load(Ordering::Acquire);
            if number - self.passed >= SLOTS as u64 {
                return false;
            }
        }
        self.store(number);
        true
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        let mut number = from;
        while number < from + BATCH as u64 && self.send(number) {
            number += 1;
        }
        number - from
    }

    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        let ring = self.words(self.back);
        let slot = &ring[8 * (number as usize % SLOTS)..][..8];
        if !slot[0].load(Ordering::Acquire) != number {
            return false;
        }
        let words =
            std::array::from_fn(|i| if i == 0 { number } else { slot[i].load(Ordering::Relaxed) });
        check(&Spike::from_words(words), number);
        if (number + 1).is_multiple_of(TOLD_EVERY) {
            ring[8 * SLOTS].store(number + 1, Ordering::Release);
        }
        true
    }

    #[inline(always)]
    fn receive_batch(&mut self, from: u64) -> u64 {
        let mut number = from;
        while number < from + BATCH as u64 && self.receive(number) {
            number += 1;
        }
        number - from
    }
}
