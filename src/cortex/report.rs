//! The report: what a run did, in numbers.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::counts::{Counts, FaultEntry};
use super::workers::Traffic;
use super::{Cortex, Digest, Worker};
use crate::axon::AxonAccount;
use crate::gate::GateAccount;
use crate::pace::{Pace, Stamp};

/// What only the clock knows: how long things took. No result depends on it.
pub(crate) struct Vitals {
    pub(crate) ticks: u64,
    pub(crate) late: u64,
    pub(crate) wall: Duration,
    tick_ns: Histogram<u64>,
    gate_ns: Histogram<u64>,
}

/// Longer times are counted as this one: a minute.
const LONGEST_NS: u64 = 60_000_000_000;

/// So many ticks of a free run are all timed, and of those behind them each so-manieth: one follows the other, and two
/// readings of the clock take as long as a tick with one spike.
const TIMED_ALL: u64 = 1_024;
const TIMED_EACH: u64 = 16;

impl Default for Vitals {
    fn default() -> Self {
        // Two significant digits from 1 ns to a minute: 36 KB, and far below what a shared machine repeats.
        let histogram = || {
            Histogram::new_with_bounds(1, LONGEST_NS, 2).expect("the bounds are constants in range")
        };
        Self { ticks: 0, late: 0, wall: Duration::ZERO, tick_ns: histogram(), gate_ns: histogram() }
    }
}

impl Vitals {
    /// Whether the next tick of a free run is to be timed: the first are, and then a part of them.
    #[inline]
    pub(crate) fn times_next(&self) -> bool {
        self.ticks < TIMED_ALL || self.ticks.is_multiple_of(TIMED_EACH)
    }

    /// A tick has been computed, and is timed if it is known when it began.
    #[inline]
    pub(crate) fn tick(&mut self, began: Option<Stamp>) {
        self.ticks += 1;
        if let Some(began) = began {
            self.tick_took(Stamp::now().ns_since(began));
        }
    }

    #[inline]
    pub(crate) fn tick_took(&mut self, ns: u64) {
        self.tick_ns.saturating_record(ns.max(1));
    }

    pub(crate) fn gate_to_neuron(&mut self, ns: u64) {
        self.gate_ns.saturating_record(ns.max(1));
    }
}

/// A distribution of times, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half are at most this.
    pub p50: u64,
    /// 99% are at most this.
    pub p99: u64,
    /// 99.9% are at most this.
    pub p999: u64,
    /// The largest.
    pub max: u64,
    /// How many there are.
    pub count: u64,
}

impl Spread {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max(),
            count: histogram.len(),
        }
    }
}

/// How long things took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Latencies {
    /// From the moment that the outside handed something over until the tick that took it in had fired.
    pub gate_to_neuron: Spread,
    /// A tick that had something to compute, from collect to publish; in a long run at [`Pace::Free`] each sixteenth.
    pub tick: Spread,
}

/// One ring of the runtime and where its spikes went.
#[derive(Debug, Clone, Serialize)]
pub struct AxonEntry {
    /// Whose ring it is.
    pub name: String,
    /// What went in, and what became of it at each end.
    #[serde(flatten)]
    pub account: AxonAccount,
}

/// One gate and what passed it.
#[derive(Debug, Clone, Serialize)]
pub struct GateEntry {
    /// Its path.
    pub path: String,
    /// Spikes that it took out.
    pub emitted: u64,
    /// Spikes for it that it could not take.
    pub abandoned: u64,
    /// Why it failed, if it did.
    pub failed: Option<String>,
    /// What it says of itself.
    #[serde(flatten)]
    pub account: GateAccount,
}

/// One worker and what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerEntry {
    /// Its number.
    pub worker: usize,
    /// How many neurons and gates belong to it.
    pub neurons: usize,
    /// How many cells of populations belong to it.
    pub cells: u64,
    /// How many synapses lead to them.
    pub synapses: u64,
    /// Ticks in which it had something to compute.
    pub ticks: u64,
    /// Spikes that reached a synapse or a membrane of it.
    pub delivered: u64,
    /// Membranes of it that crossed their threshold.
    pub firings: u64,
    /// Slots that it published for other workers: spikes, lists of cells, marks.
    pub sent: u64,
    /// Slots that it read from other workers.
    pub read: u64,
    /// How often the workers met.
    pub epochs: u64,
    /// How often it slept because another was late.
    pub sleeps: u64,
}

/// What happened to every spike, as counted, and how many of them were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SpikeCounts {
    /// The counters.
    #[serde(flatten)]
    pub counts: Counts,
    /// Spikes that reached nobody although nothing told them not to; the sum of their reasons.
    pub lost: u64,
    /// Spikes that are still under way.
    pub under_way: u64,
}

/// What a cortex has done so far.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Ticks that had something to compute.
    pub ticks: u64,
    /// Ticks that began late, under [`Pace::RealTime`].
    pub late_ticks: u64,
    /// Cortex time that has passed, in ns.
    pub time_ns: u64,
    /// Time spent running, in ns.
    pub wall_ns: u64,
    /// When ticks ran.
    pub pace: Pace,
    /// What happened to spikes.
    pub spikes: SpikeCounts,
    /// How long things took.
    pub latency_ns: Latencies,
    /// Every worker.
    pub workers: Vec<WorkerEntry>,
    /// Every ring.
    pub axons: Vec<AxonEntry>,
    /// Every gate.
    pub gates: Vec<GateEntry>,
    /// Neurons that failed.
    pub faults: Vec<FaultEntry>,
    /// What else there is to know: a core that could not be pinned.
    pub notes: Vec<String>,
    /// How many neurons and gates there are.
    pub neurons: usize,
    /// How many cells the populations and crowds have.
    pub cells: u64,
    /// How many synapses there are.
    pub synapses: u64,
    /// The seed.
    pub seed: u64,
    /// Hash of the state; only [`Cortex::report`] takes the time for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

impl Cortex {
    /// What happened so far, in numbers, and the digest of the state.
    #[must_use]
    pub fn report(&self) -> Report {
        Report { digest: Some(self.digest()), ..self.live_report() }
    }

    /// What happened so far, in numbers, without the digest: cheap enough to be asked for while it runs, however large
    /// the state is.
    #[must_use]
    pub fn live_report(&self) -> Report {
        let counts = self.counts();
        let gates: Vec<GateEntry> = self
            .doors
            .iter()
            .map(|door| GateEntry {
                path: door.path.clone(),
                emitted: door.emitted,
                abandoned: door.abandoned,
                failed: door.failed.clone(),
                account: door.account(),
            })
            .collect();
        let name = |index| if index == 0 { "cortex".to_owned() } else { format!("cortex-{index}") };
        let own = self.axons().enumerate();
        let own = own.map(|(index, axon)| AxonEntry { name: name(index), account: axon.account() });
        let rings = gates.iter().flat_map(|gate| {
            let entry = |account: &AxonAccount| AxonEntry {
                name: gate.path.clone(),
                account: account.clone(),
            };
            gate.account.axons.iter().map(entry)
        });
        Report {
            ticks: self.vitals.ticks,
            late_ticks: self.vitals.late,
            time_ns: self.tick_length().start_ns(self.next_tick()),
            wall_ns: self.vitals.wall.as_nanos() as u64,
            pace: self.pace(),
            spikes: SpikeCounts { counts, lost: counts.lost(), under_way: self.under_way() },
            latency_ns: Latencies {
                gate_to_neuron: Spread::of(&self.vitals.gate_ns),
                tick: Spread::of(&self.vitals.tick_ns),
            },
            axons: own.chain(rings).collect(),
            workers: self.worker_entries(),
            faults: self.faults(),
            notes: self.all_notes(),
            neurons: self.worker.cells.len(),
            cells: self.workers().map(Worker::cells_here).sum(),
            synapses: self.synapses(),
            seed: self.seed(),
            digest: None,
            gates,
        }
    }

    fn all_notes(&self) -> Vec<String> {
        let notes = self.notes.iter().cloned().chain(self.note_of_journal());
        notes.chain(self.note_of_limits()).collect()
    }

    /// Limits are met by each worker for itself: then the result is that of just so many workers.
    fn note_of_limits(&self) -> Option<String> {
        let (workers, spikes) = (self.workers().count(), self.counts().saturated);
        (workers > 1 && spikes > 0).then(|| {
            format!(
                "{spikes} spikes found no room: flight limit and arena are those of each of {workers} workers, so that \
                 another number of them gives another result"
            )
        })
    }

    fn under_way(&self) -> u64 {
        self.workers().map(|worker| worker.services.flights.len() as u64).sum()
    }

    pub(super) fn faults(&self) -> Vec<FaultEntry> {
        let mut faults: Vec<FaultEntry> =
            self.workers().flat_map(|worker| worker.faults.entries.iter().cloned()).collect();
        // Stable: those of one worker stay in their order.
        faults.sort_by_key(|fault| fault.tick);
        faults
    }

    fn worker_entries(&self) -> Vec<WorkerEntry> {
        let own = self.together.port.as_ref().map(|port| port.traffic);
        let others = self.followers.iter().map(|other| (Some(other.port.traffic), other.ticks));
        let figures = std::iter::once((own, self.vitals.ticks)).chain(others);
        let entry = |(worker, (traffic, ticks)): (&Worker, (Option<Traffic>, u64))| {
            let traffic = traffic.unwrap_or_default();
            let counts = worker.counts_so_far();
            WorkerEntry {
                worker: usize::from(worker.crossing.index),
                neurons: worker.neurons_here(),
                cells: worker.cells_here(),
                synapses: worker.synapses(),
                ticks,
                delivered: counts.delivered,
                firings: counts.firings,
                sent: traffic.sent,
                read: traffic.read,
                epochs: traffic.epochs,
                sleeps: traffic.sleeps,
            }
        };
        self.workers().zip(figures).map(entry).collect()
    }
}
