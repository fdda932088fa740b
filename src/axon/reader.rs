//! The end that loses nothing unless the writer is told to shed.

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::Duration;

use crate::spike::Spike;
use crate::sync::{Arc, Relaxed, fence, order};

use super::ring::{AxonError, Ring};
use super::wait::{self, WaitStrategy};

/// A reading end that the writer never passes, unless it publishes with `Overflow::ShedOldest`.
///
/// Belongs to one thread at a time (`Send`, not `Sync`). While it is attached it holds the writer up when it falls a
/// whole ring behind; dropping it lets the writer go. It tells the writer how far it is when it finds the ring empty,
/// at the end of each [`AxonReader::drain`], and every eighth of the ring.
#[derive(Debug)]
pub struct AxonReader {
    ring: Arc<Ring>,
    entry: usize,
    /// The next position to read.
    next: u64,
    /// What the writer was told last.
    told: u64,
    /// Where the writer is told again at the latest.
    tell_at: u64,
    /// How many were shed from under this reader.
    shed: u64,
    not_sync: PhantomData<Cell<()>>,
}

impl AxonReader {
    pub(super) fn attach(ring: &Arc<Ring>) -> Result<Self, AxonError> {
        Self::at(ring, None)
    }

    fn at(ring: &Arc<Ring>, position: Option<u64>) -> Result<Self, AxonError> {
        let (entry, next) = ring.attach(position)?;
        let ring = Arc::clone(ring);
        let tell_at = next + Self::stride(&ring);
        Ok(Self { ring, entry, next, told: next, tell_at, shed: 0, not_sync: PhantomData })
    }

    fn stride(ring: &Ring) -> u64 {
        (ring.capacity() as u64 / 8).max(1)
    }

    /// Another reader that starts where this one is.
    ///
    /// # Errors
    /// [`AxonError::ReadersTaken`] when the table of readers is full.
    pub fn try_clone(&self) -> Result<Self, AxonError> {
        Self::at(&self.ring, Some(self.next))
    }

    /// The next spike, if one is published.
    #[inline]
    pub fn try_read(&mut self) -> Option<Spike> {
        let spike = self.take();
        if spike.is_none() || self.next == self.tell_at {
            self.flush();
        }
        spike
    }

    /// Hands up to `max` published spikes to a function, in order, and returns how many.
    #[inline]
    pub fn drain(&mut self, max: usize, mut each: impl FnMut(&Spike)) -> usize {
        let mut count = 0;
        while count < max {
            let Some(spike) = self.take() else { break };
            if self.next == self.tell_at {
                self.flush();
            }
            each(&spike);
            count += 1;
        }
        self.flush();
        count
    }

    /// Copies published spikes into a slice, in order, and returns how many.
    #[inline]
    pub fn read_batch(&mut self, into: &mut [Spike]) -> usize {
        let mut slots = into.iter_mut();
        self.drain(slots.len(), |spike| {
            if let Some(slot) = slots.next() {
                *slot = *spike;
            }
        })
    }

    /// How many spikes were published that this reader has not read, those being published at the moment included.
    #[must_use]
    pub fn lag(&self) -> u64 {
        // relaxed: a count
        self.ring.claimed.load(Relaxed).saturating_sub(self.next)
    }

    /// The number, in the life of the axon, of the spike that is read next; the first is 0.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// How many spikes were shed from under this reader and noticed by it.
    #[must_use]
    pub const fn shed(&self) -> u64 {
        self.shed
    }

    /// Whether the next read will find a spike.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ring.slot(self.next).stamped(self.ring.stamp(self.next)).is_some()
            // relaxed: `skip` loads it again
            || self.ring.floor.load(Relaxed) > self.next
    }

    /// Waits until a spike can be read, or a time has passed; whether one can be read.
    ///
    /// A parked wait is ended by [`super::Axon::ring`]; a writer that does not ring is noticed within a millisecond.
    pub fn wait(&mut self, strategy: WaitStrategy, timeout: Duration) -> bool {
        self.flush();
        wait::until(strategy, Some(timeout), &self.ring.bell, || self.is_ready())
    }

    #[inline(always)]
    fn take(&mut self) -> Option<Spike> {
        // bound: each round after the first follows a skip to a floor that only the writer's next shedding can move
        loop {
            let position = self.next;
            let slot = self.ring.slot(position);
            let first = slot.stamped(self.ring.stamp(position));
            let spike = first.map(|first| slot.copy(first));
            // SYNC(slot-claimed): if a word of the copy is of a later lap, the floor is above us; `Axon::claim` is the
            // other half.
            fence(order::slot_claimed_check());
            // relaxed: ordered by the fence
            if self.ring.floor.load(Relaxed) <= position {
                self.next = position + u64::from(spike.is_some());
                return spike;
            }
            self.skip();
        }
    }

    #[cold]
    #[inline(never)]
    fn skip(&mut self) {
        // SYNC(floor-seen): the slot at the floor is seen as it was when the floor was set, not a lap or two before;
        // `Axon::rescan` is the other half.
        let floor = self.ring.floor.load(order::floor_seen_skip());
        self.shed += floor - self.next;
        self.next = floor;
        self.flush();
    }

    #[inline]
    fn flush(&mut self) {
        if self.told != self.next {
            let entry = &self.ring.entries[self.entry];
            // relaxed: a count with one writer; the account reads it again when the cursor moved
            entry.shed.store(self.shed, Relaxed);
            // SYNC(slot-free): our loads of the slots below are over; `Axon::rescan` is the other half.
            entry.cursor.store(self.next, order::slot_free_publish());
            self.told = self.next;
            self.tell_at = self.next + Self::stride(&self.ring);
        }
    }
}

impl Drop for AxonReader {
    fn drop(&mut self) {
        self.ring.detach(self.entry);
    }
}
