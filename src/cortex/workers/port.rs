//! A worker's port: its axon, and its ends of the others'.
//!
//! Workers compute an epoch each for itself, then publish what others are to hear and an end mark, then read the others
//! up to their end marks. Who is early waits for who is late: there is no barrier beside the axons. An epoch is at most
//! as long as the smallest delay between two workers, so nothing that is read this way has arrived yet.
//!
//! ```text
//! worker 0   | compute k | publish, end k | read the others' k | compute k + 1 ...
//! worker 1   | compute k | publish, end k | read the others' k | compute k + 1 ...
//! ```
//!
//! How axons are written and read so that nobody waits for nothing is [`Meeting`]'s; here is how long one waits, and
//! what is agreed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::mail::Mail;
use super::mark::{Claim, Mark};
use super::span::Span;
use super::strait::Strait;
use crate::arena::Arena;
use crate::axon::{Axon, AxonError, Meeting, WaitStrategy};
use crate::spike::Spike;

/// Slots of an axon between workers: 1 MiB, some thousand ticks of a busy agent or one of 180,000 cells.
const SLOTS: usize = 1 << 14;

/// Spins before a worker that waits for another sleeps, where each has a core: some ten microseconds, which is what
/// being woken costs.
const PATIENCE: u32 = 4_096;

/// How long a sleeping worker waits before it looks whether another has fallen.
const LOOK: Duration = Duration::from_millis(20);

/// A worker has panicked; the others stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cortex) struct Fallen;

/// What a worker has waited for.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cortex) struct Traffic {
    /// Slots that it published.
    pub(in crate::cortex) sent: u64,
    /// Slots that it read.
    pub(in crate::cortex) read: u64,
    /// Epochs.
    pub(in crate::cortex) epochs: u64,
    /// How often it slept because another was late.
    pub(in crate::cortex) sleeps: u64,
}

/// The door of a worker to the others.
#[derive(Debug)]
pub(in crate::cortex) struct Port {
    meeting: Meeting,
    /// Where the others' large payloads lie.
    arenas: Vec<Arc<Arena>>,
    fallen: Arc<AtomicBool>,
    patience: u32,
    pub(in crate::cortex) traffic: Traffic,
    /// For the first worker: the mailboxes of the others, in their order.
    pub(super) mailboxes: Vec<Sender<Mail>>,
    /// For the others: their own.
    pub(super) mail: Option<Receiver<Mail>>,
    /// What it takes to run freely; `None` in lockstep.
    pub(in crate::cortex) strait: Option<Strait>,
}

impl Port {
    /// The ports of so many workers, each of which has an arena; `apart` if each has a core.
    pub(in crate::cortex) fn all(
        arenas: &[Arc<Arena>],
        apart: bool,
    ) -> Result<Vec<Self>, AxonError> {
        let workers = arenas.len();
        let fallen = Arc::new(AtomicBool::new(false));
        let patience = if apart || workers <= crate::sync::cores() { PATIENCE } else { 0 };
        let axons: Result<Vec<Axon>, AxonError> =
            arenas.iter().map(|_| Axon::with_readers(SLOTS, workers)).collect();
        let hubs: Vec<_> = axons.as_ref().map_err(Clone::clone)?.iter().map(Axon::hub).collect();
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (1..workers).map(|_| crossbeam_channel::unbounded()).unzip();
        let mut receivers = receivers.into_iter();
        let mut ports = Vec::with_capacity(workers);
        for (index, axon) in axons?.into_iter().enumerate() {
            let others = || (0..workers).filter(|&worker| worker != index);
            let readers: Result<Vec<_>, _> = others().map(|worker| hubs[worker].reader()).collect();
            ports.push(Self {
                meeting: Meeting::new(axon, readers?),
                arenas: others().map(|worker| arenas[worker].clone()).collect(),
                fallen: fallen.clone(),
                patience,
                traffic: Traffic::default(),
                mailboxes: if index == 0 { senders.clone() } else { Vec::new() },
                mail: if index == 0 { None } else { receivers.next() },
                strait: None,
            });
        }
        Ok(ports)
    }

    /// From now on this worker waits for nobody, and the others lend large payloads from these arenas.
    pub(in crate::cortex) fn run_freely(&mut self, strait: Strait, arenas: Vec<Arc<Arena>>) {
        self.strait = Some(strait);
        self.arenas = arenas;
    }

    /// Says that this worker has panicked, and wakes those who wait for it.
    pub(super) fn fall(&self) {
        // SYNC(stop): what it left behind is seen by those who stop because of it.
        self.fallen.store(true, Ordering::Release);
        self.wake();
    }

    pub(in crate::cortex) fn stands(&self) -> Result<(), Fallen> {
        // SYNC(stop): pairs with the store in `fall`.
        if self.fallen.load(Ordering::Acquire) { Err(Fallen) } else { Ok(()) }
    }

    /// Publishes slots for the others, reading theirs while the axon is full.
    pub(super) fn publish(&mut self, slots: &[Spike]) -> Result<(), Fallen> {
        let mut left = slots;
        // bound: every other worker reads as long as it has not this one's end mark
        while !left.is_empty() {
            left = &left[self.meeting.publish(left)..];
            if !left.is_empty() {
                self.meeting.wake();
                self.stands()?;
                if self.absorb() == 0 {
                    std::thread::yield_now();
                }
            }
        }
        self.traffic.sent += slots.len() as u64;
        Ok(())
    }

    /// Puts something into the mailbox of every other worker. That it lies there, they learn from a mark.
    pub(in crate::cortex) fn send_mail(&self, mut make: impl FnMut(u8) -> Mail) {
        for (index, mailbox) in self.mailboxes.iter().enumerate() {
            // A worker that has fallen has no use for it.
            let _ = mailbox.send(make(index as u8 + 1));
        }
    }

    /// Publishes a mark and wakes those who sleep.
    fn tell(&mut self, mark: Mark) -> Result<(), Fallen> {
        self.publish(&[mark.to_slot()])?;
        self.wake();
        Ok(())
    }

    /// Says to all others, as the first worker, what to compute.
    pub(in crate::cortex) fn begin(&mut self, span: Span) -> Result<(), Fallen> {
        self.tell(Mark::Span { from: span.from, to: span.to })
    }

    /// Says to all others, as the first worker, to give their state back.
    pub(in crate::cortex) fn rest(&mut self) -> Result<(), Fallen> {
        self.tell(Mark::Rest { to: 0 })
    }

    /// Wakes those who sleep until this worker publishes something.
    pub(super) fn wake(&self) {
        self.meeting.wake();
        if let Some(strait) = &self.strait {
            strait.ring_others();
        }
    }

    /// Publishes as many of these slots as fit, and returns how many did.
    pub(super) fn offer(&mut self, slots: &[Spike]) -> usize {
        let published = self.meeting.publish(slots);
        self.traffic.sent += published as u64;
        published
    }

    /// The next slot of another one, which stays where it is until it is passed.
    pub(super) fn front(&mut self, other: usize) -> Option<Spike> {
        self.meeting.reader(other).front()
    }

    /// How many slots another one has published that this one is not done with.
    pub(super) fn published(&mut self, other: usize) -> u64 {
        self.meeting.reader(other).lag()
    }

    /// Is done with the slot that was in front.
    pub(super) fn pass(&mut self, other: usize) {
        self.meeting.reader(other).pass();
        self.traffic.read += 1;
    }

    /// The number of the slot that is published next, and the one that all others are done with everything below.
    pub(super) fn progress(&mut self) -> (u64, u64) {
        self.meeting.progress()
    }

    /// Reads what the others have published of this epoch; returns how many slots.
    fn absorb(&mut self) -> usize {
        let read =
            self.meeting.absorb(|slot| matches!(Mark::from_slot(slot), Some(Mark::EpochEnd(_))));
        self.traffic.read += read as u64;
        read
    }

    /// Reads the others up to their end marks, and says what all claims amount to.
    pub(super) fn meet(&mut self, own: Claim) -> Result<Claim, Fallen> {
        self.traffic.epochs += 1;
        // bound: a worker ends its epoch, or falls
        while let Some(late) = self.meeting.missing() {
            if self.absorb() == 0 {
                self.wait_for(late)?;
            }
        }
        let mut agreed = own;
        for end in self.meeting.take_ends() {
            let Some(Mark::EpochEnd(claim)) = Mark::from_slot(&end) else { continue };
            agreed = Claim {
                due: agreed.due.min(claim.due),
                computed: agreed.computed.max(claim.computed),
                ticks: agreed.ticks.max(claim.ticks),
                halt: agreed.halt | claim.halt,
                counted: std::array::from_fn(|count| agreed.counted[count] + claim.counted[count]),
            };
        }
        Ok(agreed)
    }

    /// How many others there are.
    pub(super) fn others(&self) -> usize {
        self.arenas.len()
    }

    /// Takes what another one published in the epoch that was read; it wants the emptied list back.
    pub(super) fn take_epoch(&mut self, other: usize) -> Vec<Spike> {
        std::mem::take(self.meeting.stretch(other))
    }

    pub(super) fn give_back(&mut self, other: usize, emptied: Vec<Spike>) {
        *self.meeting.stretch(other) = emptied;
    }

    /// Where the large payloads of another one lie.
    pub(super) fn arena(&self, other: usize) -> &Arena {
        &self.arenas[other]
    }

    /// The next slot that the first worker published between two spans.
    pub(super) fn next_from_first(&mut self) -> Result<Spike, Fallen> {
        // bound: the first worker gives another span, or a rest, or falls
        loop {
            if let Some(slot) = self.meeting.reader(0).try_read() {
                self.traffic.read += 1;
                return Ok(slot);
            }
            self.wait_for(0)?;
        }
    }

    /// Waits until another worker has published something: spinning for a while, then asleep.
    fn wait_for(&mut self, index: usize) -> Result<(), Fallen> {
        let reader = self.meeting.reader(index);
        for _ in 0..self.patience {
            if reader.is_ready() {
                return Ok(());
            }
            std::hint::spin_loop();
        }
        if !reader.wait(WaitStrategy::YieldThenPark, Duration::ZERO) {
            self.traffic.sleeps += 1;
            reader.wait(WaitStrategy::YieldThenPark, LOOK);
        }
        self.stands()
    }
}

impl Drop for Port {
    /// Whoever still waits for this worker waits in vain.
    fn drop(&mut self) {
        self.fall();
    }
}
