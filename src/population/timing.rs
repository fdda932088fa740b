//! STDP between populations: pairs, triplets, and pairs that wait for a reward.

use pulp::Arch;

use super::incoming::{Incoming, Index, Source};
use super::rows::Table;
use super::scatter::{AHEAD, add_each, ask};
use super::traces::{Fading, Traces, rescale};
use crate::plasticity::{Bounds, Pairing, Rule, cut};
use crate::shm::advice::prefetch;

/// What the spikes of one side have left behind.
#[derive(Debug)]
struct Side {
    fast: Traces,
    /// What only triplets look at.
    slow: Option<Traces>,
}

impl Side {
    fn each(&mut self) -> impl Iterator<Item = &mut Traces> {
        std::iter::once(&mut self.fast).chain(&mut self.slow)
    }

    fn rise(&mut self, fired: &[u32], pairing: Pairing) {
        self.each().for_each(|traces| traces.rise(fired, pairing));
    }

    /// The traces, each with its name.
    fn named<'a>(
        &'a self,
        names: [&'static str; 2],
    ) -> impl Iterator<Item = (&'static str, &'a [f32])> {
        let traces = std::iter::once(&self.fast).chain(&self.slow).map(Traces::state);
        names.into_iter().zip(traces)
    }

    /// The traces, one column after the other.
    fn columns(&self) -> impl Iterator<Item = &[u8]> {
        let traces = std::iter::once(&self.fast).chain(&self.slow);
        traces.map(|traces| bytemuck::cast_slice(traces.state()))
    }

    fn digest_into(&self, hasher: &mut blake3::Hasher) {
        self.columns().for_each(|column| _ = hasher.update(column));
    }

    fn slow(&self, cell: u32) -> f32 {
        self.slow.as_ref().map_or(0.0, |traces| traces.at(cell))
    }
}

/// What synapses are eligible for, one entry a synapse; all decay together.
#[derive(Debug)]
struct Eligible {
    rate: f32,
    fading: Fading,
    /// For each table.
    kept: Vec<Vec<f32>>,
}

/// The timing of spikes on both sides of a link, and what it makes of the weights.
#[derive(Debug)]
pub(super) struct Timing {
    rule: Rule,
    limits: (f32, f32),
    /// Arrivals, by table: they come at its delay.
    arrivals: Vec<Side>,
    firings: Side,
    incoming: Vec<Index>,
    targets: u32,
    eligible: Option<Eligible>,
}

/// Changes one value for each synapse of a row by the trace of its target. `traces` has a power of two as its length.
#[inline(always)]
fn meet(targets: &[u32], values: &mut [f32], traces: &[f32], change: impl Fn(f32, f32) -> f32) {
    let mask = traces.len() - 1;
    for (&target, value) in targets.iter().zip(values) {
        *value = change(*value, traces[target as usize & mask]);
    }
}

/// Changes one value for each synapse onto a target by the trace of its source. `traces` has a power of two as its
/// length.
#[inline(always)]
fn each<S: Source>(
    (slots, sources): (&[u32], &[S]),
    values: &mut [f32],
    traces: &[f32],
    change: impl Fn(f32, f32) -> f32,
) {
    let mask = traces.len() - 1;
    for (&slot, source) in slots.iter().zip(sources) {
        let value = &mut values[slot as usize];
        *value = change(*value, traces[source.number() & mask]);
    }
}

impl Timing {
    pub(super) fn new(
        rule: Rule,
        limits: (f32, f32),
        tables: &[Table],
        (sources, targets): (u32, u32),
    ) -> Self {
        let triplet = rule.triplet.as_ref();
        let side = |cells, fast, slow: Option<_>| Side {
            fast: Traces::new(cells, fast),
            slow: slow.map(|decay| Traces::new(cells, decay)),
        };
        let arrivals =
            tables.iter().map(|_| side(sources, &rule.plus, triplet.map(|triplet| &triplet.x)));
        let eligible = rule.eligibility.as_ref().map(|eligibility| Eligible {
            rate: eligibility.rate,
            fading: Fading::new(eligibility.decay.clone()),
            kept: tables.iter().map(|table| vec![0.0; table.targets.len()]).collect(),
        });
        Self {
            arrivals: arrivals.collect(),
            firings: side(targets, &rule.minus, triplet.map(|triplet| &triplet.y)),
            incoming: tables.iter().map(|table| Index::new(table, targets)).collect(),
            rule,
            limits,
            targets,
            eligible,
        }
    }

    /// A tick begins.
    pub(super) fn begin(&mut self, now: u64) {
        let sides = self.arrivals.iter_mut().chain([&mut self.firings]);
        sides.flat_map(Side::each).for_each(|traces| traces.begin(now));
        if let Some(eligible) = &mut self.eligible
            && let Some(by) = eligible.fading.begin(now)
        {
            eligible.kept.iter_mut().for_each(|kept| rescale(kept, by));
        }
    }

    /// Spikes arrive at a table's synapses: what their targets fired before weakens them; then they add to the input,
    /// each source's times its efficacy, if any is given. Returns how many synapses heard.
    pub(super) fn arrive(
        &mut self,
        index: usize,
        table: &mut Table,
        (fired, efficacies): (&[u32], &[f32]),
        input: &mut [f32],
    ) -> u64 {
        let (traces, left) = self.firings.fast.parts();
        let (rule, limits, arrivals) = (&self.rule, self.limits, &self.arrivals[index]);
        let (mut heard, distinct) = (0, table.is_distinct());
        for (nth, &source) in fired.iter().enumerate() {
            if let Some(&next) = fired.get(nth + AHEAD) {
                let next = table.row(next);
                ask(&table.targets, &next);
                ask(&table.weights, &next);
            }
            let row = table.row(source);
            heard += row.len() as u64;
            let by = left * rule.down(|_| arrivals.slow(source));
            let (targets, weights) = (&table.targets[row.clone()], &mut table.weights[row.clone()]);
            match (&mut self.eligible, rule.bounds) {
                (Some(eligible), _) => {
                    let by = by / eligible.fading.left();
                    let kept = &mut eligible.kept[index][row];
                    meet(targets, kept, traces, |kept, trace| kept - trace * by);
                }
                (None, Bounds::Additive) => {
                    meet(targets, weights, traces, |w, trace| cut(w - trace * by, limits));
                }
                (None, Bounds::Multiplicative) => {
                    let low = limits.0;
                    meet(targets, weights, traces, |w, trace| {
                        cut(w - trace * by * (w - low), limits)
                    });
                }
            }
            match efficacies.get(nth) {
                None => add_each(targets, weights, input, distinct),
                Some(efficacy) => _ = table.deliver_scaled((source, *efficacy), input),
            }
        }
        heard
    }

    /// Targets have fired: what arrived before strengthens their synapses.
    pub(super) fn potentiate(&mut self, tables: &mut [Table], fired: &[u32]) {
        let indices = std::mem::take(&mut self.incoming);
        for (at, (index, table)) in indices.iter().zip(tables).enumerate() {
            match index {
                Index::Narrow(incoming) => self.strengthen(at, incoming, table, fired),
                Index::Wide(incoming) => self.strengthen(at, incoming, table, fired),
            }
        }
        self.incoming = indices;
    }

    #[inline]
    fn strengthen<S: Source>(
        &mut self,
        index: usize,
        incoming: &Incoming<S>,
        table: &mut Table,
        fired: &[u32],
    ) {
        let (rule, limits, firings) = (&self.rule, self.limits, &self.firings);
        let (traces, left) = self.arrivals[index].fast.parts();
        for (nth, &target) in fired.iter().enumerate() {
            if let Some(&next) = fired.get(nth + AHEAD) {
                let (slots, sources) = incoming.onto(next);
                prefetch(slots);
                prefetch(sources);
            }
            let by = left * rule.up(|_| firings.slow(target));
            let synapses = incoming.onto(target);
            let weights = &mut table.weights[..];
            match (&mut self.eligible, rule.bounds) {
                (Some(eligible), _) => {
                    let by = by / eligible.fading.left();
                    let kept = &mut eligible.kept[index];
                    each(synapses, kept, traces, |kept, trace| kept + trace * by);
                }
                (None, Bounds::Additive) => {
                    each(synapses, weights, traces, |w, trace| cut(w + trace * by, limits));
                }
                (None, Bounds::Multiplicative) => {
                    let high = limits.1;
                    each(synapses, weights, traces, |w, trace| {
                        cut(w + trace * by * (high - w), limits)
                    });
                }
            }
        }
    }

    /// A table was made anew, of synapses from these old slots.
    pub(super) fn rewired(&mut self, index: usize, table: &Table, origins: &[u32]) {
        self.incoming[index] = Index::new(table, self.targets);
        if let Some(eligible) = &mut self.eligible {
            let kept = &mut eligible.kept[index];
            let old = |&slot: &u32| kept.get(slot as usize).copied().unwrap_or(0.0);
            *kept = origins.iter().map(old).collect();
        }
    }

    /// The tick's arrivals at a table are remembered.
    pub(super) fn arrived(&mut self, index: usize, fired: &[u32]) {
        self.arrivals[index].rise(fired, self.rule.pairing);
    }

    /// The tick's firings are remembered.
    pub(super) fn fired(&mut self, fired: &[u32]) {
        self.firings.rise(fired, self.rule.pairing);
    }

    /// A reward reaches all targets: what synapses are eligible for becomes weight.
    pub(super) fn reward(&mut self, amount: f32, tables: &mut [Table]) {
        let Some(eligible) = &self.eligible else { return };
        let (by, limits) = (eligible.rate * amount * eligible.fading.left(), self.limits);
        if !by.is_finite() {
            return;
        }
        for (table, kept) in tables.iter_mut().zip(&eligible.kept) {
            let pairs = table.weights.iter_mut().zip(kept);
            Arch::new().dispatch(|| {
                pairs.for_each(|(weight, &kept)| *weight = cut(*weight + by * kept, limits));
            });
        }
    }

    /// What the synapses of a table are eligible for.
    pub(super) fn eligible(&self, index: usize) -> Option<&[f32]> {
        Some(&self.eligible.as_ref()?.kept[index])
    }

    pub(super) fn eligible_mut(&mut self, index: usize) -> Option<&mut [f32]> {
        Some(&mut self.eligible.as_mut()?.kept[index])
    }

    /// What arrived at a table, and what targets fired: columns by name.
    pub(super) fn arrivals(&self, index: usize) -> impl Iterator<Item = (&'static str, &[f32])> {
        self.arrivals[index].named(["arrivals", "arrivals.slow"])
    }

    pub(super) fn arrivals_mut(
        &mut self,
        index: usize,
    ) -> impl Iterator<Item = (&'static str, &mut [f32])> {
        let traces = self.arrivals[index].each().map(Traces::state_mut);
        ["arrivals", "arrivals.slow"].into_iter().zip(traces)
    }

    pub(super) fn firings(&self) -> impl Iterator<Item = (&'static str, &[f32])> {
        self.firings.named(["firings", "firings.slow"])
    }

    pub(super) fn firings_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.firings.each().map(Traces::state_mut)
    }

    /// Whether synapses are eligible for rewards.
    pub(super) fn waits_for_reward(&self) -> bool {
        self.eligible.is_some()
    }

    /// What the synapses in these slots of a table are eligible for.
    pub(super) fn digest_row(
        &self,
        index: usize,
        row: std::ops::Range<usize>,
        hasher: &mut blake3::Hasher,
    ) {
        if let Some(eligible) = &self.eligible {
            hasher.update(bytemuck::cast_slice(&eligible.kept[index][row]));
        }
    }

    pub(super) fn digest_arrivals(&self, index: usize, hasher: &mut blake3::Hasher) {
        self.arrivals[index].digest_into(hasher);
    }

    pub(super) fn firing_columns(&self) -> impl Iterator<Item = &[u8]> {
        self.firings.columns()
    }
}
