//! The digest: a hash of all state that a run computes.

use std::fmt;

use super::worker::{Body, Worker};
use crate::id::NeuronId;
use crate::neuron::snapshot_of;
use crate::population::Network;
use crate::synapse::SynapseTable;

/// A BLAKE3 hash of a cortex's state; prints as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A digest that was kept as its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Of one worker, with what others told it.
    pub(crate) fn of_one(worker: &Worker, next: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(Self::of(&[worker], next).as_bytes());
        worker.network.digest_heard(&mut hasher);
        Self(*hasher.finalize().as_bytes())
    }

    /// Of several digests.
    pub(crate) fn over(digests: &[Self]) -> Self {
        let mut hasher = blake3::Hasher::new();
        digests.iter().for_each(|digest| _ = hasher.update(&digest.0));
        Self(*hasher.finalize().as_bytes())
    }

    pub(crate) fn of(workers: &[&Worker], next: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        let hasher = &mut hasher;
        let Some(first) = workers.first() else { return Self(*hasher.finalize().as_bytes()) };
        hasher.update(&first.services.seed.to_le_bytes());
        hasher.update(&next.to_le_bytes());
        let home = |id| usize::from(first.crossing.home(id)).min(workers.len() - 1);
        let ids = (0..first.cells.len()).filter_map(|index| NeuronId::from_index(index).ok());
        let mut state = Vec::new();
        for id in ids {
            digest_neuron(workers[home(id)], id, &mut state, hasher);
        }
        let networks: Vec<&Network> = workers.iter().map(|worker| &worker.network).collect();
        Network::digest_into(&networks, hasher);
        let tables: Vec<&SynapseTable> = workers.iter().map(|worker| &worker.table).collect();
        SynapseTable::digest_into(&tables, home, hasher);
        digest_under_way(workers, next, hasher);
        let timers = workers.iter().flat_map(|worker| worker.services.timers.in_order());
        let mut timers: Vec<(u64, NeuronId, u32)> = timers.collect();
        timers.sort_unstable();
        for (tick, id, cell) in timers {
            hasher.update(&tick.to_le_bytes());
            hasher.update(&id.raw().to_le_bytes());
            hasher.update(&cell.to_le_bytes());
        }
        for outlet in workers.iter().flat_map(|worker| &worker.outlets) {
            for (flight, reached) in &outlet.held {
                hasher.update(&reached.0.to_le_bytes());
                // Gates are with the first worker.
                digest_spike(first, first.services.flights.spike(*flight), hasher);
            }
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// 32 bits of what a neuron is, and what its membrane holds.
pub(super) fn fingerprint(worker: &Worker, id: NeuronId) -> u32 {
    let mut hasher = blake3::Hasher::new();
    digest_neuron(worker, id, &mut Vec::new(), &mut hasher);
    let hash = hasher.finalize();
    hash.as_bytes().first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
}

/// What a neuron is, and what its membrane holds.
fn digest_neuron(worker: &Worker, id: NeuronId, state: &mut Vec<u8>, hasher: &mut blake3::Hasher) {
    let cell = &worker.cells[id.index()];
    state.clear();
    match &cell.body {
        Body::Agent(neuron) => snapshot_of(neuron.as_ref(), state),
        Body::Gate(_) => state.push(1),
        Body::Population(_) => state.push(3),
        Body::Crowd(crowd) => worker.crowds.digest_into(*crowd, hasher),
        Body::Silenced | Body::Elsewhere | Body::CrowdElsewhere => state.push(2),
    }
    hasher.update(&(state.len() as u64).to_le_bytes());
    hasher.update(state);
    cell.soma.digest_into(hasher);
    if let Some(ring) = worker.evidence_of(id) {
        ring.digest_into(hasher);
    }
}

/// What is under way, by when and where it arrives and what was fired first. A spike that flies to the synapses of one
/// row on several workers is one.
fn digest_under_way(workers: &[&Worker], next: u64, hasher: &mut blake3::Hasher) {
    let mut all = Vec::new();
    for worker in workers {
        worker.wheel.each(next, |tick, arrival| {
            let spike = worker.services.flights.spike(arrival.flight);
            let segment = &worker.table.segments[arrival.segment as usize];
            let fired = (spike.time_ns(), segment.source.raw(), spike.cell(), spike.sequence());
            let place = (segment.projection, segment.delay, arrival.only, arrival.deferred);
            all.push((tick, fired, place, (worker.crossing.index, arrival.flight)));
        });
    }
    all.sort_unstable();
    all.dedup_by_key(|&mut (tick, fired, place, _)| (tick, fired, place));
    for (tick, _, (projection, delay, only, deferred), (index, flight)) in all {
        hasher.update(&tick.to_le_bytes());
        hasher.update(&projection.to_le_bytes());
        hasher.update(&delay.to_le_bytes());
        hasher.update(&only.to_le_bytes());
        hasher.update(&[u8::from(deferred)]);
        let worker = workers[usize::from(index).min(workers.len() - 1)];
        digest_spike(worker, worker.services.flights.spike(flight), hasher);
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
