//! Anonymous or file memory as a slice of atomic words.
//!
//! Everything that another thread or process may write at the same time is read and written through atomic words, which
//! is defined whatever the other side does. The one exception is [`Mapping::view`], for memory that no other process
//! can reach and that the arena keeps still.

#![allow(unsafe_code, reason = "the only place of the core where memory is named by address")]

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use memmap2::{MmapMut, MmapOptions, MmapRaw};

use crate::sync::{AtomicU64, Relaxed};

/// Words of a page, the unit of a file's header.
pub(crate) const PAGE_WORDS: usize = 512;

const _: () = assert!(PAGE_WORDS * 8 == 4096);

/// Zeroed or mapped memory, a whole number of words, aligned to a page.
pub(crate) struct Mapping {
    memory: MmapRaw,
    shared: bool,
}

impl Mapping {
    /// Zeroed memory that only this process reaches.
    pub(crate) fn anonymous(bytes: usize) -> io::Result<Self> {
        Ok(Self { memory: MmapMut::map_anon(bytes)?.into(), shared: false })
    }

    /// A new file of zeros; an existing one is refused with [`io::ErrorKind::AlreadyExists`].
    pub(crate) fn create(path: &Path, bytes: usize) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        // Written, not only extended: a full disk is refused here and not by a signal at some later store.
        let reserved = reserve(&mut file, bytes).and_then(|()| Self::of(&file));
        if reserved.is_err() {
            // What is left of a failed creation would only be refused by the next one; the first error matters more.
            let _ = std::fs::remove_file(path);
        }
        reserved
    }

    /// A file as it is; the length is a whole number of words.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() == 0 || metadata.len() % 8 != 0 {
            let found = format!("{} bytes are not a whole number of words", metadata.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, found));
        }
        Self::of(&file)
    }

    fn of(file: &File) -> io::Result<Self> {
        Ok(Self { memory: MmapOptions::new().map_raw(file)?, shared: true })
    }

    /// Whether other processes may reach the memory.
    pub(crate) const fn is_shared(&self) -> bool {
        self.shared
    }

    /// All of it.
    #[inline]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        let start = self.memory.as_mut_ptr().cast::<AtomicU64>();
        // SAFETY: valid for reads and writes, aligned, and as long as `self` lives: the mapping is page-aligned and
        // unmapped by the drop of `self.memory` only. Inside an object: `len` is the mapped length, rounded down to
        // words. Never accessed but atomically while shared: this slice is the only way to it besides `view`.
        unsafe { std::slice::from_raw_parts(start, self.memory.len() / 8) }
    }

    /// Copies bytes to a word position, zero-filling the last word. Panics out of range.
    #[inline]
    pub(crate) fn store_bytes(&self, at: usize, bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks::<8>();
        let words = &self.words()[at..at + bytes.len().div_ceil(8)];
        // relaxed: the block's header publishes these
        for (word, chunk) in words.iter().zip(whole) {
            word.store(u64::from_ne_bytes(*chunk), Relaxed);
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            words[whole.len()].store(u64::from_ne_bytes(last), Relaxed);
        }
    }

    /// Appends a copy of the bytes at a word position. Panics out of range.
    #[inline]
    pub(crate) fn load_bytes(&self, at: usize, length: usize, into: &mut Vec<u8>) {
        let words = &self.words()[at..at + length.div_ceil(8)];
        let whole = length / 8;
        into.reserve(length);
        // relaxed: the load of the block's header orders these
        for word in &words[..whole] {
            into.extend_from_slice(&word.load(Relaxed).to_ne_bytes());
        }
        if let Some(word) = words.get(whole) {
            into.extend_from_slice(&word.load(Relaxed).to_ne_bytes()[..length % 8]);
        }
    }

    /// The bytes at a word position, in place. Panics out of range and on memory that other processes reach.
    ///
    /// The caller keeps them still while the slice lives: `Arena::lease` is the only one.
    #[inline]
    pub(crate) fn view(&self, at: usize, length: usize) -> &[u8] {
        assert!(!self.shared, "only private memory can be kept still");
        let words = &self.words()[at..at + length.div_ceil(8)];
        // SAFETY: in bounds and alive: the slice above covers it. Not written while the view lives: `Arena::lease`
        // holds the segment for as long, a held segment is not reused, and a block is written only before its
        // reference exists; private memory has no other writer.
        unsafe { std::slice::from_raw_parts(words.as_ptr().cast::<u8>(), length) }
    }
}

fn reserve(file: &mut File, bytes: usize) -> io::Result<()> {
    let zeros = [0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(zeros.len());
        file.write_all(&zeros[..now])?;
        left -= now;
    }
    file.flush()
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping")
            .field("bytes", &self.memory.len())
            .field("shared", &self.shared)
            .finish()
    }
}
