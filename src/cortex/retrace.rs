//! Replaying workers that ran freely: each computes by itself, on this thread, from what it took in.
//!
//! What a worker fires for others goes nowhere: the records say what arrived, and before which tick. Between two rests
//! each worker is at a tick of its own.

use super::Cortex;
use super::replay::Replay;
use super::run::RunError;
use super::workers::Count;
use crate::recorded::Recorded;

impl Replay {
    /// Says whether all workers were at rest behind a record.
    pub(super) fn note_rest(&mut self, tick: u64, recorded: &Recorded<'_>) {
        self.at_rest = match recorded {
            Recorded::Drive { .. }
            | Recorded::Fire { .. }
            | Recorded::Heard { .. }
            | Recorded::Cells { .. }
            | Recorded::Output { .. } => false,
            Recorded::Bookmark(_) | Recorded::Described(_) => self.at_rest,
            _ => true,
        };
        if self.at_rest {
            self.rested = tick;
        }
    }
}

impl Cortex {
    /// Computes what is due before a tick, for all workers.
    pub(super) fn run_all_to(&mut self, end: u64, replay: &mut Replay) -> Result<(), RunError> {
        self.run_to(end, replay)?;
        if self.is_free() {
            (1..=self.followers.len()).for_each(|worker| self.bring_to(worker, end));
        }
        Ok(())
    }

    /// Behind the last record, all go on from the latest tick of any, with what they have written down in one place.
    pub(super) fn gather_retraced(&mut self, replay: &mut Replay) -> Result<(), RunError> {
        if self.is_free() {
            let latest = self.followers.iter().map(|other| other.next).fold(self.next, u64::max);
            self.run_all_to(latest, replay)?;
            for follower in &mut self.followers {
                self.worker.network.take_records(&mut follower.worker.network);
            }
        }
        Ok(())
    }

    /// One of the others computes what is due for it before a tick.
    fn bring_to(&mut self, worker: usize, end: u64) {
        let other = &mut self.followers[worker - 1];
        while let Some(due) = other.worker.next_due(other.next).filter(|&due| due < end) {
            other.worker.tick(due, None, &mut Count(&mut other.ticks));
            other.worker.send_nothing();
            other.next = due + 1;
        }
        other.next = other.next.max(end);
    }

    /// A worker takes in again what it took in from another one; in words why that cannot be.
    pub(super) fn hear_again(
        &mut self,
        heard: &Recorded<'_>,
        replay: &mut Replay,
    ) -> Result<Result<(), String>, RunError> {
        let (Recorded::Heard { worker, tick, .. } | Recorded::Cells { worker, tick, .. }) = *heard
        else {
            return Ok(Ok(()));
        };
        let index = usize::from(worker);
        if !self.is_free() || index > self.followers.len() {
            return Ok(Err(format!("there is no worker {worker} that runs freely")));
        }
        match index {
            0 => self.run_to(tick, replay)?,
            _ => self.bring_to(index, tick),
        }
        let neurons = self.worker.cells.len();
        let worker = match index {
            0 => &mut self.worker,
            _ => &mut self.followers[index - 1].worker,
        };
        match *heard {
            Recorded::Heard { drive, spike, payload, .. } => {
                let ends = spike.source().ok().into_iter().chain(spike.target());
                if ends.into_iter().any(|id| id.index() >= neurons) {
                    return Ok(Err("a spike is of a neuron that is not there".to_owned()));
                }
                worker.hear_spike(tick, drive, spike, payload);
            }
            Recorded::Cells { population, cells, .. } => {
                let cell = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
                let cells: Vec<u32> = cells.as_chunks().0.iter().map(cell).collect();
                if !worker.network.has_cells(population, &cells) {
                    return Ok(Err(format!("population {population} has no such cells")));
                }
                worker.hear_cells(tick, population, &cells);
            }
            _ => {}
        }
        Ok(Ok(()))
    }
}
