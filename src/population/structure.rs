//! Synapses between populations that go and come.

use super::rows::Table;
use super::traces::Traces;
use crate::plasticity::{Pairing, Rewiring};

/// What targets try, and which synapses they may have.
#[derive(Debug)]
pub(super) struct Structure {
    rule: Rewiring,
    protected: bool,
    /// Whether a cell may not be its own target, though it is among the sources.
    no_autapses: bool,
    sources: u32,
    /// The number of the first target that is here.
    first: u32,
    arrivals: Traces,
    tried: Vec<u32>,
    coincidences: Vec<f32>,
    /// As many synapses as each target began with.
    most: Vec<u32>,
    pub(super) pruned: u64,
    pub(super) grown: u64,
}

/// Where a synapse was before a table was made anew.
pub(super) const NOWHERE: u32 = u32::MAX;

impl Structure {
    pub(super) fn new(
        rule: Rewiring,
        (protected, no_autapses): (bool, bool),
        table: &Table,
        (sources, targets): (u32, std::ops::Range<u32>),
    ) -> Self {
        let mut structure = Self {
            protected,
            no_autapses,
            sources,
            first: targets.start,
            arrivals: Traces::new(sources, &rule.decay),
            tried: vec![0; targets.len()],
            coincidences: vec![0.0; targets.len()],
            most: in_degrees(table, targets.len()),
            rule,
            pruned: 0,
            grown: 0,
        };
        structure.try_others(0);
        structure
    }

    /// The number of the first target that is here.
    pub(super) fn first(&self) -> u32 {
        self.first
    }

    fn try_others(&mut self, interval: u64) {
        for (target, tried) in (self.first..).zip(&mut self.tried) {
            *tried = self.rule.tried(interval, target, self.sources);
        }
        self.coincidences.fill(0.0);
    }

    pub(super) fn begin(&mut self, now: u64) {
        self.arrivals.begin(now);
    }

    /// The tick's firings and arrivals are taken in. At the end of an interval the table may be made anew: then the old
    /// slot of each of its synapses is returned, or [`NOWHERE`] where there was none.
    pub(super) fn settle(
        &mut self,
        now: u64,
        table: &mut Table,
        fired: &[u32],
        arrived: &[u32],
    ) -> Option<Vec<u32>> {
        for &target in fired {
            let target = target as usize;
            self.coincidences[target] += self.arrivals.at(self.tried[target]);
        }
        self.arrivals.rise(arrived, Pairing::AllToAll);
        if !(now + 1).is_multiple_of(self.rule.interval) {
            return None;
        }
        let rewired = self.rewire(table);
        self.try_others((now + 1) / self.rule.interval);
        rewired
    }

    fn rewire(&mut self, table: &mut Table) -> Option<Vec<u32>> {
        let stays = |weight: f32| self.protected || weight >= self.rule.prune_below;
        let gone = table.weights.iter().filter(|&&weight| !stays(weight)).count();
        let mut degrees = in_degrees(table, self.most.len());
        for (&target, _) in table.targets.iter().zip(&table.weights).filter(|(_, w)| !stays(**w)) {
            degrees[target as usize] -= 1;
        }
        let mut new: Vec<(u32, u32)> = (0..self.most.len() as u32)
            .filter(|&target| {
                let at = target as usize;
                let source = self.tried[at];
                let row = table.row(source);
                self.coincidences[at] >= self.rule.grow_after
                    && degrees[at] < self.most[at]
                    && !(self.no_autapses && source == self.first + target)
                    && table.targets[row].binary_search(&target).is_err()
            })
            .map(|target| (self.tried[target as usize], target))
            .collect();
        if gone == 0 && new.is_empty() {
            return None;
        }
        new.sort_unstable();
        let mut next = new.iter().copied().peekable();
        let mut rewired = Table::default();
        (rewired.delay, rewired.weight) = (table.delay, table.weight);
        let mut origins = Vec::with_capacity(table.targets.len() + new.len() - gone);
        let mut put = |rewired: &mut Table, target, weight, origin| {
            rewired.targets.push(target);
            rewired.weights.push(weight);
            origins.push(origin);
        };
        rewired.starts.push(0);
        for source in 0..self.sources {
            for slot in table.row(source) {
                let (target, weight) = (table.targets[slot], table.weights[slot]);
                while let Some((_, new)) = next.next_if(|&new| new < (source, target)) {
                    put(&mut rewired, new, self.rule.grow_weight, NOWHERE);
                }
                if stays(weight) {
                    put(&mut rewired, target, weight, slot as u32);
                }
            }
            while let Some((_, new)) = next.next_if(|&(of, _)| of == source) {
                put(&mut rewired, new, self.rule.grow_weight, NOWHERE);
            }
            rewired.starts.push(rewired.targets.len() as u32);
        }
        self.pruned += gone as u64;
        self.grown += new.len() as u64;
        rewired.complete(true);
        *table = rewired;
        Some(origins)
    }

    pub(super) fn digest_arrivals(&self, hasher: &mut blake3::Hasher) {
        hasher.update(bytemuck::cast_slice(self.arrivals.state()));
    }

    pub(super) fn arrivals(&self) -> &[f32] {
        self.arrivals.state()
    }

    pub(super) fn arrivals_mut(&mut self) -> &mut [f32] {
        self.arrivals.state_mut()
    }

    pub(super) fn coincidences(&self) -> &[f32] {
        &self.coincidences
    }

    pub(super) fn coincidences_mut(&mut self) -> &mut [f32] {
        &mut self.coincidences
    }

    /// Whom targets try, and how many synapses they may have.
    pub(super) fn words(&self) -> [(&'static str, &[u32]); 2] {
        [("tried", &self.tried), ("most", &self.most)]
    }

    pub(super) fn words_mut(&mut self) -> [&mut [u32]; 2] {
        [&mut self.tried, &mut self.most]
    }

    /// The first target that tries a source that there is not, and which.
    pub(super) fn tries_nobody(&self) -> Option<(usize, u32)> {
        let at = self.tried.iter().position(|&tried| tried >= self.sources)?;
        Some((at, self.tried[at]))
    }

    pub(super) fn firing_column(&self) -> &[u8] {
        bytemuck::cast_slice(&self.coincidences)
    }
}

/// How many synapses each target has.
fn in_degrees(table: &Table, targets: usize) -> Vec<u32> {
    let mut degrees = vec![0; targets];
    table.targets.iter().for_each(|&target| degrees[target as usize] += 1);
    degrees
}
