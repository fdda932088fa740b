//! Sealed batches on their way from the owner's thread to whoever writes them.
//!
//! Three buffers go round: the owner fills one, one waits, one is being written. A batch that is sealed joins those
//! that wait, which the owner takes back for it if the writer has not taken them yet. So the owner never finds the way
//! blocked, everything sealed is within the writer's reach, and what piles up is written at once.

use crossbeam_channel::{Receiver, Sender, bounded};

use super::format::HASH;

/// Batches, one after the other.
#[derive(Debug)]
pub(super) struct Batches {
    /// Room for the hash before the first batch, then the batches with their seals.
    pub(super) bytes: Vec<u8>,
    /// Where each seal begins.
    pub(super) seals: Vec<usize>,
}

impl Batches {
    fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.resize(HASH, 0);
        Self { bytes, seals: Vec::with_capacity(SEALS) }
    }

    fn clear(&mut self) {
        self.bytes.truncate(HASH);
        self.seals.clear();
    }

    /// Takes what another holds behind its own.
    fn append(&mut self, other: &mut Self) {
        let moved = self.bytes.len() - HASH;
        self.bytes.extend_from_slice(&other.bytes[HASH..]);
        self.seals.extend(other.seals.iter().map(|at| at + moved));
        other.clear();
    }
}

/// Seals that a buffer can have before its list of them grows.
const SEALS: usize = 1024;

/// The owner's end.
#[derive(Debug)]
pub(super) struct Outlet {
    /// What the owner appends to.
    pub(super) front: Batches,
    waiting: (Sender<Batches>, Receiver<Batches>),
    spare: Receiver<Batches>,
    /// Bytes that waited when the owner looked last; they may have been taken since.
    behind: usize,
    capacity: usize,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Intake {
    waiting: Receiver<Batches>,
    spare: Sender<Batches>,
}

/// A queue for so many bytes.
pub(super) fn queue(capacity: usize) -> (Outlet, Intake) {
    let waiting = bounded(1);
    let (spare_in, spare_out) = bounded(2);
    for _ in 0..2 {
        // There is room for two.
        let _ = spare_in.try_send(Batches::new(capacity));
    }
    let intake = Intake { waiting: waiting.1.clone(), spare: spare_in };
    let front = Batches::new(capacity);
    (Outlet { front, waiting, spare: spare_out, behind: 0, capacity }, intake)
}

impl Outlet {
    /// Bytes for which there is room.
    pub(super) fn free(&mut self) -> usize {
        if self.behind > 0 && self.waiting.1.is_empty() {
            self.behind = 0;
        }
        self.capacity.saturating_sub(self.front.bytes.len() + self.behind)
    }

    /// Bytes that can wait at all.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Hands over what is sealed.
    pub(super) fn hand_over(&mut self) {
        let mut next = match self.waiting.1.try_recv() {
            Ok(mut waiting) => {
                waiting.append(&mut self.front);
                waiting
            }
            Err(_) => {
                let fresh = self.spare.try_recv();
                // The writer gives its buffer back before it takes the next.
                let fresh = fresh.expect("with nothing waiting, one of three is spare");
                std::mem::replace(&mut self.front, fresh)
            }
        };
        self.behind = next.bytes.len() - HASH;
        // bound: one buffer waits at most, and it was just taken
        while let Err(back) = self.waiting.0.try_send(next) {
            next = back.into_inner();
        }
    }
}

impl Intake {
    /// What waits.
    pub(super) fn take(&self) -> Option<Batches> {
        self.waiting.try_recv().ok()
    }

    /// Whether something waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives back what was written; to be done before the next is taken.
    pub(super) fn give_back(&self, mut batches: Batches) {
        batches.clear();
        // There is room: three buffers, of which the owner has one.
        let _ = self.spare.try_send(batches);
    }
}
