//! Axons whose ring lies in a file, so that other processes have ends of it.
//!
//! The file has the layout of the memory (see `ring`) behind a header page. Opening one changes nothing but who holds
//! what. A writer that died leaves at most one batch half written, which nobody has seen because its first spike is
//! published last; the next writer fills it with spikes that everybody refuses, so that every position stays one spike.

use std::io;
use std::path::Path;

use crate::shm::header::{self, Format, Mismatch};
use crate::shm::mapping::{Access, Mapping};
use crate::shm::process::{Identity, Life};
use crate::spike::Spike;
use crate::sync::{Arc, Relaxed};

use super::reader::AxonReader;
use super::ring::{AxonError, Entry, POSITION_MAX, Ring, Shape};
use super::tap::AxonTap;
use super::wait::Doorbell;
use super::writer::Axon;
use super::{AxonHub, READERS};
use crate::shm::tenure::{self, Tenure};

const FORMAT: Format = Format::new(
    *b"NBAXON\r\n",
    1,
    "page 4096: slots u64, readers u64; lines of 128: claimed, floor, listed, tally (dropped, deferred), bell, \
     writer (tenure, start, namespace), each reader (tenure, cursor, start, dropped before, shed, start, namespace); \
     slots of 64, stamp in bit 63 of word 0",
);

const SLOTS: usize = 0;
const READERS_FIELD: usize = 1;

/// Keeps a file's other writers out while it lives.
#[derive(Debug)]
pub(super) struct WriterTenure {
    ring: Arc<Ring>,
    tenure: Tenure,
}

impl Drop for WriterTenure {
    fn drop(&mut self) {
        tenure::end(&self.ring.writer.0, self.tenure);
    }
}

/// Who has an end of an axon, as far as the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occupant {
    pub(crate) identity: Identity,
    pub(crate) life: Life,
    /// Of a reader: how many published spikes it has not read.
    pub(crate) lag: u64,
}

fn failed(bytes: usize) -> impl Fn(io::Error) -> AxonError {
    move |source| AxonError::Memory { bytes, kind: source.kind() }
}

fn foreign(wrong: Mismatch) -> AxonError {
    let Mismatch { what, found, expected } = wrong;
    AxonError::Foreign { what, found, expected }
}

/// Makes the file of an axon that nobody writes yet.
fn make(path: &Path, shape: Shape, access: Access) -> Result<Ring, AxonError> {
    let memory = Mapping::create(path, shape.bytes(), access).map_err(failed(shape.bytes()))?;
    let ring = Ring::over(Arc::new(memory), shape, shared_bell);
    let fields = [shape.slots as u64, shape.readers as u64];
    FORMAT.write(ring.memory.words(), &fields, shape.bytes() as u64);
    Ok(ring)
}

fn shared_bell(memory: &Arc<Mapping>, at: usize) -> Doorbell {
    Doorbell::shared(crate::shm::mapping::Word::of(memory, at))
}

fn watched_bell(memory: &Arc<Mapping>, at: usize) -> Doorbell {
    Doorbell::watched(crate::shm::mapping::Word::of(memory, at))
}

/// Checks a file and lays a ring over it.
fn open(memory: Mapping, bell: fn(&Arc<Mapping>, usize) -> Doorbell) -> Result<Ring, AxonError> {
    let mapped = 8 * memory.words().len() as u64;
    FORMAT.check(memory.words(), mapped).map_err(foreign)?;
    // relaxed: constant since before the magic was written
    let field = |number| header::field(memory.words(), number).load(Relaxed);
    let (slots, readers) = (field(SLOTS), field(READERS_FIELD));
    let shape = Shape::new(
        usize::try_from(slots).unwrap_or(usize::MAX),
        usize::try_from(readers).unwrap_or(usize::MAX),
    )?;
    let expected = shape.bytes() as u64;
    if mapped != expected {
        return Err(foreign(Mismatch { what: "size of the ring", found: mapped, expected }));
    }
    Ok(Ring::over(Arc::new(memory), shape, bell))
}

impl Axon {
    /// A new file with an axon of so many slots, a power of two, and room for [`READERS`] readers; mode 0600.
    ///
    /// # Errors
    /// [`AxonError::Slots`], [`AxonError::Memory`] for a path that exists or cannot be written.
    pub fn create(path: impl AsRef<Path>, slots: usize) -> Result<Self, AxonError> {
        AxonHub::create(path.as_ref(), slots, READERS, Access::Owner)?.writer()
    }

    /// Becomes the writer of an existing file, if it has none or one that is dead.
    ///
    /// # Errors
    /// [`AxonError::Written`] while another writer lives, [`AxonError::Foreign`] for a file that is no axon of this
    /// layout, [`AxonError::Memory`] for one that cannot be mapped.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, AxonError> {
        AxonHub::open(path)?.writer()
    }
}

impl AxonTap {
    /// A lossy end of a file that is only looked at: nothing in it changes, and nobody learns of it.
    ///
    /// # Errors
    /// [`AxonError::Foreign`] for a file that is no axon of this layout, [`AxonError::Memory`] for one that cannot be
    /// mapped.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, AxonError> {
        let memory = Mapping::open_read_only(path.as_ref()).map_err(failed(0))?;
        Ok(Self::attach(&Arc::new(open(memory, watched_bell)?)))
    }

    /// Goes back to the oldest spike that the ring still holds.
    pub fn rewind(&mut self) {
        self.go_back();
    }
}

impl AxonHub {
    /// Makes a file that nobody writes yet.
    pub(crate) fn create(
        path: &Path,
        slots: usize,
        readers: usize,
        access: Access,
    ) -> Result<Self, AxonError> {
        let shape = Shape::new(slots, readers)?;
        Ok(Self { ring: Arc::new(make(path, shape, access)?) })
    }

    /// An existing file, through which ends are attached.
    ///
    /// # Errors
    /// [`AxonError::Foreign`] for a file that is no axon of this layout, [`AxonError::Memory`] for one that cannot be
    /// mapped.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, AxonError> {
        let memory = Mapping::open(path.as_ref()).map_err(failed(0))?;
        Ok(Self { ring: Arc::new(open(memory, shared_bell)?) })
    }

    /// An existing file to be looked at only: no end may be attached through this.
    pub(crate) fn look(path: &Path) -> Result<Self, AxonError> {
        let memory = Mapping::open_read_only(path).map_err(failed(0))?;
        Ok(Self { ring: Arc::new(open(memory, watched_bell)?) })
    }

    /// Becomes the writer, if there is none or one that is dead, and finishes what that one has begun.
    pub(crate) fn writer(&self) -> Result<Axon, AxonError> {
        let (state, holder) = &self.ring.writer;
        let taken = tenure::take_over(state, holder).map_err(|pid| AxonError::Written { pid })?;
        let tenure = tenure::hold(state, taken);
        let head = seal(&self.ring);
        let tenure = WriterTenure { ring: Arc::clone(&self.ring), tenure };
        Ok(Axon::at(Arc::clone(&self.ring), head, Some(tenure)))
    }

    /// Goes on as the reader of an entry, where its last holder was, or where the axon begins. For whoever owns the
    /// axon by other means; nobody else may take a reader's place.
    pub(crate) fn adopt(&self, number: usize) -> Option<AxonReader> {
        let entry = self.ring.entries.get(number)?;
        let tenure = tenure::seize(&entry.state, &entry.holder);
        // relaxed: what the last holder was told last; what it read behind that is read again
        let next = entry.cursor.load(Relaxed).min(POSITION_MAX);
        let tenure = tenure::hold(&entry.state, tenure);
        Some(AxonReader::holding(&self.ring, number, tenure, next))
    }

    /// Lets the entries of readers go that have died; how many, and how many spikes they had not read.
    pub(crate) fn reap(&self, but: Option<usize>) -> (u64, u64) {
        let mut reaped = (0, 0);
        for (number, entry) in self.ring.entries.iter().enumerate() {
            if Some(number) == but {
                continue;
            }
            let (tenure, life) = tenure::judge(&entry.state, &entry.holder);
            if !tenure.is_free() && life == Life::Dead {
                let lag = self.lag(entry);
                if self.ring.detach(number, tenure) {
                    reaped = (reaped.0 + 1, lag.saturating_add(reaped.1));
                }
            }
        }
        reaped
    }

    fn lag(&self, entry: &Entry) -> u64 {
        // relaxed: counts
        let claimed = self.ring.claimed.load(Relaxed).min(POSITION_MAX);
        claimed.saturating_sub(entry.cursor.load(Relaxed))
    }

    /// Who writes.
    pub(crate) fn writing(&self) -> Option<Occupant> {
        let (state, holder) = &self.ring.writer;
        let (tenure, life) = tenure::judge(state, holder);
        let identity = tenure::identity(tenure, holder);
        (!tenure.is_free()).then_some(Occupant { identity, life, lag: 0 })
    }

    /// Who reads, by the number of the entry.
    pub(crate) fn reading(&self) -> Vec<(usize, Occupant)> {
        let entries = self.ring.entries.iter().enumerate();
        let occupied = entries.filter_map(|(number, entry)| {
            let (tenure, life) = tenure::judge(&entry.state, &entry.holder);
            let identity = tenure::identity(tenure, &entry.holder);
            let occupant = Occupant { identity, life, lag: self.lag(entry) };
            (!tenure.is_free()).then_some((number, occupant))
        });
        occupied.collect()
    }

    /// Every reader is done with the positions below, as far as they have said; and the position behind the last.
    pub(crate) fn span(&self) -> (u64, u64) {
        // relaxed: counts
        let claimed = self.ring.claimed.load(Relaxed).min(POSITION_MAX);
        let held = self.ring.entries.iter().filter_map(|entry| {
            let held = Tenure::of(entry.state.load(Relaxed)).is_held();
            held.then(|| entry.cursor.load(Relaxed))
        });
        let oldest = claimed.saturating_sub(self.ring.capacity() as u64);
        (held.min().unwrap_or(claimed).clamp(oldest, claimed), claimed)
    }

    /// A copy of what lies at a position, if it is published. Only while nobody writes.
    pub(crate) fn peek(&self, position: u64) -> Option<Spike> {
        self.ring.slots.copy(position)
    }

    /// Whether somebody cut the file short.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.ring.memory.is_cut_short()
    }

    /// Bytes of the ring and what belongs to it.
    pub(crate) fn bytes(&self) -> u64 {
        8 * self.ring.memory.words().len() as u64
    }
}

/// Fills what a dead writer had claimed and not published with spikes that are refused; where the axon goes on.
fn seal(ring: &Ring) -> u64 {
    // relaxed: the last writer is dead, and all that it stored is there
    let claimed = ring.claimed.load(Relaxed).min(POSITION_MAX);
    let oldest = claimed.saturating_sub(ring.capacity() as u64);
    let open = (oldest..claimed).find(|&position| !ring.slots.is_published(position));
    if let Some(first) = open {
        // As a batch: the first, which readers wait for, comes last.
        for position in (first + 1..claimed).chain([first]) {
            ring.slots.fill(position, &Spike::VOID);
        }
    }
    claimed
}
