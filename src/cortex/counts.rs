//! What happened to every spike, counted.

use serde::Serialize;

use super::worker::Worker;
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

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        // Taken apart, so that a counter more cannot be forgotten here.
        let Self {
            admitted,
            delivered,
            fired,
            firings,
            filtered,
            refractory,
            deferred,
            unrouted,
            saturated,
            silenced,
            refused,
            payload_gone,
            evidence_let_go,
            faults,
            pruned,
            grown,
        } = other;
        self.admitted += admitted;
        self.delivered += delivered;
        self.fired += fired;
        self.firings += firings;
        self.filtered += filtered;
        self.refractory += refractory;
        self.deferred += deferred;
        self.unrouted += unrouted;
        self.saturated += saturated;
        self.silenced += silenced;
        self.refused += refused;
        self.payload_gone += payload_gone;
        self.evidence_let_go += evidence_let_go;
        self.faults += faults;
        self.pruned += pruned;
        self.grown += grown;
    }
}

impl Counts {
    /// Every counter and its name.
    pub(crate) fn each(&mut self) -> [(&'static str, &mut u64); 16] {
        // Taken apart, so that a counter more cannot be forgotten here.
        let Self {
            admitted,
            delivered,
            fired,
            firings,
            filtered,
            refractory,
            deferred,
            unrouted,
            saturated,
            silenced,
            refused,
            payload_gone,
            evidence_let_go,
            faults,
            pruned,
            grown,
        } = self;
        [
            ("admitted", admitted),
            ("delivered", delivered),
            ("fired", fired),
            ("firings", firings),
            ("filtered", filtered),
            ("refractory", refractory),
            ("deferred", deferred),
            ("unrouted", unrouted),
            ("saturated", saturated),
            ("silenced", silenced),
            ("refused", refused),
            ("payload_gone", payload_gone),
            ("evidence_let_go", evidence_let_go),
            ("faults", faults),
            ("pruned", pruned),
            ("grown", grown),
        ]
    }

    /// Spikes that reached nobody although nothing told them not to.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.unrouted + self.saturated + self.silenced + self.refused + self.payload_gone
    }
}

impl Worker {
    /// How many synapses lead to what belongs to this worker.
    pub(crate) fn synapses(&self) -> u64 {
        self.table.len() + self.network.synapses() + self.crowds.synapses()
    }

    /// How many cells of populations and crowds belong to this worker.
    pub(crate) fn cells_here(&self) -> u64 {
        self.network.cells() + self.crowds.cells()
    }

    /// What happened to spikes here.
    pub(crate) fn counts_so_far(&self) -> Counts {
        let mut counts = self.counts;
        let crowds = self.crowds.tally();
        counts.delivered += crowds.delivered;
        counts.payload_gone += crowds.payload_gone;
        counts.firings += crowds.firings;
        counts.refractory += crowds.refractory;
        counts.silenced += crowds.silenced;
        counts.faults += crowds.faults;
        counts.delivered += self.network.delivered;
        counts.firings += self.network.firings;
        let (pruned, grown) = self.network.rewired();
        counts.pruned += pruned + self.table.pruned;
        counts.grown += grown + self.table.grown;
        counts.saturated += self.services.saturated;
        counts.evidence_let_go += self.services.evidence_let_go;
        counts
    }

    /// Forgets what happened to spikes here, before there were any.
    pub(crate) fn forget_counts(&mut self) {
        self.counts = Counts::default();
        self.faults.entries.clear();
        self.crowds.forget_tally();
        (self.network.delivered, self.network.firings) = (0, 0);
        (self.table.pruned, self.table.grown) = (0, 0);
        (self.services.saturated, self.services.evidence_let_go) = (0, 0);
    }

    /// Spikes fired and delivered, and firings, so far.
    pub(crate) fn counted(&self) -> [u64; 3] {
        let Counts { fired, delivered, firings, .. } = self.counts_so_far();
        [fired, delivered, firings]
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
