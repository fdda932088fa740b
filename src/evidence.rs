//! Evidence: the spikes that a neuron integrated since it last fired, kept up to a bound.

mod columns;

pub(crate) use columns::{EvidenceColumns, EvidenceRead};

use crate::spike::Spike;
use crate::time::Tick;

#[derive(Debug)]
struct Kept {
    spike: Spike,
    weight: f32,
    tick: Tick,
    /// The payload when it does not travel in the spike; the buffer is used again.
    large: Vec<u8>,
}

/// A bounded ring of kept spikes.
#[derive(Debug)]
pub(crate) struct EvidenceRing {
    bound: usize,
    kept: Vec<Kept>,
    oldest: usize,
    length: usize,
}

impl EvidenceRing {
    pub(crate) fn new(bound: usize) -> Self {
        Self { bound, kept: Vec::new(), oldest: 0, length: 0 }
    }

    /// Keeps a spike; true if the oldest had to go for it.
    pub(crate) fn keep(&mut self, spike: &Spike, payload: &[u8], weight: f32, tick: Tick) -> bool {
        let full = self.length == self.bound;
        let slot = (self.oldest + self.length) % self.bound;
        if slot == self.kept.len() {
            self.kept.push(Kept { spike: *spike, weight, tick, large: Vec::new() });
        }
        let kept = &mut self.kept[slot];
        (kept.spike, kept.weight, kept.tick) = (*spike, weight, tick);
        kept.large.clear();
        if spike.arena_ref().is_some() {
            kept.large.extend_from_slice(payload);
        }
        if full {
            self.oldest = (self.oldest + 1) % self.bound;
        } else {
            self.length += 1;
        }
        full
    }

    /// Lets everything go: the neuron has fired.
    pub(crate) fn clear(&mut self) {
        // Filled from the start again, so that buffers are used in order and none is made twice.
        (self.oldest, self.length) = (0, 0);
    }

    fn get(&self, index: usize) -> EvidenceItem<'_> {
        let kept = &self.kept[(self.oldest + index) % self.bound];
        let payload = match kept.spike.arena_ref() {
            Some(_) => &kept.large[..],
            None => kept.spike.inline(),
        };
        EvidenceItem { spike: kept.spike, payload, weight: kept.weight, tick: kept.tick }
    }

    pub(crate) fn digest_into(&self, hasher: &mut blake3::Hasher) {
        for index in 0..self.length {
            let item = self.get(index);
            hasher.update(item.spike.meaning());
            hasher.update(&item.weight.to_bits().to_le_bytes());
            hasher.update(&item.tick.0.to_le_bytes());
            hasher.update(item.payload);
        }
    }
}

/// One spike that contributed to a firing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvidenceItem<'a> {
    /// The spike as it was fired.
    pub spike: Spike,
    /// Its payload.
    pub payload: &'a [u8],
    /// What it added to the membrane.
    pub weight: f32,
    /// When it arrived.
    pub tick: Tick,
}

/// The spikes since the last firing, oldest first; see [`Neuron::evidence`](crate::neuron::Neuron::evidence).
#[derive(Debug, Clone)]
pub struct Evidence<'a> {
    ring: Option<&'a EvidenceRing>,
    next: usize,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(ring: Option<&'a EvidenceRing>) -> Self {
        Self { ring, next: 0 }
    }
}

impl<'a> Iterator for Evidence<'a> {
    type Item = EvidenceItem<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let ring = self.ring?;
        if self.next == ring.length {
            return None;
        }
        self.next += 1;
        Some(ring.get(self.next - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.ring.map_or(0, |ring| ring.length - self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Evidence<'_> {}
