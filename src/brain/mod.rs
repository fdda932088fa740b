//! Many processes, one brain: a directory of shared files where other programs find a cortex.
//!
//! The cortex makes the directory; who knows its path can attach. Nothing runs between the two: a spike is written by
//! one process into a ring that another has mapped.
//!
//! ```text
//! DIR/brain             whose it is, how it goes, the doors and regions    (table)
//! DIR/door-0-0.axon     the ring of door 0, lane 0                         (crate::axon)
//! DIR/door-0-0.arena    its payloads above 46 bytes                        (crate::arena)
//! DIR/trace-0.axon      every spike that worker 0 fires, for taps
//! DIR/trace-0.arena
//! ```
//!
//! - [`Brain::sensory`] gives a producer: the only writer of one lane of a door. What it was told is accepted survives
//!   its own death and that of the cortex.
//! - [`Brain::motor`] gives a reader: the cortex does not pass it. When its process dies it is let go.
//! - [`Brain::tap`] gives an observer: it maps everything for reading only, holds nobody up, and knows what it lost.
//!
//! A peer is another trust domain. Whatever it writes into a file is checked where it is read, so that a damaged or
//! hostile file leads to refusals that are counted and to nothing else. Modes are 0600 unless the directory is made for
//! a group. A dead process is told by its number, the moment it started and its namespace; a stopped one is not dead.
//!
//! ```
//! use neuronbus::brain::Brain;
//! use neuronbus::prelude::*;
//!
//! # fn main() -> neuronbus::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("demo");
//! let mut builder = Cortex::builder();
//! let ear = builder.region(Region::sensory("senses/ear"));
//! let echo = builder.region(Region::agents("cortex/echo").neuron("echo", Relay::default()));
//! let voice = builder.region(Region::motor("motor/voice"));
//! builder.project(ear, echo, Projection::all_to_all()).project(echo, voice, Projection::all_to_all());
//! builder.directory(&path);
//! let running = builder.build()?.spawn()?;
//!
//! // In the same process here, and the same in any other.
//! let brain = Brain::attach(&path)?;
//! let mut voice = brain.motor("voice")?;
//! brain.sensory("ear")?.fire(b"hello")?;
//! let answer = voice.read_within(std::time::Duration::from_secs(10))?;
//! assert_eq!(answer.map(|heard| heard.payload.to_vec()), Some(b"hello".to_vec()));
//! # drop(running);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod carriage;
mod census;
mod directory;
mod error;
mod gates;
mod host;
mod motor;
mod observers;
mod porter;
mod sensory;
mod table;
mod tap;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use crate::arena::TrustedWriters;
pub use census::{Attached, Census, DoorCensus, Repairs, Role};
pub use directory::{Directory, default_path};
pub use error::BrainError;
pub(crate) use host::{Host, Trace};
pub use motor::{Heard, Motor};
pub use sensory::Sensory;
pub use table::Pulse;
pub use tap::{Overheard, Tap};

use crate::shm::process::Life;
use crate::sync::Arc;
use table::{DoorEntry, Table};

/// The most producers of one door at once.
const LANES_MAX: usize = 256;

/// Between two looks at whether the cortex lives, for those who wait for it.
const LOOK: Duration = Duration::from_millis(100);

/// Which way spikes go through a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From other processes into the cortex.
    Sensory,
    /// From the cortex to other processes.
    Motor,
}

/// The shape of a door for other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    pub(crate) direction: Direction,
    pub(crate) lanes: usize,
    pub(crate) slots: usize,
    pub(crate) readers: usize,
    pub(crate) payload_bytes: usize,
}

impl Door {
    /// A door into the cortex, for one producer at a time: 1024 slots and 1 MiB for payloads.
    #[must_use]
    pub const fn sensory() -> Self {
        let direction = Direction::Sensory;
        Self { direction, lanes: 1, slots: 1024, readers: 1, payload_bytes: 1 << 20 }
    }

    /// A door out of the cortex, for up to 64 readers: 4096 slots and 1 MiB for payloads.
    #[must_use]
    pub const fn motor() -> Self {
        let direction = Direction::Motor;
        Self { direction, lanes: 1, slots: 4096, readers: 64, payload_bytes: 1 << 20 }
    }

    /// Which way spikes go.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// How many producers there can be at once, or how many readers.
    #[must_use]
    pub const fn places(&self) -> usize {
        match self.direction {
            Direction::Sensory => self.lanes,
            Direction::Motor => self.readers,
        }
    }

    /// So many producers at once, 1 to 256, each with a ring and an arena of its own. No meaning for a motor door.
    #[must_use]
    pub const fn lanes(mut self, lanes: usize) -> Self {
        if let Direction::Sensory = self.direction {
            self.lanes = lanes;
        }
        self
    }

    /// Slots of a ring, a power of two.
    #[must_use]
    pub const fn slots(mut self, slots: usize) -> Self {
        self.slots = slots;
        self
    }

    /// Places for readers, at most 1024. No meaning for a sensory door, which the cortex reads.
    #[must_use]
    pub const fn readers(mut self, readers: usize) -> Self {
        if let Direction::Motor = self.direction {
            self.readers = readers;
        }
        self
    }

    /// Bytes for payloads above 46 bytes; a single one takes at most a sixteenth of it.
    #[must_use]
    pub const fn payloads(mut self, bytes: usize) -> Self {
        self.payload_bytes = bytes;
        self
    }
}

/// What is known of a cortex from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CortexState {
    /// Its process lives.
    Running,
    /// It was closed.
    Ended,
    /// Its process died.
    Dead,
    /// Its process cannot be seen from here (another namespace); its beats tell.
    Unseen,
}

/// A brain directory as another process sees it.
///
/// Cheap to clone; what is attached through it stays attached on its own.
#[derive(Debug, Clone)]
pub struct Brain {
    path: PathBuf,
    table: Arc<Table>,
    read_only: bool,
}

impl Brain {
    /// Joins the brain in a directory.
    ///
    /// # Errors
    /// [`BrainError::Io`] if there is none or it may not be opened, [`BrainError::Foreign`] if it is of another
    /// version.
    pub fn attach(path: impl AsRef<Path>) -> Result<Self, BrainError> {
        let path = path.as_ref().to_owned();
        let table = Arc::new(Table::open(&path.join(directory::BRAIN))?);
        Ok(Self { path, table, read_only: false })
    }

    /// Joins it to look only: every file is mapped for reading, and nothing in it can change by this.
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    pub fn observe(path: impl AsRef<Path>) -> Result<Self, BrainError> {
        let path = path.as_ref().to_owned();
        let table = Arc::new(Table::open_read_only(&path.join(directory::BRAIN))?);
        Ok(Self { path, table, read_only: true })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it goes.
    #[must_use]
    pub fn state(&self) -> CortexState {
        let owner = self.table.owner();
        match owner.life {
            _ if owner.ended => CortexState::Ended,
            Life::Alive => CortexState::Running,
            Life::Dead => CortexState::Dead,
            Life::Unknown => CortexState::Unseen,
        }
    }

    /// Which of the cortexes that had this directory is or was the last; the first is 1.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.table.epoch()
    }

    /// What the cortex said last.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.table.pulse()
    }

    /// The paths of its regions, in the order of their ids.
    #[must_use]
    pub fn regions(&self) -> &[String] {
        &self.table.regions
    }

    /// Whether the cortex is there: the error says how it ended otherwise.
    ///
    /// # Errors
    /// [`BrainError::CortexGone`], [`BrainError::CortexEnded`], or [`BrainError::CutShort`] when nothing can be known.
    pub fn check(&self) -> Result<(), BrainError> {
        if self.table.is_cut_short() {
            return Err(BrainError::CutShort { path: self.path.clone() });
        }
        let owner = self.table.owner();
        let (pid, epoch) = (owner.identity.pid, owner.epoch);
        match owner.life {
            _ if owner.ended => Err(BrainError::CortexEnded { epoch }),
            Life::Dead => Err(BrainError::CortexGone { pid, epoch }),
            Life::Alive | Life::Unknown => Ok(()),
        }
    }

    /// Waits until a cortex has the directory, or a time has passed; whether one has.
    #[must_use]
    pub fn wait_for_cortex(&self, timeout: Duration) -> bool {
        let patience = porter::Patience::new(timeout);
        loop {
            if self.check().is_ok() {
                return true;
            }
            if !patience.doze(LOOK) {
                return false;
            }
        }
    }

    /// A producer for a sensory door, named by its path or by the last part of it if that is one door's only.
    ///
    /// # Errors
    /// [`BrainError::NoSuch`], [`BrainError::Taken`] when every lane has a producer that lives, and what the files say.
    pub fn sensory(&self, name: &str) -> Result<Sensory, BrainError> {
        let (number, entry) = self.door(name, Direction::Sensory)?;
        Sensory::open(self, number, entry)
    }

    /// A reader of a motor door from now on; the cortex waits for it.
    ///
    /// # Errors
    /// [`BrainError::NoSuch`], [`BrainError::Axon`] when the table of readers is full, and what the files say.
    pub fn motor(&self, name: &str) -> Result<Motor, BrainError> {
        let (number, entry) = self.door(name, Direction::Motor)?;
        Motor::open(self, number, entry)
    }

    /// An observer of what a region fires from now on, named as a door is; `*` is everything.
    ///
    /// # Errors
    /// [`BrainError::NoSuch`], and what the files say.
    pub fn tap(&self, name: &str) -> Result<Tap, BrainError> {
        Tap::open(self, name)
    }

    fn door(&self, name: &str, direction: Direction) -> Result<(usize, &DoorEntry), BrainError> {
        if self.read_only {
            return Err(BrainError::ReadOnly { path: self.path.clone() });
        }
        let doors = self.table.doors.iter().enumerate();
        let doors: Vec<_> = doors.filter(|(_, entry)| entry.door.direction == direction).collect();
        let paths: Vec<&str> = doors.iter().map(|(_, entry)| entry.path.as_str()).collect();
        let what = match direction {
            Direction::Sensory => "sensory gate",
            Direction::Motor => "motor gate",
        };
        find(&paths, name, what).map(|found| doors[found])
    }
}

/// The one of these paths that a name means: the whole path, or its last part.
fn find(paths: &[&str], name: &str, what: &'static str) -> Result<usize, BrainError> {
    if let Some(whole) = paths.iter().position(|path| *path == name) {
        return Ok(whole);
    }
    let last = |path: &&str| path.rsplit('/').next() == Some(name);
    let mut matching = paths.iter().enumerate().filter(|(_, path)| last(path));
    match (matching.next(), matching.next()) {
        (Some((found, _)), None) => Ok(found),
        _ => {
            let known = paths.iter().map(|&path| path.to_owned()).collect();
            Err(BrainError::NoSuch { what, name: name.to_owned(), known })
        }
    }
}
