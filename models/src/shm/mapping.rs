//! Memory whose payload bytes are watched: two accesses of which one writes, with nothing between that orders them, are
//! a failure of the model, as they would be a data race under a lease.

#![allow(unsafe_code, reason = "shares the model checker's cells between its threads")]

use std::io;
use std::ops::Deref;
use std::path::Path;

use loom::cell::UnsafeCell;

use super::trust::TrustedWriters;
use crate::sync::{Arc, AtomicU64, Relaxed};

pub(crate) const PAGE_WORDS: usize = 16;
pub(crate) const LINE_WORDS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Access {
    #[default]
    Owner,
    Group,
}

pub(crate) struct Mapping {
    words: Box<[AtomicU64]>,
    watched: Box<[UnsafeCell<()>]>,
}

// SAFETY: accesses may conflict only through `watched`, where the model checker reports the conflict.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(crate) fn anonymous(bytes: usize) -> io::Result<Self> {
        Ok(Self {
            words: (0..bytes / 8).map(|_| AtomicU64::new(0)).collect(),
            watched: (0..bytes / 8).map(|_| UnsafeCell::new(())).collect(),
        })
    }

    pub(crate) fn create(_: &Path, _: usize, _: Access) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn open(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn open_read_only(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) const fn is_shared(&self) -> bool {
        false
    }

    pub(crate) const fn is_cut_short(&self) -> bool {
        false
    }

    pub(crate) fn words(&self) -> &[AtomicU64] {
        &self.words
    }

    pub(crate) fn store_bytes(&self, at: usize, bytes: &[u8]) {
        for (i, chunk) in bytes.chunks(8).enumerate() {
            self.watched[at + i].with_mut(|_| ());
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.words[at + i].store(u64::from_ne_bytes(word), Relaxed);
        }
    }

    pub(crate) fn load_bytes(&self, at: usize, length: usize, into: &mut Vec<u8>) {
        for i in 0..length.div_ceil(8) {
            self.watched[at + i].with(|_| ());
            into.extend_from_slice(&self.words[at + i].load(Relaxed).to_ne_bytes());
        }
        into.truncate(length);
    }

    /// Without the watch: for a reader that finds out afterwards whether it raced.
    pub(crate) fn load_bytes_racing(&self, at: usize, length: usize, into: &mut Vec<u8>) {
        for word in &self.words[at..at + length.div_ceil(8)] {
            into.extend_from_slice(&word.load(Relaxed).to_ne_bytes());
        }
        into.truncate(length);
    }

    /// A copy: the watch stands in for what reading in place would race with.
    pub(crate) fn view(&self, at: usize, length: usize) -> &[u8] {
        let mut copy = Vec::new();
        self.load_bytes(at, length, &mut copy);
        copy.leak()
    }

    /// The same as it was racing: the caller finds out afterwards.
    pub(crate) fn view_trusted(&self, at: usize, length: usize, _: TrustedWriters) -> &[u8] {
        let mut copy = Vec::new();
        self.load_bytes_racing(at, length, &mut copy);
        copy.leak()
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping").finish_non_exhaustive()
    }
}

/// A word of a mapping.
pub(crate) struct Word {
    memory: Arc<Mapping>,
    at: usize,
}

impl Word {
    pub(crate) fn private() -> Self {
        let memory = Mapping::anonymous(8).expect("a vector");
        Self { memory: Arc::new(memory), at: 0 }
    }

    pub(crate) fn of(memory: &Arc<Mapping>, at: usize) -> Self {
        Self { memory: Arc::clone(memory), at }
    }
}

impl Deref for Word {
    type Target = AtomicU64;

    fn deref(&self) -> &AtomicU64 {
        &self.memory.words()[self.at]
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Word").finish_non_exhaustive()
    }
}

/// So many words at a time.
#[derive(Clone)]
pub(crate) struct Groups<const N: usize> {
    memory: Arc<Mapping>,
    at: usize,
    count: usize,
}

impl<const N: usize> Groups<N> {
    pub(crate) fn of(memory: &Arc<Mapping>, at: usize, count: usize) -> Self {
        Self { memory: Arc::clone(memory), at, count }
    }
}

impl<const N: usize> Deref for Groups<N> {
    type Target = [[AtomicU64; N]];

    fn deref(&self) -> &[[AtomicU64; N]] {
        self.memory.words()[self.at..self.at + N * self.count].as_chunks::<N>().0
    }
}
