//! Pruning: synapses that have become worthless go.

use super::rows::{Columns, Row};
use super::table::SynapseTable;

impl Columns {
    /// Keeps the synapses of a row that `keep` says, in order; returns the old position of each that stays.
    fn retain(&mut self, row: &mut Row, keep: impl Fn(f32) -> bool) -> Vec<u32> {
        let range = row.range();
        let mut kept = Vec::with_capacity(range.len());
        for slot in range.clone() {
            if keep(self.weights[slot]) {
                self.copy_within(slot..slot + 1, range.start + kept.len());
                kept.push((slot - range.start) as u32);
            }
        }
        row.length = kept.len() as u32;
        kept
    }
}

impl SynapseTable {
    /// Removes the plastic, unprotected synapses below a weight; returns how many.
    pub(crate) fn prune(&mut self, below: f32) -> u64 {
        self.prune_where(below, |_| true)
    }

    /// The same in some of the projections.
    pub(super) fn prune_where(&mut self, below: f32, here: impl Fn(u32) -> bool) -> u64 {
        let mut gone = 0;
        for id in 0..self.segments.len() {
            let segment = &mut self.segments[id];
            if !here(segment.projection) {
                continue;
            }
            let shared = &mut self.projections[segment.projection as usize];
            if shared.rule.is_none() || shared.protected {
                continue;
            }
            let before = segment.row.length;
            let kept = shared.columns.retain(&mut segment.row, |weight| weight >= below);
            if kept.len() as u32 == before {
                continue;
            }
            gone += u64::from(before) - kept.len() as u64;
            self.learning.positions_changed(id as u32, &kept);
        }
        self.forget(gone);
        gone
    }
}
