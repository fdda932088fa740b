use std::any::Any;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;
use std::thread::JoinHandle;

use super::disk::{Directory, Disk};
use super::error::JournalError;
use super::format::{self, BODY_LIMIT, HASH, Head, SEAL};
use super::header::{Header, JournalId, META_LIMIT, Start};
use super::index::Index;
use super::options::{Level, Options};
use super::progress::{Health, Progress, Reached, Shared};
use super::queue::{Outlet, queue};
use super::recovery::{self, End, Recovery};
use super::writer::{self, Writer};
use super::{io_thread, segments};
use crate::axon::Doorbell;
use crate::sync::{Arc, AtomicU64, Mutex, Relaxed, lock};

/// What is appended; the journal adds the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The tick to which it belongs; never less than the one before.
    pub tick: u64,
    /// When it is recorded, in ns since 1970; one that is less than the one before counts as equal to it.
    pub time_ns: u64,
    /// Who it is from: a gate's id, or what the owner calls others.
    pub source: u32,
    /// What it is; not known here.
    pub kind: u8,
    /// Its bytes; not known here.
    pub body: &'a [u8],
}

/// A journal that is being written: one owner, on one thread at a time.
///
/// ```
/// use neuronbus::journal::{Entry, Header, Journal, Level, Options, Scan};
///
/// # let place = tempfile::tempdir()?;
/// # let place = place.path();
/// let mut journal = Journal::create(place, &Header::default(), Options::default())?;
/// let sequence = journal.append(&Entry { tick: 1, time_ns: 0, source: 7, kind: 0, body: b"seen" })?;
/// journal.seal();
/// journal.wait(sequence, Level::Synced)?;
/// journal.close()?;
///
/// let mut scan = Scan::open(place)?;
/// assert_eq!(scan.next().expect("one was written")?.body, b"seen");
/// assert!(scan.next().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Journal {
    header: Header,
    outlet: Outlet,
    /// Sequence of the next entry; records since the last seal.
    next: u64,
    unsealed: u32,
    last_tick: u64,
    last_time_ns: u64,
    /// Entries refused for want of room, space or health.
    refused: u64,
    level: Level,
    progress: Progress,
    thread: Option<JoinHandle<()>>,
    /// The right to write.
    _right: Box<dyn Any + Send>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Journal");
        out.field("next", &self.next).field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl Journal {
    /// A new journal in a directory, which is made if need be.
    ///
    /// # Errors
    /// [`JournalError::AlreadyExists`], [`JournalError::Busy`], [`JournalError::Meta`], [`JournalError::Options`],
    /// [`JournalError::Io`].
    pub fn create(
        directory: &Path,
        header: &Header,
        options: Options,
    ) -> Result<Self, JournalError> {
        let made = std::fs::create_dir_all(directory);
        made.map_err(|error| JournalError::io("making", &directory.display().to_string(), &error))?;
        Self::create_on(Arc::new(Directory::new(directory)), header, options)
    }

    /// The same on any disk.
    ///
    /// # Errors
    /// As [`Journal::create`].
    pub fn create_on(
        disk: Arc<dyn Disk>,
        header: &Header,
        options: Options,
    ) -> Result<Self, JournalError> {
        options.check()?;
        let bytes = header.meta.len();
        if bytes > META_LIMIT {
            return Err(JournalError::Meta { bytes, limit: META_LIMIT });
        }
        let right = take_right(&*disk)?;
        let there = segments::list(&*disk)?;
        if recovery::is_unborn(&*disk, &there)? {
            let removed = disk.remove(&segments::name(there[0]));
            removed.map_err(|error| JournalError::io("removing", "what was begun", &error))?;
        } else if !there.is_empty() {
            return Err(JournalError::AlreadyExists { place: format!("{disk:?}") });
        }
        let begun = writer::begin(&*disk, header, &Start::default()).and_then(|mut begun| {
            begun.0.file.sync_data()?;
            disk.sync_directory()?;
            Ok(begun)
        });
        let (segment, hash) =
            begun.map_err(|error| JournalError::io("beginning", "a journal", &error))?;
        let (first, next, last_tick, last_time_ns, cut) = (0, 0, 0, 0, None);
        let header = header.clone();
        let recovery = Recovery { header, first, next, last_tick, last_time_ns, cut };
        let (index, behind) = (Index::default(), Vec::new());
        let (number, first, synced) = (0, 0, 0);
        let end = End { recovery, segment, index, first, number, hash, synced, behind };
        Ok(Self::start(disk, options, end, right)?.0)
    }

    /// Goes on with a journal. What follows the last seal, or the first that a loss of power left unfinished, is cut
    /// and reported; damage to what was synced is refused.
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::Busy`], [`JournalError::Damaged`], [`JournalError::Options`],
    /// [`JournalError::Io`].
    pub fn open(directory: &Path, options: Options) -> Result<(Self, Recovery), JournalError> {
        if !directory.is_dir() {
            return Err(JournalError::Missing { place: directory.display().to_string() });
        }
        Self::open_on(Arc::new(Directory::new(directory)), options)
    }

    /// The same on any disk.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        options: Options,
    ) -> Result<(Self, Recovery), JournalError> {
        options.check()?;
        let right = take_right(&*disk)?;
        let end = recovery::recover(&*disk)?;
        Self::start(disk, options, end, right)
    }

    fn start(
        disk: Arc<dyn Disk>,
        options: Options,
        end: End,
        right: Box<dyn Any + Send>,
    ) -> Result<(Self, Recovery), JournalError> {
        let (outlet, intake) = queue(options.memory_bytes);
        let (reached, recovery) = (Arc::new(Reached::default()), end.recovery);
        let (next, header) = (recovery.next, recovery.header.clone());
        for (word, value) in
            [(&reached.sealed, next), (&reached.written, next), (&reached.synced, end.synced)]
        {
            // relaxed: nobody else has it yet
            word.store(value, Relaxed);
        }
        let last = Head::new(next, recovery.last_tick, recovery.last_time_ns, 0, 0);
        let writer = Writer::new(
            (disk, options.clone(), header.clone()),
            (intake, reached.clone()),
            (end.segment, end.index, end.first),
            end.behind,
            (end.number, end.hash, last),
            end.synced,
        );
        let (writer, ending) = (Mutex::new(writer), AtomicU64::new(0));
        let (bell, done, listener) = (Doorbell::new(), Doorbell::new(), OnceLock::new());
        let shared = Arc::new(Shared { writer, reached, bell, done, ending, listener });
        let thread = options.thread.then(|| io_thread::start(shared.clone(), &options));
        let thread = thread.transpose();
        let thread = thread.map_err(|error| JournalError::io("starting", "a thread", &error))?;
        let journal = Self {
            header,
            outlet,
            next,
            unsealed: 0,
            last_tick: recovery.last_tick,
            last_time_ns: recovery.last_time_ns,
            refused: 0,
            level: options.level,
            progress: Progress { shared },
            thread,
            _right: right,
        };
        Ok((journal, recovery))
    }

    /// Appends an entry to the batch and gives its sequence; does no I/O, takes no lock and does not allocate. It is
    /// written only after [`Journal::seal`].
    ///
    /// # Errors
    /// Nothing was taken: [`JournalError::Full`], [`JournalError::NoSpace`], [`JournalError::Poisoned`],
    /// [`JournalError::TooLarge`], [`JournalError::TickBefore`].
    #[inline]
    pub fn append(&mut self, entry: &Entry<'_>) -> Result<u64, JournalError> {
        if entry.tick < self.last_tick {
            return Err(JournalError::TickBefore { tick: entry.tick, last: self.last_tick });
        }
        self.has_room(entry.body.len()).inspect_err(|_| self.refused += 1)?;
        let sequence = self.next;
        self.last_tick = entry.tick;
        self.last_time_ns = entry.time_ns.max(self.last_time_ns);
        let head = Head::new(sequence, self.last_tick, self.last_time_ns, entry.source, entry.kind);
        format::write_record(&mut self.outlet.front.bytes, head, entry.body);
        self.next += 1;
        self.unsealed += 1;
        Ok(sequence)
    }

    /// Whether an entry with a body of so many bytes would be taken now.
    ///
    /// # Errors
    /// Why not, as by [`Journal::append`].
    #[inline]
    pub fn has_room(&mut self, bytes: usize) -> Result<(), JournalError> {
        self.progress.shared.reached.check()?;
        let limit = (self.outlet.capacity() - HASH - SEAL - format::frame(0)).min(BODY_LIMIT);
        if bytes > limit {
            return Err(JournalError::TooLarge { wanted: bytes, limit });
        }
        let (wanted, free) = (format::frame(bytes) + SEAL, self.outlet.free());
        if wanted > free { Err(JournalError::Full { wanted, free }) } else { Ok(()) }
    }

    /// Ends the batch, if there is anything in it, and hands it over to be written. Allocates nothing, takes no lock.
    pub fn seal(&mut self) {
        if self.unsealed == 0 {
            return;
        }
        let head = Head::new(self.next, self.last_tick, self.last_time_ns, self.unsealed, 0);
        let front = &mut self.outlet.front;
        front.seals.push(front.bytes.len());
        format::write_seal(&mut front.bytes, head);
        self.unsealed = 0;
        self.outlet.hand_over();
        self.progress.shared.reached.sealed.store(self.next, Relaxed);
        self.progress.shared.bell.ring();
    }

    /// Allows what lies below a sequence to be forgotten, as [`Options::retention`] asks: a snapshot holds what it
    /// led to. Until the first call nothing is.
    pub fn keep_from(&mut self, sequence: u64) {
        self.progress.keep_from(sequence);
    }

    /// Sequence that the next entry gets.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Entries that were refused for want of room, of space on the disk, or because the journal is poisoned.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// What the journal is about.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Which journal it is.
    #[must_use]
    pub fn id(&self) -> JournalId {
        self.header.id()
    }

    /// Whether it takes entries.
    #[must_use]
    pub fn health(&self) -> Health {
        self.progress.health()
    }

    /// Sequences below this have reached a level.
    #[must_use]
    #[inline]
    pub fn reached(&self, level: Level) -> u64 {
        self.progress.reached(level)
    }

    /// Returns when a sealed sequence has reached a level; see [`Progress::wait`].
    ///
    /// # Errors
    /// As [`Progress::wait`].
    pub fn wait(&self, sequence: u64, level: Level) -> Result<(), JournalError> {
        self.progress.wait(sequence, level)
    }

    /// Has a doorbell rung whenever records have got further, or the journal takes entries again. The first one counts.
    pub fn tell(&self, listener: Arc<Doorbell>) {
        // A second listener would have to be refused; nobody has one.
        let _ = self.progress.shared.listener.set(listener);
    }

    /// How far the records have got, for other threads.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Does what the I/O thread would do with what is sealed: writes it, and syncs it if that is the options' level.
    /// With nothing to write, it does a piece of what can wait, such as compressing.
    ///
    /// # Errors
    /// [`JournalError::NoSpace`], [`JournalError::Poisoned`].
    pub fn drive(&mut self) -> Result<(), JournalError> {
        if !self.progress.shared.work(self.level)? {
            self.progress.shared.tidy();
        }
        Ok(())
    }

    /// Seals, writes and syncs all, and ends.
    ///
    /// # Errors
    /// [`JournalError::NoSpace`]: what waited is lost with the process; [`JournalError::Poisoned`].
    pub fn close(mut self) -> Result<(), JournalError> {
        self.seal();
        self.end_thread();
        let mut writer = lock(&self.progress.shared.writer);
        // bound: each round takes something, and nobody adds
        while !writer.is_idle() {
            writer.work(Level::PageCache)?;
        }
        writer.finish()
    }

    fn end_thread(&mut self) {
        self.progress.shared.ending.store(1, Relaxed);
        self.progress.shared.bell.ring();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has poisoned nothing: what it had taken is written by whoever comes next.
            let _ = thread.join();
        }
    }
}

/// Dropped without [`Journal::close`]: what is sealed is written as the options say, what is not sealed is forgotten.
impl Drop for Journal {
    fn drop(&mut self) {
        self.end_thread();
    }
}

fn take_right(disk: &dyn Disk) -> Result<Box<dyn Any + Send>, JournalError> {
    let right = disk.lock().map_err(|error| JournalError::io("locking", "the journal", &error))?;
    right.ok_or_else(|| JournalError::Busy { place: format!("{disk:?}") })
}
