//! Putting a topology together: names, bodies and synapses, on one worker or several.

use std::sync::Arc;

use super::Door;
use super::builder::{Mistake, Target};
use super::growth::{End, RegionPlan, TemplatePlan, Wiring};
use super::guard::guarded_template;
use super::placement::Placement;
use super::running::pin_to;
use super::worker::{Body, Worker};
use crate::atlas::NameError;
use crate::id::{NeuronId, RegionId};
use crate::membrane::Lif;
use crate::neuron::AgentCard;
use crate::population::{PopulationEnd, PopulationError};
use crate::projection::Projection;
use crate::region::{PopulationSpec, Port, Region};
use crate::time::TickLength;

/// A topology while it is put together, worker by worker in step: each has all neurons and regions by number, and the
/// bodies and synapses of its own.
pub(super) struct Assembly {
    pub(super) workers: Vec<Worker>,
    pub(super) doors: Vec<Door>,
    /// The ports of each region, by its number.
    ports: Vec<Vec<(String, Arc<[NeuronId]>)>>,
    placement: Placement,
    pub(super) length: TickLength,
    /// The smallest delay between two workers, in ticks.
    pub(super) epoch: u64,
    /// A core for each worker, or none for any.
    cores: Vec<usize>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Assembly {
    pub(super) fn new(
        workers: Vec<Worker>,
        placement: Placement,
        length: TickLength,
        cores: Vec<usize>,
        mistakes: Vec<Mistake>,
    ) -> Self {
        Self {
            workers,
            doors: Vec::new(),
            ports: Vec::new(),
            placement,
            length,
            epoch: u64::MAX,
            cores,
            mistakes,
        }
    }

    /// Which worker a region is on.
    pub(super) fn home(&self, region: RegionId) -> usize {
        usize::from(self.placement.home(region))
    }

    /// Says on every worker how many cells stand behind an endpoint.
    pub(super) fn set_cells(&mut self, id: NeuronId, cells: u32) {
        for worker in &mut self.workers {
            Arc::make_mut(&mut worker.atlas).set_cells(id, cells);
        }
    }

    /// The worker that knows most: it has the gates, and every name.
    pub(super) fn first(&self) -> &Worker {
        &self.workers[0]
    }

    pub(super) fn note<T, E: Into<Mistake>>(&mut self, outcome: Result<T, E>) -> Option<T> {
        outcome.map_err(|mistake| self.mistakes.push(mistake.into())).ok()
    }

    pub(super) fn compile(
        &mut self,
        membrane: &Lif,
        neuron: impl FnOnce() -> String,
    ) -> Option<u16> {
        let checked =
            membrane.check().map_err(|source| Mistake::Membrane { neuron: neuron(), source });
        self.note(checked)?;
        Some(self.membrane(membrane))
    }

    fn membrane(&mut self, membrane: &Lif) -> u16 {
        // Every worker has the same membranes under the same numbers.
        let numbers = self.workers.iter_mut().map(|worker| worker.membrane(membrane));
        numbers.max().unwrap_or(0)
    }

    /// Adds a region to every worker's atlas.
    fn name_region(&mut self, path: &str) -> Result<RegionId, NameError> {
        let mut added = None;
        for worker in &mut self.workers {
            added = Some(Arc::make_mut(&mut worker.atlas).add_region(path)?);
        }
        // There is a first worker.
        added.ok_or_else(|| NameError::Path(path.to_owned()))
    }

    /// Adds what stands at one id: its body on the worker of its region, its name on all.
    pub(super) fn add_cell(
        &mut self,
        region: RegionId,
        name: &str,
        body: Body,
        membrane: u16,
    ) -> Result<NeuronId, NameError> {
        let home = self.home(region);
        let card = match &body {
            Body::Agent(neuron) => neuron.card(),
            Body::Crowd(crowd) => self.workers[home].crowds.card(*crowd),
            _ => AgentCard::default(),
        };
        let crowd = matches!(body, Body::Crowd(_));
        for (_, worker) in self.workers.iter_mut().enumerate().filter(|&(index, _)| index != home) {
            let body = if crowd { Body::CrowdElsewhere } else { Body::Elsewhere };
            worker.add_cell(region, name, body, membrane, card.clone())?;
        }
        self.workers[home].add_cell(region, name, body, membrane, card)
    }

    pub(super) fn add_region(&mut self, region: Region) {
        self.ports.push(Vec::new());
        let added = self.name_region(&region.path);
        let Some(id) = self.note(added) else {
            // Later regions keep their numbers, so that their mistakes are found too.
            let placeholder = format!("refused.{}", self.ports.len());
            let _ = self.name_region(&placeholder);
            self.workers[0].regions.push(RegionPlan { template: None });
            return;
        };
        let mut region = self.add_crowd(id, region);
        if let Some(population) = &region.population {
            if !region.neurons.is_empty() || region.template.is_some() || region.gate.is_some() {
                let (region, source) = (region.path.clone(), PopulationError::NotAlone);
                self.mistakes.push(Mistake::Population { region, source });
            }
            self.add_population(id, &region.path, population);
        }
        if let Some(gate) = region.gate.take() {
            self.add_gate(id, &region.path, gate);
        }
        self.add_neurons(id, &mut region);
        let template = region.template.take().and_then(|template| {
            let address = || format!("{}:*", region.path);
            let membrane = self.compile(&template.membrane, address)?;
            Some(TemplatePlan {
                bound: template.bound,
                make: guarded_template(template.make),
                membrane,
            })
        });
        self.workers[0].regions.push(RegionPlan { template });
        for (name, neurons) in region.ports {
            self.add_port(id, name, &neurons);
        }
    }

    fn add_neurons(&mut self, id: RegionId, region: &mut Region) {
        let neurons = std::mem::take(&mut region.neurons);
        for worker in &mut self.workers {
            worker.reserve(id, neurons.len(), region.names_bytes());
        }
        // Neurons that follow each other mostly have one membrane.
        let mut last = None;
        for spec in neurons {
            let name = region.name(&spec);
            let known = last.filter(|&(membrane, _)| membrane == spec.membrane);
            let number = known.map(|(_, number)| number).or_else(|| {
                let address = || format!("{}:{name}", region.path);
                self.compile(&region.membranes[spec.membrane], address)
            });
            let Some(number) = number else { continue };
            last = Some((spec.membrane, number));
            let added = self.add_cell(id, name, Body::Agent(spec.neuron), number);
            self.note(added);
        }
    }

    fn add_gate(&mut self, region: RegionId, path: &str, gate: Box<dyn crate::gate::Gate>) {
        let membrane = self.membrane(&Lif::default());
        let body = Body::Gate(self.doors.len() as u16);
        let added = self.add_cell(region, "gate", body, membrane);
        if let Some(id) = self.note(added) {
            self.workers[0].outlets.push(Default::default());
            self.doors.push(Door::new(gate, id, path.to_owned()));
        }
    }

    fn add_population(&mut self, region: RegionId, path: &str, spec: &PopulationSpec) {
        let checked = spec.check(self.length);
        let checked =
            checked.map_err(|source| Mistake::Population { region: path.to_owned(), source });
        if self.note(checked).is_none() {
            return;
        }
        let membrane = self.membrane(&Lif::default());
        let added = self.add_cell(region, "cells", Body::Silenced, membrane);
        let Some(id) = self.note(added) else { return };
        let how = (self.length, self.first().services.seed);
        let placement = &self.placement;
        in_place(&mut self.workers, &self.cores, u64::from(spec.count), |worker| {
            let slice = placement.slice(region, worker.crossing.index, spec.count);
            let network = &mut worker.network;
            let end = network.add(id, &spec.cells, (spec.count, slice), &spec.records, how);
            worker.cells[id.index()].body = Body::Population(end);
        });
        self.set_cells(id, spec.count);
    }

    /// Which population an end of a projection is, if it is one.
    pub(super) fn population(&self, end: &End) -> Option<PopulationEnd> {
        let id = self.first().atlas.members(end.region).first()?;
        match self.first().cells[id.index()].body {
            Body::Population(end) => Some(end),
            _ => None,
        }
    }

    fn add_port(&mut self, region: RegionId, name: String, neurons: &[String]) {
        let mut members = Vec::with_capacity(neurons.len());
        for neuron in neurons {
            match self.first().atlas.neuron_in(region, neuron) {
                Some(id) => members.push(id),
                None => self.dangling(region, "neuron", neuron),
            }
        }
        self.ports[region.index()].push((name, members.into()));
    }

    fn dangling(&mut self, region: RegionId, what: &'static str, name: &str) {
        let region = self.first().atlas.path(region).to_owned();
        self.mistakes.push(Mistake::Dangling { region, what, name: name.to_owned() });
    }

    fn end(&mut self, target: &Target) -> Option<End> {
        match target {
            Target::Address(address) => {
                let found = self.first().atlas.resolve(address);
                let id = self.note(found.ok_or_else(|| Mistake::NoSuchNeuron(address.clone())))?;
                let region = self.first().atlas.region_of(id)?;
                Some(End { region, part: Some([id].into()) })
            }
            Target::Port(Port { region, .. }) if region.index() >= self.ports.len() => {
                self.mistakes.push(Mistake::NoSuchRegion(*region));
                None
            }
            Target::Port(Port { region, name: None }) => Some(End { region: *region, part: None }),
            Target::Port(Port { region, name: Some(name) }) => {
                let found = self.ports[region.index()].iter().find(|(port, _)| port == name);
                match found {
                    Some((_, members)) => {
                        Some(End { region: *region, part: Some(members.clone()) })
                    }
                    None => {
                        self.dangling(*region, "port", name);
                        None
                    }
                }
            }
        }
    }

    fn label(&self, target: &Target) -> String {
        match target {
            Target::Address(address) => address.clone(),
            Target::Port(Port { region, name }) => {
                let path = self.first().atlas.path(*region);
                name.as_ref().map_or_else(|| path.to_owned(), |name| format!("{path}#{name}"))
            }
        }
    }

    pub(super) fn add_projection(&mut self, from: Target, to: Target, spec: Projection) {
        let labels = (self.label(&from), self.label(&to));
        let (from, to) = (self.end(&from), self.end(&to));
        let length = self.length;
        let checked = spec.check(|span| length.ticks(span)).and_then(|()| match (&from, &to) {
            (Some(from), Some(to)) => {
                self.check_ends(&spec, from, to).and_then(|()| self.check_list(&spec, from, to))
            }
            _ => Ok(()),
        });
        let checked =
            checked.map_err(|source| Mistake::Projection { from: labels.0, to: labels.1, source });
        let (Some(()), Some(from), Some(to)) = (self.note(checked), from, to) else { return };
        self.shorten_epoch(&spec, &from, &to);
        if let (Some(source), Some(target)) = (self.population(&from), self.population(&to)) {
            let how = (self.length, self.first().services.seed);
            let crosses = self.placement.crosses(from.region, to.region);
            let synapses = spec.connector.expected(source.cells, target.cells);
            in_place(&mut self.workers, &self.cores, synapses, |worker| {
                worker.network.connect(source, target, &spec, how);
                if crosses {
                    worker.network.hear_elsewhere(source.population);
                }
            });
            return;
        }
        if self.connect_crowd(&from, &to, &spec) {
            return;
        }
        let spec = self.first().draw(spec, &from, &to);
        for worker in &mut self.workers {
            let how = (self.length, worker.services.seed);
            let projection = worker.table.add_projection(&spec, how);
            let (from, to, spec) = (from.clone(), to.clone(), spec.clone());
            let wiring = Wiring { from, to, spec, projection };
            worker.wire(&wiring);
            worker.wiring.push(wiring);
        }
    }

    /// No epoch is longer than the smallest delay between two workers.
    fn shorten_epoch(&mut self, spec: &Projection, from: &End, to: &End) {
        if self.placement.crosses(from.region, to.region) {
            self.epoch = self.epoch.min(spec.shortest_delay(|span| self.length.ticks(span)));
        }
    }
}

/// Fewer cells or synapses are not worth a thread.
const WORTH_A_THREAD: u64 = 1 << 16;

/// Makes each worker's part of something of a size: on a thread of its own, on its core, where that is worth it. So
/// large arrays are first written, and their pages placed, where they are used; and all workers make theirs at once.
fn in_place(workers: &mut [Worker], cores: &[usize], size: u64, make: impl Fn(&mut Worker) + Sync) {
    if workers.len() < 2 || size < WORTH_A_THREAD {
        return workers.iter_mut().for_each(make);
    }
    let make = &make;
    std::thread::scope(|scope| {
        for (index, worker) in workers.iter_mut().enumerate() {
            let core = cores.get(index).copied();
            scope.spawn(move || {
                // One that cannot be pinned makes the same.
                core.map(pin_to);
                make(worker);
            });
        }
    });
}
