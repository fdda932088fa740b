//! How workers hand spikes to each other: in lockstep, or each at its own speed.

use std::sync::Arc;

use super::builder::Mistake;
use super::digest::Digest;
use super::every::Every;
use super::placement::Placement;
use super::recording::Recording;
use super::snapshot::Blueprint;
use crate::arena::{Arena, ArenaError};
use crate::region::Region;

/// How several workers hand spikes to each other; see
/// [`CortexBuilder::exchange`](super::CortexBuilder::exchange).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub enum Exchange {
    /// A spike arrives its delay after it was fired, and workers wait for each other once an epoch: the result is the
    /// same for any number of workers, run after run.
    #[default]
    #[serde(rename = "lockstep")]
    Lockstep,
    /// No worker waits for another. A spike of another worker counts as fired in the tick before the receiver's next
    /// one, and arrives its delay after that. So the result differs from run to run; with a journal, which then holds
    /// what each worker took in and when, every run can be replayed.
    #[serde(rename = "free")]
    FreeRunning,
}

impl Exchange {
    /// Finds what cannot be right with workers that run freely; nothing in lockstep, and nothing for one worker.
    pub(super) fn check(
        self,
        workers: usize,
        regions: &[Region],
        journal: Option<&Recording>,
        mistakes: &mut Vec<Mistake>,
    ) {
        if !self.is_free(workers) {
            return;
        }
        if let Some(region) = regions.iter().find(|region| region.template.is_some()) {
            let what = format!("region {} with a template", region.path);
            let why =
                "neurons that come into being have the same number on all workers in lockstep only";
            mistakes.push(Mistake::FreeRunning { what, why });
        }
        if journal.is_some_and(|recording| recording.snapshots != Every::NEVER) {
            let what = "a journal with snapshots".to_owned();
            let why = "a snapshot has one past for all workers; set `Recording::snapshots` to `Every::NEVER`";
            mistakes.push(Mistake::FreeRunning { what, why });
        }
    }

    /// What a journal must be of to be replayed by this cortex: of workers that run freely it holds what each of them
    /// took in, and so belongs to just these workers.
    pub(super) fn plan(
        self,
        blueprint: &Blueprint,
        placement: &Placement,
        workers: usize,
    ) -> Digest {
        let plan = blueprint.hash();
        if !self.is_free(workers) {
            return plan;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(plan.as_bytes()).update(b"free-running").update(&[workers as u8]);
        hasher.update(&placement.homes());
        for region in 0..placement.homes().len() {
            hasher.update(&[u8::from(placement.is_spread_at(region))]);
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// Arenas from which so many workers lend large payloads to each other; none in lockstep.
    pub(super) fn arenas(
        self,
        workers: usize,
        bytes: usize,
    ) -> Result<Vec<Arc<Arena>>, ArenaError> {
        let workers = if self.is_free(workers) { workers } else { 0 };
        (0..workers).map(|_| Ok(Arc::new(Arena::anonymous(bytes)?))).collect()
    }

    /// Whether so many workers do not wait for each other.
    pub(super) fn is_free(self, workers: usize) -> bool {
        self == Self::FreeRunning && workers > 1
    }
}
