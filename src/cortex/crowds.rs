//! Crowds in a worker: where spikes reach their cells, and how they are built into a topology.

use super::Cortex;
use super::assembly::Assembly;
use super::builder::Mistake;
use super::growth::End;
use super::wheel::Arrival;
use super::worker::{Body, NOBODY, Worker};
use crate::context::Context;
use crate::crowd::{CrowdError, CrowdSpec, Crowds, Heard, Side, Strand};
use crate::id::{NeuronId, RegionId};
use crate::membrane::Lif;
use crate::neuron::Neuron;
use crate::projection::{Connector, Projection, ProjectionError};
use crate::region::Region;
use crate::spike::{NO_CELL, Spike, SpikeKind};
use crate::synapse::{NewSynapse, Segment, SynapseTable, Tie};

impl Worker {
    /// Wakes whose time has come, agents and cells, in the order in which they asked. After a panic it is called again.
    pub(super) fn wake(&mut self) {
        let now = self.services.now;
        while let Some((id, cell)) = self.services.timers.pop(now) {
            let Self { services, atlas, cells, evidence, crowds, called, .. } = self;
            if let Some(tracer) = &mut services.tracer {
                tracer.wakes(id);
            }
            let own = &mut cells[id.index()];
            let neuron = match &mut own.body {
                Body::Agent(neuron) => neuron,
                Body::Crowd(crowd) => {
                    crowds.wake((*crowd, cell), services, atlas);
                    continue;
                }
                _ => continue,
            };
            let evidence = evidence.get(id.index()).and_then(Option::as_deref);
            let (soma, cell) = (&mut own.soma, NO_CELL);
            let mut context =
                Context { services, atlas, id, cell, soma, evidence, integrated: false };
            *called = id.raw();
            let woken = neuron.on_wake(&mut context);
            *called = NOBODY;
            if let Err(fault) = woken {
                self.silence(id, &fault);
            }
        }
    }

    /// A spike arrives over a strand that leads to a crowd, and so do those behind it: one call for all of them.
    pub(super) fn arrive_in_crowd(&mut self, first: Arrival, tie: Tie) {
        let now = self.services.now;
        let mut flights = std::mem::take(&mut self.run);
        flights.push(first.flight);
        while let Some(arrival) = self.wheel.pop_at(now, first.segment) {
            flights.push(arrival.flight);
        }
        self.trace_run(tie, &flights);
        let sign = self.table.projections[tie.projection as usize].sign;
        let place = (tie.strand as usize, tie.position);
        self.crowds.hear_run(place, sign, &flights, &mut self.services, &self.atlas);
        flights.clear();
        self.run = flights;
    }

    /// A crowd hears a run of spikes, for who traces causes.
    fn trace_run(&mut self, tie: Tie, flights: &[u32]) {
        let services = &mut self.services;
        let Some(tracer) = &mut services.tracer else { return };
        let Side::Crowd { endpoint, .. } = self.crowds.strands[tie.strand as usize].to else {
            return;
        };
        for &flight in flights {
            tracer.hears(endpoint, services.flights.spike(flight));
        }
    }

    /// A spike arrives at the synapses of one strand.
    pub(super) fn spread_strand(
        &mut self,
        arrival: Arrival,
        tie: Tie,
        spike: &Spike,
        payload: &[u8],
    ) {
        let shared = &self.table.projections[tie.projection as usize];
        let strand = &self.crowds.strands[tie.strand as usize];
        let source = spike.cell().unwrap_or(tie.position);
        let row = strand.reached(source, spike.target(), spike.target_cell());
        let count = row.len();
        if shared.dendrite.as_ref().is_some_and(|filter| !filter.passes(spike, payload)) {
            self.counts.filtered += u64::from(count);
            return;
        }
        self.counts.delivered += u64::from(count);
        if shared.silent || count == 0 {
            return;
        }
        let kind = spike.kind().unwrap_or(SpikeKind::Excitatory);
        let sign = if kind == SpikeKind::Inhibitory { -shared.sign } else { shared.sign };
        let scale = (kind != SpikeKind::Modulatory).then(|| sign * f32::from(spike.firings()));
        let heard = Heard { spike, payload, scale };
        if let Side::Crowd { endpoint, .. } = strand.to {
            self.services.hears(endpoint, spike);
            let place = (tie.strand as usize, source);
            return self.crowds.hear(place, &heard, &mut self.services, &self.atlas);
        }
        for place in 0..count {
            let strand = &self.crowds.strands[tie.strand as usize];
            let row = strand.reached(source, spike.target(), spike.target_cell());
            let (target, weight) = row.get(place);
            let Side::Neurons(neurons) = &strand.to else { return };
            let target = neurons[target as usize];
            if kind == SpikeKind::Modulatory {
                self.reward(target, sign * weight, payload);
            }
            let drive = scale.map_or(0.0, |scale| scale * weight);
            self.hear(target, drive, spike, payload, Some(arrival));
        }
    }

    /// A spike that a gate put straight onto the membranes of a crowd.
    pub(super) fn hear_crowd(
        &mut self,
        (endpoint, crowd): (NeuronId, u16),
        drive: f32,
        spike: &Spike,
        payload: &[u8],
    ) {
        self.services.hears(endpoint, spike);
        let cells = self.crowds.cells_of(crowd);
        // `admit` has counted one.
        self.counts.delivered += spike.target_cell().map_or(u64::from(cells) - 1, |_| 0);
        let heard = Heard { spike, payload, scale: Some(drive) };
        self.crowds.hear_direct(crowd, &heard, &mut self.services, &self.atlas);
    }

    /// Writes down the cells that have failed since the last time.
    #[cold]
    pub(super) fn note_cell_faults(&mut self) {
        for failed in std::mem::take(&mut self.crowds.faults) {
            let address = format!("{}[{}]", self.atlas.address(failed.endpoint), failed.cell);
            self.faults.record(address, failed.fault.message(), failed.tick);
        }
    }

    /// Makes the synapses of a projection of which one end at least is a crowd. Returns whether anybody here hears each
    /// source, by its position.
    fn wire_strands(
        &mut self,
        (from, to): (&Side, &Side),
        spec: &Projection,
        projection: usize,
    ) -> Vec<bool> {
        let first = self.crowds.strands.len();
        let length = self.services.tick_length;
        let seed = self.services.seed;
        for strand in Strand::weave((from, to), spec, length, (seed, projection)) {
            let (index, delay) = (self.crowds.strands.len() as u32, strand.delay);
            self.crowds.strands.push(strand);
            for (position, &source) in from.endpoints().iter().enumerate() {
                // No synapse of the table itself: only source, projection and delay count.
                let key = NewSynapse { projection, source, target: source, weight: 0.0, delay };
                self.table.tie(&key, index, position as u32, matches!(to, Side::Crowd { .. }));
            }
        }
        let strands = &self.crowds.strands[first..];
        let is_heard = |source| strands.iter().any(|strand| strand.row(source).len() > 0);
        (0..from.len()).map(is_heard).collect()
    }
}

/// Whether a spike of a source, or of a cell of it, has a synapse in a segment.
#[inline]
pub(super) fn reaches(
    (table, crowds): (&SynapseTable, &Crowds),
    segment: &Segment,
    cell: u32,
    spike: &Spike,
) -> bool {
    match (segment.tie, spike.target()) {
        (Some(tie), _) => {
            let source = if cell == NO_CELL { tie.position } else { cell };
            crowds.strands[tie.strand as usize].reaches(source, spike)
        }
        (None, Some(target)) => !table.find(segment, target).is_empty(),
        (None, None) => true,
    }
}

impl Assembly {
    /// Adds the crowd of a region, if it has one.
    pub(super) fn add_crowd(&mut self, id: RegionId, mut region: Region) -> Region {
        let Some(spec) = region.crowd.take() else { return region };
        let agents = !region.neurons.is_empty() || region.template.is_some();
        let door = region.gate.is_some() || region.door.is_some();
        if agents || door || region.population.is_some() {
            let (region, source) = (region.path.clone(), CrowdError::NotAlone);
            self.mistakes.push(Mistake::Crowd { region, source });
        }
        self.found_crowd(id, &region.path, &region.present_membrane(), spec);
        region
    }

    fn found_crowd(&mut self, region: RegionId, path: &str, membrane: &Lif, spec: CrowdSpec) {
        let address = || format!("{path}:{CELLS}");
        let Some(number) = self.compile(membrane, address) else { return };
        let home = self.home(region);
        let membrane = self.workers[home].membranes[usize::from(number)].clone();
        let founded = self.workers[home].crowds.found(spec, membrane);
        let founded = founded.map_err(|source| Mistake::Crowd { region: path.to_owned(), source });
        let Some(crowd) = self.note(founded) else { return };
        let added = self.add_cell(region, CELLS, Body::Crowd(crowd), number);
        if let Some(id) = self.note(added) {
            let crowds = &mut self.workers[home].crowds;
            crowds.settle(crowd, id);
            let cells = crowds.cells_of(crowd);
            self.set_cells(id, cells);
        }
    }

    /// Which crowd an end of a projection is, if it is one.
    pub(super) fn crowd(&self, end: &End) -> Option<(u16, NeuronId)> {
        let &id = self.first().members(end).first()?;
        match self.workers[self.home(end.region)].cells[id.index()].body {
            Body::Crowd(crowd) => Some((crowd, id)),
            _ => None,
        }
    }

    fn side(&self, end: &End) -> Side {
        match self.crowd(end) {
            Some((crowd, endpoint)) => {
                Side::Crowd { crowd, endpoint, cells: self.first().atlas.cells(endpoint) }
            }
            None => Side::Neurons(self.first().members(end).to_vec()),
        }
    }

    /// Whether a projection with a crowd at one end can have what it asks for.
    pub(super) fn check_crowd(
        &self,
        spec: &Projection,
        from: &End,
        to: &End,
    ) -> Result<(), ProjectionError> {
        let refuse = |feature, why| Err(ProjectionError::Unsupported { feature, why });
        if spec.is_plastic() {
            return refuse("plasticity", "one end is a crowd, whose synapses do not learn");
        }
        if spec.short_term.is_some() {
            return refuse(
                "short-term plasticity",
                "one end is a crowd, whose synapses do not learn",
            );
        }
        if spec.lossless {
            return refuse("losslessness", "one end is a crowd, for whose cells no spike waits");
        }
        if self.population(to).is_some_and(|end| self.first().network.is_source(end)) {
            return refuse("a projection", "its target is a source, which hears nothing");
        }
        let population = self.population(from).or(self.population(to)).is_some();
        if population && !matches!(spec.connector, Connector::AllToAll) {
            let why = "one end is a population, which is one neuron to those who are none";
            return refuse("any connector but all to all", why);
        }
        let grows = |end: &End| {
            let plan = self.first().regions.get(end.region.index());
            end.part.is_none() && plan.is_some_and(|plan| plan.template.is_some())
        };
        if grows(from) || grows(to) {
            return refuse("a region that grows", "the other end is a crowd; name a port of it");
        }
        Ok(())
    }

    /// Connects two ends if one of them is a crowd; false if none is.
    pub(super) fn connect_crowd(&mut self, from: &End, to: &End, spec: &Projection) -> bool {
        if self.crowd(from).or(self.crowd(to)).is_none() {
            return false;
        }
        let (sources, targets) = (self.side(from), self.side(to));
        let (home, length) = (self.home(to.region), self.length);
        let delay = spec.shortest_delay(|span| length.ticks(span)) as u32;
        let add = |worker: &mut Worker| {
            let how = (length, worker.services.seed);
            worker.table.add_projection(spec, how)
        };
        let projections: Vec<usize> = self.workers.iter_mut().map(add).collect();
        let sides = (&sources, &targets);
        let heard = self.workers[home].wire_strands(sides, spec, projections[home]);
        for (_, worker) in self.workers.iter_mut().enumerate().filter(|&(index, _)| index != home) {
            match &sources {
                Side::Crowd { endpoint, .. } => {
                    worker.crossing.cells_heard_elsewhere(*endpoint, delay, &heard);
                }
                Side::Neurons(neurons) => {
                    let heard = neurons.iter().zip(&heard).filter(|&(_, &heard)| heard);
                    heard.for_each(|(&id, _)| worker.crossing.heard_elsewhere(id, delay));
                }
            }
        }
        true
    }
}

impl Cortex {
    /// Which crowd a region is, if it is one, and the worker that has it.
    pub(super) fn crowd_of(&self, region: RegionId) -> Option<(u16, &Worker)> {
        let &id = self.atlas().members(region).first()?;
        let worker = self.worker_of(id)?;
        match worker.cells[id.index()].body {
            Body::Crowd(crowd) => Some((crowd, worker)),
            _ => None,
        }
    }

    /// The agents of a [crowd](crate::crowd), by the number of their cell; `None` if the region is no crowd of this
    /// type.
    #[must_use]
    pub fn crowd<N: Neuron + 'static>(&self, region: RegionId) -> Option<&[N]> {
        let (crowd, worker) = self.crowd_of(region)?;
        worker.crowds.agents(crowd)
    }
}

/// The name of a crowd's endpoint in its region.
const CELLS: &str = "cells";
