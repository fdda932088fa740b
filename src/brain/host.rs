//! The cortex's side of a directory: making or taking it over, and what the worker tells it.

use std::sync::{Mutex, OnceLock};

use crate::arena::Arena;
use crate::axon::{Axon, AxonHub, Doorbell, Overflow};
use crate::gate::Gate;
use crate::shm::tenure::Tenure;
use crate::spike::Spike;
use crate::sync::{Arc, lock};

use super::carriage::{Incoming, Outgoing};
use super::directory::{BRAIN, Directory, files, trace_files};
use super::gates::{MotorGate, SensoryGate};
use super::porter::Porter;
use super::table::{DoorEntry, Table};
use super::{BrainError, Direction, Door};

/// The directory of the cortex in this process.
#[derive(Debug)]
pub(crate) struct Host {
    table: Arc<Table>,
    directory: Directory,
    /// Whose it is while it is ours.
    tenure: Mutex<Option<Tenure>>,
    /// The rings that other processes read.
    read_outside: Vec<AxonHub>,
    porter: OnceLock<Mutex<Option<Porter>>>,
}

impl Host {
    /// Makes the directory, or takes over one whose cortex is gone. `doors` are region numbers and shapes.
    pub(crate) fn establish(
        directory: Directory,
        regions: &[String],
        doors: &[(usize, Door)],
        workers: usize,
    ) -> Result<Self, BrainError> {
        let entry = |&(region, door): &(usize, Door)| DoorEntry {
            region,
            path: regions[region].clone(),
            door,
        };
        let doors: Vec<DoorEntry> = doors.iter().map(entry).collect();
        let file = directory.path.join(BRAIN);
        if !file.exists() {
            directory.make(regions, &doors, workers)?;
        }
        let table = Table::open(&file)?;
        compare(&directory, &table, regions, &doors)?;
        if table.traces != workers {
            let (found, expected) = (table.traces.to_string(), workers.to_string());
            let (path, what) = (directory.path, "the number of workers");
            return Err(BrainError::Other { path, what, found, expected });
        }
        let (tenure, _) =
            table.own().map_err(|pid| BrainError::Owned { path: directory.path.clone(), pid })?;
        let mut host = Self {
            table: Arc::new(table),
            directory,
            tenure: Mutex::new(Some(tenure)),
            read_outside: Vec::new(),
            porter: OnceLock::new(),
        };
        for (number, entry) in doors.iter().enumerate() {
            if entry.door.direction == Direction::Motor {
                let (axon, _) = files(&host.directory.path, number, 0);
                let hub = AxonHub::open(&axon).map_err(BrainError::axon(&axon))?;
                host.read_outside.push(hub);
            }
        }
        Ok(host)
    }

    /// The gate behind a door.
    pub(crate) fn gate(self: &Arc<Self>, number: usize) -> Result<Box<dyn Gate>, BrainError> {
        let entry = &self.table.doors[number];
        let lanes = (0..entry.door.lanes).map(|lane| {
            let (axon, arena) = files(&self.directory.path, number, lane);
            let hub = AxonHub::open(&axon).map_err(BrainError::axon(&axon))?;
            Ok((axon, hub, Arena::open(&arena)?))
        });
        let lanes = lanes.collect::<Result<Vec<_>, BrainError>>()?;
        match entry.door.direction {
            Direction::Sensory => {
                let lanes = lanes.into_iter().filter_map(|(_, hub, arena)| {
                    // This cortex owns the directory, so what the last one was reading is its own.
                    Some((Incoming::new(hub.adopt(0)?, arena), hub))
                });
                let table = Arc::clone(&self.table);
                Ok(Box::new(SensoryGate::new(entry.path.clone(), lanes.collect(), table)))
            }
            Direction::Motor => {
                let mut lanes = lanes.into_iter();
                let Some((axon, hub, arena)) = lanes.next() else {
                    let (gate, limit) = (entry.path.clone(), 1);
                    return Err(BrainError::Lanes { gate, lanes: 0, limit });
                };
                let outgoing = Outgoing::take_over(&hub, arena).map_err(BrainError::axon(&axon))?;
                Ok(Box::new(MotorGate::new(entry.path.clone(), outgoing, hub)))
            }
        }
    }

    /// Where everything that a worker fires is shown to taps.
    pub(crate) fn trace(&self, worker: usize) -> Result<Trace, BrainError> {
        let (axon, arena) = trace_files(&self.directory.path, worker);
        let hub = AxonHub::open(&axon).map_err(BrainError::axon(&axon))?;
        let arena = Arena::open(&arena)?;
        let outgoing = Outgoing::take_over(&hub, arena).map_err(BrainError::axon(&axon))?;
        Ok(Trace::Shared { outgoing, payload: Vec::new() })
    }

    /// The bell that producers ring.
    pub(crate) fn bell(&self) -> Doorbell {
        self.table.bell()
    }

    /// The cortex begins to run.
    pub(crate) fn open(&self) -> std::io::Result<()> {
        let (table, hubs) = (Arc::clone(&self.table), self.read_outside.clone());
        let porter = Porter::start(table, hubs, self.directory.reap_every)?;
        let _ = self.porter.set(Mutex::new(Some(porter)));
        Ok(())
    }

    /// The cortex has ended: another may take the directory.
    pub(crate) fn close(&self) {
        if let Some(porter) = self.porter.get() {
            drop(lock(porter).take());
        }
        if let Some(tenure) = lock(&self.tenure).take() {
            self.table.disown(tenure);
        }
    }

    /// Tells taps which region a neuron belongs to.
    pub(crate) fn place(&self, neuron: u16, region: u16) {
        self.table.place(neuron, region);
    }

    /// What was counted by the end of a tick: its number, admitted, fired, delivered, firings.
    pub(crate) fn tell(&self, counts: [u64; 5]) {
        self.table.set_counts(counts);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whether a directory was made for just this topology.
fn compare(
    directory: &Directory,
    table: &Table,
    regions: &[String],
    doors: &[DoorEntry],
) -> Result<(), BrainError> {
    let other = |what, found: String, expected: String| {
        Err(BrainError::Other { path: directory.path.clone(), what, found, expected })
    };
    if table.regions != regions {
        return other("the list of regions", table.regions.join(", "), regions.join(", "));
    }
    if table.doors != doors {
        let list = |doors: &[DoorEntry]| {
            let texts: Vec<String> =
                doors.iter().map(|entry| format!("{} {:?}", entry.path, entry.door)).collect();
            texts.join(", ")
        };
        return other("the list of doors", list(&table.doors), list(doors));
    }
    Ok(())
}

/// Where a worker shows what is fired.
#[derive(Debug)]
pub(crate) enum Trace {
    /// To ends within this process.
    Private(Axon),
    /// To taps of every process.
    Shared {
        /// Ring and arena.
        outgoing: Outgoing,
        /// Kept for its memory.
        payload: Vec<u8>,
    },
}

impl Trace {
    pub(crate) fn axon(&self) -> &Axon {
        match self {
            Self::Private(axon) => axon,
            Self::Shared { outgoing, .. } => outgoing.axon(),
        }
    }

    /// Shows a spike whose payload, if it is large, lies in an arena; false if it was refused.
    #[inline]
    pub(crate) fn show(&mut self, spike: &Spike, arena: &Arena) -> bool {
        match self {
            Self::Private(axon) => axon.publish_with(spike, Overflow::DropNewest).is_ok(),
            Self::Shared { outgoing, payload } => {
                let Some(place) = spike.arena_ref() else {
                    return outgoing.pass_on(spike, Overflow::DropNewest).is_ok();
                };
                arena.read_into(place, payload).is_ok()
                    && outgoing.send(*spike, payload, Overflow::DropNewest).is_ok()
            }
        }
    }
}
