//! The end that never holds the writer up and knows what it lost.

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::Duration;

use crate::shm::slot::SLOT_WORDS;
use crate::spike::Spike;
use crate::sync::{Arc, AtomicU64, Relaxed, fence, order};

use super::account::TapTally;
use super::ring::{POSITION_MAX, Ring, Slots};
use super::wait::{self, WaitStrategy};

/// What a tap finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tapped {
    /// Nothing new is published.
    Empty,
    /// The next spike.
    Spike(Spike),
    /// The writer lapped the tap: so many spikes are lost to it, and the next poll goes on behind them.
    Lost(u64),
}

/// What a tap got in one [`AxonTap::drain`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TapDrain {
    /// So many spikes were lost before the first that was handed over.
    pub lost: u64,
    /// So many were handed over.
    pub read: usize,
}

/// How many spikes a draining tap copies before it looks whether they were intact.
const RUN: usize = 16;

/// A reading end that the writer overwrites.
///
/// Belongs to one thread at a time (`Send`, not `Sync`); clone it for another, which starts where this one is.
#[derive(Debug)]
pub struct AxonTap {
    ring: Arc<Ring>,
    slots: Slots,
    tally: Arc<TapTally>,
    /// The next position to read.
    next: u64,
    lost: u64,
    /// How far behind the oldest intact spike a lapped tap goes on; doubles while it loses again and again.
    slack: u64,
    not_sync: PhantomData<Cell<()>>,
}

impl AxonTap {
    pub(super) fn attach(ring: &Arc<Ring>) -> Self {
        Self::at(ring, ring.now())
    }

    fn at(ring: &Arc<Ring>, start: u64) -> Self {
        let tally = Arc::new(TapTally {
            start,
            // relaxed: a count
            dropped_before: ring.tally.dropped.load(Relaxed),
            next: AtomicU64::new(start),
            lost: AtomicU64::new(0),
        });
        ring.register_tap(&tally);
        let (ring, slots) = (Arc::clone(ring), ring.slots.clone());
        Self { ring, slots, tally, next: start, lost: 0, slack: 0, not_sync: PhantomData }
    }

    /// The next spike, or how many were lost before it.
    #[inline]
    pub fn poll(&mut self) -> Tapped {
        let position = self.next;
        let spike = self.slots.copy(position);
        if self.is_lapped(position) {
            return Tapped::Lost(self.jump());
        }
        match spike {
            Some(spike) => {
                self.next = position + 1;
                // relaxed: a count with one writer
                self.tally.next.store(self.next, Relaxed);
                Tapped::Spike(spike)
            }
            None => {
                self.slack = 0;
                Tapped::Empty
            }
        }
    }

    /// Hands up to `max` spikes to a function, in order; says how many, and how many were lost before the first one.
    /// Stops where more were lost, which the next call reports.
    #[inline]
    pub fn drain(&mut self, max: usize, mut each: impl FnMut(&Spike)) -> TapDrain {
        let mut drained = TapDrain::default();
        let mut run = [Spike::from_words([0; SLOT_WORDS]); RUN];
        // bound: a round that hands over nothing ends it, or is followed by the only jump
        while drained.read < max {
            match self.copy_run(&mut run[..RUN.min(max - drained.read)]) {
                Some(0) => break,
                Some(count) => {
                    run[..count].iter().for_each(&mut each);
                    drained.read += count;
                }
                None if drained == TapDrain::default() => drained.lost = self.jump(),
                None => break,
            }
        }
        drained
    }

    /// Copies what is published without a gap, and looks once whether all of it was intact; `None` if not.
    #[inline(always)]
    fn copy_run(&mut self, run: &mut [Spike]) -> Option<usize> {
        let position = self.next;
        let mut count = 0;
        for (slot, at) in run.iter_mut().zip(position..) {
            let Some(spike) = self.slots.copy(at) else { break };
            *slot = spike;
            count += 1;
        }
        if self.is_lapped(position) {
            return None;
        }
        if count == 0 {
            self.slack = 0;
        }
        self.next = position + count as u64;
        // relaxed: a count with one writer
        self.tally.next.store(self.next, Relaxed);
        Some(count)
    }

    /// Whether what was just read at a position, or at later ones, may have been overwritten.
    #[inline(always)]
    fn is_lapped(&self, position: u64) -> bool {
        // SYNC(slot-claimed): if a word read before is of a later lap, the claim is above us; `Axon::claim` is the
        // other half.
        fence(order::slot_claimed_check());
        // relaxed: ordered by the fence
        let claimed = self.ring.claimed.load(Relaxed).min(POSITION_MAX);
        claimed > position + self.slots.capacity() as u64
    }

    /// How many spikes were published behind the last one read, overwritten ones included.
    #[must_use]
    pub fn lag(&self) -> u64 {
        // relaxed: a count
        self.ring.claimed.load(Relaxed).saturating_sub(self.next)
    }

    /// The number, in the life of the axon, of the spike that is tapped next; the first is 0.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// How many spikes this tap has lost so far.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Waits until there is something to poll, or a time has passed; whether there is.
    ///
    /// A parked wait is ended by [`super::Axon::ring`]; a writer that does not ring is noticed within a millisecond.
    pub fn wait(&mut self, strategy: WaitStrategy, timeout: Duration) -> bool {
        let (ring, position) = (&*self.ring, self.next);
        wait::until(strategy, Some(timeout), &ring.bell, || {
            ring.slots.is_published(position)
                // relaxed: `jump` loads it again
                || ring.claimed.load(Relaxed).min(POSITION_MAX) > position + ring.capacity() as u64
        })
    }

    /// Goes back to the oldest spike that may still be there; what was overwritten meanwhile is found lost.
    pub(super) fn go_back(&mut self) {
        // SYNC(claim-seen): as in `jump`.
        let claimed = self.ring.claimed.load(order::claim_seen_jump()).min(POSITION_MAX);
        self.next = claimed.saturating_sub(self.slots.capacity() as u64).min(self.next);
        // relaxed: a count with one writer
        self.tally.next.store(self.next, Relaxed);
    }

    #[cold]
    #[inline(never)]
    fn jump(&mut self) -> u64 {
        let capacity = self.ring.capacity() as u64;
        // SYNC(claim-seen): the slot we go on at is at most a lap behind; `limit` is the other half.
        let claimed = self.ring.claimed.load(order::claim_seen_jump()).min(POSITION_MAX);
        // Only a file that is damaged has claims that go back.
        let next = (claimed.saturating_sub(capacity) + self.slack).max(self.next);
        self.slack = (self.slack * 2).max(1).min(capacity / 2);
        let lost = next - self.next;
        self.next = next;
        self.lost += lost;
        // relaxed: counts with one writer; the account reads again when `next` moved
        self.tally.lost.store(self.lost, Relaxed);
        self.tally.next.store(next, Relaxed);
        lost
    }
}

impl Clone for AxonTap {
    fn clone(&self) -> Self {
        Self::at(&self.ring, self.next)
    }
}
