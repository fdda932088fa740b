//! The digest: a hash of all state that a run computes.

use std::fmt;

use super::worker::{Body, Worker};
use crate::population::Network;

/// A BLAKE3 hash of a cortex's state; prints as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn of(worker: &Worker, next: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        let hasher = &mut hasher;
        hasher.update(&worker.services.seed.to_le_bytes());
        hasher.update(&next.to_le_bytes());
        let mut state = Vec::new();
        for (cell, soma) in worker.cells.iter().zip(&worker.somas) {
            state.clear();
            match &cell.body {
                Body::Agent(neuron) => neuron.snapshot(&mut state),
                Body::Gate(_) => state.push(1),
                Body::Population(_) => state.push(3),
                Body::Crowd(crowd) => worker.crowds.digest_into(*crowd, hasher),
                Body::Silenced => state.push(2),
            }
            hasher.update(&(state.len() as u64).to_le_bytes());
            hasher.update(&state);
            hasher.update(&cell.sequence.to_le_bytes());
            hasher.update(&cell.draws.to_le_bytes());
            for word in soma.words() {
                hasher.update(&word.to_le_bytes());
            }
            if let Some(ring) = &cell.evidence {
                ring.digest_into(hasher);
            }
        }
        Network::digest_into(&[&worker.network], hasher);
        worker.table.digest_into(hasher);
        worker.wheel.each(next, |tick, arrival| {
            hasher.update(&tick.to_le_bytes());
            hasher.update(&arrival.segment.to_le_bytes());
            hasher.update(&arrival.only.to_le_bytes());
            hasher.update(&[u8::from(arrival.deferred)]);
            digest_spike(worker, worker.services.flights.spike(arrival.flight), hasher);
        });
        for (tick, id, cell) in worker.services.timers.in_order() {
            hasher.update(&tick.to_le_bytes());
            hasher.update(&id.raw().to_le_bytes());
            hasher.update(&cell.to_le_bytes());
        }
        for outlet in &worker.outlets {
            for (flight, reached) in &outlet.held {
                hasher.update(&reached.0.to_le_bytes());
                digest_spike(worker, worker.services.flights.spike(*flight), hasher);
            }
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// A spike's meaning: its header, and its payload wherever that lies.
fn digest_spike(worker: &Worker, spike: &crate::spike::Spike, hasher: &mut blake3::Hasher) {
    let Some(block) = spike.arena_ref() else {
        hasher.update(spike.as_bytes());
        return;
    };
    hasher.update(spike.meaning());
    let mut payload = Vec::new();
    if worker.services.arena.read_into(block, &mut payload).is_ok() {
        hasher.update(&payload);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
