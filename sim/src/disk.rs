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
    /// What firings have left for the learning rule is not saved in snapshots.
    UnsavedTrace,
    /// The index of a segment says of each place that it is that of the record after.
    IndexOffByOne,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::EarlyAcknowledgement,
        Self::SkippedSeal,
        Self::OffsetByOne,
        Self::UnrecordedInput,
        Self::UnorderedGate,
        Self::UnsavedTrace,
        Self::IndexOffByOne,
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
    fn file(&self, name: &str, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        let kind = if name.starts_with("snapshot-") {
            Kind::Snapshot
        } else if name.contains(".index") {
            Kind::Index
        } else {
            Kind::Segment
        };
        Box::new(FaultyFile { file, kind, planted: self.planted, writes: 0 })
    }
}

impl Disk for Faulty {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(name, self.disk.create(name)?))
    }

    fn open(&self, name: &str, write: bool) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(name, self.disk.open(name, write)?))
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

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Segment,
    Index,
    Snapshot,
}

#[derive(Debug)]
struct FaultyFile {
    file: Box<dyn DiskFile>,
    kind: Kind,
    planted: Planted,
    writes: u64,
}

impl FaultyFile {
    /// Writes the file anew as a program with the bug would have written it.
    fn rewrite(&mut self, rewritten: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut bytes = vec![0; self.file.length()? as usize];
        self.file.read_at(&mut bytes, 0)?;
        rewritten(&mut bytes);
        self.file.write_at(&bytes, 0)
    }
}

impl DiskFile for FaultyFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(into, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.writes += 1;
        let segment = self.kind == Kind::Segment;
        let hit = segment && self.writes.is_multiple_of(SPARED) && bytes.len() > SEAL;
        match self.planted {
            Planted::SkippedSeal if hit => self.file.write_at(&bytes[..bytes.len() - SEAL], offset),
            Planted::OffsetByOne if hit => self.file.write_at(bytes, offset + 8),
            Planted::IndexOffByOne if self.kind == Kind::Index => {
                let mut bytes = bytes.to_vec();
                shift_index(&mut bytes);
                self.file.write_at(&bytes, offset)
            }
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
        match self.planted {
            Planted::EarlyAcknowledgement => return Ok(()),
            Planted::UnsavedTrace if self.kind == Kind::Snapshot => {
                self.rewrite(forget_traces)?;
            }
            _ => {}
        }
        self.file.sync_data()
    }
}

/// Adds one to the sequence of each mark of an index, and makes its check right again.
fn shift_index(bytes: &mut [u8]) {
    const TOP: usize = 88;
    const MARK: usize = 40;
    for mark in bytes[TOP..].chunks_exact_mut(MARK) {
        if let Some(sequence) = mark.first_chunk_mut() {
            *sequence = (u64::from_le_bytes(*sequence) + 1).to_le_bytes();
        }
    }
    let check = crc32c::crc32c(&bytes[16..]).to_le_bytes();
    bytes[12..16].copy_from_slice(&check);
}

/// Zeros the columns of a snapshot that hold traces of firings, and makes its hashes right again.
fn forget_traces(bytes: &mut [u8]) {
    const HEADER: usize = 192;
    const HEAD: usize = 16;
    let mut at = HEADER + HEAD;
    while let Some(head) = bytes.get(at..at + HEAD) {
        let (kind, name) = (head[1], usize::from(u16::from_le_bytes([head[2], head[3]])));
        let count = u64::from_le_bytes(head[8..].try_into().unwrap_or_default()) as usize;
        let width = [0, 1, 2, 4, 8, 4].get(usize::from(kind)).copied().unwrap_or(0);
        let values = at + HEAD + name.next_multiple_of(8);
        let next = values + (count * width).next_multiple_of(8);
        if bytes[at + HEAD..].starts_with(b"firings.") && kind == 5 {
            bytes[values..values + count * width].fill(0);
        }
        at = next;
    }
    let content = *blake3::hash(&bytes[HEADER..]).as_bytes();
    bytes[128..160].copy_from_slice(&content);
    let header = *blake3::hash(&bytes[..160]).as_bytes();
    bytes[160..HEADER].copy_from_slice(&header);
}
