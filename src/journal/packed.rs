//! A segment that nobody writes any more, compressed: read as if it were not.
//!
//! It is called like the segment with another ending: `00000000000000000000.segment.zst`. Its blocks are compressed one
//! by one, so that a range is read without what lies before it.
//!
//! ```text
//! offset  size  field
//! 0       4096  the segment's header, as it is
//! 4096    ...   for each block a Zstandard frame (RFC 8878); a block is 65,536 bytes of what follows the header, the
//!               last one the rest
//! T       8 n   for each frame: its bytes, and their CRC-32C; 4 bytes each
//! end-32  8     magic "NEUROZST"
//! end-24  4     version, 1
//! end-20  4     n
//! end-16  8     bytes of the segment, its header included
//! end-8   4     zero
//! end-4   4     CRC-32C of bytes T to here
//! ```
//!
//! The checks cover every byte of the file, also those that a decoder would not miss. What the frames hold is under the
//! chain of hashes as before.

use std::cell::RefCell;
use std::{fmt, io};

use bytemuck::{Pod, Zeroable};
use ruzstd::decoding::FrameDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::disk::DiskFile;
use super::header::HEADER;

/// Bytes that are compressed at once: what a range reads in vain at either end.
pub(super) const BLOCK: usize = 64 << 10;

/// The largest frame of a block: what cannot be compressed is stored, with a few bytes around it.
const FRAME_MAX: u32 = BLOCK as u32 + 1024;

/// The most that a frame may ask a decoder to look back, and so to hold in memory.
const WINDOW: u64 = 1 << 20;

const MAGIC: [u8; 8] = *b"NEUROZST";
const VERSION: u32 = 1;

/// What the table says of a frame.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Entry {
    bytes: u32,
    crc: u32,
}

/// The end of the file.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Foot {
    magic: [u8; 8],
    version: u32,
    frames: u32,
    length: u64,
    zero: u32,
    crc: u32,
}

const FOOT: usize = size_of::<Foot>();
const _: () = assert!(FOOT == 32 && size_of::<Entry>() == 8);

/// Where a compressed segment is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the compressed segment was changed or cut at byte {offset}")]
pub(super) struct Flawed {
    /// The first byte of the part that is wrong, in the compressed file.
    pub(super) offset: u64,
}

impl Flawed {
    fn at(offset: u64) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Self { offset })
    }

    /// What an error of reading says about the file, if it is that.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Compresses one block, and sees to it that it can be had again.
pub(super) fn pack(block: &[u8]) -> io::Result<(Vec<u8>, Entry)> {
    let frame = compress_to_vec(block, CompressionLevel::Fastest);
    let bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    let mut again = Vec::new();
    let same = unpack(&mut decoder(), &frame, block.len(), &mut again);
    if same.is_none() || again != block || bytes > FRAME_MAX {
        return Err(io::Error::other("what was compressed would not come back"));
    }
    let crc = crc32c::crc32c(&frame);
    Ok((frame, Entry { bytes, crc }))
}

/// What follows the frames: the table of them, and the end of the file.
pub(super) fn finish(entries: &[Entry], length: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = bytemuck::cast_slice(entries).to_vec();
    let frames = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let foot = Foot { magic: MAGIC, version: VERSION, frames, length, zero: 0, crc: 0 };
    bytes.extend_from_slice(bytemuck::bytes_of(&foot));
    let covered = bytes.len() - 4;
    let crc = crc32c::crc32c(&bytes[..covered]);
    bytes[covered..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decoder() -> FrameDecoder {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(WINDOW);
    decoder
}

/// A frame's bytes into `into`, which gets this length; `None` if they are not so many.
fn unpack(
    decoder: &mut FrameDecoder,
    frame: &[u8],
    length: usize,
    into: &mut Vec<u8>,
) -> Option<()> {
    // No frame can make it longer, whatever it says of itself.
    into.resize(length, 0);
    let decoded = decoder.decode_all(frame, into).ok()?;
    (decoded == length).then_some(())
}

/// A compressed segment as a file with the bytes that the segment had; it cannot be written.
pub(super) struct PackedFile {
    file: Box<dyn DiskFile>,
    /// Where each frame begins, and what it is.
    frames: Vec<(u64, Entry)>,
    length: u64,
    latest: RefCell<Latest>,
}

/// The block that was read last.
struct Latest {
    block: Option<usize>,
    bytes: Vec<u8>,
    frame: Vec<u8>,
    decoder: FrameDecoder,
}

impl fmt::Debug for PackedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedFile").field("file", &self.file).finish_non_exhaustive()
    }
}

impl PackedFile {
    /// Reads the table of a file, which may hold anything.
    pub(super) fn of(file: Box<dyn DiskFile>) -> io::Result<Self> {
        let stored = file.length()?;
        let head = HEADER as u64;
        let end = stored.checked_sub(FOOT as u64).filter(|&end| end >= head);
        let end = end.ok_or_else(|| Flawed::at(0))?;
        let mut foot = Foot::zeroed();
        fill(&*file, bytemuck::bytes_of_mut(&mut foot), end)?;
        let known = foot.magic == MAGIC && foot.version == VERSION;
        let table = end.checked_sub(u64::from(foot.frames) * size_of::<Entry>() as u64);
        let table = table.filter(|&table| known && table >= head);
        let table = table.ok_or_else(|| Flawed::at(end))?;
        // No longer than the file, and so than what is there to be read.
        let mut bytes = vec![0; usize::try_from(stored - table).map_err(|_| Flawed::at(table))?];
        fill(&*file, &mut bytes, table)?;
        let (covered, crc) = bytes.split_at(bytes.len() - 4);
        let content = foot.length.checked_sub(head);
        let blocks = content.map(|content| content.div_ceil(BLOCK as u64));
        if crc32c::crc32c(covered).to_le_bytes() != *crc || blocks != Some(foot.frames.into()) {
            return Err(Flawed::at(table));
        }
        let entries = bytes[..bytes.len() - FOOT].chunks_exact(size_of::<Entry>());
        let mut at = head;
        let frames = entries.map(|entry| {
            let entry: Entry = bytemuck::pod_read_unaligned(entry);
            let start = at;
            at += u64::from(entry.bytes);
            (start, entry)
        });
        let frames: Vec<_> = frames.collect();
        if at != table || frames.iter().any(|(_, entry)| entry.bytes > FRAME_MAX) {
            return Err(Flawed::at(table));
        }
        let (bytes, frame) = (Vec::new(), Vec::new());
        let latest = Latest { block: None, bytes, frame, decoder: decoder() };
        Ok(Self { file, frames, length: foot.length, latest: RefCell::new(latest) })
    }

    /// Copies bytes of one block, from an offset in the segment; how many.
    fn copy(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let behind = offset - HEADER as u64;
        let (block, within) = (behind / BLOCK as u64, (behind % BLOCK as u64) as usize);
        let block = block as usize;
        let mut latest = self.latest.borrow_mut();
        let Latest { block: known, bytes, frame, decoder } = &mut *latest;
        if *known != Some(block) {
            *known = None;
            let (at, entry) = self.frames[block];
            frame.resize(entry.bytes as usize, 0);
            fill(&*self.file, frame, at)?;
            let left = self.length - HEADER as u64 - (block * BLOCK) as u64;
            let length = left.min(BLOCK as u64) as usize;
            let sound = crc32c::crc32c(frame) == entry.crc;
            let unpacked = sound.then(|| unpack(decoder, frame, length, bytes)).flatten();
            unpacked.ok_or_else(|| Flawed::at(at))?;
            *known = Some(block);
        }
        let from = &bytes[within.min(bytes.len())..];
        let count = from.len().min(into.len());
        into[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }
}

/// Reads exactly so many bytes.
fn fill(file: &dyn DiskFile, into: &mut [u8], offset: u64) -> io::Result<()> {
    if file.read_at(into, offset)? < into.len() {
        return Err(Flawed::at(offset));
    }
    Ok(())
}

impl DiskFile for PackedFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        // bound: the bytes that are asked for, or there are
        while done < into.len() && offset + (done as u64) < self.length {
            let (at, left) = (offset + done as u64, &mut into[done..]);
            let header = (HEADER as u64).saturating_sub(at) as usize;
            done += match header.min(left.len()) {
                0 => self.copy(left, at)?,
                count => {
                    fill(&*self.file, &mut left[..count], at)?;
                    count
                }
            };
        }
        Ok(done)
    }

    fn write_at(&mut self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.length)
    }

    fn set_length(&mut self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// It was synced before it got its name.
    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::disk::{Disk, MemoryDisk};

    /// A file with these frames, whose checks are all right.
    fn file(frames: &[&[u8]], length: u64) -> MemoryDisk {
        let mut bytes = vec![7; HEADER];
        let entries: Vec<Entry> = frames
            .iter()
            .map(|frame| {
                bytes.extend_from_slice(frame);
                Entry { bytes: frame.len() as u32, crc: crc32c::crc32c(frame) }
            })
            .collect();
        bytes.extend_from_slice(&finish(&entries, length));
        let disk = MemoryDisk::new(0);
        disk.put("packed", bytes);
        disk
    }

    fn open(disk: &MemoryDisk) -> io::Result<PackedFile> {
        PackedFile::of(disk.open("packed", false).unwrap())
    }

    #[test]
    fn what_was_compressed_is_read_from_anywhere_in_pieces_of_any_length() {
        let bytes: Vec<u8> = (0..150_000_u32).map(|at| (at / 3 * 7 % 251) as u8).collect();
        let frames: Vec<Vec<u8>> =
            bytes.chunks(BLOCK).map(|block| pack(block).unwrap().0).collect();
        let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        let packed = open(&file(&frames, (HEADER + bytes.len()) as u64)).unwrap();
        let whole = [&[7; HEADER][..], &bytes].concat();
        for (from, count) in
            [(0, 5), (4090, 20), (4096, 65_536), (60_000, 90_000), (150_000, 9_000), (160_000, 1)]
        {
            let mut read = vec![0; count];
            let done = packed.read_at(&mut read, from as u64).unwrap();
            let end = (from + count).min(whole.len());
            assert_eq!(read[..done], whole[from.min(end)..end], "{count} from {from}");
        }
    }

    #[test]
    fn a_frame_that_holds_more_than_its_block_is_refused_before_it_fills_the_memory() {
        let bomb = compress_to_vec(&vec![0; 64 << 20][..], CompressionLevel::Fastest);
        assert!(bomb.len() < 64 << 10);
        let packed = open(&file(&[&bomb], (HEADER + 10) as u64)).unwrap();
        let error = packed.read_at(&mut [0; 1], HEADER as u64).unwrap_err();
        assert_eq!(Flawed::of(&error), Some(Flawed { offset: HEADER as u64 }));
        // One that says that it needs a window of 2 GiB.
        let greedy = [&[0x28, 0xB5, 0x2F, 0xFD, 0, 0xA8][..], &[1, 0, 0]].concat();
        let packed = open(&file(&[&greedy], (HEADER + 10) as u64)).unwrap();
        assert!(packed.read_at(&mut [0; 1], HEADER as u64).is_err());
    }

    #[test]
    fn a_table_that_contradicts_its_file_is_refused() {
        let frame = pack(&[1; 100]).unwrap().0;
        assert!(open(&file(&[&frame], (HEADER + 100) as u64)).is_ok());
        for length in [0, HEADER as u64, HEADER as u64 + BLOCK as u64 + 1, u64::MAX] {
            assert!(open(&file(&[&frame], length)).is_err(), "{length}");
        }
        assert!(open(&file(&[&frame, &frame], (HEADER + 100) as u64)).is_err());
    }
}
