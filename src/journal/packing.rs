//! Compressing segments that nobody writes any more, block by block, and back.

use std::io;
use std::path::Path;

use super::disk::{Directory, Disk, DiskFile};
use super::error::JournalError;
use super::header::HEADER;
use super::packed::{self, BLOCK, Entry, PackedFile};
use super::segments;

/// The ending of what is being written.
const UNFINISHED: &str = ".new";

/// A segment that is being compressed. Until it is done, and on disk, the segment is what it was.
#[derive(Debug)]
pub(super) struct Packing {
    first: u64,
    from: Box<dyn DiskFile>,
    to: Box<dyn DiskFile>,
    /// Bytes of the segment, and how many of them are done.
    length: u64,
    done: u64,
    /// Where the next frame goes.
    end: u64,
    entries: Vec<Entry>,
    block: Vec<u8>,
}

fn unfinished(first: u64) -> String {
    segments::packed_name(first) + UNFINISHED
}

impl Packing {
    /// Begins with the segment of a first sequence.
    pub(super) fn begin(disk: &dyn Disk, first: u64) -> io::Result<Self> {
        let from = disk.open(&segments::name(first), false)?;
        let length = from.length()?;
        let name = unfinished(first);
        // What somebody who died has left of this name; most often nothing.
        let _ = disk.remove(&name);
        let mut block = vec![0; BLOCK];
        let header = &mut block[..HEADER];
        if from.read_at(header, 0)? < HEADER {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut to = disk.create(&name)?;
        let (done, end) = (HEADER as u64, HEADER as u64);
        let written = to.write_at(header, 0);
        let packing = Self { first, from, to, length, done, end, entries: Vec::new(), block };
        match written {
            Ok(()) => Ok(packing),
            Err(error) => {
                packing.abandon(disk);
                Err(error)
            }
        }
    }

    /// Compresses the next block, or puts the whole in place of the segment: then it is done, and has so many bytes.
    pub(super) fn step(&mut self, disk: &dyn Disk) -> io::Result<Option<u64>> {
        let left = self.length - self.done;
        if left == 0 {
            return self.finish(disk).map(Some);
        }
        let block = &mut self.block[..left.min(BLOCK as u64) as usize];
        if self.from.read_at(block, self.done)? < block.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (frame, entry) = packed::pack(block)?;
        self.to.write_at(&frame, self.end)?;
        self.entries.push(entry);
        self.done += block.len() as u64;
        self.end += frame.len() as u64;
        Ok(None)
    }

    fn finish(&mut self, disk: &dyn Disk) -> io::Result<u64> {
        if !segments::is_plain(disk, self.first) {
            // It was forgotten meanwhile, and must not come back.
            return Err(io::ErrorKind::NotFound.into());
        }
        let foot = packed::finish(&self.entries, self.length);
        self.to.write_at(&foot, self.end)?;
        self.to.sync_data()?;
        disk.rename(&unfinished(self.first), &segments::packed_name(self.first))?;
        // Both are there from here on, and the segment counts, until the other one is sure to stay.
        disk.sync_directory()?;
        disk.remove(&segments::name(self.first))?;
        disk.sync_directory()?;
        Ok(self.end + foot.len() as u64)
    }

    /// Leaves nothing behind.
    pub(super) fn abandon(self, disk: &dyn Disk) {
        // If it stays, whoever compresses this segment next removes it.
        let _ = disk.remove(&unfinished(self.first));
    }
}

/// Makes a compressed segment one again that can be written.
pub(super) fn unpack(disk: &dyn Disk, first: u64) -> io::Result<()> {
    let (name, packed) = (segments::name(first), segments::packed_name(first));
    let from = PackedFile::of(disk.open(&packed, false)?)?;
    let new = name.clone() + UNFINISHED;
    let _ = disk.remove(&new);
    let mut to = disk.create(&new)?;
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    // bound: the bytes of the segment
    while done < from.length()? {
        let read = from.read_at(&mut block, done)?;
        to.write_at(&block[..read], done)?;
        done += read as u64;
    }
    to.sync_data()?;
    disk.rename(&new, &name)?;
    disk.sync_directory()?;
    disk.remove(&packed)?;
    disk.sync_directory()
}

/// What was compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compressed {
    /// Files.
    pub segments: u64,
    /// Bytes of them before.
    pub before: u64,
    /// And after.
    pub after: u64,
}

/// Compresses all segments of a journal in a directory but the last, which is the one that is gone on with. Who reads
/// the journal sees no difference.
///
/// # Errors
/// [`JournalError::Missing`]; [`JournalError::Busy`] while somebody writes it; [`JournalError::Io`], and then those
/// before are compressed and nothing is lost.
pub fn compress(directory: &Path) -> Result<Compressed, JournalError> {
    if !directory.is_dir() {
        return Err(JournalError::Missing { place: directory.display().to_string() });
    }
    compress_on(&Directory::new(directory))
}

/// The same on any disk.
///
/// # Errors
/// As [`compress`].
pub fn compress_on(disk: &dyn Disk) -> Result<Compressed, JournalError> {
    let right = disk.lock().map_err(|error| JournalError::io("locking", "the journal", &error))?;
    if right.is_none() {
        return Err(JournalError::Busy { place: format!("{disk:?}") });
    }
    let mut compressed = Compressed::default();
    for first in cold(disk, 1)? {
        let pack = || -> io::Result<(u64, u64)> {
            let mut packing = Packing::begin(disk, first)?;
            loop {
                match packing.step(disk) {
                    Ok(None) => {}
                    Ok(Some(after)) => return Ok((packing.length, after)),
                    Err(error) => {
                        packing.abandon(disk);
                        return Err(error);
                    }
                }
            }
        };
        let name = segments::name(first);
        let (before, after) =
            pack().map_err(|error| JournalError::io("compressing", &name, &error))?;
        compressed.segments += 1;
        compressed.before += before;
        compressed.after += after;
    }
    Ok(compressed)
}

/// The segments that are not compressed, but for the newest so many.
pub(super) fn cold(disk: &dyn Disk, newest: usize) -> Result<Vec<u64>, JournalError> {
    let mut firsts = segments::list(disk)?;
    firsts.truncate(firsts.len().saturating_sub(newest));
    firsts.retain(|&first| segments::is_plain(disk, first));
    Ok(firsts)
}
