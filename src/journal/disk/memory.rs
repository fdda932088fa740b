use std::any::Any;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

use super::{Disk, DiskFile};
use crate::math;
use crate::sync::{Arc, Mutex, MutexGuard, lock};

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A disk in memory that does to a journal what real ones do: it forgets at a loss of power what was not synced, in
/// any combination of sectors; it fills up; its calls fail; what could not be synced once never will be.
///
/// Clones are the same disk, each as the process sees it that runs at that moment: once that is killed, they fail.
/// Everything it does follows from its seed and the calls made.
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
    /// Whose view it is; `None`: that of whoever looks on from outside.
    life: Option<u64>,
}

impl Clone for MemoryDisk {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), life: Some(self.state().life) }
    }
}

/// A call that changes a disk, and so can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Making a file.
    Create,
    /// Writing bytes.
    Write,
    /// Changing a file's length.
    SetLength,
    /// Syncing a file.
    SyncData,
    /// Syncing the names.
    SyncDirectory,
    /// Giving a file another name.
    Rename,
    /// Removing a file.
    Remove,
}

/// A failure to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// How many calls from now on succeed before; of the kind asked for, or of any kind.
    pub after: u64,
    /// Which calls count and fail; `None`: all.
    pub call: Option<Call>,
    /// What is returned. A write writes a part first.
    pub error: ErrorKind,
    /// Whether all such calls fail from then on.
    pub sticky: bool,
}

struct State {
    seed: u64,
    /// Random numbers drawn so far.
    draws: u64,
    names: BTreeMap<String, u64>,
    files: BTreeMap<u64, Content>,
    next_file: u64,
    /// Names as they were synced, and what was done to them since.
    durable_names: BTreeMap<String, u64>,
    renamed: Vec<NameChange>,
    capacity: u64,
    calls: u64,
    fault: Option<Fault>,
    /// Files opened in a life before this one are gone, with the process.
    life: u64,
    writer: bool,
}

enum NameChange {
    Put(String, u64),
    Gone(String),
}

#[derive(Default, Clone)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// What was done since the last sync.
    changes: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                if to.len() < at + bytes.len() {
                    to.resize(at + bytes.len(), 0);
                }
                to[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(length) => to.resize(*length, 0),
        }
    }
}

impl State {
    fn draw(&mut self) -> u64 {
        self.draws += 1;
        math::random(self.seed, 0, 0, self.draws)
    }

    /// Counts a call; whether it is to fail.
    fn call(&mut self, call: Call) -> io::Result<()> {
        self.calls += 1;
        let Some(fault) = &mut self.fault else { return Ok(()) };
        if fault.call.is_some_and(|wanted| wanted != call) {
            return Ok(());
        }
        if fault.after > 0 {
            fault.after -= 1;
            return Ok(());
        }
        let error = fault.error;
        if !fault.sticky {
            self.fault = None;
        }
        Err(error.into())
    }

    fn used(&self) -> u64 {
        self.files.values().map(|file| file.now.len() as u64).sum()
    }

    /// A file after a loss of power: each sector of each write since the last sync arrived or did not.
    fn survivors(&mut self, content: &Content) -> Vec<u8> {
        let mut bytes = content.durable.clone();
        for change in &content.changes {
            match change {
                Change::Write(at, written) => {
                    let mut from = 0;
                    while from < written.len() {
                        let to = ((at + from) / SECTOR * SECTOR + SECTOR - at).min(written.len());
                        if self.draw() & 1 == 1 {
                            Change::Write(at + from, written[from..to].to_vec()).apply(&mut bytes);
                        }
                        from = to;
                    }
                }
                Change::Length(_) => {
                    if self.draw() & 1 == 1 {
                        change.apply(&mut bytes);
                    }
                }
            }
        }
        bytes
    }
}

impl MemoryDisk {
    /// An empty disk whose misfortunes follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            seed,
            draws: 0,
            names: BTreeMap::new(),
            files: BTreeMap::new(),
            next_file: 0,
            durable_names: BTreeMap::new(),
            renamed: Vec::new(),
            capacity: u64::MAX,
            calls: 0,
            fault: None,
            life: 0,
            writer: false,
        };
        Self { state: Arc::new(Mutex::new(state)), life: None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The state for a process, which must still be alive.
    fn living(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        match self.life.is_none_or(|life| life == state.life) {
            true => Ok(state),
            false => Err(gone()),
        }
    }

    /// The process ends: what was written stays, files that were open are of no use any more.
    pub fn kill(&self) {
        let mut state = self.state();
        state.life += 1;
        state.writer = false;
        state.fault = None;
    }

    /// The power fails: what was not synced is there in part, or not at all.
    pub fn lose_power(&self) {
        self.kill();
        let state = &mut *self.state();
        let renamed = std::mem::take(&mut state.renamed);
        let kept = state.draw() as usize % (renamed.len() + 1);
        let mut names = std::mem::take(&mut state.durable_names);
        // A file system keeps the order of its names, and may have come to any point of it.
        for change in renamed.into_iter().take(kept) {
            match change {
                NameChange::Put(name, file) => drop(names.insert(name, file)),
                NameChange::Gone(name) => drop(names.remove(&name)),
            }
        }
        state.names.clone_from(&names);
        state.durable_names = names;
        for (number, content) in std::mem::take(&mut state.files) {
            let bytes = state.survivors(&content);
            let content = Content { now: bytes.clone(), durable: bytes, changes: Vec::new() };
            state.files.insert(number, content);
        }
    }

    /// The disk has room for so many bytes in all.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = bytes;
    }

    /// A failure to come, or none.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// Calls made so far that could have failed.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Changes a byte of a file behind everybody's back, synced or not; `false` if there is no such byte.
    pub fn flip(&self, name: &str, offset: usize, mask: u8) -> bool {
        let mut state = self.state();
        let Some(&file) = state.names.get(name) else { return false };
        let content = state.files.get_mut(&file);
        let bytes = content.map(|content| [&mut content.now, &mut content.durable]);
        bytes.into_iter().flatten().fold(false, |any, bytes| match bytes.get_mut(offset) {
            Some(byte) => {
                *byte ^= mask;
                true
            }
            None => any,
        })
    }

    /// A file's bytes as a process sees them; `None` without such a file.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let file = state.names.get(name)?;
        Some(state.files.get(file)?.now.clone())
    }

    /// Puts a file there, synced.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let state = &mut *self.state();
        state.next_file += 1;
        let file = state.next_file;
        state.names.insert(name.to_owned(), file);
        state.durable_names.insert(name.to_owned(), file);
        let content = Content { now: bytes.clone(), durable: bytes, changes: Vec::new() };
        state.files.insert(file, content);
    }

    fn handle(&self, file: u64) -> Box<dyn DiskFile> {
        let life = self.state().life;
        Box::new(Handle { disk: self.clone(), file, life })
    }
}

impl std::fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a disk in memory")
    }
}

fn gone() -> io::Error {
    io::Error::other("the process that opened it is gone")
}

fn not_found(name: &str) -> io::Error {
    io::Error::new(ErrorKind::NotFound, name.to_owned())
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.living()?.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.living()?;
        state.call(Call::Create)?;
        if state.names.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        state.next_file += 1;
        let file = state.next_file;
        state.names.insert(name.to_owned(), file);
        state.renamed.push(NameChange::Put(name.to_owned(), file));
        state.files.insert(file, Content::default());
        drop(state);
        Ok(self.handle(file))
    }

    fn open(&self, name: &str, _write: bool) -> io::Result<Box<dyn DiskFile>> {
        let file = *self.living()?.names.get(name).ok_or_else(|| not_found(name))?;
        Ok(self.handle(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.living()?;
        state.call(Call::Remove)?;
        state.names.remove(name).ok_or_else(|| not_found(name))?;
        state.renamed.push(NameChange::Gone(name.to_owned()));
        // A file without a name takes no room; a loss of power may bring the name back, and with it what was synced.
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.living()?;
        state.call(Call::Rename)?;
        let file = state.names.remove(from).ok_or_else(|| not_found(from))?;
        state.names.insert(to.to_owned(), file);
        state.renamed.push(NameChange::Gone(from.to_owned()));
        state.renamed.push(NameChange::Put(to.to_owned(), file));
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let state = &mut *self.living()?;
        state.call(Call::SyncDirectory)?;
        state.renamed.clear();
        state.durable_names.clone_from(&state.names);
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Any + Send>>> {
        let mut state = self.living()?;
        if state.writer {
            return Ok(None);
        }
        state.writer = true;
        let life = state.life;
        drop(state);
        Ok(Some(Box::new(Right { disk: self.clone(), life })))
    }
}

/// The right to write.
struct Right {
    disk: MemoryDisk,
    life: u64,
}

impl Drop for Right {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            state.writer = false;
        }
    }
}

#[derive(Debug)]
struct Handle {
    disk: MemoryDisk,
    file: u64,
    life: u64,
}

impl Handle {
    /// Does something with the file; refused once the process that opened it is gone.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut State, &mut Content) -> io::Result<T>,
    ) -> io::Result<T> {
        let state = &mut *self.disk.state();
        if state.life != self.life {
            return Err(gone());
        }
        let mut content = state.files.remove(&self.file).unwrap_or_default();
        let result = work(state, &mut content);
        state.files.insert(self.file, content);
        result
    }
}

impl DiskFile for Handle {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|_, content| {
            let from = content.now.get(usize::try_from(offset).unwrap_or(usize::MAX)..);
            let from = from.unwrap_or_default();
            let read = from.len().min(into.len());
            into[..read].copy_from_slice(&from[..read]);
            Ok(read)
        })
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.with(|state, content| {
            let at = usize::try_from(offset).map_err(io::Error::other)?;
            let grows = (at + bytes.len()).saturating_sub(content.now.len()) as u64;
            // The file was taken out of the state, so its own bytes are added.
            let used = state.used() + content.now.len() as u64;
            let full = if used + grows > state.capacity {
                Err(ErrorKind::StorageFull.into())
            } else {
                Ok(())
            };
            let result = state.call(Call::Write).and(full);
            // A write that fails has written a part of it, or nothing.
            let written = match result {
                Ok(()) => bytes.len(),
                Err(_) if grows > 0 => 0,
                Err(_) => state.draw() as usize % (bytes.len() + 1),
            };
            let change = Change::Write(at, bytes[..written].to_vec());
            if written > 0 {
                change.apply(&mut content.now);
                content.changes.push(change);
            }
            result
        })
    }

    fn length(&self) -> io::Result<u64> {
        self.with(|_, content| Ok(content.now.len() as u64))
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.with(|state, content| {
            state.call(Call::SetLength)?;
            let change = Change::Length(usize::try_from(length).map_err(io::Error::other)?);
            change.apply(&mut content.now);
            content.changes.push(change);
            Ok(())
        })
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.with(|state, content| {
            let result = state.call(Call::SyncData);
            content.durable = match result {
                Ok(()) => content.now.clone(),
                // What could not be written is dropped, and the next sync knows nothing of it.
                Err(_) => state.survivors(content),
            };
            content.changes.clear();
            result
        })
    }
}
