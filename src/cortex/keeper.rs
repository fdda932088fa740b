//! Writing snapshots while the cortex goes on.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::journal::disk::Disk;
use crate::journal::{Level, Progress};
use crate::snapshot::{Capture, Shelf, Snapshot};
use crate::sync::Arc;

/// What was written, given back for its memory; or why it was not.
type Written = Result<Vec<u8>, String>;

/// What there is to do.
#[derive(Debug)]
enum Job {
    Write(Capture),
    /// To see which snapshots others have taken.
    Look,
}

/// Writes one snapshot after the other; ends when it is dropped, with the last one written.
#[derive(Debug)]
pub(super) struct Keeper {
    by: By,
    buffer: Vec<u8>,
}

/// Who writes.
#[derive(Debug)]
enum By {
    /// A thread, which may have one in hand.
    Thread {
        give: Option<Sender<Job>>,
        back: Receiver<Written>,
        thread: Option<JoinHandle<()>>,
        busy: bool,
    },
    /// Whoever hands it over, at once; and what came of the last.
    Caller { target: Target, written: Option<Written> },
}

/// Where snapshots go.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) disk: Arc<dyn Disk>,
    /// What messages call the disk.
    pub(super) place: PathBuf,
    /// How many stay.
    pub(super) keep: usize,
    /// The journal's: no snapshot is written before that holds on disk what led to it, otherwise a loss of power could
    /// leave a state that nothing leads to.
    pub(super) progress: Progress,
    /// The sequences of those that stay and were written here.
    pub(super) written: VecDeque<u64>,
    /// The oldest that others took, as of the last look.
    pub(super) seen: Option<String>,
}

impl Target {
    fn write(&mut self, capture: &Capture) -> Result<(), String> {
        if let Some(last) = capture.header().sequence.checked_sub(1) {
            self.progress.wait(last, Level::Synced).map_err(|error| error.to_string())?;
        }
        let shelf = Shelf { disk: &*self.disk, place: &self.place };
        capture.write_on(shelf).map_err(|error| error.to_string())?;
        shelf.prune(self.keep).map_err(|error| error.to_string())?;
        self.written.push_back(capture.header().sequence);
        if self.written.len() > self.keep {
            self.written.pop_front();
        }
        if let Some(&oldest) = self.written.front().filter(|_| self.written.len() == self.keep) {
            // A recovery may have to fall back on the oldest: what that needs must stay.
            self.progress.keep_from(oldest);
        }
        Ok(())
    }

    /// Allows to be forgotten what the oldest of the snapshots that stay stands for, whoever took them.
    fn look(&mut self) -> Result<(), String> {
        let shelf = Shelf { disk: &*self.disk, place: &self.place };
        let all = shelf.list().map_err(|error| error.to_string())?;
        let Some((_, oldest)) = all.first().filter(|_| all.len() >= self.keep) else {
            return Ok(());
        };
        if self.seen.as_ref() != Some(oldest) {
            // Read whole: one that cannot be gone on from stands for nothing.
            let snapshot = Snapshot::read_on(shelf, oldest).map_err(|error| error.to_string())?;
            self.progress.keep_from(snapshot.header.sequence);
            self.seen = Some(oldest.clone());
        }
        Ok(())
    }

    fn work(&mut self, job: Job) -> Written {
        match job {
            Job::Write(capture) => self.write(&capture).map(|()| capture.into_buffer()),
            Job::Look => self.look().map(|()| Vec::new()),
        }
    }
}

impl Keeper {
    /// Writes on a thread of its own, or when it is told to.
    pub(super) fn start(mut target: Target, thread: bool) -> std::io::Result<Self> {
        let buffer = Vec::new();
        if !thread {
            return Ok(Self { by: By::Caller { target, written: None }, buffer });
        }
        let (give, given) = bounded::<Job>(1);
        let (tell, back) = bounded(1);
        let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || {
            for job in given {
                if tell.send(target.work(job)).is_err() {
                    return;
                }
            }
        })?;
        let by = By::Thread { give: Some(give), back, thread: Some(thread), busy: false };
        Ok(Self { by, buffer })
    }

    /// The memory for the next snapshot, and why the one before was not written, if so; nothing while that is being
    /// written.
    pub(super) fn is_free(&mut self) -> Option<Written> {
        let outcome = match &mut self.by {
            By::Caller { written, .. } => written.take(),
            By::Thread { back, busy, .. } if *busy => {
                let outcome = back.try_recv().ok()?;
                *busy = false;
                Some(outcome)
            }
            By::Thread { .. } => None,
        };
        outcome.or_else(|| Some(Ok(std::mem::take(&mut self.buffer))))
    }

    /// Has a snapshot written.
    pub(super) fn write(&mut self, capture: Capture) {
        self.give(Job::Write(capture));
    }

    /// Has it seen which snapshots others have taken, and forgotten what those stand for.
    pub(super) fn look(&mut self) {
        self.give(Job::Look);
    }

    fn give(&mut self, job: Job) {
        match &mut self.by {
            By::Caller { target, written } => *written = Some(target.work(job)),
            By::Thread { give: Some(give), busy, .. } => *busy = give.send(job).is_ok(),
            By::Thread { .. } => {}
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let By::Thread { give, back, thread, .. } = &mut self.by else { return };
        *give = None;
        // So that the thread is not left with an answer that nobody takes.
        let _ = back.try_recv();
        if let Some(thread) = thread.take() {
            // A panic in there has been printed.
            let _ = thread.join();
        }
    }
}
