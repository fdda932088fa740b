//! An index by target: where the synapses onto each cell lie in a table that is ordered by source.

use super::rows::Table;
use crate::shm::advice;

/// The synapses onto each target of one table.
#[derive(Debug)]
pub(super) struct Incoming {
    starts: Vec<u32>,
    synapses: Vec<Synapse>,
}

/// A synapse, as its target finds it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Synapse {
    pub(super) slot: u32,
    pub(super) source: u32,
}

impl Incoming {
    pub(super) fn new(table: &Table, targets: u32) -> Self {
        let mut starts = vec![0u32; targets as usize + 1];
        for &target in &table.targets {
            starts[target as usize + 1] += 1;
        }
        for target in 0..targets as usize {
            starts[target + 1] += starts[target];
        }
        let mut places = starts.clone();
        let mut synapses = advice::vector(table.targets.len());
        synapses.resize(table.targets.len(), Synapse::default());
        for source in 0..table.starts.len() as u32 - 1 {
            for slot in table.row(source) {
                let place = &mut places[table.targets[slot] as usize];
                synapses[*place as usize] = Synapse { slot: slot as u32, source };
                *place += 1;
            }
        }
        Self { starts, synapses }
    }

    /// The synapses onto a target, in order of sources.
    #[inline(always)]
    pub(super) fn onto(&self, target: u32) -> &[Synapse] {
        let target = target as usize;
        &self.synapses[self.starts[target] as usize..self.starts[target + 1] as usize]
    }
}
