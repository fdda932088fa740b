//! Rows of synapses between populations: built once, read a million times a second.
//!
//! For each delay there is one compressed table: `starts[source]..starts[source + 1]` are the synapses of a source,
//! sorted by target. 8 bytes a synapse, 4 where all weights are equal and do not learn.

use std::ops::Range;

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
    pub(super) fn row(&self, source: u32) -> Range<usize> {
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

    /// Adds the weights of one source to its targets' input, scaled; returns how many synapses heard.
    pub(super) fn deliver_scaled(&self, (source, by): (u32, f32), input: &mut [f32]) -> u64 {
        let Some(mask) = input.len().checked_sub(1) else { return 0 };
        let row = self.row(source);
        for slot in row.clone() {
            input[self.targets[slot] as usize & mask] += self.weight_of(slot) * by;
        }
        row.len() as u64
    }
}

/// What a projection between populations is made from.
///
/// A plan makes the synapses onto a range of its target cells, and every draw is keyed by source or pair: however the
/// targets are cut into ranges, the synapses are the same.
#[derive(Debug, Clone)]
pub(super) struct Plan<'a> {
    pub(super) connector: &'a Connector,
    pub(super) sources: u32,
    /// The target cells whose synapses are made. In the tables they count from the start of the range.
    pub(super) targets: Range<u32>,
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
        let expected = self.connector.expected(self.sources, self.targets.len() as u32);
        // Four standard deviations more, so that what chance adds does not double the column.
        table.targets.reserve_exact((expected + 4 * (expected as f64).sqrt() as u64) as usize);
        for source in 0..self.sources {
            let skip = (self.recurrent && !self.autapses).then_some(source);
            self.targets_of(source, |target| {
                if Some(target) != skip {
                    table.targets.push(target - self.targets.start);
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
        let Range { start, end } = self.targets;
        match self.connector {
            Connector::AllToAll => (start..end).for_each(each),
            Connector::OneToOne => (source.max(start)..end.min(source + 1)).for_each(each),
            Connector::Random(p) if *p >= 1.0 => (start..end).for_each(each),
            Connector::Random(p) if *p <= 0.0 => {}
            Connector::Random(p) => {
                // The gaps between chosen targets are geometric: a draw a synapse, not one a pair.
                let scale = 1.0 / libm::log1p(-p);
                let mut next = 0u64;
                for draw in 0.. {
                    let bits = math::random(self.seed, self.salt, u64::from(source), draw);
                    let gap = libm::log(1.0 - math::unit(bits)) * scale;
                    next = next.saturating_add(gap as u64);
                    if next >= u64::from(end) {
                        break;
                    }
                    if next >= u64::from(start) {
                        each(next as u32);
                    }
                    next += 1;
                }
            }
            Connector::List(_) => {}
        }
    }

    fn build_list(&self, list: &[Synapse], to_ticks: impl Fn(&Synapse) -> u32) -> Vec<Table> {
        let mut sorted: Vec<(u32, u32, u32, f32)> = list
            .iter()
            .filter(|synapse| self.targets.contains(&synapse.post))
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
                        table.targets.push(post - self.targets.start);
                        table.weights.push(self.sign * weight);
                    }
                    table.starts.push(table.targets.len() as u32);
                }
                table
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Ticks;

    const SOURCES: u32 = 17;
    const TARGETS: u32 = 60;

    fn connector() -> impl Strategy<Value = Connector> {
        let synapse = (0..SOURCES, 0..TARGETS, -2.0f32..2.0, 1u64..6).prop_map(
            |(pre, post, weight, delay)| Synapse { pre, post, weight, delay: Ticks(delay).into() },
        );
        prop_oneof![
            Just(Connector::AllToAll),
            Just(Connector::OneToOne),
            (0.0f64..=1.0).prop_map(Connector::Random),
            prop::collection::vec(synapse, 0..80).prop_map(|list| Connector::List(list.into())),
        ]
    }

    /// Every synapse onto a range of targets: source, target, delay and weight, in the order of its arrival.
    fn made(plan: &Plan<'_>, targets: Range<u32>) -> Vec<(u32, u32, u32, u32)> {
        let start = targets.start;
        let part = Plan { targets, ..plan.clone() };
        let tables = part.build(|synapse| match synapse.delay {
            crate::time::Span::Ticks(ticks) => ticks as u32,
            crate::time::Span::Time(_) => unreachable!("the delays of these tests are in ticks"),
        });
        let mut made = Vec::new();
        for table in &tables {
            assert_eq!(table.starts.len() as u32, plan.sources + 1);
            for source in 0..plan.sources {
                made.extend(table.row(source).map(|slot| {
                    let weight = table.weight_of(slot).to_bits();
                    (table.delay, source, table.targets[slot] + start, weight)
                }));
            }
        }
        made
    }

    proptest! {
        #[test]
        fn synapses_made_range_by_range_are_those_made_at_once(
            connector in connector(),
            cuts in prop::collection::vec(0..=TARGETS, 0..4),
            (recurrent, autapses, plastic) in any::<(bool, bool, bool)>(),
            seed in any::<u64>(),
        ) {
            let plan = Plan {
                connector: &connector,
                sources: SOURCES,
                targets: 0..TARGETS,
                recurrent,
                autapses,
                plastic,
                weight: 0.5,
                sign: -1.0,
                delay: 3,
                seed,
                salt: 9,
            };
            let mut cuts = [vec![0], cuts, vec![TARGETS]].concat();
            cuts.sort_unstable();
            for range in cuts.windows(2).map(|pair| pair[0]..pair[1]) {
                let inside: Vec<_> = made(&plan, 0..TARGETS)
                    .into_iter()
                    .filter(|&(_, _, target, _)| range.contains(&target))
                    .collect();
                prop_assert_eq!(made(&plan, range), inside);
            }
        }
    }
}
