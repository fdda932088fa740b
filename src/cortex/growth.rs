//! Growing: neurons and the synapses that the rules of the topology give them, at build and while it runs.

use std::sync::Arc;

use super::worker::{Body, Cell, Worker};
use crate::atlas::NameError;
use crate::evidence::EvidenceRing;
use crate::id::{NeuronId, RegionId};
use crate::membrane::{Lif, Soma};
use crate::neuron::{AgentCard, Neuron};
use crate::projection::{Connector, DELAY_LIMIT, Projection};
use crate::region::Make;
use crate::synapse::NewSynapse;
use crate::time::Ticks;

/// What a region does with names it has not seen.
pub(crate) struct RegionPlan {
    pub(crate) template: Option<TemplatePlan>,
}

pub(crate) struct TemplatePlan {
    pub(crate) bound: usize,
    pub(crate) make: Make,
    pub(crate) membrane: u16,
}

/// One end of a wired projection.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) region: RegionId,
    /// A part of the region that does not grow with it; `None` is all of it.
    pub(crate) part: Option<Arc<[NeuronId]>>,
}

/// A projection and its ends, kept for neurons that come later.
#[derive(Debug, Clone)]
pub(crate) struct Wiring {
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) spec: Projection,
    pub(crate) projection: usize,
}

impl Worker {
    /// The number of a membrane; equal membranes have one number.
    pub(crate) fn membrane(&mut self, membrane: &Lif) -> u16 {
        // From the end, where that of the neuron before stands.
        if let Some(found) = self.membranes.iter().rposition(|other| other.described == *membrane) {
            return found as u16;
        }
        // Every neuron has at most one of its own, and there are fewer than 2^16 neurons.
        self.membranes.push(membrane.compile(self.services.tick_length));
        (self.membranes.len() - 1) as u16
    }

    /// Makes room in a region for so many neurons more, whose names have so many bytes.
    pub(super) fn reserve(&mut self, region: RegionId, neurons: usize, bytes: usize) {
        Arc::make_mut(&mut self.atlas).reserve(region, neurons, bytes);
        let neurons = neurons.min(NeuronId::LIMIT);
        self.cells.reserve(neurons);
        self.membrane_numbers.reserve(neurons);
        self.services.touched.hold(self.cells.len() + neurons);
        self.table.reserve_neurons(neurons);
        self.crossing.reserve(neurons);
    }

    /// Adds what stands at one id, here or elsewhere; its synapses come later.
    pub(crate) fn add_cell(
        &mut self,
        region: RegionId,
        name: &str,
        body: Body,
        membrane: u16,
        card: AgentCard,
    ) -> Result<NeuronId, NameError> {
        let bound = match &body {
            Body::Agent(neuron) => neuron.evidence(),
            _ => 0,
        };
        let home = self.crossing.home_of_region(region);
        let id = Arc::make_mut(&mut self.atlas).add_neuron(region, name, card)?;
        if bound > 0 {
            self.evidence.resize_with(id.index() + 1, || None);
            self.evidence[id.index()] = Some(Box::new(EvidenceRing::new(bound)));
        }
        self.cells.push(Cell { soma: Soma::at_rest(&self.membranes[usize::from(membrane)]), body });
        self.membrane_numbers.push(membrane);
        self.table.add_neuron();
        self.services.touched.hold(self.cells.len());
        self.crossing.add_neuron(home);
        Ok(id)
    }

    pub(super) fn members<'a>(&'a self, end: &'a End) -> &'a [NeuronId] {
        end.part.as_deref().unwrap_or_else(|| self.atlas.members(end.region))
    }

    fn delay_of(&self, spec: &Projection) -> u32 {
        self.services.tick_length.ticks(spec.delay).0 as u32
    }

    /// Makes the synapses of a projection between all that are there.
    pub(crate) fn wire(&mut self, wiring: &Wiring) {
        if let Connector::List(list) = &wiring.spec.connector {
            let (sources, targets) = (self.members(&wiring.from), self.members(&wiring.to));
            let length = self.services.tick_length;
            let new = |synapse: &crate::projection::Synapse| NewSynapse {
                projection: wiring.projection,
                source: sources[synapse.pre as usize],
                target: targets[synapse.post as usize],
                weight: synapse.weight,
                delay: length.ticks(synapse.delay).0 as u32,
            };
            let all: Vec<NewSynapse> = list.iter().map(new).collect();
            all.iter().for_each(|synapse| self.connect(synapse));
            return;
        }
        let sources = self.members(&wiring.from).to_vec();
        for (pre, &source) in sources.iter().enumerate() {
            self.wire_row(wiring, pre, source);
        }
    }

    /// Makes a synapse if its target is here; otherwise the source is known to be heard elsewhere.
    fn connect(&mut self, synapse: &NewSynapse) {
        if self.crossing.is_here(synapse.target) {
            self.table.add(synapse);
        } else {
            self.crossing.heard_elsewhere(synapse.source, synapse.delay);
        }
    }

    fn new_synapse(&self, wiring: &Wiring, source: NeuronId, target: NeuronId) -> NewSynapse {
        let Wiring { spec, projection, .. } = wiring;
        let delay = self.delay_of(spec);
        NewSynapse { projection: *projection, source, target, weight: spec.weight, delay }
    }

    fn connects(&self, wiring: &Wiring, pre: (usize, NeuronId), post: (usize, NeuronId)) -> bool {
        let allowed = wiring.spec.autapses || pre.1 != post.1;
        if let Connector::Named(names) = &wiring.spec.connector {
            let (source, target) = (self.atlas.name(pre.1), self.atlas.name(post.1));
            return allowed && names.belong_together(source, target);
        }
        let seed = self.services.seed;
        allowed && wiring.spec.connects(seed, wiring.projection as u64, pre.0, post.0)
    }

    /// Makes the synapses of one source onto all targets that are there.
    fn wire_row(&mut self, wiring: &Wiring, pre: usize, source: NeuronId) {
        let targets: Vec<NeuronId> = self
            .members(&wiring.to)
            .iter()
            .enumerate()
            .filter(|&(post, &target)| self.connects(wiring, (pre, source), (post, target)))
            .map(|(_, &target)| target)
            .collect();
        let here = targets.iter().filter(|&&target| self.crossing.is_here(target));
        let (mut here, count) = (here.clone(), here.count());
        if let Some(&first) = here.next() {
            self.table.reserve(&self.new_synapse(wiring, source, first), count as u32);
        }
        for target in targets {
            let synapse = self.new_synapse(wiring, source, target);
            self.connect(&synapse);
        }
    }

    /// Gives a neuron that was just added to a region the synapses that the region's projections say.
    pub(crate) fn wire_new(&mut self, region: RegionId, id: NeuronId) {
        let wiring = std::mem::take(&mut self.wiring);
        let position = self.atlas.members(region).len() - 1;
        for plan in &wiring {
            if matches!(plan.spec.connector, Connector::List(_)) {
                continue;
            }
            let grows = |end: &End| end.region == region && end.part.is_none();
            if grows(&plan.to) {
                let sources = self.members(&plan.from).to_vec();
                for (pre, &source) in sources.iter().enumerate() {
                    // As a source the newcomer is wired below, itself included.
                    if source != id && self.connects(plan, (pre, source), (position, id)) {
                        let synapse = self.new_synapse(plan, source, id);
                        self.connect(&synapse);
                    }
                }
            }
            if grows(&plan.from) {
                self.wire_row(plan, position, id);
            }
        }
        self.wiring = wiring;
    }

    /// Adds a neuron made by the template of a region, with all its synapses; `None` if it belongs to another worker.
    pub(crate) fn sprout(
        &mut self,
        region: RegionId,
        name: &str,
        neuron: Option<Box<dyn Neuron>>,
        membrane: u16,
        card: AgentCard,
    ) -> Result<NeuronId, NameError> {
        let body = neuron.map_or(Body::Elsewhere, Body::Agent);
        let id = self.add_cell(region, name, body, membrane, card)?;
        self.wire_new(region, id);
        self.widen_wheel();
        self.start_neuron(id);
        Ok(id)
    }

    /// Makes the wheel long enough for every delay and refractory pause.
    pub(crate) fn widen_wheel(&mut self) {
        let pauses = self.membranes.iter().map(|membrane| membrane.refractory).max();
        let lossless = self.table.projections.iter().any(|shared| shared.lossless);
        let longest = pauses.unwrap_or(0).saturating_add(1).min(DELAY_LIMIT);
        let pause = if lossless { longest } else { 0 };
        self.wheel.widen(self.table.longest_delay().max(pause), self.services.now);
    }

    /// Lets a neuron look around before its first tick.
    pub(crate) fn start_neuron(&mut self, id: NeuronId) {
        let atlas = self.atlas.clone();
        if let Body::Crowd(crowd) = self.cells[id.index()].body {
            self.crowds.start(crowd, &mut self.services, &atlas);
        }
        self.call(id, |neuron, _| neuron.on_start(&atlas));
    }

    /// The longest time a spike can be under way.
    pub(crate) fn longest_delay(&self) -> Ticks {
        Ticks(self.table.longest_delay())
    }
}
