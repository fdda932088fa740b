//! STDP between populations: pairs, triplets, and pairs that wait for a reward.

use pulp::Arch;

use super::incoming::Incoming;
use super::rows::Table;
use super::traces::{Fading, Traces, rescale};
use crate::plasticity::{Bounds, Pairing, Rule, cut};

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

    fn digest_into(&self, hasher: &mut blake3::Hasher) {
        for traces in std::iter::once(&self.fast).chain(&self.slow) {
            hasher.update(bytemuck::cast_slice(traces.state()));
        }
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
    incoming: Vec<Incoming>,
    eligible: Option<Eligible>,
}

/// Spikes of one source arrive: what each target fired before changes the synapse, which then adds to the input.
///
/// `traces` and `input` have powers of two as their lengths.
#[inline(always)]
fn arrive_row(
    targets: &[u32],
    weights: &mut [f32],
    traces: &[f32],
    (input, efficacy): (&mut [f32], f32),
    weakened: impl Fn(usize, f32, f32) -> f32,
) {
    let (in_traces, in_input) = (traces.len() - 1, input.len() - 1);
    for (nth, (&target, weight)) in targets.iter().zip(weights).enumerate() {
        *weight = weakened(nth, *weight, traces[target as usize & in_traces]);
        input[target as usize & in_input] += *weight * efficacy;
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
            incoming: tables.iter().map(|table| Incoming::new(table, targets)).collect(),
            rule,
            limits,
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
    /// each source's times its efficacy. Returns how many synapses heard.
    pub(super) fn arrive(
        &mut self,
        index: usize,
        table: &mut Table,
        fired: impl Iterator<Item = (u32, f32)>,
        input: &mut [f32],
    ) -> u64 {
        let (traces, left) = self.firings.fast.parts();
        let (rule, limits, arrivals) = (&self.rule, self.limits, &self.arrivals[index]);
        let mut eligible =
            self.eligible.as_mut().map(|e| (1.0 / e.fading.left(), &mut e.kept[index]));
        let mut heard = 0;
        for (source, efficacy) in fired {
            let row = table.row(source);
            heard += row.len() as u64;
            let by = left * rule.down(|_| arrivals.slow(source));
            let (targets, weights) = (&table.targets[row.clone()], &mut table.weights[row.clone()]);
            let input = (&mut *input, efficacy);
            if let Some((one, kept)) = &mut eligible {
                let kept = &mut kept[row];
                for (&target, kept) in targets.iter().zip(&mut *kept) {
                    *kept -= traces[target as usize & (traces.len() - 1)] * by * *one;
                }
                arrive_row(targets, weights, traces, input, |_, weight, _| weight);
                continue;
            }
            match rule.bounds {
                Bounds::Additive => {
                    arrive_row(targets, weights, traces, input, |_, w, x| cut(w - x * by, limits))
                }
                Bounds::Multiplicative => {
                    arrive_row(targets, weights, traces, input, |_, w, x| {
                        cut(w - x * by * (w - limits.0), limits)
                    });
                }
            }
        }
        heard
    }

    /// Targets have fired: what arrived before strengthens their synapses.
    pub(super) fn potentiate(&mut self, tables: &mut [Table], fired: &[u32]) {
        let (rule, limits, firings) = (&self.rule, self.limits, &self.firings);
        for (index, table) in tables.iter_mut().enumerate() {
            let (traces, left) = self.arrivals[index].fast.parts();
            let mask = traces.len() - 1;
            for &target in fired {
                let by = left * rule.up(|_| firings.slow(target));
                let synapses = self.incoming[index].onto(target);
                match &mut self.eligible {
                    Some(eligible) => {
                        let by = by / eligible.fading.left();
                        let kept = &mut eligible.kept[index];
                        for synapse in synapses {
                            kept[synapse.slot as usize] +=
                                traces[synapse.source as usize & mask] * by;
                        }
                    }
                    None => {
                        let weights = &mut table.weights[..];
                        for synapse in synapses {
                            let weight = &mut weights[synapse.slot as usize];
                            let by = traces[synapse.source as usize & mask] * by;
                            *weight = rule.strengthen(*weight, by, limits);
                        }
                    }
                }
            }
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

    pub(super) fn digest_firings(&self, hasher: &mut blake3::Hasher) {
        self.firings.digest_into(hasher);
    }
}
