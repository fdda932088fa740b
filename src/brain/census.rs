//! Who is attached to a brain, how far each is, and what the dead have left.

use std::path::Path;

use crate::arena::{Arena, ArenaUsage};
use crate::axon::{AxonError, AxonHub, Occupant};
use crate::shm::process::Life;

use super::carriage::Outgoing;
use super::directory::{files, trace_files};
use super::observers;
use super::{Brain, BrainError, CortexState, Direction, Pulse};

/// What a process does at a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It writes.
    Writer,
    /// It reads, and the writer waits for it.
    Reader,
    /// It looks on and leaves no mark: known from the system's list of mappings (Linux), as far as it may be seen.
    Observer,
}

/// One end of a ring that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Attached {
    /// What it does.
    pub role: Role,
    /// The number of its process.
    pub pid: u32,
    /// Whether the process lives; `None` if it cannot be seen from here.
    pub alive: Option<bool>,
    /// Of a reader: published and not read.
    pub lag: u64,
}

/// One lane of a door.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DoorCensus {
    /// The path of its region; `(trace)` is the ring of all that is fired.
    pub path: String,
    /// Which way spikes go; `None` for the trace.
    pub direction: Option<Direction>,
    /// The number of the lane.
    pub lane: usize,
    /// Slots.
    pub slots: u64,
    /// Published so far.
    pub published: u64,
    /// Dropped or handed back because the ring was full.
    pub refused_full: u64,
    /// Bytes of the ring and of its arena.
    pub bytes: u64,
    /// Its payloads.
    pub arena: ArenaUsage,
    /// Who holds an end.
    pub attached: Vec<Attached>,
}

/// All that can be seen of a brain from outside.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Census {
    /// How the cortex is.
    pub state: CortexState,
    /// The number of its process.
    pub pid: u32,
    /// Which of the cortexes of this directory it is.
    pub epoch: u64,
    /// What it said last.
    pub pulse: Pulse,
    /// Bytes of all files.
    pub bytes: u64,
    /// The doors, lane by lane, and the trace last.
    pub doors: Vec<DoorCensus>,
}

impl Census {
    /// Ends whose holders have died, as (path, lane, end).
    pub fn dead(&self) -> impl Iterator<Item = (&str, usize, &Attached)> {
        self.doors.iter().flat_map(|door| {
            let dead = door.attached.iter().filter(|end| end.alive == Some(false));
            dead.map(|end| (door.path.as_str(), door.lane, end))
        })
    }
}

/// What was put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Repairs {
    /// Places of dead readers that were let go.
    pub readers: u64,
    /// Spikes that those had not read.
    pub unread: u64,
    /// Places of dead writers that were let go, with what they left half written and their payloads.
    pub writers: u64,
    /// Bytes of payloads that are free again.
    pub bytes: u64,
}

fn attached(role: Role, occupant: Occupant) -> Attached {
    let alive = match occupant.life {
        Life::Alive => Some(true),
        Life::Dead => Some(false),
        Life::Unknown => None,
    };
    Attached { role, pid: occupant.identity.pid, alive, lag: occupant.lag }
}

fn count(
    path: &str,
    direction: Option<Direction>,
    lane: usize,
    (axon, arena): (&Path, &Path),
) -> Result<DoorCensus, BrainError> {
    let hub = AxonHub::look(axon).map_err(BrainError::axon(axon))?;
    let arena = Arena::open_read_only(arena)?;
    let account = hub.account();
    let readers = hub.reading().into_iter().map(|(_, reader)| attached(Role::Reader, reader));
    let writer = hub.writing().map(|writer| attached(Role::Writer, writer));
    let usage = arena.usage();
    Ok(DoorCensus {
        path: path.to_owned(),
        direction,
        lane,
        slots: account.capacity,
        published: account.published,
        refused_full: account.dropped.saturating_add(account.deferred),
        bytes: hub.bytes() + usage.capacity,
        arena: usage,
        attached: writer.into_iter().chain(readers).collect(),
    })
}

impl Brain {
    /// Looks at everything, for reading only.
    ///
    /// # Errors
    /// What the files say.
    pub fn census(&self) -> Result<Census, BrainError> {
        let owner = self.table.owner();
        let mut doors = Vec::new();
        for (number, entry) in self.table.doors.iter().enumerate() {
            for lane in 0..entry.door.lanes {
                let (axon, arena) = files(&self.path, number, lane);
                let direction = Some(entry.door.direction);
                doors.push(count(&entry.path, direction, lane, (&axon, &arena))?);
            }
        }
        for trace in 0..self.table.traces {
            let (axon, arena) = trace_files(&self.path, trace);
            let mut door = count("(trace)", None, trace, (&axon, &arena))?;
            let observer = |pid| Attached { role: Role::Observer, pid, alive: Some(true), lag: 0 };
            door.attached.extend(observers::of(&axon).into_iter().map(observer));
            doors.push(door);
        }
        let bytes = self.table.bytes() + doors.iter().map(|door| door.bytes).sum::<u64>();
        let (pid, epoch) = (owner.identity.pid, owner.epoch);
        Ok(Census { state: self.state(), pid, epoch, pulse: self.pulse(), bytes, doors })
    }

    /// Lets go what dead processes hold: readers' places, writers' places with their half written batches, and payloads
    /// that nobody will read. What living ones hold is not touched, nor is the cortex's own place as a reader.
    ///
    /// # Errors
    /// What the files say; what was put right before stays so.
    pub fn repair(&self) -> Result<Repairs, BrainError> {
        if self.read_only {
            return Err(BrainError::ReadOnly { path: self.path.clone() });
        }
        let mut repairs = Repairs::default();
        for (number, entry) in self.table.doors.iter().enumerate() {
            for lane in 0..entry.door.lanes {
                let (axon, arena) = files(&self.path, number, lane);
                let kept = (entry.door.direction == Direction::Sensory).then_some(0);
                repair_lane(&axon, &arena, kept, &mut repairs)?;
            }
        }
        for trace in 0..self.table.traces {
            let (axon, arena) = trace_files(&self.path, trace);
            repair_lane(&axon, &arena, None, &mut repairs)?;
        }
        Ok(repairs)
    }
}

fn repair_lane(
    axon: &Path,
    arena: &Path,
    kept: Option<usize>,
    repairs: &mut Repairs,
) -> Result<(), BrainError> {
    let hub = AxonHub::open(axon).map_err(BrainError::axon(axon))?;
    let (readers, unread) = hub.reap(kept);
    repairs.readers += readers;
    repairs.unread = repairs.unread.saturating_add(unread);
    let writer_died = hub.writing().is_some_and(|writer| writer.life == Life::Dead);
    let arena = Arena::open(arena)?;
    let before = arena.usage().in_use;
    // Whoever becomes the writer finishes what the last one began, and is gone again at once.
    match Outgoing::take_over(&hub, arena) {
        Ok(mut outgoing) => {
            outgoing.let_go();
            repairs.writers += u64::from(writer_died);
            repairs.bytes += before.saturating_sub(outgoing.usage().in_use);
            Ok(())
        }
        Err(AxonError::Written { .. }) => Ok(()),
        Err(error) => Err(BrainError::axon(axon)(error)),
    }
}
