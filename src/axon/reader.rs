//! The end that loses nothing unless the writer is told to shed.

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::Duration;

use crate::spike::Spike;
use crate::sync::{Arc, Relaxed, fence, order};

use super::ring::{AxonError, POSITION_MAX, Ring, Slots};
use super::wait::{self, WaitStrategy};
use crate::shm::tenure::Tenure;

/// Floors that one read follows before it says that there is nothing: a damaged file could move them for ever.
const SKIPS_MAX: u32 = 1 << 10;

/// A reading end that the writer never passes, unless it publishes with `Overflow::ShedOldest`.
///
/// Belongs to one thread at a time (`Send`, not `Sync`). While it is attached it holds the writer up when it falls a
/// whole ring behind; dropping it lets the writer go. It tells the writer how far it is when it finds the ring empty,
/// at the end of each [`AxonReader::drain`], and every eighth of the ring.
#[derive(Debug)]
pub struct AxonReader {
    ring: Arc<Ring>,
    slots: Slots,
    entry: usize,
    tenure: Tenure,
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
        let (entry, tenure, next) = ring.attach(position)?;
        Ok(Self::holding(ring, entry, tenure, next))
    }

    /// The reader of an entry that is held already, from a position on.
    pub(super) fn holding(ring: &Arc<Ring>, entry: usize, tenure: Tenure, next: u64) -> Self {
        let (ring, slots) = (Arc::clone(ring), ring.slots.clone());
        let tell_at = next + Self::stride(&slots);
        let not_sync = PhantomData;
        Self { ring, slots, entry, tenure, next, told: next, tell_at, shed: 0, not_sync }
    }

    fn stride(slots: &Slots) -> u64 {
        (slots.capacity() as u64 / 8).max(1)
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
        // bound: each round after the first follows a skip to a floor that only the writer's next shedding can move
        for _ in 0..SKIPS_MAX {
            if let Some(spike) = self.peek(self.next) {
                self.next += 1;
                if self.next == self.tell_at {
                    self.flush();
                }
                return Some(spike);
            }
            if self.is_above_floor(self.next) {
                self.flush();
                return None;
            }
            self.skip();
        }
        None
    }

    /// The next spike, which stays the next until [`pass`](Self::pass): until then its payload is not let go.
    pub(crate) fn front(&mut self) -> Option<Spike> {
        // bound: as in `try_read`
        for _ in 0..SKIPS_MAX {
            if let Some(spike) = self.peek(self.next) {
                return Some(spike);
            }
            if self.is_above_floor(self.next) {
                self.flush();
                return None;
            }
            self.skip();
        }
        None
    }

    /// Is done with the spike that `front` gave.
    pub(crate) fn pass(&mut self) {
        self.next += 1;
        if self.next == self.tell_at {
            self.flush();
        }
    }

    /// Lets the reader end without letting its place go: whoever adopts it goes on here.
    pub(crate) fn leave(mut self) {
        self.flush();
        self.tenure = Tenure::LEFT;
    }

    /// Hands up to `max` published spikes to a function, in order, and returns how many.
    #[inline]
    pub fn drain(&mut self, max: usize, mut each: impl FnMut(&Spike)) -> usize {
        let mut count = 0;
        // bound: each round but the last follows a skip to a floor that only the writer's next shedding can move
        for _ in 0..SKIPS_MAX {
            count += self.drain_run(max - count, &mut each);
            if count == max || self.is_above_floor(self.next) {
                break;
            }
            self.skip();
        }
        self.flush();
        count
    }

    /// Hands over what is published without a gap.
    #[inline(always)]
    fn drain_run(&mut self, max: usize, each: &mut impl FnMut(&Spike)) -> usize {
        let start = self.next;
        let mut run = Run { next: start, reader: self };
        let end = start.saturating_add(max as u64);
        while run.next < end {
            let Some(spike) = run.reader.peek(run.next) else { break };
            run.next += 1;
            if run.next == run.reader.tell_at {
                run.reader.next = run.next;
                run.reader.flush();
            }
            each(&spike);
        }
        (run.next - start) as usize
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
        self.slots.is_published(self.next)
            // relaxed: `skip` loads it again
            || self.ring.floor.load(Relaxed).min(POSITION_MAX) > self.next
    }

    /// Waits until a spike can be read, or a time has passed; whether one can be read.
    ///
    /// A parked wait is ended by [`super::Axon::ring`]; a writer that does not ring is noticed within a millisecond.
    pub fn wait(&mut self, strategy: WaitStrategy, timeout: Duration) -> bool {
        self.flush();
        wait::until(strategy, Some(timeout), &self.ring.bell, || self.is_ready())
    }

    /// The spike at a position, if it is published and has not been shed; `None` may mean either.
    #[inline(always)]
    fn peek(&self, position: u64) -> Option<Spike> {
        let spike = self.slots.copy(position)?;
        self.is_above_floor(position).then_some(spike)
    }

    /// Whether what was just read at a position was not shed.
    #[inline(always)]
    fn is_above_floor(&self, position: u64) -> bool {
        // SYNC(slot-claimed): if a word read before is of a later lap, the floor is above us; `Axon::claim` is the
        // other half.
        fence(order::slot_claimed_check());
        // relaxed: ordered by the fence
        self.ring.floor.load(Relaxed).min(POSITION_MAX) <= position
    }

    /// Goes on at the floor.
    fn skip(&mut self) {
        // Only a file that is damaged has a floor that goes back.
        let floor = floor_of(&self.ring).max(self.next);
        self.shed += floor - self.next;
        self.next = floor;
        self.flush();
    }

    /// Tells the writer and the account how far this reader is.
    #[inline]
    fn flush(&mut self) {
        if self.told != self.next {
            tell(&self.ring, self.entry, self.next, self.shed);
            self.told = self.next;
            self.tell_at = self.next + Self::stride(&self.slots);
        }
    }
}

// What is rare takes values and not the reader, which can then stay in registers.

#[cold]
#[inline(never)]
fn floor_of(ring: &Ring) -> u64 {
    // SYNC(floor-seen): the slot at the floor is seen as it was when the floor was set, not a lap or two before;
    // `limit` is the other half.
    ring.floor.load(order::floor_seen_skip()).min(POSITION_MAX)
}

#[inline(never)]
fn tell(ring: &Ring, entry: usize, next: u64, shed: u64) {
    let entry = &ring.entries[entry];
    // relaxed: a count with one writer; the account reads it again when the cursor moved
    entry.shed.store(shed, Relaxed);
    // SYNC(slot-free): our loads of the slots below are over; `limit` is the other half.
    entry.cursor.store(next, order::slot_free_publish());
}

/// The position of a drain, kept in a register; handed back however the drain ends, so that a spike whose receiver
/// panics is not delivered again.
struct Run<'a> {
    next: u64,
    reader: &'a mut AxonReader,
}

impl Drop for Run<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.reader.next = self.next;
    }
}

impl Drop for AxonReader {
    fn drop(&mut self) {
        self.ring.detach(self.entry, self.tenure);
    }
}
