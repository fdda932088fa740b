//! Writers that meet: each publishes a stretch of slots with an end mark behind it, and reads the others' up to theirs.
//!
//! A writer whose axon is full reads what the others publish while it waits, so that two that are full cannot hold each
//! other up. What follows an end mark belongs to the next stretch, and stays in the ring until every end mark of this
//! one has been read.

use super::{Axon, AxonReader};
use crate::spike::Spike;

/// One of several writers that meet.
#[derive(Debug)]
pub(crate) struct Meeting {
    axon: Axon,
    peers: Vec<Peer>,
}

/// Another writer, as this one sees it.
#[derive(Debug)]
struct Peer {
    reader: AxonReader,
    /// What it has published of the present stretch.
    stretch: Vec<Spike>,
    /// Its end mark.
    end: Option<Spike>,
}

impl Meeting {
    /// A writer, and its ends of the others' axons.
    pub(crate) fn new(axon: Axon, others: Vec<AxonReader>) -> Self {
        let peer = |reader| Peer { reader, stretch: Vec::new(), end: None };
        Self { axon, peers: others.into_iter().map(peer).collect() }
    }

    /// Publishes as many of the slots as fit, and returns how many did.
    pub(crate) fn publish(&mut self, slots: &[Spike]) -> usize {
        self.axon.publish_batch(slots)
    }

    /// Wakes the others that sleep until this one publishes something.
    pub(crate) fn wake(&self) {
        self.axon.ring();
    }

    /// Reads what the others have published, each at most to the end of its stretch; returns how many slots.
    pub(crate) fn absorb(&mut self, is_end: impl Fn(&Spike) -> bool) -> usize {
        self.peers.iter_mut().map(|peer| peer.absorb(&is_end)).sum()
    }

    /// The first of the others, by number, whose stretch has not been read to its end.
    pub(crate) fn missing(&self) -> Option<usize> {
        self.peers.iter().position(|peer| peer.end.is_none())
    }

    /// The end marks of all; what has been published behind them may be read from now on.
    pub(crate) fn take_ends(&mut self) -> impl Iterator<Item = Spike> {
        self.peers.iter_mut().filter_map(|peer| peer.end.take())
    }

    /// What another one has published in the stretch that was read.
    pub(crate) fn stretch(&mut self, peer: usize) -> &mut Vec<Spike> {
        &mut self.peers[peer].stretch
    }

    /// The number of the slot that is published next, and the one that all others are done with everything below.
    pub(crate) fn progress(&mut self) -> (u64, u64) {
        (self.axon.position(), self.axon.passed())
    }

    /// The end of another one's axon.
    pub(crate) fn reader(&mut self, peer: usize) -> &mut AxonReader {
        &mut self.peers[peer].reader
    }
}

impl Peer {
    fn absorb(&mut self, is_end: &impl Fn(&Spike) -> bool) -> usize {
        let mut read = 0;
        // bound: a stretch ends, and what follows its end mark stays in the ring
        while self.end.is_none() {
            let Some(slot) = self.reader.try_read() else { break };
            read += 1;
            if is_end(&slot) {
                self.end = Some(slot);
            } else {
                self.stretch.push(slot);
            }
        }
        read
    }
}
