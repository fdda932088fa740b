//! The worker: everything a run computes, and nothing that it does not.
//!
//! Its state is a function of the seed and the admissions. Clocks, threads and gates are kept outside, in the cortex
//! that drives it; here are the phases that compute: route, fire, publish.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::arrival::Walk;
use super::counts::{Counts, FaultLog};
use super::crowds::reaches;
use super::growth::{RegionPlan, Wiring};
use super::wheel::{Arrival, Wheel};
use super::workers::{Crossing, Phase};
use crate::atlas::Atlas;
use crate::brain::Trace;
use crate::context::{Context, Sent, Services};
use crate::crowd::Crowds;
use crate::evidence::EvidenceRing;
use crate::id::NeuronId;
use crate::membrane::{Membrane, Soma};
use crate::neuron::{Fault, Neuron, NeuronResult};
use crate::population::{Network, PopulationEnd};
use crate::spike::{BROADCAST, NO_CELL, Spike};
use crate::synapse::SynapseTable;
use crate::time::Tick;
use crate::touched;

/// What stands behind a membrane.
pub(crate) enum Body {
    Agent(Box<dyn Neuron>),
    /// A gate, by its number; it has no membrane.
    Gate(u16),
    /// A population: many cells behind one id.
    Population(PopulationEnd),
    /// A crowd, by its number: many agents of one type behind one id.
    Crowd(u16),
    /// It belongs to another worker.
    Elsewhere,
    /// A crowd that belongs to another worker.
    CrowdElsewhere,
    /// An agent that failed.
    Silenced,
}

/// One id: what a spike needs of it lies in one cache line.
#[repr(align(64))]
pub(crate) struct Cell {
    pub(crate) soma: Soma,
    pub(crate) body: Body,
}

const _: () = assert!(size_of::<Cell>() == 64);

/// A spike that a gate put straight onto a membrane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admitted {
    pub(crate) spike: Spike,
    pub(crate) target: NeuronId,
    pub(crate) drive: f32,
}

/// Spikes that wait for a gate to take them out.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    pub(crate) held: Vec<(u32, Tick)>,
}

/// No agent is being called.
pub(super) const NOBODY: u16 = BROADCAST;

pub(crate) struct Worker {
    pub(crate) services: Services,
    pub(crate) atlas: Arc<Atlas>,
    pub(crate) cells: Vec<Cell>,
    /// The number of each neuron's membrane.
    pub(crate) membrane_numbers: Vec<u16>,
    pub(crate) membranes: Vec<Membrane>,
    /// By id, as far as one of them asked for evidence.
    pub(crate) evidence: Vec<Option<Box<EvidenceRing>>>,
    pub(crate) table: SynapseTable,
    pub(crate) network: Network,
    pub(crate) crowds: Crowds,
    pub(crate) wheel: Wheel,
    pub(crate) outlets: Vec<Outlet>,
    pub(crate) admitted: Vec<Admitted>,
    pub(crate) regions: Vec<RegionPlan>,
    pub(crate) wiring: Vec<Wiring>,
    pub(crate) counts: Counts,
    pub(crate) faults: FaultLog,
    pub(crate) flight_limit: usize,
    pub(super) crossing: Crossing,
    pub(super) payload: Vec<u8>,
    /// The plain row that is being walked over.
    pub(super) walk: Option<Walk>,
    /// The agent that is being called under the guard of a phase, or [`NOBODY`].
    pub(super) called: u16,
    /// Spikes that arrive one after another over one strand.
    pub(super) run: Vec<u32>,
    /// The last spike that was put off by a refractory pause, and until when.
    pub(super) deferred_last: Option<(u64, Arrival)>,
}

impl Worker {
    pub(super) fn new(services: Services, flight_limit: usize, crossing: Crossing) -> Self {
        Self {
            services,
            atlas: Arc::default(),
            cells: Vec::new(),
            membrane_numbers: Vec::new(),
            membranes: Vec::new(),
            evidence: Vec::new(),
            table: SynapseTable::default(),
            network: Network::default(),
            crowds: Crowds::default(),
            wheel: Wheel::new(64),
            outlets: Vec::new(),
            admitted: Vec::new(),
            regions: Vec::new(),
            wiring: Vec::new(),
            counts: Counts::default(),
            faults: FaultLog::default(),
            flight_limit,
            crossing,
            payload: Vec::new(),
            walk: None,
            called: NOBODY,
            run: Vec::new(),
            deferred_last: None,
        }
    }

    /// The parameters of a neuron's membrane.
    #[inline]
    pub(crate) fn membrane_of(&self, id: NeuronId) -> &Membrane {
        &self.membranes[usize::from(self.membrane_numbers[id.index()])]
    }

    /// What a neuron has kept of what it heard, if it asked for that.
    pub(crate) fn evidence_of(&self, id: NeuronId) -> Option<&EvidenceRing> {
        self.evidence.get(id.index())?.as_deref()
    }

    /// A tick begins.
    pub(crate) fn begin(&mut self, now: u64) {
        self.services.now = now;
        self.services.room = self.flight_limit.saturating_sub(self.services.flights.len());
    }

    /// Whether a tick has nothing to compute.
    pub(crate) fn is_quiet(&self, now: u64) -> bool {
        // First what is most often the case where there is work.
        self.wheel.next(now) != Some(now)
            && self.network.is_empty()
            && self.admitted.is_empty()
            && self.services.outbox.is_empty()
            && self.services.timers.next().is_none_or(|tick| tick > now)
            && self.table.next_scaling().is_none_or(|tick| tick > now)
            && self.held() == 0
    }

    /// The next tick, from `from` on, in which something is due but output that was not taken.
    pub(crate) fn next_due(&self, from: u64) -> Option<u64> {
        // What gates have handed in belongs to the tick that they were asked for, which is the first.
        let handed_in = !self.admitted.is_empty() || !self.services.outbox.is_empty();
        let arrival = self.wheel.next(from).unwrap_or(u64::MAX);
        // A population sees every tick.
        if arrival == from || handed_in || !self.network.is_empty() {
            return Some(from);
        }
        let timer = self.services.timers.next().unwrap_or(u64::MAX);
        let scaling = self.table.next_scaling().unwrap_or(u64::MAX);
        let first = arrival.min(timer).min(scaling);
        (first != u64::MAX).then_some(first.max(from))
    }

    /// Route: spikes that are due, in the order they were fired, then what the gates admitted.
    pub(crate) fn route(&mut self) {
        let now = self.services.now;
        // Where nothing happens nothing is looked at, so that the state depends on no pace.
        if self.table.has_interval_ended(now) && !self.is_quiet(now) {
            self.table.end_intervals(now);
        }
        while self.guarded(Self::take_arrivals).is_some() {}
        self.wheel.turn(now);

        let mut admitted = std::mem::take(&mut self.admitted);
        // Stable: within a tier, gates come in their order and each gate's spikes in theirs.
        if !admitted.is_sorted_by_key(|admission| u8::MAX - admission.spike.tier()) {
            admitted.sort_by_key(|admission| u8::MAX - admission.spike.tier());
        }
        for admission in admitted.drain(..) {
            self.admit(&admission);
        }
        self.admitted = admitted;
        while self.guarded(Self::wake).is_some() {}
    }

    /// Fire: every membrane that got input steps; who crosses the threshold fires.
    pub(crate) fn fire(&mut self) {
        let mut walk = touched::Walk::default();
        while let Some(fallen) = self.guarded(|worker| worker.step_touched(&mut walk)) {
            self.let_go_evidence(fallen.index());
        }
        if !self.crowds.faults.is_empty() {
            self.note_cell_faults();
        }
    }

    fn step_touched(&mut self, walk: &mut touched::Walk) {
        let now = self.services.now;
        while let Some(index) = self.services.touched.pop(walk) {
            let Ok(id) = NeuronId::from_index(index) else { continue };
            let Self { services, atlas, cells, membranes, membrane_numbers, .. } = self;
            let cell = &mut cells[index];
            if let Body::Crowd(crowd) = cell.body {
                services.fires(id);
                self.crowds.fire(crowd, services, atlas);
                continue;
            }
            let membrane = &membranes[usize::from(membrane_numbers[index])];
            if !cell.soma.step(now, membrane) {
                continue;
            }
            // It failed on a spike of this very tick: who is silenced does not fire.
            let Body::Agent(neuron) = &mut cell.body else { continue };
            self.counts.firings += 1;
            self.table.fired(id, now);
            services.fires(id);
            let mut context = Context {
                services,
                atlas,
                id,
                cell: NO_CELL,
                soma: &mut cell.soma,
                evidence: self.evidence.get(index).and_then(Option::as_deref),
                integrated: false,
            };
            self.called = id.raw();
            let fired = neuron.on_fire(&mut context);
            self.called = NOBODY;
            if let Err(fault) = fired {
                self.silence(id, &fault);
            }
            self.let_go_evidence(index);
        }
    }

    /// A neuron has fired, or failed to: what it had kept until then goes.
    #[inline]
    fn let_go_evidence(&mut self, index: usize) {
        if let Some(Some(ring)) = self.evidence.get_mut(index) {
            ring.clear();
        }
    }

    /// One tick of the populations; what their cells fired goes out as volleys where somebody else hears it.
    pub(crate) fn step_populations(&mut self) {
        if self.network.is_empty() {
            return;
        }
        self.network.tick(self.services.now);
        for (endpoint, cells) in self.network.fired(self.services.now) {
            let heard = !self.table.segments_of(endpoint).is_empty()
                || self.crossing.goes_elsewhere(endpoint, NO_CELL, BROADCAST);
            if heard && !cells.is_empty() {
                self.services.fires(endpoint);
                let sequence = &mut self.cells[endpoint.index()].soma.sequence;
                self.services.send_volleys(endpoint, sequence, cells);
            }
        }
    }

    /// Publish: what was fired goes under way, and out on the axon.
    pub(crate) fn publish(&mut self, trace: Option<&mut Trace>) {
        let mut outbox = std::mem::take(&mut self.services.outbox);
        if !outbox.is_sorted_by_key(Sent::order) {
            // Stable: the spikes of one source stay in the order of their sequence.
            outbox.sort_by_key(Sent::order);
        }
        self.counts.fired += outbox.len() as u64;
        if let Some(trace) = trace {
            self.show(&outbox, trace);
        }
        outbox.iter().for_each(|&sent| self.depart(sent));
        outbox.clear();
        self.services.outbox = outbox;
    }

    /// Puts what was fired onto the axon.
    fn show(&mut self, outbox: &[Sent], trace: &mut Trace) {
        for sent in outbox {
            let spike = self.services.flights.spike(sent.flight);
            if !trace.show(spike, &self.services.arena) {
                self.counts.refused += 1;
            }
        }
    }

    /// A spike sets out to every segment that it reaches.
    #[inline]
    fn depart(&mut self, sent: Sent) {
        let Sent { source, cell, target, flight } = sent;
        let Self { services, table, crowds, crossing, wheel, .. } = self;
        let mut arrivals = 0;
        let now = services.now;
        let only = table.only_segment(source).filter(|_| target == BROADCAST);
        if let Some((segment, delay)) = only {
            let arrival = Arrival { segment, flight, only: target, deferred: false };
            let dates = (now, now + u64::from(delay));
            crossing.set_out(wheel, dates, arrival, (Phase::Publish, source));
            arrivals = 1;
        }
        let segments = if only.is_some() { &[] } else { table.segments_of(source) };
        for &id in segments {
            let segment = &table.segments[id as usize];
            let to_all = target == BROADCAST && segment.tie.is_none();
            let spike = || services.flights.spike(flight);
            if !to_all && !reaches((table, crowds), segment, cell, spike()) {
                continue;
            }
            let arrival = Arrival { segment: id, flight, only: target, deferred: false };
            let dates = (now, now + u64::from(segment.delay));
            crossing.set_out(wheel, dates, arrival, (Phase::Publish, source));
            arrivals += 1;
        }
        if crossing.goes_elsewhere(source, cell, target) {
            self.send_elsewhere(source, flight);
        } else {
            self.counts.unrouted += u64::from(arrivals == 0);
        }
        self.services.flights.depart(flight, arrivals, &self.services.arena);
    }

    /// Calls into a neuron; a fault or a panic silences it and nobody else.
    #[inline]
    pub(crate) fn call(
        &mut self,
        id: NeuronId,
        callback: impl FnOnce(&mut dyn Neuron, &mut Context<'_>) -> NeuronResult,
    ) {
        let cell = &mut self.cells[id.index()];
        let Body::Agent(neuron) = &mut cell.body else { return };
        let mut context = Context {
            services: &mut self.services,
            atlas: &self.atlas,
            id,
            cell: NO_CELL,
            soma: &mut cell.soma,
            evidence: self.evidence.get(id.index()).and_then(Option::as_deref),
            integrated: false,
        };
        // Unwind safe: what the callback may leave half done is the neuron's own state, and the neuron is silenced.
        let outcome = catch_unwind(AssertUnwindSafe(|| callback(neuron.as_mut(), &mut context)));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => self.silence(id, &fault),
            Err(panic) => self.silence(id, &Fault::of_panic(panic.as_ref())),
        }
    }

    /// Computes a phase, or the rest of it, under one guard. The agent that panicked, if one did: it is silenced, and
    /// the phase is to go on behind it.
    pub(super) fn guarded(&mut self, phase: impl FnOnce(&mut Self)) -> Option<NeuronId> {
        // Unwind safe: what a callback may leave half done is the agent's own state, and the agent is silenced; whoever
        // calls one keeps its own place in the worker.
        let panic = catch_unwind(AssertUnwindSafe(|| phase(self))).err()?;
        match NeuronId::new(std::mem::replace(&mut self.called, NOBODY)) {
            Ok(id) => {
                self.silence(id, &Fault::of_panic(panic.as_ref()));
                Some(id)
            }
            // Not an agent but the runtime itself.
            Err(_) => resume_unwind(panic),
        }
    }

    #[cold]
    pub(super) fn silence(&mut self, id: NeuronId, fault: &Fault) {
        self.faults.record(self.atlas.address(id), fault.message(), Tick(self.services.now));
        self.counts.faults += 1;
        let body = std::mem::replace(&mut self.cells[id.index()].body, Body::Silenced);
        // Its drop is foreign code too.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(body)));
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("neurons", &self.cells.len()).finish_non_exhaustive()
    }
}
