use std::fmt;
use std::io;
use std::sync::{OnceLock, TryLockError};
use std::time::Duration;

use super::error::JournalError;
use super::options::Level;
use super::writer::Writer;
use crate::axon::{Doorbell, WaitStrategy};
use crate::sync::{Arc, AtomicU64, Mutex, Relaxed, lock, yield_now};

/// Whether a journal takes entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Working,
    /// The disk is full: what was taken waits in memory, nothing more is taken, and it goes on by itself.
    NoSpace {
        /// Bytes that wait.
        waiting: u64,
    },
    /// A write or a sync failed: nothing is taken or acknowledged any more. Opening the journal again verifies it.
    Poisoned {
        /// What failed.
        operation: &'static str,
        /// Why.
        kind: io::ErrorKind,
    },
}

/// What everybody may know about a journal; single words that order nothing else, and so all relaxed.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// Sequences below this are sealed, written, synced.
    pub(super) sealed: AtomicU64,
    pub(super) written: AtomicU64,
    pub(super) synced: AtomicU64,
    /// Bytes that wait for room on the disk; 0 while there is room.
    pub(super) without_space: AtomicU64,
    /// Sequences below this may be forgotten.
    pub(super) keep_from: AtomicU64,
    poison: OnceLock<(&'static str, io::ErrorKind)>,
}

impl Reached {
    pub(super) fn of(&self, level: Level) -> u64 {
        match level {
            Level::Memory => self.sealed.load(Relaxed),
            Level::PageCache => self.written.load(Relaxed),
            Level::Synced => self.synced.load(Relaxed),
        }
    }

    pub(super) fn poison(&self, operation: &'static str, source: &io::Error) -> JournalError {
        let (operation, kind) = *self.poison.get_or_init(|| (operation, source.kind()));
        JournalError::Poisoned { operation, kind }
    }

    pub(super) fn health(&self) -> Health {
        if let Some(&(operation, kind)) = self.poison.get() {
            return Health::Poisoned { operation, kind };
        }
        match self.without_space.load(Relaxed) {
            0 => Health::Working,
            waiting => Health::NoSpace { waiting },
        }
    }

    /// Refuses while the journal is not working.
    #[inline]
    pub(super) fn check(&self) -> Result<(), JournalError> {
        match self.health() {
            Health::Working => Ok(()),
            Health::NoSpace { waiting } => Err(JournalError::NoSpace { waiting }),
            Health::Poisoned { operation, kind } => Err(JournalError::Poisoned { operation, kind }),
        }
    }
}

/// What the owner, the I/O thread and those who wait share.
pub(super) struct Shared {
    pub(super) writer: Mutex<Writer>,
    pub(super) reached: Arc<Reached>,
    /// Rung when something is sealed.
    pub(super) bell: Doorbell,
    /// Rung when somebody has done what there was to do.
    pub(super) done: Doorbell,
    /// Not 0 when the I/O thread is to end.
    pub(super) ending: AtomicU64,
    /// Rung when records have got further, or cannot.
    pub(super) listener: OnceLock<Arc<Doorbell>>,
}

/// How long somebody waits for another's write before he looks himself.
const LOOK: Duration = Duration::from_millis(20);

impl Shared {
    /// Does what there is to do, after whoever is at it.
    pub(super) fn work(&self, level: Level) -> Result<bool, JournalError> {
        let health = self.reached.health();
        let worked = lock(&self.writer).work(level);
        self.tell(health, &worked);
        worked
    }

    /// The same, unless somebody is at it.
    fn try_work(&self, level: Level) -> Option<Result<bool, JournalError>> {
        let health = self.reached.health();
        let mut writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            // What it guards is valid after every statement.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let worked = writer.work(level);
        // Whoever is woken finds it free.
        drop(writer);
        self.tell(health, &worked);
        Some(worked)
    }

    /// Does what can wait until there is nothing else; whether there was any.
    pub(super) fn tidy(&self) -> bool {
        let packed = lock(&self.writer).pack();
        if packed {
            // Whoever found the writer taken looks again.
            self.done.ring();
        }
        packed
    }

    /// Wakes those who wait, and tells whoever listens if there is news.
    fn tell(&self, before: Health, worked: &Result<bool, JournalError>) {
        self.done.ring();
        let news = matches!(worked, Ok(true)) || self.reached.health() != before;
        if let Some(listener) = self.listener.get().filter(|_| news) {
            listener.ring();
        }
    }
}

/// How far a journal's records have got; to be held by any number of threads, and to wait on.
#[derive(Clone)]
pub struct Progress {
    pub(super) shared: Arc<Shared>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("reached", &self.shared.reached).finish_non_exhaustive()
    }
}

impl Progress {
    /// Sequences below this have reached a level.
    #[must_use]
    #[inline]
    pub fn reached(&self, level: Level) -> u64 {
        self.shared.reached.of(level)
    }

    /// Whether the journal takes entries.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.reached.health()
    }

    /// Allows what lies below a sequence to be forgotten; see [`Journal::keep_from`](super::Journal::keep_from).
    pub fn keep_from(&self, sequence: u64) {
        self.shared.reached.keep_from.store(sequence, Relaxed);
    }

    /// Returns when a sealed sequence has reached a level. Whoever waits writes and syncs himself what is sealed, for
    /// all who wait: there is no hand-over to another thread, and many who wait share one sync.
    ///
    /// # Errors
    /// [`JournalError::NotSealed`], [`JournalError::NoSpace`] (wait again later), [`JournalError::Poisoned`].
    pub fn wait(&self, sequence: u64, level: Level) -> Result<(), JournalError> {
        let reached = &self.shared.reached;
        let sealed = reached.of(Level::Memory);
        if sequence >= sealed {
            return Err(JournalError::NotSealed { sequence, sealed });
        }
        // bound: what is sealed is taken by a round of work, or waits to be taken in the next
        while reached.of(level) <= sequence {
            let seen = self.shared.done.count();
            match self.shared.try_work(level) {
                Some(Ok(true)) => {}
                // The owner has it in hand, to add a batch to it.
                Some(Ok(false)) => yield_now(),
                Some(Err(error)) => return Err(error),
                // Somebody is at it, perhaps for this one too.
                None if reached.of(level) <= sequence => {
                    self.shared.done.wait(seen, WaitStrategy::YieldThenPark, Some(LOOK));
                }
                None => {}
            }
        }
        Ok(())
    }
}
