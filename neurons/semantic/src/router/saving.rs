//! What a router has learned, as bytes.

use serde::{Deserialize, Serialize};

use super::{Choice, Router, RouterError, SavedChoice};
use crate::episodes::SavedEpisodes;
use crate::tenure::SavedTenure;

/// What was learned, as it is written.
#[derive(Serialize, Deserialize)]
struct Saved {
    model: String,
    prototypes: Vec<f32>,
    precision: Vec<f32>,
    counts: Vec<f32>,
    offsets: Vec<f32>,
    seen: f32,
    rounds: u64,
    corrections: Vec<f32>,
    tenure: SavedTenure,
    episodes: Vec<SavedEpisodes>,
    open: Vec<Vec<(SavedChoice, f32)>>,
}

impl Router {
    /// Appends everything that was learned.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        let write = |(failed, reward): &(Choice, f32)| (failed.saved(), *reward);
        let saved = Saved {
            model: self.prototypes.model().to_string(),
            prototypes: self.prototypes.flat().to_vec(),
            precision: self.precision.flat().to_vec(),
            counts: self.counts.clone(),
            offsets: self.offsets.clone(),
            seen: self.seen,
            rounds: self.rounds,
            corrections: self.corrections.flat().to_vec(),
            tenure: self.tenure.saved(),
            episodes: self.episodes.saved(),
            open: self.open.iter().map(|failed| failed.iter().map(write).collect()).collect(),
        };
        // Into memory, and of types that can all be written.
        if let Ok(bytes) = postcard::to_stdvec(&saved) {
            out.extend_from_slice(&bytes);
        }
    }

    /// Takes back what [`snapshot`](Self::snapshot) wrote.
    ///
    /// # Errors
    /// [`RouterError::State`] for what is no state of a router of this model and these handlers; it is as it was.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), RouterError> {
        let saved: Saved =
            postcard::from_bytes(bytes).map_err(|error| RouterError::State(error.to_string()))?;
        let model = self.prototypes.model().to_string();
        if saved.model != model {
            return Err(RouterError::State(format!(
                "it is of the model {}, and this is {model}",
                saved.model
            )));
        }
        let (expected, found) = (self.handlers(), saved.counts.len());
        let width = self.prototypes.model().dimensions();
        let is_choice = |((handler, topic, _, _, vector), reward): &(SavedChoice, f32)| {
            (*handler.max(topic) as usize) < expected && vector.len() == width && reward.is_finite()
        };
        let fits = found == expected
            && saved.open.len() == expected
            && saved.open.iter().flatten().all(is_choice)
            && saved.offsets.len() == expected
            && saved.prototypes.len() == self.prototypes.flat().len()
            && saved.corrections.len() == self.corrections.flat().len()
            && saved.precision.len() == self.precision.flat().len()
            && saved.tenure.fits(expected);
        if !fits || !self.episodes.refill(saved.episodes) {
            return Err(RouterError::State(format!(
                "it has {found} handlers, and this has {expected}"
            )));
        }
        self.prototypes.flat_mut().copy_from_slice(&saved.prototypes);
        self.precision.flat_mut().copy_from_slice(&saved.precision);
        self.corrections.flat_mut().copy_from_slice(&saved.corrections);
        self.tenure.refill(saved.tenure);
        let read = |(failed, reward)| (Choice::of_saved(failed), reward);
        let open = saved.open.into_iter();
        self.open = open.map(|failed| failed.into_iter().map(read).collect()).collect();
        (self.counts, self.offsets) = (saved.counts, saved.offsets);
        (self.seen, self.rounds) = (saved.seen, saved.rounds);
        Ok(())
    }
}
