//! Crowds: many agents of one type behind one endpoint.
//!
//! An agent with a name of its own costs a box, a place in the directory and one of 65,535 ids. A crowd holds its
//! agents side by side in one column: a hundred thousand of them take one id, no box and no name, and at most 64 bytes
//! each beside what the agent itself is. The trait is the ordinary [`Neuron`], and each cell behaves as it would alone,
//! to the bit: a membrane of its own, timers, random numbers, evidence, faults that silence it alone.
//!
//! A *cell* is addressed by the endpoint and its number: [`Context::cell`](crate::context::Context::cell) says which
//! one is called, [`Spike::cell`] which one has fired, and
//! [`Context::fire_to_cell`](crate::context::Context::fire_to_cell) sends to one. Projections connect crowds with each
//! other, with agents, gates and populations; positions in lists are the numbers of cells. What a crowd cannot have is
//! refused when the topology is built: synapses that learn, and spikes that wait for the end of a refractory pause.
//!
//! ```
//! use neuronbus::inlet::Inlet;
//! use neuronbus::prelude::*;
//!
//! /// Passes on what reaches it, and counts.
//! struct Ant {
//!     carried: u32,
//! }
//!
//! impl Neuron for Ant {
//!     fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
//!         self.carried += 1;
//!         ctx.fire(b"leaf")?;
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> neuronbus::Result<()> {
//! let (mut inlet, gate) = Inlet::gate(16)?;
//! let mut builder = Cortex::builder();
//! builder.region(Region::gated("door", gate));
//! let swarm = builder.region(Region::crowd("swarm", 100_000, |_cell| Ant { carried: 0 }));
//! let trail: Vec<(u32, u32)> = (0..99_999).map(|ant| (ant, ant + 1)).collect();
//! builder.project(swarm, swarm, Projection::pairs(&trail, 1.0, Ticks(1))).pace(Pace::Free);
//! let mut cortex = builder.build()?;
//! let ants = cortex.atlas().members(swarm)[0];
//! inlet.drive_cell(ants, 0, 1.0, 0, b"")?;
//! cortex.run_for(Ticks(1_000))?;
//! let carried = cortex.crowd::<Ant>(swarm).expect("it is a crowd of ants");
//! assert_eq!(carried.iter().map(|ant| ant.carried).sum::<u32>(), 1_000);
//! # Ok(())
//! # }
//! ```

mod cells;
mod saving;
mod strand;

use cells::{AnyCrowd, Crowd};
pub(crate) use saving::CrowdStateError;
pub(crate) use strand::{Row, Side, Strand};

use crate::atlas::Atlas;
use crate::context::Services;
use crate::id::NeuronId;
use crate::membrane::Membrane;
use crate::neuron::{AgentCard, Fault, Neuron};
use crate::population::Bundle;
use crate::spike::Spike;
use crate::time::Tick;

/// Why a crowd is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrowdError {
    /// No cells, or more than can be numbered.
    #[error("{0} cells are refused: a crowd has 1 to 2^30 cells")]
    Cells(u32),
    /// More cells than the machine has memory for.
    #[error("{cells} cells are refused: they would need {bytes} bytes, more than there are")]
    Memory {
        /// How many cells.
        cells: u32,
        /// What they would need.
        bytes: u64,
    },
    /// The region has something else beside its crowd.
    #[error("a region is a crowd, or it has agents, a template, a gate or a population: not both")]
    NotAlone,
}

/// The most cells of one crowd.
const CELLS_MAX: u32 = 1 << 30;

/// Makes the cells of a crowd once its membrane is known.
type Found = Box<dyn FnOnce(Membrane) -> Result<Box<dyn AnyCrowd>, CrowdError> + Send>;

/// A crowd as it is described.
pub(crate) struct CrowdSpec {
    found: Found,
}

impl CrowdSpec {
    pub(crate) fn new<N: Neuron + 'static>(
        cells: u32,
        mut make: impl FnMut(u32) -> N + Send + 'static,
    ) -> Self {
        let found = move |membrane| {
            if !(1..=CELLS_MAX).contains(&cells) {
                return Err(CrowdError::Cells(cells));
            }
            let crowd: Box<dyn AnyCrowd> = Box::new(Crowd::new(cells, membrane, &mut make)?);
            Ok(crowd)
        };
        Self { found: Box::new(found) }
    }
}

/// What happened to the cells of crowds, counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) delivered: u64,
    pub(crate) payload_gone: u64,
    pub(crate) firings: u64,
    pub(crate) refractory: u64,
    pub(crate) silenced: u64,
    pub(crate) faults: u64,
}

/// A cell that failed, and how.
#[derive(Debug)]
pub(crate) struct CellFault {
    pub(crate) endpoint: NeuronId,
    pub(crate) cell: u32,
    pub(crate) fault: Fault,
    pub(crate) tick: Tick,
}

/// What a crowd needs of its worker while it is called.
pub(crate) struct Around<'a> {
    pub(crate) services: &'a mut Services,
    pub(crate) atlas: &'a Atlas,
    pub(crate) faults: &'a mut Vec<CellFault>,
}

/// A spike as it is heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard<'a> {
    pub(crate) spike: &'a Spike,
    pub(crate) payload: &'a [u8],
    /// What weights are multiplied with; `None` where the spike leaves membranes alone.
    pub(crate) scale: Option<f32>,
}

/// Spikes under way that arrive one after another over one strand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) strand: &'a Strand,
    /// Of the source, if that is no crowd.
    pub(crate) position: u32,
    pub(crate) sign: f32,
    pub(crate) flights: &'a [u32],
}

/// The crowds of a worker, and the synapses that they take part in.
#[derive(Default)]
pub(crate) struct Crowds {
    all: Vec<Box<dyn AnyCrowd>>,
    pub(crate) strands: Vec<Strand>,
    /// Cells that have failed and are not written down yet.
    pub(crate) faults: Vec<CellFault>,
}

impl Crowds {
    /// Makes a crowd; it is nobody's until it is [settled](Self::settle).
    pub(crate) fn found(&mut self, spec: CrowdSpec, membrane: Membrane) -> Result<u16, CrowdError> {
        self.all.push((spec.found)(membrane)?);
        // Every crowd has an endpoint, and those are below 2^16.
        Ok((self.all.len() - 1) as u16)
    }

    pub(crate) fn settle(&mut self, crowd: u16, endpoint: NeuronId) {
        self.all[usize::from(crowd)].settle(endpoint);
    }

    pub(crate) fn card(&self, crowd: u16) -> AgentCard {
        self.all[usize::from(crowd)].card()
    }

    pub(crate) fn cells_of(&self, crowd: u16) -> u32 {
        self.all[usize::from(crowd)].cells()
    }

    pub(crate) fn cells(&self) -> u64 {
        self.all.iter().map(|crowd| u64::from(crowd.cells())).sum()
    }

    pub(crate) fn synapses(&self) -> u64 {
        self.strands.iter().map(Strand::synapses).sum()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.all.iter().map(|crowd| crowd.tally()).fold(Tally::default(), |sum, crowd| Tally {
            delivered: sum.delivered + crowd.delivered,
            payload_gone: sum.payload_gone + crowd.payload_gone,
            firings: sum.firings + crowd.firings,
            refractory: sum.refractory + crowd.refractory,
            silenced: sum.silenced + crowd.silenced,
            faults: sum.faults + crowd.faults,
        })
    }

    /// Lets every cell look around before the first tick.
    pub(crate) fn start(&mut self, crowd: u16, services: &mut Services, atlas: &Atlas) {
        let (crowd, mut around) = self.parts(crowd, services, atlas);
        crowd.start(&mut around);
    }

    /// Cells that a strand leads to hear spikes that arrive one after another; those of no cell come from a position.
    pub(crate) fn hear_run(
        &mut self,
        (strand, position): (usize, u32),
        sign: f32,
        flights: &[u32],
        services: &mut Services,
        atlas: &Atlas,
    ) {
        let Self { all, strands, faults } = self;
        let strand = &strands[strand];
        let Side::Crowd { crowd, .. } = strand.to else { return };
        let run = Run { strand, position, sign, flights };
        all[usize::from(crowd)].hear_run(&mut Around { services, atlas, faults }, &run);
    }

    /// Cells that a strand leads to hear a spike of the source at a position.
    pub(crate) fn hear(
        &mut self,
        (strand, source): (usize, u32),
        heard: &Heard<'_>,
        services: &mut Services,
        atlas: &Atlas,
    ) {
        let Self { all, strands, faults } = self;
        let strand = &strands[strand];
        let Side::Crowd { crowd, .. } = strand.to else { return };
        let (target, cell) = (heard.spike.target(), heard.spike.target_cell());
        let row = strand.reached(source, target, cell);
        all[usize::from(crowd)].hear(&mut Around { services, atlas, faults }, row, heard);
    }

    /// Cells hear a spike that no synapse brought: one of them, or all.
    pub(crate) fn hear_direct(
        &mut self,
        crowd: u16,
        heard: &Heard<'_>,
        services: &mut Services,
        atlas: &Atlas,
    ) {
        let row = Row::direct(self.cells_of(crowd), heard.spike.target_cell());
        let (crowd, mut around) = self.parts(crowd, services, atlas);
        crowd.hear(&mut around, row, heard);
    }

    /// Steps the membranes that got input, in the order of the cells.
    pub(crate) fn fire(&mut self, crowd: u16, services: &mut Services, atlas: &Atlas) {
        let (crowd, mut around) = self.parts(crowd, services, atlas);
        crowd.fire(&mut around);
    }

    pub(crate) fn wake(
        &mut self,
        (crowd, cell): (u16, u32),
        services: &mut Services,
        atlas: &Atlas,
    ) {
        let (crowd, mut around) = self.parts(crowd, services, atlas);
        crowd.wake(&mut around, cell);
    }

    fn parts<'a>(
        &'a mut self,
        crowd: u16,
        services: &'a mut Services,
        atlas: &'a Atlas,
    ) -> (&'a mut dyn AnyCrowd, Around<'a>) {
        let Self { all, faults, .. } = self;
        (all[usize::from(crowd)].as_mut(), Around { services, atlas, faults })
    }

    pub(crate) fn potential(&self, crowd: u16, cell: u32, now: u64) -> Option<f32> {
        self.all[usize::from(crowd)].potential(cell, now)
    }

    /// The agents of a crowd, if that is their type.
    pub(crate) fn agents<N: Neuron + 'static>(&self, crowd: u16) -> Option<&[N]> {
        self.all[usize::from(crowd)].agents().downcast_ref::<Vec<N>>().map(Vec::as_slice)
    }

    /// What the strands connect, summed up by endpoint.
    pub(crate) fn each_bundle(&self, mut visit: impl FnMut(NeuronId, NeuronId, Bundle)) {
        self.strands.iter().for_each(|strand| strand.each_bundle(&mut visit));
    }

    pub(crate) fn digest_into(&self, crowd: u16, hasher: &mut blake3::Hasher) {
        self.all[usize::from(crowd)].digest_into(hasher);
    }
}
