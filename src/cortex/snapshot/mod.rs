//! Snapshots: the whole state of a cortex as bytes, and a cortex that goes on from them.
//!
//! What is written is the same for any number of workers: neurons in order of ids, synapses in order of rows, what is
//! under way in order of arrival. So a state that two workers wrote is loaded by three, or by one.

mod blueprint;
mod flights;
mod neurons;
mod ticking;

use std::io::{self, Write};

pub(super) use blueprint::Blueprint;

use super::worker::{Body, Worker};
use super::{Cortex, Digest, RunError};
use crate::arena::ArenaError;
use crate::crowd::CrowdStateError;
use crate::id::NeuronId;
use crate::neuron;
use crate::population::Network;
use crate::state::{StateError, StateReader, StateWriter, Texts, TextsColumn};
use crate::synapse::SynapseTable;
use crate::time::Tick;
use neurons::Neurons;

/// Why a state could not be saved or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes are no state, or hold something that cannot be.
    #[error(transparent)]
    State(#[from] StateError),
    /// The state is that of another topology.
    #[error("the state is of another topology: {what} is {saved} there, and {here} here")]
    Topology {
        /// What differs.
        what: String,
        /// What it is in the state.
        saved: String,
        /// What it is in this cortex.
        here: String,
    },
    /// A neuron cannot be saved, or refuses what was saved of it.
    #[error("neuron {neuron}: {reason}")]
    Neuron {
        /// Its address.
        neuron: String,
        /// What it said.
        reason: String,
    },
    /// Neurons that would not be what they were.
    #[error("{} cannot be saved: {}", counted(.0.len()), listed(.0))]
    Forgetful(Vec<(String, String)>),
    /// A payload does not fit into the arena.
    #[error("the arena has no room for a payload of {bytes} bytes that is under way: {source}")]
    Room {
        /// Bytes of the payload.
        bytes: usize,
        /// What the arena said.
        source: ArenaError,
    },
    /// The cortex has run already.
    #[error("only a cortex that has not run takes a state: this one's next tick is {0}")]
    NotFresh(u64),
    /// The state says that it is another one than it is.
    #[error("the restored state has digest {found}, and {expected} was saved: it is not the same")]
    Digest {
        /// That of the state as it was restored.
        found: Digest,
        /// That of the state when it was saved.
        expected: Digest,
    },
    /// The workers run freely: each knows of the others' cells what it was told, and no state holds that.
    #[error(
        "workers that run freely have no state that a snapshot holds: replay their journal from its beginning"
    )]
    FreeRunning,
    /// The cortex has failed before.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The bytes could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn counted(neurons: usize) -> String {
    if neurons == 1 { "one neuron".to_owned() } else { format!("{neurons} neurons") }
}

/// The first few of them, each with its reason.
fn listed(neurons: &[(String, String)]) -> String {
    let shown = neurons.iter().take(8).map(|(neuron, why)| format!("{neuron}: {why}"));
    let more = (neurons.len() > 8).then(|| format!("and {} more", neurons.len() - 8));
    shown.chain(more).collect::<Vec<_>>().join("; ")
}

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct SnapshotInfo {
    /// The first tick that had not been computed.
    pub tick: u64,
    /// The [plan](Cortex::plan) of the topology.
    pub plan: Digest,
    /// How many bytes were written.
    pub bytes: u64,
}

impl Cortex {
    /// Writes all state that a run computes, so that [`restore`](Self::restore) can go on from it. Called between two
    /// ticks; what gates hold on their own threads is not part of it, nor what monitors have written down.
    ///
    /// # Errors
    /// [`SnapshotError::Neuron`] when an agent panics while it is asked for its state; when the bytes cannot be
    /// written.
    pub fn snapshot(&mut self, mut out: impl Write) -> Result<SnapshotInfo, SnapshotError> {
        if self.is_free() {
            return Err(SnapshotError::FreeRunning);
        }
        let apart = self.is_apart();
        self.come_together()?;
        let mut writer = StateWriter::new(&mut out);
        self.save(&mut writer)?;
        let bytes = writer.finish()?;
        if apart {
            self.set_off()?;
        }
        Ok(SnapshotInfo { tick: self.next, plan: self.plan(), bytes })
    }

    /// Takes the state that [`snapshot`](Self::snapshot) wrote: this cortex then goes on as if it were the one that
    /// wrote it. It must be built from the same description and not have run; how it runs (workers, pace, monitors) may
    /// differ. Its neurons are [started](crate::neuron::Neuron::on_start) before they get their state.
    ///
    /// # Errors
    /// Where the bytes are no state of this topology, or a neuron refuses its part. Whatever is found to be wrong after
    /// the topology was compared leaves the cortex closed: it cannot be run, build another.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        if self.next > 0 || self.opened || self.closed {
            return Err(SnapshotError::NotFresh(self.next));
        }
        let state = StateReader::new(bytes)?;
        let saved = Blueprint::load(state.section("blueprint")?)?;
        if let Some(mismatch) = self.blueprint.differs(&saved) {
            let blueprint::Mismatch { what, saved, here } = mismatch;
            return Err(SnapshotError::Topology { what, saved, here });
        }
        self.start_neurons()?;
        // Whatever is left half done is never run.
        self.closed = true;
        self.load(&state)?;
        self.closed = false;
        Ok(())
    }

    /// Whether a snapshot holds all that every neuron is: none says that it [forgets](crate::neuron::Neuron::forgets)
    /// something, and each takes back what it writes.
    ///
    /// # Errors
    /// [`SnapshotError::Forgetful`] names those that do not, and why.
    pub fn can_be_saved(&mut self) -> Result<(), SnapshotError> {
        let mut found = Vec::new();
        for worker in self.workers_mut() {
            let ids = (0..worker.cells.len()).filter_map(|index| NeuronId::from_index(index).ok());
            for id in ids {
                let Body::Agent(agent) = &mut worker.cells[id.index()].body else { continue };
                found.extend(neuron::check(agent.as_mut()).err().map(|fault| (id, None, fault)));
            }
            let cells = worker.crowds.forgetful().into_iter();
            found.extend(cells.map(|(id, cell, fault)| (id, Some(cell), fault)));
        }
        found.sort_by_key(|&(id, cell, _)| (id, cell));
        let named = found.into_iter().map(|(id, cell, fault)| {
            let cell = cell.map_or_else(String::new, |cell| format!("[{cell}]"));
            (format!("{}{cell}", self.atlas().address(id)), fault.message().to_owned())
        });
        let forgetful: Vec<(String, String)> = named.collect();
        if forgetful.is_empty() { Ok(()) } else { Err(SnapshotError::Forgetful(forgetful)) }
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), SnapshotError> {
        let workers: Vec<&Worker> = self.workers().collect();
        let homes = Homes::of(&workers);
        self.blueprint.save(out)?;
        save_atlas(workers[0], self.built, out)?;
        let ids: Vec<(NeuronId, &Worker)> =
            homes.ids().map(|id| (id, workers[homes.of_neuron(id)])).collect();
        neurons::save(&ids, out)?;
        for &(id, worker) in &ids {
            if let Body::Crowd(crowd) = worker.cells[id.index()].body {
                out.section(&format!("crowd/{id}"))?;
                let saved = worker.crowds.save(crowd, out);
                saved.map_err(|error| SnapshotError::of_crowd(worker.atlas.address(id), error))?;
            }
        }
        let networks: Vec<&Network> = workers.iter().map(|worker| &worker.network).collect();
        Network::save(&networks, out)?;
        let tables: Vec<&SynapseTable> = workers.iter().map(|worker| &worker.table).collect();
        SynapseTable::save(&tables, |id| homes.of_neuron(id), |p| homes.of_projection(p), out)?;
        flights::save(&workers, self.next, out)?;
        ticking::save_timers(&workers, out)?;
        self.save_ticking(out)
    }

    fn load(&mut self, state: &StateReader<'_>) -> Result<(), SnapshotError> {
        self.sprout_again(state)?;
        self.load_ticking(state)?;
        let (next, now) = (self.next, self.next.saturating_sub(1));
        let mut workers: Vec<&mut Worker> = self.workers_mut().collect();
        let homes = Homes::of(&workers.iter().map(|worker| &**worker).collect::<Vec<_>>());
        workers.iter_mut().for_each(|worker| worker.services.now = now);
        let section = state.section("neurons")?;
        let neurons = Neurons::read(section, workers[0].cells.len())?;
        for id in homes.ids() {
            let worker = &mut *workers[homes.of_neuron(id)];
            neurons.give(section, id, worker)?;
            if let Body::Crowd(crowd) = worker.cells[id.index()].body {
                let section = state.section(&format!("crowd/{id}"))?;
                let loaded = worker.crowds.load(crowd, section);
                loaded.map_err(|error| SnapshotError::of_crowd(worker.atlas.address(id), error))?;
            }
        }
        let mut networks: Vec<_> = workers.iter_mut().map(|worker| &mut worker.network).collect();
        Network::load(&mut networks, state, next)?;
        let mut tables: Vec<_> = workers.iter_mut().map(|worker| &mut worker.table).collect();
        let (home, home_of) = (|id| homes.of_neuron(id), |p| homes.of_projection(p));
        SynapseTable::load(&mut tables, home, home_of, state, now)?;
        flights::load(&mut workers, next, state)?;
        ticking::load_timers(&mut workers, next, state)
    }

    /// Lets the neurons come into being that templates had made, in the order in which they did.
    fn sprout_again(&mut self, state: &StateReader<'_>) -> Result<(), SnapshotError> {
        let section = state.section("atlas")?;
        let regions: Vec<u16> = section.all("region")?;
        let names = TextsColumn::read(section, "name", regions.len())?;
        if regions.len() < self.built || section.value::<u32>("built")? as usize != self.built {
            return Err(section.misshapen("region", regions.len(), self.built).into());
        }
        for (at, &region) in regions.iter().enumerate() {
            let name = names.text(at);
            let refuse = |why| section.refuse("name", at, format!("{region}:{name:?}"), why);
            if at < self.built {
                let id = NeuronId::from_index(at).ok();
                let own = id.filter(|&id| {
                    let home = self.atlas().region_of(id).map(crate::id::RegionId::raw);
                    home == Some(region) && self.atlas().name(id) == name
                });
                own.ok_or_else(|| refuse("another neuron was built here"))?;
                continue;
            }
            let template = self.worker.regions.get(usize::from(region));
            let Some(template) = template.and_then(|plan| plan.template.as_ref()) else {
                return Err(refuse("the region makes no neurons").into());
            };
            let Ok(region) = crate::id::RegionId::new(region) else {
                return Err(refuse("there is no such region").into());
            };
            if self.atlas().members(region).len() >= template.bound {
                return Err(refuse("the region is full").into());
            }
            let (neuron, membrane) = ((template.make)(&name), template.membrane);
            let (card, mut neuron) = (neuron.card(), Some(neuron));
            let home = self.worker.crossing.home_of_region(region);
            for worker in self.workers_mut() {
                let here = worker.crossing.index == home;
                let neuron = if here { neuron.take() } else { None };
                let sprouted = worker.sprout(region, &name, neuron, membrane, card.clone());
                sprouted.map_err(|_| refuse("it is no name, or was there before"))?;
            }
        }
        Ok(())
    }
}

impl SnapshotError {
    fn of_crowd(address: String, error: CrowdStateError) -> Self {
        match error {
            CrowdStateError::Write(error) => error.into(),
            CrowdStateError::State(error) => error.into(),
            CrowdStateError::Cell(cell, fault) => {
                let reason = fault.message().to_owned();
                Self::Neuron { neuron: format!("{address}[{cell}]"), reason }
            }
        }
    }
}

/// Which worker has what.
struct Homes {
    workers: usize,
    neurons: Vec<u8>,
    /// By projection, that of its targets.
    projections: Vec<u8>,
}

impl Homes {
    fn of(workers: &[&Worker]) -> Self {
        let first = workers[0];
        let ids = (0..first.cells.len()).filter_map(|index| NeuronId::from_index(index).ok());
        let neurons = ids.map(|id| first.crossing.home(id)).collect();
        let mut projections = vec![0; first.table.projections.len()];
        for wiring in &first.wiring {
            projections[wiring.projection] = first.crossing.home_of_region(wiring.to.region);
        }
        Self { workers: workers.len(), neurons, projections }
    }

    fn ids(&self) -> impl Iterator<Item = NeuronId> + use<> {
        (0..self.neurons.len()).filter_map(|index| NeuronId::from_index(index).ok())
    }

    fn of_neuron(&self, id: NeuronId) -> usize {
        usize::from(self.neurons[id.index()]).min(self.workers - 1)
    }

    fn of_projection(&self, projection: u32) -> usize {
        let home = self.projections.get(projection as usize).copied().unwrap_or(0);
        usize::from(home).min(self.workers - 1)
    }
}

/// Who is there: what was built, and what has come since.
fn save_atlas(worker: &Worker, built: usize, out: &mut StateWriter<'_>) -> io::Result<()> {
    let atlas = &worker.atlas;
    let ids = (0..worker.cells.len()).filter_map(|index| NeuronId::from_index(index).ok());
    let (mut regions, mut names) = (Vec::new(), Texts::default());
    for id in ids {
        regions.push(atlas.region_of(id).map_or(u16::MAX, crate::id::RegionId::raw));
        names.push(atlas.name(id).as_bytes());
    }
    out.section("atlas")?;
    out.value("built", built as u32)?;
    out.column("region", &regions)?;
    names.write("name", out)
}

impl SnapshotInfo {
    /// The first tick that had not been computed.
    #[must_use]
    pub const fn next_tick(&self) -> Tick {
        Tick(self.tick)
    }
}
