//! Taking a run up where its journal ends: the newest snapshot, and what was recorded since, fed again.

use super::Cortex;
use super::difference::ReplayError;
use super::playback::Playback;
use super::replay::{Replay, ReplayOptions};
use crate::gate::GatePast;
use crate::journal::JournalError;

/// What was taken up from a journal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Recovered {
    /// Records that were replayed.
    pub records: u64,
    /// Inputs among them.
    pub inputs: u64,
    /// Outputs that came again as they were recorded, and went nowhere.
    pub outputs: u64,
    /// Marks at which the state was as it had been.
    pub marks: u64,
    /// The tick of the snapshot that it began with, if there was one.
    pub snapshot: Option<u64>,
    /// Bytes behind the last seal that were cut off: what no one had been told was kept.
    pub cut: u64,
    /// The first tick that is computed anew.
    pub next_tick: u64,
}

/// Why a run cannot go on from its journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The replay failed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// It was recorded by a cortex with another topology or seed.
    #[error(
        "it was recorded with plan {recorded} and this cortex has plan {found}: build the same topology, or fork"
    )]
    Plan {
        /// The plan in the journal's header.
        recorded: String,
        /// The plan of this cortex.
        found: String,
    },
}

impl Cortex {
    /// Brings the state to where the journal ends. What the gates had admitted by then comes back, by their position;
    /// nothing, if there was no journal before.
    pub(super) fn recover(&mut self) -> Result<Vec<GatePast>, RecoveryError> {
        let Some(mut recorder) = self.recorder.take() else { return Ok(Vec::new()) };
        // Until it is back nothing is recorded: what is fed is in the journal already.
        let outcome = self.recover_from(&recorder.plan.directory, recorder.cut);
        recorder.begin(self.next);
        if let Some(journal) = &recorder.journal {
            journal.tell(self.doorbell.clone());
        }
        self.recorder = Some(recorder);
        outcome
    }

    fn recover_from(
        &mut self,
        directory: &std::path::Path,
        cut: u64,
    ) -> Result<Vec<GatePast>, RecoveryError> {
        let mut replay = Replay::new(self.doors.len(), ReplayOptions::default());
        let mut playback = Playback::open(directory)?;
        self.replay_with(&mut playback, &mut replay)?;
        let report = replay.report;
        self.recovered = Some(Recovered {
            records: report.records,
            inputs: report.inputs,
            outputs: report.outputs,
            marks: report.marks,
            snapshot: None,
            cut,
            next_tick: self.next,
        });
        // A journal that was begun just now holds what it was begun with, and nothing else.
        Ok(if report.records > 1 { replay.pasts } else { Vec::new() })
    }
}
