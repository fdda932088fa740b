//! Regions: named parts of a topology, and the ports that others connect to.

use std::fmt;
use std::ops::Range;

use crate::brain::Door;
use crate::crowd::CrowdSpec;
use crate::gate::Gate;
use crate::id::RegionId;
use crate::membrane::Lif;
use crate::neuron::Neuron;
use crate::population::{Cells, PopulationError, Record};
use crate::time::TickLength;

/// Makes the neuron for a name that was not seen before.
pub(crate) type Make = Box<dyn Fn(&str) -> Box<dyn Neuron> + Send>;

pub(crate) struct Template {
    pub(crate) bound: usize,
    pub(crate) make: Make,
    pub(crate) membrane: Lif,
}

pub(crate) struct NeuronSpec {
    pub(crate) neuron: Box<dyn Neuron>,
    /// Where its name stands among the names of its region.
    name: Range<usize>,
    /// The place of its membrane among those of its region.
    pub(crate) membrane: usize,
}

/// A region as it is described, before the topology is built.
///
/// A feature is a function that returns a region or wires one into a builder; see the crate's examples.
pub struct Region {
    pub(crate) path: String,
    /// Those that were set, one after another; the last is the present one.
    pub(crate) membranes: Vec<Lif>,
    pub(crate) neurons: Vec<NeuronSpec>,
    /// The names of all neurons, one behind another.
    names: String,
    pub(crate) ports: Vec<(String, Vec<String>)>,
    /// Boxed, and so is a population: a region is handed on with each neuron that is added.
    pub(crate) template: Option<Box<Template>>,
    pub(crate) gate: Option<Box<dyn Gate>>,
    /// A gate that other processes use, made when the directory is.
    pub(crate) door: Option<Door>,
    pub(crate) population: Option<Box<PopulationSpec>>,
    pub(crate) crowd: Option<CrowdSpec>,
    pub(crate) worker: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct PopulationSpec {
    pub(crate) cells: Cells,
    pub(crate) count: u32,
    pub(crate) records: Vec<Record>,
}

impl PopulationSpec {
    /// Whether such a population can be made, at this length of a tick.
    pub(crate) fn check(&self, length: TickLength) -> Result<(), PopulationError> {
        self.cells.check()?;
        self.cells.fits(self.count, length)?;
        let is_source = self.cells.is_source();
        self.records.iter().try_for_each(|record| record.check(self.count, is_source, length))
    }
}

impl Region {
    fn empty(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            membranes: vec![Lif::default()],
            neurons: Vec::new(),
            names: String::new(),
            ports: Vec::new(),
            template: None,
            gate: None,
            door: None,
            population: None,
            crowd: None,
            worker: None,
        }
    }

    /// A region of agents at a path such as `senses/host`.
    #[must_use]
    pub fn agents(path: &str) -> Self {
        Self::empty(path)
    }

    /// A region of so many plain cells, held as arrays.
    #[must_use]
    pub fn population(path: &str, cells: Cells, count: u32) -> Self {
        let spec = PopulationSpec { cells, count, records: Vec::new() };
        Self { population: Some(Box::new(spec)), ..Self::empty(path) }
    }

    /// A region of so many agents of one type behind one endpoint, each made from the number of its cell; see
    /// [`crowd`](crate::crowd). They share the membrane that [`membrane`](Self::membrane) sets.
    ///
    /// `make` is called when the topology is built.
    #[must_use]
    pub fn crowd<N: Neuron + 'static>(
        path: &str,
        cells: u32,
        make: impl FnMut(u32) -> N + Send + 'static,
    ) -> Self {
        Self { crowd: Some(CrowdSpec::new(cells, make)), ..Self::empty(path) }
    }

    /// Lets a population write down something that it does; may be called for several things. No meaning for other
    /// regions.
    #[must_use]
    pub fn record(mut self, what: Record) -> Self {
        if let Some(population) = &mut self.population {
            population.records.push(what);
        }
        self
    }

    /// A region that is a door to the outside.
    #[must_use]
    pub fn gated(path: &str, gate: impl Gate + 'static) -> Self {
        Self { gate: Some(Box::new(gate)), ..Self::empty(path) }
    }

    /// A gate through which other processes send spikes in; see [`brain`](crate::brain).
    #[must_use]
    pub fn sensory(path: &str) -> Self {
        Self::open_to_others(path, Door::sensory())
    }

    /// A gate through which other processes get what reaches it; see [`brain`](crate::brain).
    #[must_use]
    pub fn motor(path: &str) -> Self {
        Self::open_to_others(path, Door::motor())
    }

    /// A gate for other processes, of a shape of its own. The cortex needs a
    /// [`directory`](crate::cortex::CortexBuilder::directory).
    #[must_use]
    pub fn open_to_others(path: &str, door: Door) -> Self {
        Self { door: Some(door), ..Self::empty(path) }
    }

    /// The membrane of the neurons that are added after this call, or of a crowd; without it they get [`Lif::default`].
    #[must_use]
    pub fn membrane(mut self, membrane: Lif) -> Self {
        self.membranes.push(membrane);
        self
    }

    /// Adds an agent.
    #[must_use]
    pub fn neuron(self, name: &str, neuron: impl Neuron + 'static) -> Self {
        self.boxed(name, Box::new(neuron))
    }

    /// Adds an agent that is boxed already.
    #[must_use]
    pub fn boxed(mut self, name: &str, neuron: Box<dyn Neuron>) -> Self {
        let start = self.names.len();
        self.names.push_str(name);
        let (name, membrane) = (start..self.names.len(), self.membranes.len() - 1);
        self.neurons.push(NeuronSpec { neuron, name, membrane });
        self
    }

    /// The present membrane.
    pub(crate) fn present_membrane(&self) -> Lif {
        self.membranes.last().copied().unwrap_or_default()
    }

    /// How many bytes the names of its neurons have.
    pub(crate) fn names_bytes(&self) -> usize {
        self.names.len()
    }

    /// The name of one of its neurons.
    pub(crate) fn name(&self, spec: &NeuronSpec) -> &str {
        &self.names[spec.name.clone()]
    }

    /// Lets the region grow while it runs: an unseen name gets a neuron made by `make`, up to `bound` neurons in all.
    ///
    /// `make` must be a function of the name alone, or replay would differ.
    #[must_use]
    pub fn template(
        mut self,
        bound: usize,
        make: impl Fn(&str) -> Box<dyn Neuron> + Send + 'static,
    ) -> Self {
        let (make, membrane) = (Box::new(make), self.present_membrane());
        self.template = Some(Box::new(Template { bound, make, membrane }));
        self
    }

    /// Gives the region to one of the workers of its cortex, counted from 0. Otherwise the cortex chooses; see
    /// [`CortexBuilder::workers`](crate::cortex::CortexBuilder::workers).
    #[must_use]
    pub fn worker(mut self, worker: usize) -> Self {
        self.worker = Some(worker);
        self
    }

    /// Names some of its neurons as a port, for projections that mean only those.
    #[must_use]
    pub fn port(mut self, name: &str, neurons: &[&str]) -> Self {
        self.ports.push((name.to_owned(), neurons.iter().map(|&n| n.to_owned()).collect()));
        self
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region")
            .field("path", &self.path)
            .field("neurons", &self.neurons.len())
            .field("gated", &self.gate.is_some())
            .finish_non_exhaustive()
    }
}

/// One end of a projection: a region, or a named part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    pub(crate) region: RegionId,
    pub(crate) name: Option<String>,
}

impl Port {
    /// The port of this name.
    #[must_use]
    pub fn of(region: RegionId, name: &str) -> Self {
        Self { region, name: Some(name.to_owned()) }
    }
}

impl From<RegionId> for Port {
    fn from(region: RegionId) -> Self {
        Self { region, name: None }
    }
}
