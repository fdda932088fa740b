//! Rows of synapses between populations: built once, read a million times a second.
//!
//! For each delay there is one compressed table: `starts[source]..starts[source + 1]` are the synapses of a source,
//! sorted by target. 8 bytes a synapse, 4 where all weights are equal and do not learn.

use crate::math;
use crate::projection::{Connector, Synapse};

/// The synapses of one projection and one delay.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) delay: u32,
    pub(super) starts: Vec<u32>,
    pub(super) targets: Vec<u32>,
    /// One a synapse, or none at all when every one of them is `weight` and stays so.
    pub(super) weights: Vec<f32>,
    pub(super) weight: f32,
}

impl Table {
    /// The weight of the synapse at a slot.
    pub(super) fn weight_of(&self, slot: usize) -> f32 {
        self.weights.get(slot).copied().unwrap_or(self.weight)
    }

    /// The synapses of a source.
    #[inline(always)]
    pub(super) fn row(&self, source: u32) -> std::ops::Range<usize> {
        self.starts[source as usize] as usize..self.starts[source as usize + 1] as usize
    }

    /// Adds the weights of the sources that fired to their targets' input, scaled by a sign.
    ///
    /// `input` has a power of two as its length, so that a target needs no check to stay inside.
    pub(super) fn deliver(&self, fired: &[u32], input: &mut [f32]) -> u64 {
        let Some(mask) = input.len().checked_sub(1) else { return 0 };
        let mut delivered = 0;
        for &source in fired {
            let row = self.row(source);
            delivered += row.len() as u64;
            if self.weights.is_empty() {
                for &target in &self.targets[row] {
                    input[target as usize & mask] += self.weight;
                }
                continue;
            }
            for (&target, &weight) in self.targets[row.clone()].iter().zip(&self.weights[row]) {
                input[target as usize & mask] += weight;
            }
        }
        delivered
    }
}

/// What a projection between populations is made from.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) connector: &'a Connector,
    pub(super) sources: u32,
    pub(super) targets: u32,
    pub(super) recurrent: bool,
    pub(super) autapses: bool,
    pub(super) plastic: bool,
    pub(super) weight: f32,
    pub(super) sign: f32,
    pub(super) delay: u32,
    pub(super) seed: u64,
    pub(super) salt: u64,
}

impl Plan<'_> {
    /// Makes the tables, by delay, longest first: what was fired first is delivered first.
    pub(super) fn build(&self, to_ticks: impl Fn(&Synapse) -> u32) -> Vec<Table> {
        if let Connector::List(list) = self.connector {
            return self.build_list(list, to_ticks);
        }
        let mut table = Table { delay: self.delay, starts: vec![0], ..Table::default() };
        let expected = self.connector.expected(self.sources, self.targets);
        // Four standard deviations more, so that what chance adds does not double the column.
        table.targets.reserve_exact((expected + 4 * (expected as f64).sqrt() as u64) as usize);
        for source in 0..self.sources {
            let skip = (self.recurrent && !self.autapses).then_some(source);
            self.targets_of(source, |target| {
                if Some(target) != skip {
                    table.targets.push(target);
                }
            });
            table.starts.push(table.targets.len() as u32);
        }
        table.weight = self.sign * self.weight;
        if self.plastic {
            table.weights = vec![table.weight; table.targets.len()];
        }
        vec![table]
    }

    fn targets_of(&self, source: u32, mut each: impl FnMut(u32)) {
        match self.connector {
            Connector::AllToAll => (0..self.targets).for_each(each),
            Connector::OneToOne => (source..self.targets.min(source + 1)).for_each(each),
            Connector::Random(p) if *p >= 1.0 => (0..self.targets).for_each(each),
            Connector::Random(p) if *p <= 0.0 => {}
            Connector::Random(p) => {
                // The gaps between chosen targets are geometric: a draw a synapse, not one a pair.
                let scale = 1.0 / libm::log1p(-p);
                let mut next = 0u64;
                for draw in 0.. {
                    let bits = math::random(self.seed, self.salt, u64::from(source), draw);
                    let gap = libm::log(1.0 - math::unit(bits)) * scale;
                    next = next.saturating_add(gap as u64);
                    if next >= u64::from(self.targets) {
                        break;
                    }
                    each(next as u32);
                    next += 1;
                }
            }
            Connector::List(_) => {}
        }
    }

    fn build_list(&self, list: &[Synapse], to_ticks: impl Fn(&Synapse) -> u32) -> Vec<Table> {
        let mut sorted: Vec<(u32, u32, u32, f32)> = list
            .iter()
            .map(|synapse| (to_ticks(synapse), synapse.pre, synapse.post, synapse.weight))
            .collect();
        // Stable, so that synapses of one pair keep the order of the list.
        sorted.sort_by_key(|&(delay, pre, post, _)| (std::cmp::Reverse(delay), pre, post));
        let groups = sorted.chunk_by(|a, b| a.0 == b.0);
        groups
            .map(|group| {
                let mut table = Table { delay: group[0].0, starts: vec![0], ..Table::default() };
                for source in 0..self.sources {
                    let from = table.targets.len();
                    let row = group[from..].iter().take_while(|synapse| synapse.1 == source);
                    for &(_, _, post, weight) in row {
                        table.targets.push(post);
                        table.weights.push(self.sign * weight);
                    }
                    table.starts.push(table.targets.len() as u32);
                }
                table
            })
            .collect()
    }
}
