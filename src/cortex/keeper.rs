//! The thread that writes snapshots while the cortex goes on.

use std::path::PathBuf;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::journal::{Level, Progress};
use crate::snapshot::{self, Capture};

/// Writes one snapshot after the other; ends when it is dropped, with the last one written.
#[derive(Debug)]
pub(super) struct Keeper {
    give: Option<Sender<Capture>>,
    /// The memory of what was written, or why it was not.
    back: Receiver<Result<Vec<u8>, String>>,
    thread: Option<JoinHandle<()>>,
    /// Whether it has one in hand.
    busy: bool,
    buffer: Vec<u8>,
}

impl Keeper {
    /// Writes into this directory, of which the newest so many stay, and none before the journal holds on disk what led
    /// to it: otherwise a loss of power could leave a state that nothing leads to.
    pub(super) fn start(
        directory: PathBuf,
        keep: usize,
        progress: Progress,
    ) -> std::io::Result<Self> {
        let (give, given) = bounded::<Capture>(1);
        let (tell, back) = bounded(1);
        let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || {
            for capture in given {
                let written = write(&capture, &directory, keep, &progress);
                let outcome = written.map(|()| capture.into_buffer());
                if tell.send(outcome).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { give: Some(give), back, thread: Some(thread), busy: false, buffer: Vec::new() })
    }

    /// The memory for the next snapshot, and why the one before was not written, if so; nothing while that is being
    /// written.
    pub(super) fn is_free(&mut self) -> Option<Result<Vec<u8>, String>> {
        if self.busy {
            let outcome = self.back.try_recv().ok()?;
            self.busy = false;
            match outcome {
                Ok(buffer) => self.buffer = buffer,
                Err(reason) => return Some(Err(reason)),
            }
        }
        Some(Ok(std::mem::take(&mut self.buffer)))
    }

    /// Has a snapshot written.
    pub(super) fn write(&mut self, capture: Capture) {
        if let Some(give) = &self.give {
            self.busy = give.send(capture).is_ok();
        }
    }
}

fn write(
    capture: &Capture,
    directory: &std::path::Path,
    keep: usize,
    progress: &Progress,
) -> Result<(), String> {
    if let Some(last) = capture.header().sequence.checked_sub(1) {
        progress.wait(last, Level::Synced).map_err(|error| error.to_string())?;
    }
    capture.write(directory).map_err(|error| error.to_string())?;
    snapshot::prune(directory, keep).map_err(|error| error.to_string())?;
    Ok(())
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.give = None;
        // So that the thread is not left with an answer that nobody takes.
        let _ = self.back.try_recv();
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed.
            let _ = thread.join();
        }
    }
}
