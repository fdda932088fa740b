//! What happened to every spike, counted.

use serde::Serialize;

use crate::time::Tick;

/// Counters of a run; nothing that happens to a spike is missing here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Spikes that gates admitted.
    #[serde(rename = "in")]
    pub admitted: u64,
    /// Spikes that reached a synapse or a membrane.
    pub delivered: u64,
    /// Spikes that neurons and gates sent.
    pub fired: u64,
    /// Membranes that crossed their threshold.
    pub firings: u64,
    /// Spikes that a filter did not let through, by synapse.
    pub filtered: u64,
    /// Spikes dropped by a neuron in its refractory pause.
    pub refractory: u64,
    /// Spikes that wait, or waited, for the end of a refractory pause.
    pub deferred: u64,
    /// Spikes sent where no synapse leads.
    pub unrouted: u64,
    /// Spikes that could not be sent for want of room.
    pub saturated: u64,
    /// Spikes for neurons that had failed.
    pub silenced: u64,
    /// Spikes or rewards that made no sense.
    pub refused: u64,
    /// Payloads that were no longer in the arena when they were wanted.
    pub payload_gone: u64,
    /// Spikes that had to leave a neuron's evidence before it fired.
    pub evidence_let_go: u64,
    /// Neurons that failed.
    pub faults: u64,
    /// Synapses that structural plasticity removed, and [`Cortex::prune`](crate::cortex::Cortex::prune).
    pub pruned: u64,
    /// Synapses that structural plasticity made.
    pub grown: u64,
}

impl Counts {
    /// Spikes that reached nobody although nothing told them not to.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.unrouted + self.saturated + self.silenced + self.refused + self.payload_gone
    }
}

/// A neuron that failed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultEntry {
    /// Its address.
    pub neuron: String,
    /// What it said.
    pub message: String,
    /// When.
    pub tick: u64,
}

/// The first failures of a run; the counter has them all.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultLog {
    pub(crate) entries: Vec<FaultEntry>,
}

/// A run that goes wrong everywhere says so once for each of this many neurons.
const FAULTS_KEPT: usize = 256;

impl FaultLog {
    pub(crate) fn record(&mut self, neuron: String, message: &str, tick: Tick) {
        if self.entries.len() < FAULTS_KEPT {
            self.entries.push(FaultEntry { neuron, message: message.to_owned(), tick: tick.0 });
        }
    }
}
