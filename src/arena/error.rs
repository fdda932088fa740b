use std::io;
use std::path::{Path, PathBuf};

use crate::shm::header::Mismatch;
use crate::spike::ArenaRef;

/// Why an arena cannot be had, or does not follow a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArenaError {
    /// Nothing is free for so much; releasing blocks makes room.
    #[error("arena is full: wanted {wanted} bytes, {free} free in all")]
    Full {
        /// Bytes the block takes.
        wanted: usize,
        /// Bytes free in all segments; a block needs them in one.
        free: u64,
    },
    /// No segment can ever hold so much.
    #[error("a block of {wanted} bytes is refused: this arena takes at most {limit}")]
    TooLarge {
        /// Bytes offered.
        wanted: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The reference was right once, or never: no live block is there.
    #[error("{place:?} is stale: no live block of that length and generation is there")]
    Stale {
        /// What was refused.
        place: ArenaRef,
    },
    /// The reference points outside the segment that it names.
    #[error("{place:?} is out of range: this arena has no such place")]
    OutOfRange {
        /// What was refused.
        place: ArenaRef,
    },
    /// A count is at its end.
    #[error("{place:?} has more references or holders than can be counted")]
    Saturated {
        /// What was refused.
        place: ArenaRef,
    },
    /// An arena cannot have this shape.
    #[error(
        "{segments} segments of {segment_bytes} bytes are refused: an arena has 1 to 65536 segments of at least 64 \
         bytes, and 32 GiB in all"
    )]
    Size {
        /// How many were asked for.
        segments: usize,
        /// How large each.
        segment_bytes: usize,
    },
    /// The path exists; `open` attaches to it.
    #[error("{} exists already: open it, or choose another path", path.display())]
    AlreadyExists {
        /// What was refused.
        path: PathBuf,
    },
    /// The file is no arena of this layout.
    #[error("{} is not an arena of this version: {what} is {found:#x}, expected {expected:#x}", path.display())]
    Foreign {
        /// What was refused.
        path: PathBuf,
        /// Which part of its header.
        what: &'static str,
        /// What is there.
        found: u64,
        /// What should be.
        expected: u64,
    },
    /// The system refused the file.
    #[error("{} cannot be mapped: {kind}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The system refused the memory.
    #[error("{total} bytes of memory cannot be had: {kind}")]
    Memory {
        /// Bytes asked for.
        total: usize,
        /// Why.
        kind: io::ErrorKind,
    },
}

impl ArenaError {
    pub(super) fn io(path: &Path, source: &io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::AlreadyExists { path },
            kind => Self::Io { path, kind },
        }
    }

    pub(super) fn foreign(path: &Path, wrong: Mismatch) -> Self {
        let Mismatch { what, found, expected } = wrong;
        Self::Foreign { path: path.to_owned(), what, found, expected }
    }
}
