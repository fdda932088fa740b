//! Rows of synapses between populations: built once, read a million times a second.
//!
//! For each delay there is one compressed table: `starts[source]..starts[source + 1]` are the synapses of a source,
//! sorted by target. A synapse takes 8 bytes, 4 less where all weights are equal and do not learn, and 2 less where
//! nothing learns and there are at most 65,536 targets.

use std::ops::Range;

use super::scatter::{add_each, add_equal, ahead, ask};
use crate::math;
use crate::plasticity::Plasticity;
use crate::projection::{Connector, Draw, Projection, SourcesOf, Synapse};
use crate::shm::advice;
use crate::time::{Span, TickLength};

/// The synapses of one projection and one delay.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) delay: u32,
    pub(crate) starts: Vec<u32>,
    /// One a synapse; empty once they are packed.
    pub(crate) targets: Vec<u32>,
    packed: Vec<u16>,
    /// Whether no row has a target twice.
    distinct: bool,
    /// One a synapse, or none at all when every one of them is `weight` and stays so.
    pub(crate) weights: Vec<f32>,
    pub(crate) weight: f32,
}

impl Table {
    /// The weight of the synapse at a slot.
    pub(crate) fn weight_of(&self, slot: usize) -> f32 {
        self.weights.get(slot).copied().unwrap_or(self.weight)
    }

    /// The synapses of a source.
    #[inline(always)]
    pub(crate) fn row(&self, source: u32) -> Range<usize> {
        self.starts[source as usize] as usize..self.starts[source as usize + 1] as usize
    }

    /// How many synapses there are.
    pub(crate) fn len(&self) -> usize {
        self.targets.len() + self.packed.len()
    }

    /// Whether no row has a target twice.
    pub(super) fn is_distinct(&self) -> bool {
        self.distinct
    }

    /// The target of the synapse at a slot.
    pub(crate) fn target_of(&self, slot: usize) -> u32 {
        self.packed.get(slot).map_or_else(|| self.targets[slot], |&target| u32::from(target))
    }

    /// The table is complete: says what can be known of it once for all, and packs the targets of synapses that never
    /// learn.
    pub(crate) fn complete(&mut self, learns: bool) {
        let row = |ends: &[u32]| &self.targets[ends[0] as usize..ends[1] as usize];
        self.distinct = self.starts.windows(2).all(|ends| row(ends).is_sorted_by(|a, b| a < b));
        if !learns && self.targets.iter().all(|&target| target <= u32::from(u16::MAX)) {
            self.packed = advice::vector(self.targets.len());
            self.packed.extend(self.targets.iter().map(|&target| target as u16));
            self.targets = Vec::new();
        }
    }

    /// Adds the weights of the sources that fired to their targets' input; returns how many synapses heard.
    ///
    /// `input` has a power of two as its length, so that a target needs no check to stay inside.
    pub(crate) fn deliver(&self, fired: &[u32], input: &mut [f32]) -> u64 {
        if input.is_empty() {
            return 0;
        }
        let mut delivered = 0;
        let rows = |source| self.row(source);
        let prefetch = |row: &Range<usize>| {
            ask(&self.targets, row);
            ask(&self.packed, row);
            ask(&self.weights, row);
        };
        let far = |source: u32| ask(&self.starts, &(source as usize..source as usize + 2));
        ahead(fired, far, rows, prefetch, |row| {
            delivered += row.len() as u64;
            match (self.packed.is_empty(), self.weights.is_empty()) {
                (true, true) => {
                    add_equal(&self.targets[row], self.weight, input, self.distinct);
                }
                (false, true) => {
                    add_equal(&self.packed[row], self.weight, input, self.distinct);
                }
                (true, false) => {
                    let weights = &self.weights[row.clone()];
                    add_each(&self.targets[row], weights, input, self.distinct);
                }
                (false, false) => {
                    let weights = &self.weights[row.clone()];
                    add_each(&self.packed[row], weights, input, self.distinct);
                }
            }
        });
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
/// A plan makes the synapses onto a range of its target cells, and every draw is keyed by source, target or pair:
/// however the targets are cut into ranges, the synapses are the same.
#[derive(Debug, Clone)]
pub(crate) struct Plan<'a> {
    pub(crate) spec: &'a Projection,
    pub(crate) sources: u32,
    /// The target cells whose synapses are made. In the tables they count from the start of the range.
    pub(crate) targets: Range<u32>,
    /// Whether both ends are the same.
    pub(crate) recurrent: bool,
    pub(crate) length: TickLength,
    pub(crate) seed: u64,
    /// Tells projections of one seed apart; below 2^40.
    pub(crate) salt: u64,
}

/// Streams of random numbers that belong to one salt.
const WEIGHTS: u64 = 1 << 40;
const DELAYS: u64 = 2 << 40;

impl Plan<'_> {
    /// Makes the tables, by delay, longest first: what was fired first is delivered first.
    pub(crate) fn build(&self) -> Vec<Table> {
        let mut table = match &self.spec.connector {
            Connector::List(list) => return self.build_list(list),
            connector if connector.is_by_target() => self.build_by_target(),
            connector => self.build_by_source(connector),
        };
        table.delay = self.to_ticks(self.spec.delay);
        table.weight = self.sign() * self.spec.weight;
        if let Some(drawn) = &self.spec.weights {
            let (draw, sign) = (drawn.draw(), self.sign());
            let mut weights = advice::vector(table.targets.len());
            self.each_draw(&table, WEIGHTS, |bits| weights.push(sign * draw.value(bits) as f32));
            table.weights = weights;
        } else if self.spec.is_plastic() {
            table.weights = advice::vector(table.targets.len());
            table.weights.resize(table.targets.len(), table.weight);
        }
        match &self.spec.delays {
            Some(drawn) => self.split(&table, &drawn.draw(|span| self.length.exact_ticks(span))),
            None => vec![table],
        }
    }

    fn sign(&self) -> f32 {
        if self.spec.inhibitory { -1.0 } else { 1.0 }
    }

    fn to_ticks(&self, span: Span) -> u32 {
        self.length.ticks(span).0 as u32
    }

    /// Whether a cell is no target of its own.
    fn spared(&self) -> bool {
        self.recurrent && !self.spec.autapses
    }

    fn build_by_source(&self, connector: &Connector) -> Table {
        let mut table = Table { starts: vec![0], ..Table::default() };
        let expected = connector.expected(self.sources, self.targets.len() as u32);
        // Four standard deviations more, so that what chance adds does not double the column.
        table.targets = advice::vector((expected + 4 * (expected as f64).sqrt() as u64) as usize);
        for source in 0..self.sources {
            let skip = self.spared().then_some(source);
            self.targets_of(connector, source, |target| {
                if Some(target) != skip {
                    table.targets.push(target - self.targets.start);
                }
            });
            table.starts.push(table.targets.len() as u32);
        }
        table
    }

    /// Asks every target twice: first to know how long the rows are, then to fill them. So they need no room beside
    /// their own.
    fn build_by_target(&self) -> Table {
        let (choice, chance) = ((self.spared(), self.spec.multapses), (self.seed, self.salt));
        let mut sources = SourcesOf::new(&self.spec.connector, self.sources, choice, chance);
        let mut starts = vec![0u32; self.sources as usize + 1];
        for target in self.targets.clone() {
            sources.each(target, |source| starts[source as usize + 1] += 1);
        }
        for source in 0..self.sources as usize {
            starts[source + 1] += starts[source];
        }
        let mut places = starts.clone();
        let synapses = starts[self.sources as usize] as usize;
        let mut targets = advice::vector(synapses);
        targets.resize(synapses, 0u32);
        let mut sources = SourcesOf::new(&self.spec.connector, self.sources, choice, chance);
        for target in self.targets.clone() {
            sources.each(target, |source| {
                let place = &mut places[source as usize];
                targets[*place as usize] = target - self.targets.start;
                *place += 1;
            });
        }
        Table { starts, targets, ..Table::default() }
    }

    /// Random bits for every synapse of a table, by its pair and by which of the pair's synapses it is.
    fn each_draw(&self, table: &Table, stream: u64, mut each: impl FnMut(u64)) {
        for source in 0..self.sources {
            let mut last = (u32::MAX, 0);
            for slot in table.row(source) {
                let target = table.targets[slot];
                last = if last.0 == target { (target, last.1 + 1) } else { (target, 0) };
                let pair = u64::from(source) << 32 | u64::from(self.targets.start + target);
                each(math::random(self.seed, self.salt | stream, pair, last.1));
            }
        }
    }

    /// Deals the synapses of a table out to one table for each delay that was drawn.
    fn split(&self, whole: &Table, draw: &Draw) -> Vec<Table> {
        let (shortest, longest) = draw.wholes();
        let mut sizes = vec![0usize; (longest - shortest) as usize + 1];
        self.each_draw(whole, DELAYS, |bits| sizes[(draw.whole(bits) - shortest) as usize] += 1);
        let weighted = !whole.weights.is_empty();
        let mut tables: Vec<Table> = (shortest..=longest)
            .zip(&sizes)
            .map(|(delay, &size)| Table {
                delay,
                starts: Vec::with_capacity(if size > 0 { whole.starts.len() } else { 0 }),
                targets: advice::vector(size),
                weights: advice::vector(if weighted { size } else { 0 }),
                weight: whole.weight,
                ..Table::default()
            })
            .collect();
        let begin_row = |tables: &mut [Table]| {
            tables.iter_mut().for_each(|table| table.starts.push(table.targets.len() as u32));
        };
        let (mut slot, mut rows) = (0, 0);
        self.each_draw(whole, DELAYS, |bits| {
            while slot == whole.starts[rows] as usize {
                begin_row(&mut tables);
                rows += 1;
            }
            let table = &mut tables[(draw.whole(bits) - shortest) as usize];
            table.targets.push(whole.targets[slot]);
            if weighted {
                table.weights.push(whole.weights[slot]);
            }
            slot += 1;
        });
        tables.retain(|table| !table.targets.is_empty());
        (rows..whole.starts.len()).for_each(|_| begin_row(&mut tables));
        tables.reverse();
        tables
    }

    fn targets_of(&self, connector: &Connector, source: u32, mut each: impl FnMut(u32)) {
        let Range { start, end } = self.targets;
        match connector {
            Connector::AllToAll => (start..end).for_each(each),
            Connector::Others => (start..end).filter(|&target| target != source).for_each(each),
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
            // The first two are asked by target, and a list has been read.
            // By target, listed, or of agents.
            _ => {}
        }
    }

    fn build_list(&self, list: &[Synapse]) -> Vec<Table> {
        let mut sorted: Vec<(u32, u32, u32, f32)> = list
            .iter()
            .filter(|synapse| self.targets.contains(&synapse.post))
            .map(|synapse| {
                (self.to_ticks(synapse.delay), synapse.pre, synapse.post, synapse.weight)
            })
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
                        table.weights.push(self.sign() * weight);
                    }
                    table.starts.push(table.targets.len() as u32);
                }
                table
            })
            .collect()
    }
}

/// What so many synapses of a projection need while they are made, in bytes.
pub(crate) fn bytes_of(spec: &Projection, synapses: u64) -> u64 {
    let listed = matches!(spec.connector, Connector::List(_));
    let weighted = listed || spec.weights.is_some() || spec.is_plastic();
    // Targets, and weights where they differ or learn; with drawn delays all of them twice, in one table and in many.
    let rows = (4 + if weighted { 4 } else { 0 }) * if spec.delays.is_some() { 2 } else { 1 };
    // The index by target, where spikes make them learn, and what is eligible for a reward.
    let learning = match &spec.plasticity {
        Some(Plasticity::Reward(_)) => 12,
        Some(_) => 8,
        None => 0,
    };
    synapses * (rows + learning)
}

/// Every synapse of a projection, one by one, for ends that keep them in another way; `salt` is below 2^40.
pub(crate) fn listed(
    spec: &Projection,
    (sources, targets): (u32, u32),
    recurrent: bool,
    (length, seed, salt): (TickLength, u64, u64),
) -> Vec<Synapse> {
    // The sign is the projection's: a synapse has its weight as it was given.
    let unsigned = Projection { inhibitory: false, ..spec.clone() };
    let plan =
        Plan { spec: &unsigned, sources, targets: 0..targets, recurrent, length, seed, salt };
    let mut all = Vec::new();
    for table in plan.build() {
        let delay = Span::Ticks(u64::from(table.delay));
        for pre in 0..sources {
            let row = table.row(pre).map(|slot| (table.targets[slot], table.weight_of(slot)));
            all.extend(row.map(|(post, weight)| Synapse { pre, post, weight, delay }));
        }
    }
    all.sort_by_key(|synapse| (synapse.pre, synapse.post));
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::projection::{Delays, Layout, Weights};
    use crate::time::Ticks;

    const SOURCES: u32 = 17;
    const TARGETS: u32 = 60;

    fn projection() -> impl Strategy<Value = Projection> {
        let synapse = (0..SOURCES, 0..TARGETS, -2.0f32..2.0, 1u64..6).prop_map(
            |(pre, post, weight, delay)| Synapse { pre, post, weight, delay: Ticks(delay).into() },
        );
        let layouts = || (Layout::line(1.0), Layout::grid(10, 0.4));
        let connected = prop_oneof![
            Just(Projection::all_to_all()),
            Just(Projection::lateral_inhibition()),
            Just(Projection::one_to_one()),
            (0.0f64..=1.0).prop_map(Projection::random),
            (0..SOURCES).prop_map(Projection::fixed_in_degree),
            (0u32..40).prop_map(|n| Projection::fixed_in_degree(n).multapses(true)),
            (0..SOURCES).prop_map(move |n| Projection::nearest(n, layouts().0, layouts().1)),
            (0.0f32..9.0).prop_map(move |r| Projection::within(r, layouts().0, layouts().1)),
            prop::collection::vec(synapse, 0..80).prop_map(Projection::synapses),
        ];
        let weights = prop_oneof![
            Just(Weights::uniform(0.25, 0.75)),
            Just(Weights::normal(0.5, 0.3, 0.0..=1.0)),
            Just(Weights::log_normal(0.5, 0.5, 0.0..=1.0)),
        ];
        let delays = prop_oneof![
            Just(Delays::uniform(Ticks(1), Ticks(4))),
            Just(Delays::normal(Ticks(4), Ticks(2), Ticks(2), Ticks(9))),
            Just(Delays::log_normal(Ticks(2), 0.5, Ticks(1), Ticks(5))),
        ];
        let drawn = (prop::option::of(weights), prop::option::of(delays));
        (connected, drawn, any::<(bool, bool)>()).prop_map(|(spec, drawn, (autapses, inhibits))| {
            let spec = spec.delay(Ticks(3)).weight(0.5).autapses(autapses);
            let spec = if inhibits { spec.inhibitory() } else { spec };
            Projection { weights: drawn.0, delays: drawn.1, ..spec }
        })
    }

    /// Every synapse onto a range of targets: source, target, delay and weight, in the order of its arrival.
    fn made(plan: &Plan<'_>, targets: Range<u32>) -> Vec<(u32, u32, u32, u32)> {
        let start = targets.start;
        let part = Plan { targets, ..plan.clone() };
        let tables = part.build();
        assert!(tables.is_sorted_by(|a, b| a.delay > b.delay));
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
            spec in projection(),
            cuts in prop::collection::vec(0..=TARGETS, 0..4),
            (recurrent, plastic) in any::<(bool, bool)>(),
            seed in any::<u64>(),
        ) {
            let spec = if plastic { spec.plasticity(crate::plasticity::Stdp::default()) } else { spec };
            let plan = Plan {
                spec: &spec,
                sources: SOURCES,
                targets: 0..TARGETS,
                recurrent,
                length: TickLength::default(),
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
