//! Waking a thread that sleeps in the kernel, and sparing the call when it does not.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

const PARKED: u64 = 1;
const RING: u64 = 2;

/// One word that says how often it was rung and whether the thread sleeps, so that a ringer and a sleeper cannot miss
/// each other; and the call that wakes.
pub(crate) struct Wake {
    word: AtomicU64,
    poke: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").field("rung", &self.count()).finish_non_exhaustive()
    }
}

impl Wake {
    pub(crate) fn new(poke: impl Fn() + Send + Sync + 'static) -> Self {
        Self { word: AtomicU64::new(0), poke: Box::new(poke) }
    }

    /// There is work; makes a system call only if the thread sleeps.
    pub(crate) fn ring(&self) {
        // SYNC(wire-rung): whoever sees the new count sees the work; `count` is the other half.
        let before = self.word.fetch_add(RING, Ordering::Release);
        if before & PARKED != 0 {
            (self.poke)();
        }
    }

    /// How often it was rung; taken before looking for work.
    pub(crate) fn count(&self) -> u64 {
        // SYNC(wire-rung): `ring` is the other half.
        self.word.load(Ordering::Acquire) / RING
    }

    /// The thread is about to sleep; false if it was rung since `seen`, and must look again.
    pub(crate) fn park(&self, seen: u64) -> bool {
        let word = seen * RING;
        // relaxed: the bit orders nothing; the next `count` acquires
        let (order, failed) = (Ordering::Relaxed, Ordering::Relaxed);
        self.word.compare_exchange(word, word | PARKED, order, failed).is_ok()
    }

    /// The thread is awake.
    pub(crate) fn unpark(&self) {
        // relaxed: see `park`
        self.word.fetch_and(!PARKED, Ordering::Relaxed);
    }
}
