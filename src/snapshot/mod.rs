//! Snapshots in files: whole, checked, or not there at all.
//!
//! A [`Capture`] is taken between two ticks and written wherever there is time, on any thread. It is written under
//! another name, synced, renamed, and the directory synced: whoever finds `snapshot-<tick>.state` finds all of it. What
//! was damaged later is told by two hashes, one over the header and one over the content.
//!
//! ```text
//! offset size field
//! 0      8    magic      "NBSNAP" 0 0
//! 8      4    version    u32
//! 12     4    zero
//! 16     8    tick       u64  the first that had not been computed
//! 24     8    sequence   u64  of the journal: the first record that is not in the state
//! 32     8    length     u64  bytes of the content
//! 40     24   zero
//! 64     32   plan       of the topology
//! 96     32   digest     of the state; zero: it was not taken
//! 128    32   content    BLAKE3 of the content
//! 160    32   header     BLAKE3 of the 160 bytes before
//! 192         content    see `state`
//! ```
//!
//! The version covers this header; the content has its own, and covers itself.
//!
//! ```
//! use neuronbus::prelude::*;
//! use neuronbus::snapshot::{self, Capture};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let build = || {
//!     let mut builder = Cortex::builder();
//!     builder.region(Region::agents("sense/ears").neuron("left", Relay::default()));
//!     builder.pace(Pace::Free);
//!     builder.build()
//! };
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! let mut cortex = build()?;
//! cortex.run_for(Ticks(1_000))?;
//! Capture::of(&mut cortex, 17, Vec::new())?.write(directory)?;
//!
//! // Later, perhaps after a crash.
//! let found = snapshot::newest(directory)?.snapshot.ok_or("nothing was saved")?;
//! let mut again = build()?;
//! found.restore(&mut again)?;
//! assert_eq!((again.next_tick(), found.header.sequence), (Tick(1_000), 17));
//! # Ok(())
//! # }
//! ```

mod compare;
mod directory;
mod header;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use compare::{Finding, compare};
pub(crate) use directory::Shelf;
pub use directory::{Newest, list, nearest, newest, prune};
pub use header::{Header, VERSION};

use crate::cortex::{Cortex, Digest, SnapshotError};
use crate::journal::disk::{Directory, Disk};

/// Why a file is no snapshot, or cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file does not begin as a snapshot does.
    #[error("{} is no snapshot: it does not begin with \"NBSNAP\"", path.display())]
    Magic {
        /// The file.
        path: PathBuf,
    },
    /// The file is of another version.
    #[error("{} is a snapshot of version {found}: this program reads {expected}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: u32,
        /// What can be read.
        expected: u32,
    },
    /// The file is shorter or longer than it says.
    #[error("{} has {found} bytes, and {expected} by its header: it is cut short or damaged", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// How long it is.
        found: u64,
        /// How long it should be.
        expected: u64,
    },
    /// Bytes have changed since it was written.
    #[error("{} is damaged: its {part} has BLAKE3 {found}, and {expected} was written", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The header or the content.
        part: &'static str,
        /// What was found.
        found: String,
        /// What was written.
        expected: String,
    },
}

impl FileError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// The state of a cortex as it was between two ticks, to be written.
#[derive(Debug, Clone)]
pub struct Capture {
    header: Header,
    content: Vec<u8>,
}

impl Capture {
    /// Copies the state of a cortex, between two ticks. `sequence` is the journal's: the first record that is not in
    /// the state. The buffer of an [earlier one](Self::into_buffer) is used again.
    ///
    /// # Errors
    /// When an agent panics while it is asked for its state.
    pub fn of(
        cortex: &mut Cortex,
        sequence: u64,
        mut buffer: Vec<u8>,
    ) -> Result<Self, SnapshotError> {
        buffer.clear();
        let info = cortex.snapshot(&mut buffer)?;
        let header = Header {
            tick: info.tick,
            sequence,
            length: buffer.len() as u64,
            plan: info.plan,
            digest: None,
        };
        Ok(Self { header, content: buffer })
    }

    /// The same, with the digest that the state has: whoever restores it sees to it that it has it then. A digest takes
    /// several times as long as the copy.
    #[must_use]
    pub const fn with_digest(mut self, digest: Digest) -> Self {
        self.header.digest = Some(digest);
        self
    }

    /// What stands in the header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The state, as [`Cortex::restore`] takes it.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Its memory, for the next one.
    #[must_use]
    pub fn into_buffer(self) -> Vec<u8> {
        self.content
    }

    /// Writes it as a file of a directory, which is made if need be; returns its path. When this returns, the file
    /// outlives a loss of power.
    ///
    /// # Errors
    /// What the system refuses; no file of this name is there then that was not before.
    pub fn write(&self, directory: &Path) -> Result<PathBuf, FileError> {
        fs::create_dir_all(directory).map_err(FileError::io(directory))?;
        let disk = Directory::new(directory);
        self.write_on(Shelf { disk: &disk, place: directory }).map(|name| directory.join(name))
    }

    /// The same on any disk; returns the file's name.
    pub(crate) fn write_on(&self, shelf: Shelf<'_>) -> Result<String, FileError> {
        let name = directory::name(self.header.tick);
        let new = Path::new(&name).with_extension(directory::UNFINISHED).display().to_string();
        let disk = shelf.disk;
        let written = self.write_new(disk, &new).and_then(|()| disk.rename(&new, &name));
        if let Err(error) = written {
            // What is half written is of no use; if it stays, the next pruning removes it.
            let _ = disk.remove(&new);
            return Err(shelf.failed(&new)(error));
        }
        disk.sync_directory().map_err(FileError::io(shelf.place))?;
        Ok(name)
    }

    fn write_new(&self, disk: &dyn Disk, name: &str) -> io::Result<()> {
        let hash = *blake3::hash(&self.content).as_bytes();
        // What somebody who died has left of this name; most often nothing.
        let _ = disk.remove(name);
        let mut file = disk.create(name)?;
        file.write_at(&self.header.encode(hash), 0)?;
        file.write_at(&self.content, header::BYTES as u64)?;
        file.sync_data()
    }
}

/// A snapshot that was read, and found to be what was written.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Where it lies.
    pub path: PathBuf,
    /// What stands in its header.
    pub header: Header,
    /// The state, as [`Cortex::restore`] takes it.
    pub content: Vec<u8>,
}

impl Snapshot {
    /// Reads a file and checks every byte of it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = fs::read(path).map_err(FileError::io(path))?;
        Self::of(path.to_owned(), bytes)
    }

    /// The same on any disk.
    pub(crate) fn read_on(shelf: Shelf<'_>, name: &str) -> Result<Self, FileError> {
        let read = shelf.disk.open(name, false).and_then(|file| {
            let mut bytes = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
            let read = file.read_at(&mut bytes, 0)?;
            bytes.truncate(read);
            Ok(bytes)
        });
        Self::of(shelf.place.join(name), read.map_err(shelf.failed(name))?)
    }

    fn of(path: PathBuf, mut bytes: Vec<u8>) -> Result<Self, FileError> {
        let (header, expected) = Header::decode(&path, &bytes)?;
        let content = bytes.split_off(header::BYTES);
        let found = *blake3::hash(&content).as_bytes();
        if found != expected {
            return Err(header::damaged(&path, "content", found, expected));
        }
        Ok(Self { path, header, content })
    }

    /// Gives a freshly built cortex this state, and sees to it that its digest is the one that was saved, if one was.
    ///
    /// # Errors
    /// [`Cortex::restore`]'s, and [`SnapshotError::Digest`]; the cortex is closed then.
    pub fn restore(&self, cortex: &mut Cortex) -> Result<(), SnapshotError> {
        cortex.restore(&self.content)?;
        let Some(expected) = self.header.digest else { return Ok(()) };
        let found = cortex.digest();
        if found == expected {
            return Ok(());
        }
        cortex.close();
        Err(SnapshotError::Digest { found, expected })
    }
}
