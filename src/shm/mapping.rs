//! Anonymous or file memory as a slice of atomic words.
//!
//! Everything that another thread or process may write at the same time is read and written through atomic words, which
//! is defined whatever the other side does. The one exception is [`Mapping::view`], for memory that no other process
//! can reach and that the arena keeps still.

#![allow(unsafe_code, reason = "memory is named by address")]

use std::any::Any;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::Deref;
use std::path::Path;
use std::ptr::NonNull;

use crossbeam_utils::CachePadded;
use memmap2::{MmapMut, MmapOptions, MmapRaw};

use super::bulk;
use super::truncation::Watch;
use super::trust::TrustedWriters;
use crate::sync::{Arc, AtomicU64, Relaxed};

/// Words of a page, the unit of a file's header.
pub(crate) const PAGE_WORDS: usize = 512;

/// Words of a line pair, the unit in which one thread's words are kept apart from another's.
pub(crate) const LINE_WORDS: usize = 16;

const _: () = assert!(PAGE_WORDS * 8 == 4096 && LINE_WORDS * 8 == 128);

/// Who besides its owner may open a file that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Access {
    /// Nobody: mode 0600.
    #[default]
    Owner,
    /// The owner's group: mode 0660.
    Group,
}

impl Access {
    /// The bits of a file's mode.
    pub(crate) const fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o660,
        }
    }
}

/// Zeroed or mapped memory, a whole number of words, aligned to a page.
pub(crate) struct Mapping {
    /// There when the memory is a file's, which somebody may cut short. The first field, because it ends first.
    watch: Option<Watch>,
    memory: MmapRaw,
}

impl Mapping {
    /// Zeroed memory that only this process reaches.
    pub(crate) fn anonymous(bytes: usize) -> io::Result<Self> {
        Ok(Self { memory: MmapMut::map_anon(bytes)?.into(), watch: None })
    }

    /// A new file of zeros; an existing one is refused with [`io::ErrorKind::AlreadyExists`].
    pub(crate) fn create(path: &Path, bytes: usize, access: Access) -> io::Result<Self> {
        let mut file = options(access).read(true).write(true).create_new(true).open(path)?;
        // Written, not only extended: a full disk is refused here and not by a signal at some later store.
        let reserved = permit(&file, access)
            .and_then(|()| reserve(&mut file, bytes))
            .and_then(|()| MmapOptions::new().map_raw(&file))
            .and_then(Self::of);
        if reserved.is_err() {
            // What is left of a failed creation would only be refused by the next one; the first error matters more.
            let _ = std::fs::remove_file(path);
        }
        reserved
    }

    /// A file as it is; the length is a whole number of words.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = options(Access::Owner).read(true).write(true).open(path)?;
        check(&file)?;
        Self::of(MmapOptions::new().map_raw(&file)?)
    }

    /// A file as it is, to be looked at only: a store into it would end the process.
    pub(crate) fn open_read_only(path: &Path) -> io::Result<Self> {
        let file = options(Access::Owner).read(true).open(path)?;
        check(&file)?;
        Self::of(MmapOptions::new().map_raw_read_only(&file)?)
    }

    fn of(memory: MmapRaw) -> io::Result<Self> {
        let watch = Watch::begin(memory.as_ptr() as usize, memory.len())?;
        Ok(Self { memory, watch: Some(watch) })
    }

    /// Whether other processes may reach the memory.
    pub(crate) const fn is_shared(&self) -> bool {
        self.watch.is_some()
    }

    /// Whether somebody cut the file short under the mapping; what was beyond reads as zeros since.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::has_fired)
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
        bulk::store(&words[..whole.len()], whole);
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            // relaxed: the block's header publishes it
            words[whole.len()].store(u64::from_ne_bytes(last), Relaxed);
        }
    }

    /// Appends a copy of the bytes at a word position. Panics out of range.
    #[inline]
    pub(crate) fn load_bytes(&self, at: usize, length: usize, into: &mut Vec<u8>) {
        let words = &self.words()[at..at + length.div_ceil(8)];
        let (whole, before) = (length / 8, into.len());
        into.reserve(length);
        let (room, _) = into.spare_capacity_mut().as_chunks_mut::<8>();
        bulk::load(&words[..whole], &mut room[..whole]);
        // SAFETY: the capacity is at least that much, and so many bytes behind the former length were just written.
        unsafe { into.set_len(before + 8 * whole) };
        if let Some(word) = words.get(whole) {
            // relaxed: the load of the block's header orders it
            into.extend_from_slice(&word.load(Relaxed).to_ne_bytes()[..length % 8]);
        }
    }

    /// The same for a reader that finds out afterwards whether somebody wrote meanwhile.
    #[inline]
    pub(crate) fn load_bytes_racing(&self, at: usize, length: usize, into: &mut Vec<u8>) {
        self.load_bytes(at, length, into);
    }

    /// The bytes at a word position, in place. Panics out of range and on memory that other processes reach.
    ///
    /// The caller keeps them still while the slice lives: `Arena::lease` is the only one.
    #[inline]
    pub(crate) fn view(&self, at: usize, length: usize) -> &[u8] {
        assert!(!self.is_shared(), "only private memory can be kept still");
        let words = &self.words()[at..at + length.div_ceil(8)];
        // SAFETY: in bounds and alive: the slice above covers it. Not written while the view lives: `Arena::lease`
        // holds the segment for as long, a held segment is not reused, and a block is written only before its
        // reference exists; private memory has no other writer.
        unsafe { std::slice::from_raw_parts(words.as_ptr().cast::<u8>(), length) }
    }

    /// The bytes at a word position, in place, in memory that others reach as well. Panics out of range.
    #[inline]
    pub(crate) fn view_trusted(&self, at: usize, length: usize, _: TrustedWriters) -> &[u8] {
        let words = &self.words()[at..at + length.div_ceil(8)];
        // SAFETY: in bounds and alive: the slice above covers it, and a file that is cut short reads as zeros. Not
        // written while the view lives: who made the token has promised it.
        unsafe { std::slice::from_raw_parts(words.as_ptr().cast::<u8>(), length) }
    }
}

/// How every file is opened: never through a symbolic link, never handed to a child.
fn options(access: Access) -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(access.mode()).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
    }
    #[cfg(not(unix))]
    let _ = access;
    options
}

/// Gives a new file its mode, whatever the mask of the process takes away.
fn permit(file: &File, access: Access) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(access.mode()))?;
    }
    let _ = (file, access);
    Ok(())
}

/// Refuses what cannot be a shared file of ours, before a byte of it is looked at.
fn check(file: &File) -> io::Result<()> {
    let refuse = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    let metadata = file.metadata()?;
    let length = metadata.len();
    if !metadata.is_file() || length == 0 || length % 8 != 0 {
        return refuse(format!("{length} bytes are not a whole number of words"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if metadata.nlink() > 1 {
            return refuse(format!("it has {} names; a shared file has one", metadata.nlink()));
        }
        if metadata.mode() & 0o002 != 0 {
            return refuse(format!("mode {:o} lets everybody write", metadata.mode() & 0o777));
        }
    }
    Ok(())
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
            .field("shared", &self.is_shared())
            .finish()
    }
}

/// One word, kept alive by what it lies in; as near as a field.
pub(crate) struct Word {
    at: NonNull<AtomicU64>,
    #[expect(dead_code, reason = "held for its drop")]
    memory: Arc<dyn Any + Send + Sync>,
}

// SAFETY: it is a shared reference to an atomic, and what keeps the atomic alive may be dropped by any thread.
unsafe impl Send for Word {}
// SAFETY: as above.
unsafe impl Sync for Word {}

impl Word {
    /// A word of its own line, in private memory.
    pub(crate) fn private() -> Self {
        let line = Arc::new(CachePadded::new(AtomicU64::new(0)));
        let at = NonNull::from(&**line);
        Self { at, memory: line }
    }

    /// A word of a mapping. Panics out of range.
    pub(crate) fn of(memory: &Arc<Mapping>, at: usize) -> Self {
        let word = NonNull::from(&memory.words()[at]);
        let memory = Arc::<Mapping>::clone(memory);
        Self { at: word, memory }
    }
}

impl Deref for Word {
    type Target = AtomicU64;

    #[inline(always)]
    fn deref(&self) -> &AtomicU64 {
        // SAFETY: the pointer was made from a reference into what `memory` keeps alive and where it is, and an atomic
        // is only ever shared.
        unsafe { self.at.as_ref() }
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

/// So many words at a time from some word of a mapping on, kept alive by it; as near as a slice.
#[derive(Clone)]
pub(crate) struct Groups<const N: usize> {
    start: NonNull<[AtomicU64; N]>,
    count: usize,
    #[expect(dead_code, reason = "held for its drop")]
    memory: Arc<Mapping>,
}

// SAFETY: it is a shared slice of atomics, and the mapping may be dropped by any thread.
unsafe impl<const N: usize> Send for Groups<N> {}
// SAFETY: as above.
unsafe impl<const N: usize> Sync for Groups<N> {}

impl<const N: usize> Groups<N> {
    /// `count` groups from a word on. Panics out of range.
    pub(crate) fn of(memory: &Arc<Mapping>, at: usize, count: usize) -> Self {
        let (groups, _) = memory.words()[at..at + N * count].as_chunks::<N>();
        let start = NonNull::from(groups).cast();
        Self { start, count, memory: Arc::clone(memory) }
    }
}

impl<const N: usize> Deref for Groups<N> {
    type Target = [[AtomicU64; N]];

    #[inline(always)]
    fn deref(&self) -> &[[AtomicU64; N]] {
        // SAFETY: start and count are those of a slice of the mapping, which `memory` keeps alive and where it is, and
        // atomics are only ever shared.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}
