//! The cortex: workers that compute, gates that talk to the outside, and a pace that says when.

mod arrival;
mod assembly;
mod builder;
mod counts;
mod crowds;
mod desk;
mod difference;
mod digest;
mod door;
mod doors;
mod drawn;
mod emission;
mod ends;
mod every;
mod exchange;
mod free;
mod growth;
mod guard;
mod keeper;
mod keeping;
mod opening;
mod operator;
mod placement;
mod playback;
mod recording;
mod recovery;
mod replay;
mod report;
mod retrace;
mod run;
mod running;
mod snapshot;
mod together;
mod wheel;
mod worker;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use builder::{BuildError, CortexBuilder, Mistake};
pub use counts::{Counts, FaultEntry};
pub use difference::{Difference, ReplayError};
pub use digest::Digest;
pub use every::Every;
pub use exchange::Exchange;
pub use operator::OperatorError;
pub use playback::Playback;
pub use recording::Recording;
pub use recovery::{Recovered, RecoveryError};
pub use replay::{ReplayOptions, ReplayReport};
pub use report::{AxonEntry, GateEntry, Latencies, Report, SpikeCounts, Spread, WorkerEntry};
pub use run::{Ended, RunError, RunReport, TickReport};
pub use running::Running;
pub use snapshot::{SnapshotError, SnapshotInfo};

use crossbeam_channel::Receiver;

use crate::arena::Arena;
use crate::atlas::Atlas;
use crate::axon::{Axon, AxonError, AxonReader, AxonTap, Doorbell, WaitStrategy};
use crate::brain::{Host, Trace};
use crate::cause::Causes;
use crate::id::{NeuronId, RegionId};
pub use crate::journal::Speed;
use crate::pace::{Pace, Stamp};
use crate::population::{Network, PopulationEnd};
use crate::synapse::{Link, SynapseTable};
use crate::time::{Tick, TickLength};
use crate::topology::Topology;
pub(crate) use door::Door;
use emission::Emission;
use recording::Recorder;
use report::Vitals;
use running::Command;
use snapshot::Blueprint;
use together::Together;
use worker::Body;
pub(crate) use worker::Worker;
use workers::Follower;

/// What a cortex needs beside its workers.
pub(crate) struct Outfit {
    pub(crate) pace: Pace,
    pub(crate) wait: WaitStrategy,
    /// Where each worker shows its spikes, if anywhere.
    pub(crate) traces: Vec<Option<Trace>>,
    pub(crate) host: Option<Arc<Host>>,
    pub(crate) pin: Option<usize>,
    /// A core for each worker, or none for any.
    pub(crate) cores: Vec<usize>,
    /// The longest epoch, in ticks.
    pub(crate) epoch: u64,
    /// What all of it was built from.
    pub(crate) blueprint: Blueprint,
    pub(crate) plan: Digest,
    /// What each worker lends from, if they run freely; none in lockstep.
    pub(crate) lending: Vec<Arc<Arena>>,
}

/// Stops a run from any thread.
#[derive(Debug, Clone)]
pub struct Stopper {
    stop: Arc<AtomicBool>,
    doorbell: Arc<Doorbell>,
}

impl Stopper {
    /// Asks the run to end after the present tick.
    pub fn stop(&self) {
        // SYNC(stop): what the caller did before it asked is seen by the worker that obeys.
        self.stop.store(true, Ordering::Release);
        self.doorbell.ring();
    }

    fn is_stopped(&self) -> bool {
        // SYNC(stop): pairs with the store in `stop`.
        self.stop.load(Ordering::Acquire)
    }
}

/// All of one process: neurons, synapses, gates and the loop that ticks them.
///
/// It may be moved to another thread and is used from one at a time; [`Cortex::spawn`] gives it one of its own.
pub struct Cortex {
    /// The first worker, which this thread computes.
    worker: Worker,
    /// The other workers while they rest; their threads have them while they run.
    followers: Vec<Follower>,
    together: Together,
    doors: Vec<Door>,
    trace: Option<Trace>,
    host: Option<Arc<Host>>,
    /// Neurons whose region the directory knows.
    placed: usize,
    pace: Pace,
    wait: WaitStrategy,
    pin: Option<usize>,
    doorbell: Arc<Doorbell>,
    stopper: Stopper,
    /// The first tick that has not been computed.
    next: u64,
    /// What a handle wants done between two ticks.
    attention: Option<Receiver<Command>>,
    /// What all of it was built from.
    blueprint: Blueprint,
    plan: Digest,
    /// How many neurons were built; the others have come since.
    built: usize,
    /// Whether the neurons have been started.
    started: bool,
    opened: bool,
    closed: bool,
    recorder: Option<Box<Recorder>>,
    /// Whether what is computed is a replay: gates are not called then.
    replaying: bool,
    recovered: Option<Recovered>,
    emission: Emission,
    vitals: Vitals,
    stamps: Vec<Stamp>,
    notes: Vec<String>,
}

impl Cortex {
    /// Begins the description of a topology.
    ///
    /// ```
    /// use neuronbus::prelude::*;
    ///
    /// let mut builder = Cortex::builder();
    /// let ears = builder.region(Region::agents("sense/ears").neuron("left", Relay::default()));
    /// let voice = builder.region(Region::agents("motor/voice").neuron("say", Relay::default()));
    /// builder.project(ears, voice, Projection::all_to_all().delay(Ticks(2)));
    /// let cortex = builder.build()?;
    /// assert_eq!(cortex.atlas().len(), 2);
    /// # Ok::<(), neuronbus::Error>(())
    /// ```
    #[must_use]
    pub fn builder() -> CortexBuilder {
        CortexBuilder::default()
    }

    pub(crate) fn assemble(
        mut workers: Vec<Worker>,
        doors: Vec<Door>,
        outfit: Outfit,
    ) -> Result<Self, AxonError> {
        let bell = outfit.host.as_ref().map_or_else(Doorbell::new, |host| host.bell());
        let doorbell = Arc::new(bell);
        let stop = Arc::new(AtomicBool::new(false));
        let others = workers.split_off(1);
        // There is a first worker, whatever the builder was told.
        let worker = workers.remove(0);
        let mut traces = outfit.traces.into_iter();
        let trace = traces.next().flatten();
        let (mut followers, mut together) =
            Together::of(&worker, others, traces, &outfit.cores, outfit.epoch)?;
        if !outfit.lending.is_empty() {
            together.part(&mut followers, &outfit.lending, (doorbell.clone(), outfit.wait));
        }
        Ok(Self {
            built: worker.cells.len(),
            worker,
            followers,
            together,
            doors,
            trace,
            host: outfit.host,
            placed: 0,
            pace: outfit.pace,
            wait: outfit.wait,
            pin: outfit.pin,
            stopper: Stopper { stop, doorbell: doorbell.clone() },
            doorbell,
            next: 0,
            attention: None,
            blueprint: outfit.blueprint,
            plan: outfit.plan,
            started: false,
            opened: false,
            closed: false,
            recorder: None,
            replaying: false,
            recovered: None,
            emission: Emission::default(),
            vitals: Vitals::default(),
            stamps: Vec::with_capacity(64),
            notes: Vec::new(),
        })
    }

    /// All workers, the first one first. Those that run on their threads are not among them.
    fn workers(&self) -> impl Iterator<Item = &Worker> {
        std::iter::once(&self.worker).chain(self.followers.iter().map(|other| &other.worker))
    }

    fn workers_mut(&mut self) -> impl Iterator<Item = &mut Worker> {
        let others = self.followers.iter_mut().map(|other| &mut other.worker);
        std::iter::once(&mut self.worker).chain(others)
    }

    /// The worker that a neuron belongs to.
    fn worker_of(&self, id: NeuronId) -> Option<&Worker> {
        self.worker.cells.get(id.index())?;
        self.workers().nth(usize::from(self.worker.crossing.home(id)))
    }

    /// Who is there.
    #[must_use]
    pub fn atlas(&self) -> &Atlas {
        &self.worker.atlas
    }

    /// The first tick that has not been computed.
    #[must_use]
    pub fn next_tick(&self) -> Tick {
        Tick(self.next)
    }

    /// Cortex time of one tick.
    #[must_use]
    pub fn tick_length(&self) -> TickLength {
        self.worker.services.tick_length
    }

    /// The seed of its random numbers.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.worker.services.seed
    }

    /// When its ticks run.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// The potential of a neuron's membrane at the end of the last tick.
    #[must_use]
    pub fn potential(&self, id: NeuronId) -> Option<f32> {
        let worker = self.worker_of(id)?;
        let cell = worker.cells.get(id.index())?;
        Some(cell.soma.potential_at(self.next.saturating_sub(1), worker.membrane_of(id)))
    }

    /// The weight of the first synapse from one neuron to another.
    #[must_use]
    pub fn weight(&self, from: NeuronId, to: NeuronId) -> Option<f32> {
        self.worker.cells.get(from.index())?;
        let table = &self.worker_of(to)?.table;
        table.segments_of(from).iter().find_map(|&id| {
            let segment = &table.segments[id as usize];
            let columns = &table.projections[segment.projection as usize].columns;
            table.find(segment, to).next().map(|slot| columns.weights[slot])
        })
    }

    /// The plastic synapses that saw their target fire after their source, strongest first.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let tables: Vec<&SynapseTable> = self.workers().map(|worker| &worker.table).collect();
        crate::synapse::links(&tables, self.tick_length())
    }

    /// How many synapses there are.
    #[must_use]
    pub fn synapses(&self) -> u64 {
        self.workers().map(Worker::synapses).sum()
    }

    fn population(&self, region: RegionId) -> Option<PopulationEnd> {
        let id = self.worker.atlas.members(region).first()?;
        match self.worker.cells[id.index()].body {
            Body::Population(end) => Some(end),
            _ => None,
        }
    }

    /// The spikes that a population has written down, as (tick, cell), if it was told to.
    #[must_use]
    pub fn recorded(&self, region: RegionId) -> Option<&[(u64, u32)]> {
        self.worker.network.recorded(self.population(region)?.population)
    }

    /// How often the cells of a population fired, in Hz and on average over them, in each bin that is over, if it was
    /// told to write that down ([`Record::Rates`](crate::population::Record::Rates)).
    #[must_use]
    pub fn recorded_rates(&self, region: RegionId) -> Option<Vec<f64>> {
        let end = self.population(region)?;
        let (mut bins, every) = Network::recorded_rates(&self.networks(), end.population)?;
        bins.truncate((self.next / every) as usize);
        let tick = self.worker.services.tick_length.as_duration().as_secs_f64();
        let seconds = f64::from(end.cells) * every as f64 * tick;
        Some(bins.into_iter().map(|spikes| spikes as f64 / seconds).collect())
    }

    /// The potentials that a population has written down, as (tick, cell, potential), if it was told to
    /// ([`Record::Potentials`](crate::population::Record::Potentials)).
    #[must_use]
    pub fn recorded_potentials(&self, region: RegionId) -> Option<Vec<(u64, u32, f32)>> {
        Network::recorded_potentials(&self.networks(), self.population(region)?.population)
    }

    /// The weights that projections from one population to another have written down, as (tick, source, target,
    /// weight), if one was told to ([`Projection::record_weights`](crate::projection::Projection::record_weights)).
    #[must_use]
    pub fn recorded_weights(
        &self,
        from: RegionId,
        to: RegionId,
    ) -> Option<Vec<(u64, u32, u32, f32)>> {
        let (from, to) = (self.population(from)?.population, self.population(to)?.population);
        Network::recorded_weights(&self.networks(), from, to)
    }

    /// What each worker has of the populations.
    fn networks(&self) -> Vec<&Network> {
        self.workers().map(|worker| &worker.network).collect()
    }

    /// The potential of one cell of a population or a crowd at the end of the last tick; `None` for sources.
    #[must_use]
    pub fn cell_potential(&self, region: RegionId, cell: u32) -> Option<f32> {
        if let Some((crowd, worker)) = self.crowd_of(region) {
            return worker.crowds.potential(crowd, cell, self.next.saturating_sub(1));
        }
        let population = self.population(region)?.population;
        self.workers().find_map(|worker| worker.network.potential(population, cell))
    }

    /// Visits every synapse between two populations: source cell, target cell, weight (below zero if it inhibits),
    /// delay in ticks.
    pub fn each_synapse(
        &self,
        from: RegionId,
        to: RegionId,
        mut visit: impl FnMut(u32, u32, f32, u32),
    ) {
        if let (Some(from), Some(to)) = (self.population(from), self.population(to)) {
            for worker in self.workers() {
                worker.network.each(from.population, to.population, &mut visit);
            }
        }
    }

    /// The topology as a graph, to be checked, drawn or exported.
    #[must_use]
    pub fn topology(&self) -> Topology {
        let workers: Vec<&Worker> = self.workers().collect();
        Topology::of(&workers, self.doors.iter().map(|door| door.id))
    }

    /// What happened so far, counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        for worker in self.workers() {
            all += worker.counts_so_far();
        }
        all
    }

    fn axons(&self) -> impl Iterator<Item = &Axon> {
        let others = self.followers.iter().filter_map(|other| other.trace.as_ref());
        self.trace.iter().chain(others).map(Trace::axon)
    }

    /// A lossy end of the first worker's axon, if the builder asked for axons: every spike that its neurons fired, or
    /// how many were missed. With several workers, [`taps`](Self::taps) has them all.
    #[must_use]
    pub fn tap(&self) -> Option<AxonTap> {
        self.trace.as_ref().map(|trace| trace.axon().tap())
    }

    /// A lossy end of each worker's axon, if the builder asked for axons.
    #[must_use]
    pub fn taps(&self) -> Vec<AxonTap> {
        self.axons().map(Axon::tap).collect()
    }

    /// A lossless end of the first worker's axon, if the builder asked for axons. While it is full, spikes for it are
    /// dropped and counted: the worker waits for nobody. With several workers, [`readers`](Self::readers) has them all.
    ///
    /// # Errors
    /// When the axon's table of readers is full.
    pub fn reader(&self) -> Result<Option<AxonReader>, AxonError> {
        self.trace.as_ref().map(|trace| trace.axon().reader()).transpose()
    }

    /// A lossless end of each worker's axon, if the builder asked for axons.
    ///
    /// # Errors
    /// When the table of readers of one of them is full.
    pub fn readers(&self) -> Result<Vec<AxonReader>, AxonError> {
        self.axons().map(Axon::reader).collect()
    }

    /// A handle that stops a run from any thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// A hash of what was described: seed, tick length, regions and projections. A journal is replayed, and a snapshot
    /// restored, by a cortex with the same plan. Where workers run freely, it is also a hash of which has what.
    #[must_use]
    pub fn plan(&self) -> Digest {
        self.plan
    }

    /// Writes down, from now on, which spikes make a neuron fire; asked for before a [replay](Self::replay), whose
    /// causes [`take_causes`](Self::take_causes) has then. With several workers the causes are those of the first only.
    pub fn trace_causes(&mut self) {
        self.worker.services.tracer = Some(Box::default());
    }

    /// What was traced since [`trace_causes`](Self::trace_causes); nothing if it was not asked for.
    #[must_use]
    pub fn take_causes(&mut self) -> Causes {
        self.worker.services.tracer.take().map(|tracer| tracer.into_causes()).unwrap_or_default()
    }

    /// A hash of all state that a run computes: equal runs have equal digests.
    #[must_use]
    pub fn digest(&self) -> Digest {
        if self.is_free() {
            return Digest::over(&self.worker_digests());
        }
        let workers: Vec<&Worker> = self.workers().collect();
        Digest::of(&workers, self.next)
    }

    /// A hash of the state of each worker, with what it knows of the others: what a replay of workers that ran
    /// [freely](Exchange::FreeRunning) gives back.
    #[must_use]
    pub fn worker_digests(&self) -> Vec<Digest> {
        self.workers().map(|worker| Digest::of_one(worker, self.next)).collect()
    }
}

impl std::fmt::Debug for Cortex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cortex")
            .field("next_tick", &self.next)
            .field("worker", &self.worker)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl Drop for Cortex {
    fn drop(&mut self) {
        self.close();
    }
}
