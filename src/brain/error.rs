use std::io;
use std::path::{Path, PathBuf};

use crate::arena::ArenaError;
use crate::axon::AxonError;
use crate::shm::header::Mismatch;
use crate::spike::SpikeError;

/// Why a brain directory cannot be made, joined or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrainError {
    /// The system refused a file.
    #[error("{} cannot be used: {kind}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The file is not what a brain directory of this version has there.
    #[error("{} is not of this version: {what} is {found:#x}, expected {expected:#x}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Which part of it.
        what: &'static str,
        /// What is there.
        found: u64,
        /// What should be.
        expected: u64,
    },
    /// The directory was made for another topology.
    #[error("{} was made for another topology: {what} is {found}, expected {expected}; remove it", path.display())]
    Other {
        /// The directory.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What is there.
        found: String,
        /// What this topology has.
        expected: String,
    },
    /// A cortex that lives has the directory.
    #[error("{} belongs to process {pid}, which lives", path.display())]
    Owned {
        /// The directory.
        path: PathBuf,
        /// Whose.
        pid: u32,
    },
    /// A ring is refused.
    #[error("{}: {source}", path.display())]
    Axon {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: AxonError,
    },
    /// An arena is refused, or has no room.
    #[error(transparent)]
    Arena(#[from] ArenaError),
    /// A payload fits neither a spike nor, where there is none, an arena.
    #[error(transparent)]
    Spike(#[from] SpikeError),
    /// No gate or region of this name, or several.
    #[error("no {what} {name:?}: there are {}", known.join(", "))]
    NoSuch {
        /// `sensory gate`, `motor gate` or `region`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Every place for a producer of this gate is taken by a process that lives.
    #[error("process {pid} feeds {gate} and lives; the gate takes {lanes} at once")]
    Taken {
        /// The gate.
        gate: String,
        /// How many it takes.
        lanes: usize,
        /// One of them.
        pid: u32,
    },
    /// The cortex has ended without closing; another may take its directory over.
    #[error("the cortex (process {pid}, epoch {epoch}) is dead")]
    CortexGone {
        /// Its number.
        pid: u32,
        /// Which of the cortexes that had this directory it was.
        epoch: u64,
    },
    /// The cortex has ended as it was asked to; another may take its directory over.
    #[error("the cortex of epoch {epoch} has ended")]
    CortexEnded {
        /// Which of the cortexes that had this directory it was.
        epoch: u64,
    },
    /// The cortex has not caught up.
    #[error("the ring of {gate} is full: the cortex has not caught up")]
    Full {
        /// The gate.
        gate: String,
    },
    /// The path of a region is too long for the table.
    #[error("the path {path:?} is refused: a brain directory has room for {limit} bytes")]
    PathTooLong {
        /// The region's path.
        path: String,
        /// How many bytes there is room for.
        limit: usize,
    },
    /// A door cannot have so many lanes.
    #[error("{lanes} lanes of {gate} are refused: a gate takes 1 to {limit}")]
    Lanes {
        /// The gate.
        gate: String,
        /// What was asked for.
        lanes: usize,
        /// How many there can be.
        limit: usize,
    },
    /// Somebody made a file shorter while it was in use.
    #[error("a file of {} was cut short by somebody", path.display())]
    CutShort {
        /// The directory.
        path: PathBuf,
    },
    /// What is mapped is mapped for reading only.
    #[error("{} was joined to observe: it takes no producer and no reader that the cortex waits for", path.display())]
    ReadOnly {
        /// The directory.
        path: PathBuf,
    },
}

impl BrainError {
    pub(super) fn io(path: &Path, source: &io::Error) -> Self {
        Self::Io { path: path.to_owned(), kind: source.kind() }
    }

    pub(super) fn foreign(path: &Path, wrong: Mismatch) -> Self {
        let Mismatch { what, found, expected } = wrong;
        Self::Foreign { path: path.to_owned(), what, found, expected }
    }

    pub(super) fn axon(path: &Path) -> impl Fn(AxonError) -> Self {
        move |source| match source {
            AxonError::Memory { kind, .. } => Self::Io { path: path.to_owned(), kind },
            source => Self::Axon { path: path.to_owned(), source },
        }
    }
}
