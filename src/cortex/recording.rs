//! Recording: what enters is written into the journal before it acts, and what goes out after it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use super::digest::Digest;
use super::every::{Done, Every};
use super::keeper::{Keeper, Target};
use super::recovery::RecoveryError;
use crate::gate::Outbound;
use crate::id::NeuronId;
use crate::journal::disk::{Directory, Disk};
use crate::journal::{Entry, Header, Journal, JournalError, Level, Options, Retention, Scan};
use crate::pace::{Stamp, unix_ns};
use crate::recorded::{GatePast, OPERATOR, Recorded, WORKERS, write_pasts};
use crate::sync::Arc;

/// Where and how a cortex keeps its journal; made from a path where the usual will do.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The journal's directory.
    pub directory: PathBuf,
    /// Another disk than the directory's, which is then only a name: for simulation.
    pub disk: Option<Arc<dyn Disk>>,
    /// What dates records, in ns since 1970; the system's clock, unless it is a simulation's.
    pub clock: fn() -> u64,
    /// How it is written. Its [retention](Options::retention) forgets only what lies before all snapshots that stay.
    pub options: Options,
    /// How often a digest of the state is written down, for replays to be checked against.
    pub marks: Every,
    /// How often the whole state is kept, so that a recovery need not begin at the beginning. Neurons that cannot be
    /// saved are refused when the run begins, unless this is [`Every::NEVER`].
    pub snapshots: Every,
    /// How many snapshots stay.
    pub snapshots_kept: usize,
    /// Whether only what a snapshot needs is written down, and whoever replays the journal takes it, such as
    /// `neuronbus journal snapshot`: then this cortex is not stopped to be copied.
    pub snapshots_elsewhere: bool,
    /// What the journal keeps of how the cortex was built: a description that a replay is built from.
    pub description: Vec<u8>,
}

impl Recording {
    /// A journal in this directory: a mark every five seconds and a snapshot every minute in which something entered.
    #[must_use]
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            disk: None,
            clock: unix_ns,
            options: Options::default(),
            marks: Every { time: Duration::from_secs(5), records: u64::MAX },
            snapshots: Every { time: Duration::from_secs(60), records: u64::MAX },
            snapshots_kept: 2,
            snapshots_elsewhere: false,
            description: Vec::new(),
        }
    }

    /// The same with marks and snapshots after so many inputs, whatever the time.
    #[must_use]
    pub fn every_records(mut self, marks: u64, snapshots: u64) -> Self {
        self.marks = Every { time: Duration::MAX, records: marks };
        self.snapshots = Every { time: Duration::MAX, records: snapshots };
        self
    }
}

impl<P: Into<PathBuf>> From<P> for Recording {
    fn from(directory: P) -> Self {
        Self::in_directory(directory)
    }
}

/// A record that waits: tick, source, kind, body.
type Waiting = (u64, u32, u8, Vec<u8>);

/// What a cortex has to write its journal with.
pub(super) struct Recorder {
    /// `None` once it is closed.
    pub(super) journal: Option<Journal>,
    pub(super) plan: Recording,
    /// Bytes that were cut off the journal's end when it was opened.
    pub(super) cut: u64,
    /// A body while it is written.
    body: Vec<u8>,
    /// Whether there was no room when that was looked at last.
    blocked: bool,
    /// What had to wait for a disk that failed at that very moment.
    backlog: VecDeque<Waiting>,
    /// The time of the present tick, as the system's clock says.
    time_ns: u64,
    /// Records since the last seal.
    unsealed: u64,
    /// The tick of the last record.
    last: u64,
    /// Inputs so far.
    pub(super) records: u64,
    marked: Done,
    pub(super) kept: Done,
    /// Every tick before this one has been computed, and the journal says so up to the one in front of it.
    passed: u64,
    told: u64,
    pub(super) refused: u64,
    /// What each gate has admitted, in this run and in those before.
    pub(super) pasts: Vec<(u32, GatePast)>,
    /// Who writes snapshots; nobody before the first.
    keeper: Option<Keeper>,
    /// Whether snapshots are taken still, and why the last was not written, if so.
    pub(super) keeps: bool,
    pub(super) unkept: Option<String>,
}

/// More than what any body holds in front of its payload.
const BODY_HEAD: usize = 80;

impl Recorder {
    /// Opens the journal of a recording, or begins it.
    pub(super) fn open(
        plan: Recording,
        topology: Digest,
        seed: u64,
    ) -> Result<Self, RecoveryError> {
        let options = plan.options.clone();
        let opened = match &plan.disk {
            Some(disk) => Journal::open_on(disk.clone(), options.clone()),
            None => Journal::open(&plan.directory, options.clone()),
        };
        let (journal, cut) = match opened {
            Ok((journal, recovery)) => (journal, recovery.cut.map_or(0, |cut| cut.bytes)),
            Err(JournalError::Missing { .. }) => {
                let header = Header {
                    plan: *topology.as_bytes(),
                    seed,
                    created_ns: (plan.clock)(),
                    ..Header::default()
                };
                let created = match &plan.disk {
                    Some(disk) => Journal::create_on(disk.clone(), &header, options),
                    None => Journal::create(&plan.directory, &header, options),
                };
                (created?, 0)
            }
            Err(error) => return Err(error.into()),
        };
        let recorded = Digest::from_bytes(journal.header().plan);
        if recorded != topology {
            let (recorded, found) = (recorded.to_string(), topology.to_string());
            return Err(RecoveryError::Plan { recorded, found });
        }
        let mut recorder = Self::of(journal, plan, cut);
        if recorder.next_sequence() == 0 {
            recorder.describe(0);
            recorder.seal();
        }
        Ok(recorder)
    }

    fn of(journal: Journal, plan: Recording, cut: u64) -> Self {
        let time_ns = (plan.clock)();
        let done = Done::now(0, Stamp::now());
        Self {
            journal: Some(journal),
            plan,
            cut,
            body: Vec::with_capacity(4096),
            backlog: VecDeque::new(),
            blocked: false,
            time_ns,
            unsealed: 0,
            last: 0,
            records: 0,
            marked: done,
            kept: done,
            passed: 0,
            told: 0,
            refused: 0,
            pasts: Vec::new(),
            keeper: None,
            keeps: true,
            unkept: None,
        }
    }

    /// Writes down what the cortex was built from.
    fn describe(&mut self, tick: u64) {
        let description = std::mem::take(&mut self.plan.description);
        self.record(tick, OPERATOR, &Recorded::Described(&description));
        self.plan.description = description;
    }

    /// What is recorded, to be read from the start.
    pub(super) fn scan(&self) -> Result<Scan, JournalError> {
        match &self.plan.disk {
            Some(disk) => Scan::open_on(disk.clone()),
            None => Scan::open(&self.plan.directory),
        }
    }

    /// The disk that the journal and its snapshots lie on.
    pub(super) fn disk(&self) -> Arc<dyn Disk> {
        let directory = || Arc::new(Directory::new(&self.plan.directory)) as Arc<dyn Disk>;
        self.plan.disk.clone().unwrap_or_else(directory)
    }

    /// Where snapshots are to be written; nowhere once the journal is closed.
    fn target(&self) -> Option<Target> {
        let progress = self.journal.as_ref()?.progress();
        let (place, keep) = (self.plan.directory.clone(), self.plan.snapshots_kept.max(1));
        let (written, seen) = (VecDeque::new(), None);
        Some(Target { disk: self.disk(), place, keep, progress, written, seen })
    }

    /// Who writes snapshots, made when he is first asked for; nobody once the journal is closed.
    pub(super) fn keeper(&mut self) -> Result<Option<&mut Keeper>, String> {
        if self.keeper.is_none() {
            let Some(target) = self.target() else { return Ok(None) };
            let keeper = Keeper::start(target, self.plan.options.thread);
            self.keeper = Some(keeper.map_err(|error| error.to_string())?);
        }
        Ok(self.keeper.as_mut())
    }

    /// The sequence of the next record.
    pub(super) fn next_sequence(&self) -> u64 {
        self.journal.as_ref().map_or(0, Journal::next_sequence)
    }

    /// A tick is collected: what enters from now on has this time. False while nothing may enter.
    pub(super) fn admits(&mut self) -> bool {
        self.time_ns = (self.plan.clock)();
        self.catch_up();
        // With less room than this a burst would find none in the middle, and be refused instead of having to wait.
        let room = self.plan.options.memory_bytes / 4;
        let full = |journal: &mut Journal| journal.has_room(room).is_err();
        self.blocked = !self.backlog.is_empty() || self.journal.as_mut().is_none_or(full);
        if self.blocked {
            // What is there must get on its way, or nothing ever makes room.
            self.seal();
        }
        !self.blocked
    }

    /// Whether nothing could be recorded when that was looked at last, so that nothing may enter.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Whether somebody writes what waits, and tells the cortex when it goes on.
    pub(super) fn will_ring(&self) -> bool {
        !self.blocked || self.plan.options.thread
    }

    /// Whether a record of so many bytes will be taken; asked before what it describes happens.
    #[inline]
    pub(super) fn makes_room(&mut self, bytes: usize) -> Result<(), JournalError> {
        let room = match &mut self.journal {
            Some(journal) => journal.has_room(bytes + BODY_HEAD),
            None => Err(JournalError::Missing { place: self.plan.directory.display().to_string() }),
        };
        room.inspect_err(|_| self.refused += 1)
    }

    /// Writes one record, which has been made room for.
    ///
    /// Should the disk have failed in between, it waits in memory: what has happened is written before anything else
    /// happens, or nothing happens any more.
    pub(super) fn record(&mut self, tick: u64, source: u32, recorded: &Recorded<'_>) {
        self.body.clear();
        recorded.write(&mut self.body);
        self.records += u64::from(recorded.is_input());
        self.note_past(source, recorded);
        self.last = self.last.max(tick);
        let kind = recorded.code();
        let entry = Entry { tick, time_ns: self.time_ns, source, kind, body: &self.body };
        let journal = self.journal.as_mut().filter(|_| self.backlog.is_empty());
        if journal.is_some_and(|journal| journal.append(&entry).is_ok()) {
            self.unsealed += 1;
        } else {
            self.backlog.push_back((tick, source, kind, self.body.clone()));
        }
    }

    /// Writes down what a free-running worker took in, behind what is written already: its own tick is in the body.
    pub(super) fn record_heard(&mut self, tick: u64, heard: &Recorded<'_>) {
        self.record(tick.max(self.last), WORKERS, heard);
    }

    fn note_past(&mut self, source: u32, recorded: &Recorded<'_>) {
        let is_past = matches!(
            recorded,
            Recorded::Drive { .. } | Recorded::Fire { .. } | Recorded::Bookmark(_)
        );
        if !is_past {
            return;
        }
        let at = self.pasts.iter().position(|(other, _)| *other == source);
        let at = at.unwrap_or_else(|| {
            self.pasts.push((source, GatePast::default()));
            self.pasts.len() - 1
        });
        let past = &mut self.pasts[at].1;
        match recorded {
            Recorded::Bookmark(bytes) => {
                let bookmark = past.bookmark.get_or_insert_default();
                bookmark.clear();
                bookmark.extend_from_slice(bytes);
            }
            _ => past.admissions += 1,
        }
    }

    /// Writes what had to wait.
    fn catch_up(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        while let Some((tick, source, kind, body)) = self.backlog.front() {
            let (tick, source, kind) = (*tick, *source, *kind);
            let entry = Entry { tick, time_ns: self.time_ns, source, kind, body };
            if journal.append(&entry).is_err() {
                return;
            }
            self.unsealed += 1;
            self.backlog.pop_front();
        }
    }

    /// Writes down what a gate took out, or could not.
    pub(super) fn record_output(
        &mut self,
        tick: u64,
        gate: NeuronId,
        taken: bool,
        out: &Outbound<'_>,
    ) {
        let recorded = Recorded::Output { taken, spike: out.spike, payload: out.payload };
        self.record(tick, gate.raw().into(), &recorded);
    }

    /// What has been recorded is a whole: it is there after a crash, or none of it.
    pub(super) fn seal(&mut self) {
        if self.unsealed > 0
            && let Some(journal) = &mut self.journal
        {
            journal.seal();
            self.unsealed = 0;
        }
    }

    /// Every tick before this one has been computed.
    #[inline]
    pub(super) fn ticks_passed(&mut self, next: u64) {
        self.passed = next;
    }

    /// Whether a mark is due, and whether a snapshot is.
    pub(super) fn what_is_due(&self) -> (bool, bool) {
        let is_due = |done: &Done, every| done.is_due(every, self.records);
        let keep = self.keeps && is_due(&self.kept, &self.plan.snapshots);
        (is_due(&self.marked, &self.plan.marks), keep)
    }

    /// Whether anything has entered since the last mark.
    pub(super) fn has_news(&self) -> bool {
        self.records > self.marked.records
    }

    /// Writes down how far the run has come, if that is news.
    pub(super) fn tell_passed(&mut self) {
        if self.passed > self.told && self.makes_room(0).is_ok() {
            self.told = self.passed;
            self.time_ns = (self.plan.clock)();
            self.record(self.passed, OPERATOR, &Recorded::Passed);
        }
        self.seal();
    }

    /// The run begins, or goes on, at this tick.
    pub(super) fn begin(&mut self, next: u64) {
        (self.passed, self.told) = (next, next);
        self.time_ns = (self.plan.clock)();
        self.record(next, OPERATOR, &Recorded::Began);
        self.seal();
    }

    /// The operator changes something, before this tick.
    pub(super) fn command(
        &mut self,
        next: u64,
        command: &Recorded<'_>,
    ) -> Result<(), JournalError> {
        self.makes_room(0)?;
        self.time_ns = (self.plan.clock)();
        self.record(next, OPERATOR, command);
        self.seal();
        Ok(())
    }

    /// The state before this tick is such.
    pub(super) fn mark(&mut self, next: u64, digest: Digest, fingerprints: &[u8], began: Stamp) {
        if self.makes_room(fingerprints.len()).is_ok() {
            self.told = next;
            self.time_ns = (self.plan.clock)();
            let digest = *digest.as_bytes();
            self.record(next, OPERATOR, &Recorded::Mark { digest, fingerprints });
            self.seal();
        }
        self.marked = Done::now(self.records, began);
    }

    /// A snapshot is taken before this tick; its records begin with the one whose sequence is returned.
    pub(super) fn keep(&mut self, next: u64) -> Result<u64, JournalError> {
        let mut pasts = Vec::new();
        write_pasts(&self.pasts, &mut pasts);
        self.makes_room(pasts.len() + self.plan.description.len() + BODY_HEAD)?;
        let sequence = self.next_sequence();
        self.time_ns = (self.plan.clock)();
        self.record(next, OPERATOR, &Recorded::Kept(&pasts));
        if self.plan.options.retention != Retention::default() {
            // The first one may be forgotten.
            self.describe(next);
        }
        self.seal();
        Ok(sequence)
    }

    /// Up to which sequence the records have reached a level.
    pub(super) fn reached(&self, level: Level) -> Option<u64> {
        Some(self.journal.as_ref()?.reached(level))
    }

    /// Returns when all that was recorded has reached a level, what had to wait for a disk included.
    pub(super) fn sync(&mut self, level: Level) -> Result<(), JournalError> {
        let mut stuck = false;
        // bound: a round writes some of what had to wait, or is the last but one
        loop {
            let before = self.backlog.len();
            self.catch_up();
            self.seal();
            let Some(journal) = &mut self.journal else { return Ok(()) };
            if let Some(last) = journal.next_sequence().checked_sub(1) {
                journal.wait(last, level)?;
            }
            let Some((.., body)) = self.backlog.front() else { return Ok(()) };
            if stuck && self.backlog.len() == before {
                return journal.has_room(body.len());
            }
            stuck = self.backlog.len() == before;
        }
    }

    /// Says how far the run has come, and ends.
    pub(super) fn close(&mut self) -> Result<(), JournalError> {
        if !self.backlog.is_empty() {
            // There may be room by now; if not, closing says so.
            let _ = self.sync(Level::PageCache);
        }
        self.tell_passed();
        // A snapshot waits for the journal, and so must be done before it.
        self.keeper = None;
        self.journal.take().map_or(Ok(()), Journal::close)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Whoever wants to know whether it went well closes the cortex.
        let _ = self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::disk::MemoryDisk;

    #[test]
    fn what_had_to_wait_for_the_disk_is_synced_with_the_rest() {
        let disk = MemoryDisk::new(0);
        let mut plan = Recording::in_directory("tested");
        plan.disk = Some(Arc::new(disk.clone()));
        plan.options = Options { level: Level::PageCache, thread: false, ..Options::default() };
        let mut recorder = Recorder::open(plan, Digest::from_bytes([0; 32]), 1).unwrap();
        recorder.sync(Level::Synced).unwrap();
        disk.set_capacity(0);
        let full = |error| matches!(error, JournalError::NoSpace { .. });
        recorder.record(1, OPERATOR, &Recorded::Passed);
        assert!(recorder.sync(Level::Synced).is_err_and(full));
        // It happened all the same, and there is no room for its record.
        recorder.record(2, OPERATOR, &Recorded::Passed);
        assert!(recorder.sync(Level::Synced).is_err_and(full));
        disk.set_capacity(u64::MAX);
        recorder.sync(Level::Synced).unwrap();
        assert_eq!((recorder.next_sequence(), recorder.reached(Level::Synced)), (3, Some(3)));
    }
}
