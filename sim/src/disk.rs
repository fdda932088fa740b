//! Bugs that are planted at the seams of the journal, to see that the simulation finds them.

use std::any::Any;
use std::io;

use neuronbus::journal::disk::{Disk, DiskFile, MemoryDisk};

/// A bug that a simulation has to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// A sync returns before anything is synced, so that is acknowledged which is not safe.
    EarlyAcknowledgement,
    /// Some batches are written without their seal.
    SkippedSeal,
    /// Some batches are written one word too far.
    OffsetByOne,
    /// A neuron hears something that is not recorded.
    UnrecordedInput,
    /// A gate lets in, and so records, in another order than it says.
    UnorderedGate,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::EarlyAcknowledgement,
        Self::SkippedSeal,
        Self::OffsetByOne,
        Self::UnrecordedInput,
        Self::UnorderedGate,
    ];
}

/// Bytes of a seal, as the journal's format has them.
const SEAL: usize = 80;

/// The bug hits one of so many writes of a file.
const SPARED: u64 = 4;

/// A disk with one of the bugs in front of it.
#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) disk: MemoryDisk,
    pub(crate) planted: Planted,
}

impl Faulty {
    fn file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FaultyFile { file, planted: self.planted, writes: 0 })
    }
}

impl Disk for Faulty {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(self.disk.create(name)?))
    }

    fn open(&self, name: &str, write: bool) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(self.disk.open(name, write)?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.disk.sync_directory()
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Any + Send>>> {
        self.disk.lock()
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: Box<dyn DiskFile>,
    planted: Planted,
    writes: u64,
}

impl DiskFile for FaultyFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(into, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.writes += 1;
        let hit = self.writes.is_multiple_of(SPARED) && bytes.len() > SEAL;
        match self.planted {
            Planted::SkippedSeal if hit => self.file.write_at(&bytes[..bytes.len() - SEAL], offset),
            Planted::OffsetByOne if hit => self.file.write_at(bytes, offset + 8),
            _ => self.file.write_at(bytes, offset),
        }
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.file.set_length(length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        if self.planted == Planted::EarlyAcknowledgement {
            return Ok(());
        }
        self.file.sync_data()
    }
}
