//! Taking a run up where its journal ends: the newest snapshot, and what was recorded since, fed again.

use std::ops::Range;

use super::difference::ReplayError;
use super::every::Every;
use super::playback::Playback;
use super::recording::Recorder;
use super::replay::{Replay, ReplayOptions};
use super::{Cortex, SnapshotError};
use crate::gate::GatePast;
use crate::journal::JournalError;
use crate::snapshot::{FileError, Shelf, Snapshot};

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
    /// Snapshots that could not be used, and why.
    pub refused: Vec<String>,
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
    /// Workers ran freely, and the journal ends while they did: what some of them had taken in is not in it.
    #[error(
        "its workers ran freely and had not come to rest where it ends, the last time at tick {tick}: \
         replay it, or begin another journal"
    )]
    Restless {
        /// The tick of the last rest.
        tick: u64,
    },
    /// The beginning was forgotten, and there is no snapshot to begin with instead.
    #[error("its records below {first} are forgotten, and no snapshot can be used to begin with:{}", reasons(.refused))]
    Forgotten {
        /// The first sequence that is still there.
        first: u64,
        /// Why none of the snapshots that are there can be used.
        refused: Vec<String>,
    },
    /// The snapshots cannot be looked at.
    #[error(transparent)]
    File(#[from] FileError),
    /// A neuron cannot be saved, or a snapshot not restored. Without snapshots ([`Every::NEVER`]) a run is taken up
    /// from its inputs alone.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

fn reasons(refused: &[String]) -> String {
    if refused.is_empty() {
        " there is none".to_owned()
    } else {
        format!(" {}", refused.join("; "))
    }
}

impl Cortex {
    /// Brings the state to where the journal ends. What the gates had admitted by then comes back, by their position;
    /// nothing, if there was no journal before.
    pub(super) fn recover(&mut self) -> Result<Vec<GatePast>, RecoveryError> {
        let Some(mut recorder) = self.recorder.take() else { return Ok(Vec::new()) };
        // Until it is back nothing is recorded: what is fed is in the journal already.
        let outcome = self.recover_from(&recorder);
        if let Ok(pasts) = &outcome {
            let ids = self.doors.iter().map(|door| u32::from(door.id.raw()));
            recorder.pasts = ids.zip(pasts.iter().cloned()).collect();
            recorder.begin(self.next);
            if let Some(journal) = &recorder.journal {
                journal.tell(self.doorbell.clone());
            }
        }
        self.recorder = Some(recorder);
        outcome
    }

    fn recover_from(&mut self, recorder: &Recorder) -> Result<Vec<GatePast>, RecoveryError> {
        if recorder.plan.snapshots != Every::NEVER {
            self.can_be_saved()?;
        }
        let disk = recorder.disk();
        let shelf = Shelf { disk: &*disk, place: &recorder.plan.directory };
        let mut scan = recorder.scan()?;
        let first = scan.segment_start();
        let (snapshot, refused) = usable(shelf, first..recorder.next_sequence())?;
        if first > 0 && snapshot.is_none() {
            return Err(RecoveryError::Forgotten { first, refused });
        }
        if let Some(snapshot) = &snapshot {
            snapshot.restore(self)?;
            scan = scan.from_sequence(snapshot.header.sequence)?;
        }
        let mut replay = Replay::new(self.doors.len(), ReplayOptions::default());
        self.replay_with(&mut Playback::of(scan), &mut replay)?;
        if self.is_free() && !replay.at_rest {
            return Err(RecoveryError::Restless { tick: replay.rested });
        }
        let report = replay.report;
        self.recovered = Some(Recovered {
            records: report.records,
            inputs: report.inputs,
            outputs: report.outputs,
            marks: report.marks,
            snapshot: snapshot.as_ref().map(|snapshot| snapshot.header.tick),
            refused,
            cut: recorder.cut,
            next_tick: self.next,
        });
        // A journal that was begun just now holds what it was begun with, and nothing else.
        let is_new = snapshot.is_none() && report.records <= 1;
        Ok(if is_new { Vec::new() } else { replay.pasts })
    }
}

/// The newest snapshot that is whole and that the journal leads to and on from, and why newer ones cannot be used.
fn usable(
    shelf: Shelf<'_>,
    there: Range<u64>,
) -> Result<(Option<Snapshot>, Vec<String>), RecoveryError> {
    let mut refused = Vec::new();
    for (_, name) in shelf.list()?.into_iter().rev() {
        match Snapshot::read_on(shelf, &name) {
            Ok(snapshot) if there.contains(&snapshot.header.sequence) => {
                return Ok((Some(snapshot), refused));
            }
            Ok(snapshot) => refused.push(format!(
                "{}: it is of record {}, and the journal has those from {} and below {}",
                snapshot.path.display(),
                snapshot.header.sequence,
                there.start,
                there.end
            )),
            Err(error) => refused.push(error.to_string()),
        }
    }
    Ok((None, refused))
}
