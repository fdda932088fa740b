//! Building: from a description to a cortex, with every mistake found at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::assembly::Assembly;
use super::doors::DoorPlan;
use super::exchange::Exchange;
use super::placement::Placement;
use super::recording::{Recorder, Recording};
use super::recovery::RecoveryError;
use super::snapshot::Blueprint;
use super::worker::Worker;
use super::workers::{Crossing, WORKERS_MAX};
use super::{Cortex, Outfit};
use crate::arena::{Arena, ArenaError};
use crate::atlas::NameError;
use crate::axon::{Axon, AxonError, WaitStrategy};
use crate::brain::{BrainError, Directory};
use crate::context::Services;
use crate::crowd::CrowdError;
use crate::id::RegionId;
use crate::membrane::MembraneError;
use crate::pace::Pace;
use crate::population::PopulationError;
use crate::projection::{Projection, ProjectionError};
use crate::region::{Port, Region};
use crate::time::{TickLength, TickLengthError};

/// One mistake in the description of a topology.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// A path or a name is refused.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The journal cannot be kept, or is of another topology.
    #[error(transparent)]
    Journal(#[from] RecoveryError),
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
    /// More or fewer workers than there can be.
    #[error("{0} workers are refused: a cortex has 1 to {WORKERS_MAX}")]
    Workers(usize),
    /// A region was given to a worker that it cannot have.
    #[error("region {region} cannot be on worker {worker}: {why}")]
    Worker {
        /// The region.
        region: String,
        /// The worker.
        worker: usize,
        /// What stands against it.
        why: &'static str,
    },
    /// Something cannot be had with workers that run freely.
    #[error("{what} is refused with workers that run freely: {why}")]
    FreeRunning {
        /// What.
        what: String,
        /// Why, and what to do.
        why: &'static str,
    },
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

#[derive(Debug)]
pub(super) enum Target {
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
    journal: Option<Recording>,
    workers: usize,
    exchange: Exchange,
    cores: Option<Vec<usize>>,
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
            journal: None,
            workers: 1,
            exchange: Exchange::default(),
            cores: None,
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

    /// How many spikes may be under way before senders are refused; 1,048,576 unless set. Each worker counts its own:
    /// where the limit is met, the result depends on the number of workers, and the report says so in a note.
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

    /// Keeps a journal: everything that enters is written there before it acts. Where there is one already, the first
    /// run takes up where it ends.
    ///
    /// ```
    /// use neuronbus::inlet::Inlet;
    /// use neuronbus::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let place = tempfile::tempdir()?;
    /// # let place = place.path().join("journal");
    /// let build = |gate| {
    ///     let mut builder = Cortex::builder();
    ///     let door = builder.region(Region::gated("sense/door", gate));
    ///     let ears = builder.region(Region::agents("sense/ears").neuron("left", Relay::default()));
    ///     builder.project(door, ears, Projection::all_to_all()).pace(Pace::Free).journal(&place);
    ///     builder.build()
    /// };
    /// let (mut inlet, gate) = Inlet::gate(16)?;
    /// let mut cortex = build(gate)?;
    /// inlet.fire(SpikeKind::Excitatory, 0, b"hello")?;
    /// cortex.run_for(Ticks(10))?;
    /// let before = cortex.digest();
    /// drop(cortex);
    ///
    /// let (_inlet, gate) = Inlet::gate(16)?;
    /// let mut again = build(gate)?;
    /// again.run_for(Ticks(0))?;
    /// assert_eq!(again.digest(), before);
    /// # Ok(())
    /// # }
    /// ```
    pub fn journal(&mut self, recording: impl Into<Recording>) -> &mut Self {
        self.journal = Some(recording.into());
        self
    }

    /// How many workers compute: threads, each with some of the regions; 1 unless set.
    ///
    /// A region with agents or a gate is on one worker, which [`Region::worker`] names or the cortex chooses; a
    /// population that is connected with populations only is spread over all of them. The result is the same, to the
    /// bit, for any number. The first worker is the thread that runs the cortex; the others are pinned, unless there
    /// are fewer cores than workers.
    pub fn workers(&mut self, workers: usize) -> &mut Self {
        self.workers = workers;
        self
    }

    /// How several workers hand spikes to each other: in lockstep, unless set. Where they run
    /// [freely](Exchange::FreeRunning), regions cannot grow and a journal cannot have snapshots.
    ///
    /// ```
    /// use neuronbus::cortex::Exchange;
    /// use neuronbus::prelude::*;
    ///
    /// let mut builder = Cortex::builder();
    /// let eye = builder.region(Region::agents("eye").worker(0).neuron("n", Relay::default()));
    /// let hand = builder.region(Region::agents("hand").worker(1).neuron("n", Relay::default()));
    /// builder.project(eye, hand, Projection::all_to_all());
    /// builder.workers(2).exchange(Exchange::FreeRunning);
    /// let mut cortex = builder.build()?;
    /// assert_eq!(cortex.run_for(Ticks(10))?.next_tick, 10);
    /// # Ok::<(), neuronbus::Error>(())
    /// ```
    pub fn exchange(&mut self, exchange: Exchange) -> &mut Self {
        self.exchange = exchange;
        self
    }

    /// Which cores the workers are pinned to, in their order, instead of one after the other. The first is pinned on a
    /// thread of its own only ([`Cortex::spawn`]). A refusal is a note in the report.
    pub fn pin_workers(&mut self, cores: &[usize]) -> &mut Self {
        self.cores = Some(cores.to_vec());
        self
    }

    /// Builds the cortex, or says everything that is wrong.
    ///
    /// # Errors
    /// [`BuildError`] with every mistake found.
    pub fn build(mut self) -> Result<Cortex, BuildError> {
        let mut mistakes = Vec::new();
        let doors_wanted = DoorPlan::of(&mut self.regions);
        let length = TickLength::new(self.tick_length).unwrap_or_else(|error| {
            mistakes.push(error.into());
            TickLength::default()
        });
        let blueprint = Blueprint::of(&self.regions, &self.projections, self.seed, length);
        let count = if (1..=WORKERS_MAX).contains(&self.workers) {
            self.workers
        } else {
            mistakes.push(Mistake::Workers(self.workers));
            1
        };
        let placement = Placement::of(&self.regions, &self.projections, count, &mut mistakes);
        self.exchange.check(count, &self.regions, self.journal.as_ref(), &mut mistakes);
        let plan = self.exchange.plan(&blueprint, &placement, count);
        let made = self.make_workers(length, &placement, count);
        let (workers, axons, lending) = match made {
            Ok(made) => made,
            Err(error) => {
                mistakes.extend(error);
                return Err(BuildError { mistakes });
            }
        };
        let cores = self.cores.take().unwrap_or_else(|| default_cores(count));
        let mut assembly = Assembly::new(workers, placement, length, cores.clone(), mistakes);
        for region in self.regions {
            assembly.add_region(region);
        }
        for (from, to, spec) in self.projections {
            assembly.add_projection(from, to, spec);
        }
        let Assembly { mut workers, mut doors, mistakes, epoch, .. } = assembly;
        if !mistakes.is_empty() {
            return Err(BuildError { mistakes });
        }
        let established = doors_wanted.establish(self.directory, &mut doors, axons);
        let (host, traces) =
            established.map_err(|error| BuildError { mistakes: vec![error.into()] })?;
        workers.iter_mut().for_each(Worker::widen_wheel);
        let pin = self.pin.or_else(|| cores.first().copied());
        let (pace, wait) = (self.pace, self.wait);
        let outfit =
            Outfit { pace, wait, traces, host, pin, cores, epoch, blueprint, plan, lending };
        let cortex = Cortex::assemble(workers, doors, outfit);
        let mut cortex = cortex.map_err(|error| BuildError { mistakes: vec![error.into()] })?;
        if let Some(recording) = self.journal {
            let recorder = Recorder::open(recording, plan, self.seed);
            let recorder = recorder.map_err(|error| BuildError { mistakes: vec![error.into()] })?;
            cortex.recorder = Some(Box::new(recorder));
        }
        Ok(cortex)
    }

    /// Workers without anything on them, where they show what they fire, and what they lend from.
    fn make_workers(
        &self,
        length: TickLength,
        placement: &Placement,
        count: usize,
    ) -> Result<Workers, Vec<Mistake>> {
        let lending = self.exchange.arenas(count, self.arena_bytes);
        let lending = lending.map_err(|error| vec![error.into()])?;
        let mut workers = Vec::with_capacity(count);
        let mut axons = Vec::with_capacity(count);
        for index in 0..count {
            let axon = self.axon_slots.map(Axon::anonymous).transpose();
            match (Arena::anonymous(self.arena_bytes), axon) {
                (Ok(arena), Ok(axon)) => {
                    let services = Services::new(length, self.seed, Arc::new(arena));
                    let crossing = Crossing::new(index as u8, placement.homes());
                    workers.push(Worker::new(services, self.flight_limit, crossing));
                    axons.push(axon);
                }
                (arena, axon) => {
                    let arena = arena.err().map(Mistake::from).into_iter();
                    return Err(arena.chain(axon.err().map(Mistake::from)).collect());
                }
            }
        }
        Ok((workers, axons, lending))
    }
}

/// Workers, their axons and the arenas that they lend from.
type Workers = (Vec<Worker>, Vec<Option<Axon>>, Vec<Arc<Arena>>);

/// One core after the other, where there are enough for so many workers that need them.
fn default_cores(workers: usize) -> Vec<usize> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if workers < 2 || cores.len() < workers {
        return Vec::new();
    }
    cores.iter().take(workers).map(|core| core.id).collect()
}

impl fmt::Debug for CortexBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CortexBuilder")
            .field("regions", &self.regions)
            .field("projections", &self.projections.len())
            .finish_non_exhaustive()
    }
}
