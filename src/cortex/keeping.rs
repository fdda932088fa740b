//! What a cortex does for its journal between two ticks: marks, snapshots, and the end.

use super::Cortex;
use super::digest::fingerprint;
use super::every::Done;
use super::keeper::Keeper;
use super::operator::OperatorError;
use super::recording::Recorder;
use super::run::RunError;
use crate::id::NeuronId;
use crate::journal::{Health, JournalError, Level, Retention};
use crate::pace::Stamp;
use crate::recorded::Recorded;
use crate::snapshot::Capture;

/// The most neurons that marks have fingerprints of.
const FINGERPRINTS_MAX: usize = 4_096;

impl Cortex {
    /// Up to which sequence the journal has reached a level of durability: every record below it has. `None` without a
    /// journal.
    #[must_use]
    pub fn recorded_up_to(&self, level: Level) -> Option<u64> {
        self.recorder.as_ref()?.reached(level)
    }

    /// Waits until everything that has entered so far has reached a level of durability.
    ///
    /// # Errors
    /// When the journal cannot be written to.
    pub fn sync_journal(&mut self, level: Level) -> Result<(), JournalError> {
        self.recorder.as_mut().map_or(Ok(()), |recorder| recorder.sync(level))
    }

    /// Whether the journal takes entries; `None` without one.
    #[must_use]
    pub fn journal_health(&self) -> Option<Health> {
        Some(self.recorder.as_ref()?.journal.as_ref()?.health())
    }

    /// Writes a change of the operator into the journal, before it is made.
    pub(super) fn record_command(&mut self, command: &Recorded<'_>) -> Result<(), OperatorError> {
        let next = self.next;
        match &mut self.recorder {
            Some(recorder) => Ok(recorder.command(next, command)?),
            None => Ok(()),
        }
    }

    /// Marks and snapshots, when they are due; called between two ticks.
    pub(super) fn tend_journal(&mut self) -> Result<(), RunError> {
        let Some(recorder) = &mut self.recorder else { return Ok(()) };
        recorder.ticks_passed(self.next);
        let (mark, mut keep) = recorder.what_is_due();
        if keep && recorder.plan.snapshots_elsewhere {
            self.leave_to_others();
            keep = false;
        }
        if mark || keep {
            self.come_together()?;
            self.mark();
            if keep {
                self.keep();
            }
            self.set_off()?;
        }
        Ok(())
    }

    /// Writes down what a snapshot needs beside the state, which whoever takes it computes himself.
    fn leave_to_others(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        // A journal that takes nothing now will take it later.
        if recorder.keep(self.next).is_ok() {
            recorder.kept = Done::now(recorder.records, Stamp::now());
        }
        if recorder.plan.options.retention == Retention::default() {
            return;
        }
        let looked = recorder.keeper().map(|keeper| {
            let free = keeper.and_then(|keeper| keeper.is_free().map(|last| (keeper, last)));
            free.and_then(|(keeper, last)| {
                keeper.look();
                last.err()
            })
        });
        if let Some(reason) = looked.unwrap_or_else(Some)
            && recorder.unkept.as_ref() != Some(&reason)
        {
            self.notes.push(format!("nothing is forgotten: {reason}"));
            recorder.unkept = Some(reason);
        }
    }

    /// Takes a snapshot, which is written while the run goes on. Not while the one before is being written.
    fn keep(&mut self) {
        let Some(mut recorder) = self.recorder.take() else { return };
        let began = Stamp::now();
        match self.capture(&mut recorder) {
            Ok(Some(capture)) => {
                if let Ok(Some(keeper)) = recorder.keeper() {
                    keeper.write(capture);
                }
                recorder.kept = Done::now(recorder.records, began);
            }
            Ok(None) => {}
            Err(reason) => {
                self.notes.push(format!("no snapshot is taken any more: {reason}"));
                recorder.keeps = false;
            }
        }
        self.recorder = Some(recorder);
    }

    /// The state as it is; `None` while nobody could write it.
    fn capture(&mut self, recorder: &mut Recorder) -> Result<Option<Capture>, String> {
        let buffer = match recorder.keeper()?.and_then(Keeper::is_free) {
            None => return Ok(None),
            Some(Ok(buffer)) => buffer,
            // A full disk may have room by now: what failed is said once, and tried again.
            Some(Err(reason)) => {
                if recorder.unkept.as_ref() != Some(&reason) {
                    self.notes.push(format!("a snapshot was not written: {reason}"));
                    recorder.unkept = Some(reason);
                }
                Vec::new()
            }
        };
        // A journal that takes nothing now will take it later.
        let Ok(sequence) = recorder.keep(self.next) else { return Ok(None) };
        Capture::of(self, sequence, buffer).map(Some).map_err(|error| error.to_string())
    }

    /// Writes the digest of the present state into the journal.
    fn mark(&mut self) {
        let began = Stamp::now();
        let digest = self.digest();
        let fingerprints = self.fingerprints();
        if let Some(recorder) = &mut self.recorder {
            recorder.mark(self.next, digest, &fingerprints, began);
        }
    }

    /// Tells the gates how much of what they admitted is kept by now.
    pub(super) fn acknowledge(&mut self) {
        let Some(recorder) = &self.recorder else { return };
        let Some(reached) = recorder.reached(recorder.plan.options.level) else { return };
        self.doors.iter_mut().for_each(|door| door.acknowledge(reached));
    }

    /// A run has ended, and another may follow: what it took in is whole.
    pub(super) fn pause_journal(&mut self) {
        let (next, free) = (self.next, self.is_free());
        if let Some(recorder) = &mut self.recorder {
            recorder.ticks_passed(next);
            if free {
                // Where they rest, a run can be taken up.
                recorder.tell_passed();
            }
            recorder.seal();
        }
    }

    /// The cortex closes: the journal says how far it came, and how it left the state.
    pub(super) fn end_journal(&mut self) {
        let next = self.next;
        let apart = self.is_apart();
        let Some(recorder) = &mut self.recorder else { return };
        recorder.ticks_passed(next);
        if recorder.has_news() && !apart {
            self.mark();
        }
        let Some(recorder) = &mut self.recorder else { return };
        if let Err(error) = recorder.close() {
            self.notes.push(format!("the journal could not be closed: {error}"));
        }
    }

    /// What the journal has taken and refused, for the report.
    pub(super) fn note_of_journal(&self) -> Option<String> {
        let recorder = self.recorder.as_ref()?;
        let directory = recorder.plan.directory.display();
        let mut note = format!("journal {directory}: {} inputs recorded", recorder.records);
        if recorder.refused > 0 {
            note += &format!(", {} refused", recorder.refused);
        }
        if let Some(health) = self.journal_health().filter(|health| *health != Health::Working) {
            note += &format!(", {health:?}");
        }
        Some(note)
    }

    /// 32 bits of each neuron's state, so that a replay that differs can say whose; none where there are very many.
    pub(super) fn fingerprints(&self) -> Vec<u8> {
        let count = self.worker.cells.len();
        if count > FINGERPRINTS_MAX {
            return Vec::new();
        }
        let mut all = Vec::with_capacity(4 * count);
        for index in 0..count {
            let id = NeuronId::from_index(index).ok();
            let print = id.and_then(|id| Some(fingerprint(self.worker_of(id)?, id)));
            all.extend_from_slice(&print.unwrap_or_default().to_le_bytes());
        }
        all
    }
}
