//! Building: from a description to a cortex, with every mistake found at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::doors::DoorPlan;
use super::growth::{End, RegionPlan, TemplatePlan, Wiring};
use super::worker::{Body, Worker};
use super::{Cortex, Door, Outfit};
use crate::arena::{Arena, ArenaError};
use crate::atlas::NameError;
use crate::axon::{Axon, AxonError, WaitStrategy};
use crate::brain::{BrainError, Directory};
use crate::context::Services;
use crate::crowd::CrowdError;
use crate::id::{NeuronId, RegionId};
use crate::membrane::{Lif, MembraneError};
use crate::pace::Pace;
use crate::population::{PopulationEnd, PopulationError};
use crate::projection::{Projection, ProjectionError};
use crate::region::{PopulationSpec, Port, Region};
use crate::time::{TickLength, TickLengthError};

/// One mistake in the description of a topology.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// A path or a name is refused.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A membrane is refused.
    #[error("membrane of {neuron}: {source}")]
    Membrane {
        /// Whose membrane.
        neuron: String,
        /// What is wrong with it.
        source: MembraneError,
    },
    /// A population is refused.
    #[error("population {region}: {source}")]
    Population {
        /// Its region.
        region: String,
        /// What is wrong with it.
        source: PopulationError,
    },
    /// A crowd is refused.
    #[error("crowd {region}: {source}")]
    Crowd {
        /// Its region.
        region: String,
        /// What is wrong with it.
        source: CrowdError,
    },
    /// A projection is refused.
    #[error("projection {from} -> {to}: {source}")]
    Projection {
        /// Where it comes from.
        from: String,
        /// Where it goes to.
        to: String,
        /// What is wrong with it.
        source: ProjectionError,
    },
    /// A port names a neuron that its region does not have, or is not there itself.
    #[error("region {region} has no {what} {name:?}")]
    Dangling {
        /// The region.
        region: String,
        /// `port` or `neuron`.
        what: &'static str,
        /// What was not found.
        name: String,
    },
    /// An address leads nowhere.
    #[error("there is no neuron {0:?}: an address is region/path:name")]
    NoSuchNeuron(String),
    /// The id of a region is not one of this builder's.
    #[error("region {0} is not of this topology")]
    NoSuchRegion(RegionId),
    /// The tick length is refused.
    #[error(transparent)]
    TickLength(#[from] TickLengthError),
    /// The arena could not be made.
    #[error(transparent)]
    Arena(#[from] ArenaError),
    /// The axon could not be made.
    #[error(transparent)]
    Axon(#[from] AxonError),
    /// The brain directory could not be made or taken over.
    #[error(transparent)]
    Brain(#[from] BrainError),
}

/// Everything that is wrong with a topology; nothing was started.
#[derive(Debug)]
pub struct BuildError {
    /// The mistakes, in the order of the description.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            write!(f, "{}{mistake}", if index > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

enum Target {
    Port(Port),
    Address(String),
}

/// Describes a topology; see [`Cortex::builder`].
pub struct CortexBuilder {
    regions: Vec<Region>,
    projections: Vec<(Target, Target, Projection)>,
    seed: u64,
    tick_length: Duration,
    pace: Pace,
    wait: WaitStrategy,
    arena_bytes: usize,
    axon_slots: Option<usize>,
    flight_limit: usize,
    pin: Option<usize>,
    directory: Option<Directory>,
}

impl Default for CortexBuilder {
    fn default() -> Self {
        Self {
            regions: Vec::new(),
            projections: Vec::new(),
            seed: 0,
            tick_length: TickLength::default().as_duration(),
            pace: Pace::default(),
            wait: WaitStrategy::default(),
            arena_bytes: 1 << 20,
            axon_slots: None,
            flight_limit: 1 << 20,
            pin: None,
            directory: None,
        }
    }
}

impl CortexBuilder {
    /// Adds a region. What is wrong with it is said by [`build`](Self::build).
    pub fn region(&mut self, region: Region) -> RegionId {
        self.regions.push(region);
        // More regions than ids are refused by `build`, before anybody can use the id.
        RegionId::from_index(self.regions.len() - 1).unwrap_or_else(|_| self.last_region())
    }

    fn last_region(&self) -> RegionId {
        RegionId::new(u16::MAX - 1).expect("one below the broadcast address is an id")
    }

    /// Connects two regions, or ports of regions, by a rule. What is wrong with it is said by [`build`](Self::build).
    pub fn project(
        &mut self,
        from: impl Into<Port>,
        to: impl Into<Port>,
        projection: Projection,
    ) -> &mut Self {
        let ends = (Target::Port(from.into()), Target::Port(to.into()));
        self.projections.push((ends.0, ends.1, projection));
        self
    }

    /// Connects two neurons by their addresses, `region/path:name`.
    pub fn connect(&mut self, from: &str, to: &str, projection: Projection) -> &mut Self {
        let ends = (Target::Address(from.to_owned()), Target::Address(to.to_owned()));
        self.projections.push((ends.0, ends.1, projection));
        self
    }

    /// The seed of every random number; 0 unless set.
    pub fn seed(&mut self, seed: u64) -> &mut Self {
        self.seed = seed;
        self
    }

    /// Cortex time of one tick; 1 ms unless set.
    pub fn tick_length(&mut self, length: Duration) -> &mut Self {
        self.tick_length = length;
        self
    }

    /// When ticks run; on demand unless set.
    pub fn pace(&mut self, pace: Pace) -> &mut Self {
        self.pace = pace;
        self
    }

    /// How the worker waits when nothing is due.
    pub fn wait(&mut self, strategy: WaitStrategy) -> &mut Self {
        self.wait = strategy;
        self
    }

    /// Bytes for payloads above 46 bytes; 1 MiB unless set.
    pub fn arena(&mut self, bytes: usize) -> &mut Self {
        self.arena_bytes = bytes;
        self
    }

    /// Publishes every spike fired on an axon of so many slots, for [`Cortex::tap`] and [`Cortex::reader`].
    pub fn axon(&mut self, slots: usize) -> &mut Self {
        self.axon_slots = Some(slots);
        self
    }

    /// How many spikes may be under way before senders are refused; 1,048,576 unless set.
    pub fn flight_limit(&mut self, spikes: usize) -> &mut Self {
        self.flight_limit = spikes;
        self
    }

    /// Pins the worker to a core when it runs on a thread of its own. A refusal is a note in the report.
    pub fn pin(&mut self, core: usize) -> &mut Self {
        self.pin = Some(core);
        self
    }

    /// Makes a brain directory, where other processes find this cortex, or takes over one whose cortex is gone; see
    /// [`brain`](crate::brain). Every spike fired is then shown to taps, as with [`axon`](Self::axon).
    pub fn directory(&mut self, directory: impl Into<Directory>) -> &mut Self {
        self.directory = Some(directory.into());
        self
    }

    /// Builds the cortex, or says everything that is wrong.
    ///
    /// # Errors
    /// [`BuildError`] with every mistake found.
    pub fn build(mut self) -> Result<Cortex, BuildError> {
        let mut mistakes = Vec::new();
        let plan = DoorPlan::of(&mut self.regions);
        let length = TickLength::new(self.tick_length).unwrap_or_else(|error| {
            mistakes.push(error.into());
            TickLength::default()
        });
        let made =
            (Arena::anonymous(self.arena_bytes), self.axon_slots.map(Axon::anonymous).transpose());
        let (arena, axon) = match made {
            (Ok(arena), Ok(axon)) => (Arc::new(arena), axon),
            (arena, axon) => {
                mistakes.extend(arena.err().map(Mistake::from));
                mistakes.extend(axon.err().map(Mistake::from));
                return Err(BuildError { mistakes });
            }
        };
        let services = Services::new(length, self.seed, arena);
        let mut assembly = Assembly {
            worker: Worker::new(services, self.flight_limit),
            doors: Vec::new(),
            ports: Vec::new(),
            length,
            mistakes,
        };
        for region in self.regions {
            assembly.add_region(region);
        }
        for (from, to, spec) in self.projections {
            assembly.add_projection(from, to, spec);
        }
        let Assembly { mut worker, mut doors, mistakes, .. } = assembly;
        if !mistakes.is_empty() {
            return Err(BuildError { mistakes });
        }
        let established = plan.establish(self.directory, &mut doors, axon);
        let (host, trace) =
            established.map_err(|error| BuildError { mistakes: vec![error.into()] })?;
        worker.widen_wheel();
        let outfit = Outfit { pace: self.pace, wait: self.wait, trace, host, pin: self.pin };
        Ok(Cortex::assemble(worker, doors, outfit))
    }
}

impl fmt::Debug for CortexBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CortexBuilder")
            .field("regions", &self.regions)
            .field("projections", &self.projections.len())
            .finish_non_exhaustive()
    }
}

pub(super) struct Assembly {
    pub(super) worker: Worker,
    doors: Vec<Door>,
    /// The ports of each region, by its number.
    ports: Vec<Vec<(String, Arc<[NeuronId]>)>>,
    length: TickLength,
    pub(super) mistakes: Vec<Mistake>,
}

impl Assembly {
    pub(super) fn note<T, E: Into<Mistake>>(&mut self, outcome: Result<T, E>) -> Option<T> {
        outcome.map_err(|mistake| self.mistakes.push(mistake.into())).ok()
    }

    pub(super) fn compile(&mut self, membrane: &Lif, neuron: String) -> Option<u16> {
        let checked = membrane.check().map_err(|source| Mistake::Membrane { neuron, source });
        self.note(checked)?;
        Some(self.worker.membrane(membrane.compile(self.length)))
    }

    fn add_region(&mut self, region: Region) {
        self.ports.push(Vec::new());
        let added = Arc::make_mut(&mut self.worker.atlas).add_region(&region.path);
        let Some(id) = self.note(added) else {
            // Later regions keep their numbers, so that their mistakes are found too.
            let placeholder = format!("refused.{}", self.ports.len());
            let _ = Arc::make_mut(&mut self.worker.atlas).add_region(&placeholder);
            self.worker.regions.push(RegionPlan { template: None });
            return;
        };
        let region = self.add_crowd(id, region);
        if let Some(population) = region.population {
            if !region.neurons.is_empty() || region.template.is_some() || region.gate.is_some() {
                let (region, source) = (region.path.clone(), PopulationError::NotAlone);
                self.mistakes.push(Mistake::Population { region, source });
            }
            self.add_population(id, &region.path, &population);
        }
        if let Some(gate) = region.gate {
            self.add_gate(id, &region.path, gate);
        }
        for spec in region.neurons {
            let address = format!("{}:{}", region.path, spec.name);
            let Some(membrane) = self.compile(&spec.membrane, address) else { continue };
            let body = Body::Agent(spec.neuron);
            let added = self.worker.add_cell(id, &spec.name, body, membrane);
            self.note(added);
        }
        let template = region.template.and_then(|template| {
            let membrane = self.compile(&template.membrane, format!("{}:*", region.path))?;
            Some(TemplatePlan { bound: template.bound, make: template.make, membrane })
        });
        self.worker.regions.push(RegionPlan { template });
        for (name, neurons) in region.ports {
            self.add_port(id, name, &neurons);
        }
    }

    fn add_gate(&mut self, region: RegionId, path: &str, gate: Box<dyn crate::gate::Gate>) {
        let membrane = self.worker.membrane(Lif::default().compile(self.length));
        let body = Body::Gate(self.doors.len() as u16);
        let added = self.worker.add_cell(region, "gate", body, membrane);
        if let Some(id) = self.note(added) {
            self.worker.outlets.push(Default::default());
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
        let membrane = self.worker.membrane(Lif::default().compile(self.length));
        let added = self.worker.add_cell(region, "cells", Body::Silenced, membrane);
        if let Some(id) = self.note(added) {
            let how = (self.length, self.worker.services.seed);
            let network = &mut self.worker.network;
            let end = network.add(id, &spec.cells, (spec.count, 0..spec.count), &spec.records, how);
            self.worker.cells[id.index()].body = Body::Population(end);
            Arc::make_mut(&mut self.worker.atlas).set_cells(id, spec.count);
        }
    }

    /// Which population an end of a projection is, if it is one.
    pub(super) fn population(&self, end: &End) -> Option<PopulationEnd> {
        let id = self.worker.atlas.members(end.region).first()?;
        match self.worker.cells[id.index()].body {
            Body::Population(end) => Some(end),
            _ => None,
        }
    }

    fn add_port(&mut self, region: RegionId, name: String, neurons: &[String]) {
        let mut members = Vec::with_capacity(neurons.len());
        for neuron in neurons {
            match self.worker.atlas.neuron_in(region, neuron) {
                Some(id) => members.push(id),
                None => self.dangling(region, "neuron", neuron),
            }
        }
        self.ports[region.index()].push((name, members.into()));
    }

    fn dangling(&mut self, region: RegionId, what: &'static str, name: &str) {
        let region = self.worker.atlas.path(region).to_owned();
        self.mistakes.push(Mistake::Dangling { region, what, name: name.to_owned() });
    }

    fn end(&mut self, target: &Target) -> Option<End> {
        match target {
            Target::Address(address) => {
                let found = self.worker.atlas.resolve(address);
                let id = self.note(found.ok_or_else(|| Mistake::NoSuchNeuron(address.clone())))?;
                let region = self.worker.atlas.region_of(id)?;
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
                let path = self.worker.atlas.path(*region);
                name.as_ref().map_or_else(|| path.to_owned(), |name| format!("{path}#{name}"))
            }
        }
    }

    fn add_projection(&mut self, from: Target, to: Target, spec: Projection) {
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
        if let (Some(from), Some(to)) = (self.population(&from), self.population(&to)) {
            let how = (self.length, self.worker.services.seed);
            self.worker.network.connect(from, to, &spec, how);
            return;
        }
        if self.connect_crowd(&from, &to, &spec) {
            return;
        }
        let spec = self.worker.draw(spec, &from, &to);
        let projection =
            self.worker.table.add_projection(&spec, (self.length, self.worker.services.seed));
        let wiring = Wiring { from, to, spec, projection };
        self.worker.wire(&wiring);
        self.worker.wiring.push(wiring);
    }
}
