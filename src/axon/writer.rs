//! The end that publishes.

use std::cell::Cell;
use std::marker::PhantomData;

use crate::spike::Spike;
use crate::sync::{Arc, Relaxed, fence, order};

use super::account::{self, AxonAccount};
use super::mapped::WriterTenure;
use super::reader::AxonReader;
use super::ring::{AxonError, Ring, Slots};
use super::tap::AxonTap;
use super::{AxonHub, READERS};
use crate::shm::tenure::Tenure;

/// The slowest reader is a whole ring behind.
///
/// Part of normal flow: wait for the reader, or use [`Axon::publish_with`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the axon is full: its slowest reader is a whole ring behind")]
#[must_use = "the spike was not published"]
pub struct AxonFull;

/// What happens to a spike that finds the ring full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Overflow {
    /// It is handed back, and the firing side waits.
    #[default]
    Defer,
    /// It takes the place of the oldest spike, which the slow readers lose and count.
    ShedOldest,
    /// It is dropped and counted.
    DropNewest,
}

/// What became of a spike that was not handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Published into a free slot.
    Published,
    /// Published in the place of one that a slow reader had not read.
    Shed,
    /// Dropped.
    Dropped,
}

/// The writing end of a ring of spikes; there is exactly one.
///
/// Belongs to one thread at a time (`Send`, not `Sync`). Ends are attached here or, from other threads, through
/// [`Axon::hub`].
///
/// ```
/// use neuronbus::axon::Axon;
/// use neuronbus::id::NeuronId;
/// use neuronbus::spike::{Spike, SpikeKind};
///
/// let mut axon = Axon::anonymous(1024)?;
/// let mut reader = axon.reader()?;
/// let spike = Spike::new(NeuronId::new(7)?, SpikeKind::Excitatory).with_inline(b"hello")?;
/// axon.publish(&spike)?;
/// assert_eq!(reader.try_read(), Some(spike));
/// assert_eq!(reader.try_read(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Axon {
    ring: Arc<Ring>,
    slots: Slots,
    /// The next position to fill.
    head: u64,
    /// The first position that may not be filled before the readers are asked again.
    limit: u64,
    /// Of a file: what keeps other writers out.
    #[expect(dead_code, reason = "held for its drop")]
    tenure: Option<WriterTenure>,
    not_sync: PhantomData<Cell<()>>,
}

impl Axon {
    /// An axon in this process's memory with a number of slots, a power of two, and room for [`READERS`] readers.
    ///
    /// # Errors
    /// [`AxonError::Slots`].
    pub fn anonymous(slots: usize) -> Result<Self, AxonError> {
        Self::with_readers(slots, READERS)
    }

    /// The same with another number of readers; taps are not counted.
    ///
    /// # Errors
    /// [`AxonError::Slots`].
    pub fn with_readers(slots: usize, readers: usize) -> Result<Self, AxonError> {
        Ok(Self::at(Arc::new(Ring::new(slots, readers)?), 0, None))
    }

    /// The writer of a ring from a position on.
    pub(super) fn at(ring: Arc<Ring>, head: u64, tenure: Option<WriterTenure>) -> Self {
        let slots = ring.slots.clone();
        Self { ring, slots, head, limit: head, tenure, not_sync: PhantomData }
    }

    /// A lossless end that gets what is published from now on.
    ///
    /// # Errors
    /// [`AxonError::ReadersTaken`] when the table of readers is full.
    pub fn reader(&self) -> Result<AxonReader, AxonError> {
        AxonReader::attach(&self.ring)
    }

    /// A lossy end that gets what is published from now on and never holds the writer up.
    #[must_use]
    pub fn tap(&self) -> AxonTap {
        AxonTap::attach(&self.ring)
    }

    /// The handle through which other threads attach ends and read the account.
    #[must_use]
    pub fn hub(&self) -> AxonHub {
        AxonHub { ring: Arc::clone(&self.ring) }
    }

    /// What became of every spike so far.
    #[must_use]
    pub fn account(&self) -> AxonAccount {
        account::of(&self.ring)
    }

    /// Slots of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// How many spikes fit now.
    #[must_use]
    pub fn room(&mut self) -> usize {
        self.rescan();
        (self.limit - self.head) as usize
    }

    /// The number, in the life of the axon, of the spike that is published next; the first is 0.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.head
    }

    /// Every reader is done with the spikes below this position.
    #[must_use]
    pub fn passed(&mut self) -> u64 {
        self.rescan();
        self.limit.saturating_sub(self.ring.capacity() as u64)
    }

    /// Wakes the readers that are parked in a wait; call it when a batch of work has been published.
    ///
    /// Publishing does not ring: it would cost each spike what only a sleeper needs.
    pub fn ring(&self) {
        self.ring.bell.ring();
    }

    /// Publishes one spike to every end.
    ///
    /// # Errors
    /// [`AxonFull`] when the slowest reader is a whole ring behind; counted as deferred, nothing is published.
    #[inline]
    pub fn publish(&mut self, spike: &Spike) -> Result<(), AxonFull> {
        if self.head == self.limit && !self.rescan() {
            return self.defer();
        }
        self.put(spike);
        Ok(())
    }

    /// Publishes as many spikes from the front of the slice as fit, and returns how many did.
    ///
    /// A reader sees either none or all of those. So does a tap, unless it is being lapped. The others are counted as
    /// deferred.
    #[inline]
    pub fn publish_batch(&mut self, spikes: &[Spike]) -> usize {
        self.publish_batch_with(spikes.len(), |index| spikes[index])
    }

    /// Publishes the spikes that a function makes of the numbers from 0 on, `count` or as many as fit, and returns how
    /// many did. The function is called for those only.
    ///
    /// As [`Axon::publish_batch`], but a spike is made where it is needed and never lies in a buffer: half the stores.
    ///
    /// ```
    /// # use neuronbus::axon::Axon;
    /// # use neuronbus::id::NeuronId;
    /// # use neuronbus::spike::{Spike, SpikeKind};
    /// let mut axon = Axon::anonymous(4)?;
    /// let mut reader = axon.reader()?;
    /// let source = NeuronId::new(7)?;
    /// let made = axon.publish_batch_with(100, |index| {
    ///     Spike::new(source, SpikeKind::Excitatory).stamped(index as u64, 0)
    /// });
    /// assert_eq!(made, 4);
    /// assert_eq!(reader.drain(100, |spike| assert!(spike.time_ns() < 4)), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn publish_batch_with(
        &mut self,
        count: usize,
        mut make: impl FnMut(usize) -> Spike,
    ) -> usize {
        let wanted = count as u64;
        if self.limit - self.head < wanted {
            self.rescan();
        }
        let fitting = wanted.min(self.limit - self.head);
        if fitting < wanted {
            self.count_deferred(wanted - fitting);
        }
        if fitting == 0 {
            return 0;
        }
        let first = make(0);
        self.claim(self.head + fitting);
        let mut batch = Batch { first, made: 1, claimed: fitting, axon: self };
        while batch.made < batch.claimed {
            let spike = make(batch.made as usize);
            batch.axon.slots.fill(batch.axon.head + batch.made, &spike);
            batch.made += 1;
        }
        fitting as usize
    }

    /// Publishes one spike, and says what happens to it when the ring is full.
    ///
    /// # Errors
    /// [`AxonFull`] under [`Overflow::Defer`] only.
    #[inline]
    pub fn publish_with(&mut self, spike: &Spike, overflow: Overflow) -> Result<Outcome, AxonFull> {
        if self.head == self.limit && !self.rescan() {
            return match overflow {
                Overflow::Defer => self.defer().map(|()| Outcome::Published),
                Overflow::DropNewest => Ok(self.drop_newest()),
                Overflow::ShedOldest => Ok(self.shed_oldest(spike)),
            };
        }
        self.put(spike);
        Ok(Outcome::Published)
    }

    #[inline(always)]
    fn put(&mut self, spike: &Spike) {
        let head = self.head;
        self.claim(head + 1);
        self.slots.fill(head, spike);
        self.head = head + 1;
    }

    /// Says that slots are about to be overwritten, before the first of their words is.
    #[inline(always)]
    fn claim(&self, end: u64) {
        // relaxed: what the slots held before is ordered by the fence in `limit`, at most one ring ago
        self.ring.claimed.store(end, Relaxed);
        // SYNC(slot-claimed): whoever sees a word stored after this fence sees the claim, and the floor if the claim
        // was made by shedding; `AxonTap::poll` and `AxonReader::is_above_floor` have the other half.
        fence(order::slot_claimed_publish());
    }

    /// Asks the readers again; whether there is room now.
    #[inline(always)]
    fn rescan(&mut self) -> bool {
        self.limit = limit(&self.ring, self.head);
        self.limit > self.head
    }

    #[cold]
    fn defer(&self) -> Result<(), AxonFull> {
        self.count_deferred(1);
        Err(AxonFull)
    }

    #[cold]
    fn count_deferred(&self, count: u64) {
        // relaxed: a count with one writer
        let deferred = &self.ring.tally.deferred;
        deferred.store(deferred.load(Relaxed).wrapping_add(count), Relaxed);
    }

    #[cold]
    fn drop_newest(&self) -> Outcome {
        // relaxed: a count with one writer
        let dropped = &self.ring.tally.dropped;
        dropped.store(dropped.load(Relaxed).wrapping_add(1), Relaxed);
        Outcome::Dropped
    }

    /// Moves the floor up by one, so that the slow readers skip what is overwritten now.
    #[cold]
    fn shed_oldest(&mut self, spike: &Spike) -> Outcome {
        let floor = self.head + 1 - self.ring.capacity() as u64;
        // relaxed: what the slots hold is ordered by the fence in `limit`, which has just found the ring full
        self.ring.floor.store(floor, Relaxed);
        self.limit = self.head + 1;
        self.put(spike);
        Outcome::Shed
    }
}

/// A batch whose spikes are being made. However that ends, what was made is published.
struct Batch<'a> {
    first: Spike,
    made: u64,
    claimed: u64,
    axon: &'a mut Axon,
}

impl Drop for Batch<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let head = self.axon.head;
        // Ends read in order, so the first slot is the gate of the whole batch.
        self.axon.slots.fill(head, &self.first);
        self.axon.head = head + self.made;
        if self.made < self.claimed {
            // Making one panicked. No slot above was touched, so the claim may be taken back.
            self.axon.claim(self.axon.head);
        }
    }
}

// What is rare takes values and not the writer, which can then stay in registers.

/// Asks every reader how far it is: the position that a writer at `head` may not fill.
#[cold]
#[inline(never)]
fn limit(ring: &Ring, head: u64) -> u64 {
    let mut patience = 1 << 10;
    // bound: repeats only when a reader was attached in the middle
    let slowest = loop {
        // relaxed: ordered by the fence
        let listed = ring.listed.load(Relaxed);
        // SYNC(reader-listed): if the count has a reader, the scan has its entry; `Ring::attach` is the other half.
        // SYNC(reader-attached): either this scan sees a reader being attached, or it sees our position;
        // `Ring::attach` is the other half.
        // SYNC(claim-seen), SYNC(floor-seen): whoever sees a claim or a floor set after this fence sees every
        // spike published before it; `Ring::now`, `AxonTap::jump` and `floor_of` are the other half.
        fence(order::reader_attached_scan());
        let mut slowest = head;
        for entry in &ring.entries {
            // SYNC(slot-free): the reader's loads precede our next stores, and a clone it made before is in
            // `listed`; `tell` and `Ring::detach` are the other half.
            if Tenure::of(entry.state.load(order::slot_free_scan())).is_held() {
                slowest = slowest.min(entry.cursor.load(order::slot_free_scan()));
            }
        }
        // relaxed: ordered by the acquiring loads above
        if ring.listed.load(Relaxed) == listed {
            break slowest;
        }
        patience -= 1;
        if patience == 0 {
            // Readers do not come and go like this: the file is being scribbled over, and nothing fits.
            return head;
        }
    };
    // relaxed: the writer's own word; above the head only in a file that is damaged
    let slowest = slowest.max(ring.floor.load(Relaxed).min(head));
    (slowest + ring.capacity() as u64).max(head)
}
