//! Timers: who is to be woken when, in the order it was asked for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::id::NeuronId;

/// A heap by tick and order of asking; it keeps its memory, so setting a timer allocates only while it grows.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(u64, u64, NeuronId, u32)>>,
    asked: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, tick: u64, (id, cell): (NeuronId, u32)) {
        self.heap.push(Reverse((tick, self.asked, id, cell)));
        self.asked += 1;
    }

    /// The tick of the first timer.
    #[inline]
    pub(crate) fn next(&self) -> Option<u64> {
        self.heap.peek().map(|&Reverse((tick, ..))| tick)
    }

    /// Takes out the first timer that is due by a tick: whose it is, and which cell's.
    #[inline]
    pub(crate) fn pop(&mut self, now: u64) -> Option<(NeuronId, u32)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, id, cell))| (id, cell))
    }

    /// All timers by tick and order, for the digest.
    pub(crate) fn in_order(&self) -> Vec<(u64, NeuronId, u32)> {
        let mut all: Vec<_> = self.heap.iter().map(|&Reverse(timer)| timer).collect();
        all.sort_unstable();
        all.into_iter().map(|(tick, _, id, cell)| (tick, id, cell)).collect()
    }
}
