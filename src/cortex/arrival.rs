//! Arrivals: where spikes reach synapses, membranes and gates.
//!
//! Most rows between agents are *plain*: they filter nothing, learn nothing and hide nothing, and the spike is for all
//! of them. All that arrives there in a tick is heard under one guard against panics: a walk over a row keeps its
//! place in the worker, and goes on behind the agent that panicked. Everything else takes its time in
//! [`Worker::spread`], with a guard for each call.

use super::counts::Counts;
use super::wheel::Arrival;
use super::worker::{Admitted, Body, NOBODY, Worker};
use super::workers::Phase;
use crate::context::{Context, Services};
use crate::id::NeuronId;
use crate::neuron::Fault;
use crate::projection::DELAY_LIMIT;
use crate::spike::{BROADCAST, NO_CELL, Spike, SpikeKind};
use crate::time::Tick;

/// A plain row that is being walked over; it stands in the worker while it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    arrival: Arrival,
    projection: u32,
    /// The synapse that is next, and the end of the row.
    next: usize,
    end: usize,
    /// What weights are multiplied with.
    sign: f32,
}

/// Why a walk over a row stops before its end.
enum Stop {
    /// A target that is no agent, or is not ready: it is asked in full.
    Ask(NeuronId, f32),
    /// An agent said that it has failed.
    Failed(NeuronId, Fault),
}

impl Worker {
    /// Everything that arrives in this tick. After a panic it is called again, and goes on behind it.
    pub(super) fn take_arrivals(&mut self) {
        let now = self.services.now;
        let traced = self.services.tracer.is_some();
        if let Some(walk) = self.walk {
            let spike = *self.services.flights.spike(walk.arrival.flight);
            self.walk_over(walk, &spike);
        }
        // Whatever these arrivals set off goes under way to a later tick.
        while let Some(arrival) = self.wheel.pop(now) {
            let segment = &self.table.segments[arrival.segment as usize];
            if segment.plain && !traced && arrival.only == BROADCAST {
                // A copy: a callback may send, and that moves the spikes under way.
                let spike = *self.services.flights.spike(arrival.flight);
                if spike.is_plain() {
                    let (projection, row) = (segment.projection, segment.row.range());
                    let sign = self.table.projections[projection as usize].sign;
                    let sign = if spike.inhibits() { -sign } else { sign };
                    let (next, end, sign) = (row.start, row.end, sign * segment.efficacy);
                    self.counts.delivered += row.len() as u64;
                    self.walk_over(Walk { arrival, projection, next, end, sign }, &spike);
                    continue;
                }
            }
            match segment.tie {
                Some(tie) if tie.plain => self.arrive_in_crowd(arrival, tie),
                _ => self.arrive(arrival),
            }
        }
    }

    /// Walks over the rest of a plain row, and takes the spike that arrived there off its way.
    #[inline]
    fn walk_over(&mut self, walk: Walk, spike: &Spike) {
        let payload = spike.plain_payload();
        self.walk = Some(walk);
        // bound: every stop lies further on in the row
        while let Some(stop) = self.walk_on(spike, payload) {
            match stop {
                Stop::Ask(target, drive) => {
                    self.hear(target, drive, spike, payload, Some(walk.arrival));
                }
                Stop::Failed(id, fault) => self.silence(id, &fault),
            }
        }
        self.walk = None;
        if self.services.flights.land_light(walk.arrival.flight) {
            self.services.room += 1;
        }
    }

    /// Walks on as long as there are agents that hear the spike; otherwise, why it stopped.
    #[inline]
    fn walk_on(&mut self, spike: &Spike, payload: &[u8]) -> Option<Stop> {
        let Self { services, atlas, cells, evidence, table, walk, called, .. } = self;
        let walk = walk.as_mut()?;
        let Walk { projection, next, end, sign, .. } = *walk;
        let columns = &table.projections[projection as usize].columns;
        let (targets, weights) = (&columns.targets[next..end], &columns.weights[next..end]);
        let now = services.now;
        for (&target, &weight) in targets.iter().zip(weights) {
            walk.next += 1;
            let drive = sign * weight;
            let Ok(id) = NeuronId::new(target) else { continue };
            let cell = &mut cells[id.index()];
            let Body::Agent(neuron) = &mut cell.body else { return Some(Stop::Ask(id, drive)) };
            if now < cell.soma.ready {
                return Some(Stop::Ask(id, drive));
            }
            if drive != 0.0 {
                cell.soma.add(drive);
                services.touched.insert(id.index());
            }
            let mut ring = evidence.get_mut(id.index()).and_then(Option::as_deref_mut);
            if let Some(ring) = &mut ring
                && ring.keep(spike, payload, drive, Tick(now))
            {
                services.evidence_let_go += 1;
            }
            let mut context = Context {
                services,
                atlas,
                id,
                cell: NO_CELL,
                soma: &mut cell.soma,
                evidence: ring.as_deref(),
                integrated: false,
            };
            *called = id.raw();
            let heard = neuron.on_spike(spike, payload, &mut context);
            *called = NOBODY;
            if let Err(fault) = heard {
                return Some(Stop::Failed(id, fault));
            }
        }
        None
    }

    /// One arrival of a spike has happened.
    #[inline]
    fn land(&mut self, flight: u32) {
        if self.services.flights.land(flight, &self.services.arena) {
            self.services.room += 1;
        }
    }

    pub(super) fn admit(&mut self, admission: &Admitted) {
        let spike = admission.spike;
        let mut large = std::mem::take(&mut self.payload);
        let payload = resolve(&self.services, &spike, &mut large, &mut self.counts);
        self.counts.delivered += 1;
        self.hear(admission.target, admission.drive, &spike, payload, None);
        self.payload = large;
        if let Some(block) = spike.arena_ref() {
            let _ = self.services.arena.release(block);
        }
    }

    /// A spike arrives at the synapses of one segment.
    #[inline]
    fn arrive(&mut self, arrival: Arrival) {
        let spike = *self.services.flights.spike(arrival.flight);
        if spike.arena_ref().is_none() {
            self.spread(arrival, &spike, spike.carried());
        } else {
            let mut large = std::mem::take(&mut self.payload);
            let payload = resolve(&self.services, &spike, &mut large, &mut self.counts);
            self.spread(arrival, &spike, payload);
            self.payload = large;
        }
        self.land(arrival.flight);
    }

    fn spread(&mut self, arrival: Arrival, spike: &Spike, payload: &[u8]) {
        let now = self.services.now;
        let segment = &self.table.segments[arrival.segment as usize];
        if let Some(tie) = segment.tie {
            return self.spread_strand(arrival, tie, spike, payload);
        }
        let shared = &self.table.projections[segment.projection as usize];
        let slots = match NeuronId::new(arrival.only) {
            Ok(target) => self.table.find(segment, target),
            Err(_) => segment.row.range(),
        };
        let count = slots.len() as u64;
        let kind = spike.kind().unwrap_or(SpikeKind::Excitatory);
        let (silent, sign, projection) = (shared.silent, shared.sign, segment.projection as usize);
        if !arrival.deferred {
            if shared.dendrite.as_ref().is_some_and(|filter| !filter.passes(spike, payload)) {
                self.counts.filtered += count;
                return;
            }
            if shared.rule.is_some() && kind != SpikeKind::Modulatory {
                let all = arrival.only == BROADCAST;
                self.table.arrive(arrival.segment, slots.clone(), now, all);
            }
        }
        self.counts.delivered += count;
        if silent {
            return;
        }
        let sign = if kind == SpikeKind::Inhibitory { -sign } else { sign };
        let mut sign = sign * f32::from(spike.firings());
        if kind != SpikeKind::Modulatory {
            sign *= self.table.efficacy(
                arrival.segment,
                now,
                arrival.only == BROADCAST,
                arrival.deferred,
            );
        }
        for slot in slots {
            let columns = &self.table.projections[projection].columns;
            let weight = sign * columns.weights[slot];
            let Ok(target) = NeuronId::new(columns.targets[slot]) else { continue };
            let drive = if kind == SpikeKind::Modulatory {
                // A reward does not wait for the end of a pause, and comes once.
                if !arrival.deferred {
                    self.reward(target, weight, payload);
                }
                0.0
            } else {
                weight
            };
            self.hear(target, drive, spike, payload, Some(arrival));
        }
    }

    pub(super) fn reward(&mut self, target: NeuronId, weight: f32, payload: &[u8]) {
        let amount = payload.first_chunk::<4>().map_or(1.0, |bytes| f32::from_le_bytes(*bytes));
        if !amount.is_finite() {
            self.counts.refused += 1;
            return;
        }
        match self.cells[target.index()].body {
            Body::Population(end) => self.network.reward(end.population, weight * amount),
            _ => self.table.reward(target, weight * amount, self.services.now),
        }
    }

    /// One neuron, or gate, gets one spike.
    #[inline]
    pub(super) fn hear(
        &mut self,
        target: NeuronId,
        drive: f32,
        spike: &Spike,
        payload: &[u8],
        arrival: Option<Arrival>,
    ) {
        let now = self.services.now;
        let cell = &mut self.cells[target.index()];
        match cell.body {
            Body::Agent(_) => {}
            Body::Gate(gate) => {
                if let Some(arrival) = arrival {
                    self.services.flights.hold(arrival.flight);
                    self.outlets[usize::from(gate)].held.push((arrival.flight, Tick(now)));
                }
                return;
            }
            Body::Population(end) => {
                self.services.hears(target, spike);
                self.network.drive_all(end.population, drive);
                return;
            }
            Body::Crowd(crowd) => return self.hear_crowd((target, crowd), drive, spike, payload),
            Body::Silenced => {
                self.counts.silenced += 1;
                return;
            }
            // No synapse leads from here to what is elsewhere.
            Body::Elsewhere | Body::CrowdElsewhere => return,
        }
        if now < cell.soma.ready {
            let ready = cell.soma.ready;
            self.meet_refractory(target, ready, arrival);
            return;
        }
        if drive != 0.0 {
            cell.soma.add(drive);
            self.services.touched.insert(target.index());
        }
        if let Some(Some(ring)) = self.evidence.get_mut(target.index())
            && ring.keep(spike, payload, drive, Tick(now))
        {
            self.services.evidence_let_go += 1;
        }
        self.services.hears(target, spike);
        self.call(target, |neuron, ctx| neuron.on_spike(spike, payload, ctx));
    }

    /// A spike has met a refractory neuron: it waits where the projection says so, and is dropped elsewhere.
    fn meet_refractory(&mut self, target: NeuronId, ready: u64, arrival: Option<Arrival>) {
        let lossless = |arrival: &Arrival| {
            let segment = &self.table.segments[arrival.segment as usize];
            self.table.projections[segment.projection as usize].lossless
        };
        match arrival {
            Some(arrival) if lossless(&arrival) => {
                self.counts.delivered -= 1;
                self.counts.deferred += u64::from(!arrival.deferred);
                let again = Arrival { only: target.raw(), deferred: true, ..arrival };
                // A pause longer than the waiting list is waited for in parts.
                let until = ready.min(self.services.now + DELAY_LIMIT);
                // Of several synapses from one source onto one target, the first waits for all.
                if self.deferred_last != Some((until, again)) {
                    self.deferred_last = Some((until, again));
                    self.services.flights.hold(arrival.flight);
                    let (dates, who) = ((self.services.now, until), (Phase::Route, target));
                    self.crossing.set_out(&mut self.wheel, dates, again, who);
                }
            }
            _ => self.counts.refractory += 1,
        }
    }
}

/// The payload of a spike, copied out of the arena if it lies there.
#[inline]
fn resolve<'a>(
    services: &Services,
    spike: &'a Spike,
    large: &'a mut Vec<u8>,
    counts: &mut Counts,
) -> &'a [u8] {
    let Some(block) = spike.arena_ref() else { return spike.inline() };
    large.clear();
    if services.arena.read_into(block, large).is_err() {
        counts.payload_gone += 1;
        large.clear();
    }
    large
}
