//! What the spikes of a link change: its weights, for good or for a while.
//!
//! A link knows all its sources, and of its targets those that are here: what sources leave behind is a function of
//! arrivals alone, and so the same wherever the targets are.

use super::rows::Table;
use super::timing::Timing;
use crate::plasticity::{Release, ScalingRule, Stock, cut};
use crate::projection::Projection;
use crate::time::TickLength;

/// Everything that learns in one link.
#[derive(Debug)]
pub(super) struct Learning {
    limits: (f32, f32),
    timing: Option<Timing>,
    short_term: Option<ShortTerm>,
    scaling: Option<Scaling>,
}

/// What each source has left to give, for each table.
#[derive(Debug)]
struct ShortTerm {
    release: Release,
    stocks: Vec<Vec<Stock>>,
}

/// How often each target fired since its synapses were last scaled.
#[derive(Debug)]
struct Scaling {
    rule: ScalingRule,
    firings: Vec<u32>,
}

impl Learning {
    /// What a projection learns, if it does.
    pub(super) fn new(
        spec: &Projection,
        length: TickLength,
        tables: &[Table],
        (sources, targets): (u32, u32),
    ) -> Option<Self> {
        let timing = spec
            .plasticity
            .map(|rule| Timing::new(rule.compile(length), spec.bounds, tables, (sources, targets)));
        let short_term = spec.short_term.map(|rule| ShortTerm {
            release: rule.compile(length),
            stocks: tables.iter().map(|_| vec![Stock::default(); sources as usize]).collect(),
        });
        let scaling = spec
            .scaling
            .map(|rule| Scaling { rule: rule.compile(length), firings: vec![0; targets as usize] });
        let learns = timing.is_some() || short_term.is_some() || scaling.is_some();
        learns.then_some(Self { limits: spec.bounds, timing, short_term, scaling })
    }

    /// Whether weights change for good.
    pub(super) fn is_plastic(&self) -> bool {
        self.timing.is_some() || self.scaling.is_some()
    }

    /// A tick begins.
    pub(super) fn begin(&mut self, now: u64) {
        if let Some(timing) = &mut self.timing {
            timing.begin(now);
        }
    }

    /// Spikes arrive at a table's synapses, in order of sources, and add to the input; returns how many synapses heard.
    ///
    /// `input` has a power of two as its length, or none.
    pub(super) fn arrive(
        &mut self,
        now: u64,
        (index, table): (usize, &mut Table),
        fired: &[u32],
        input: &mut [f32],
    ) -> u64 {
        if fired.is_empty() || input.is_empty() {
            return 0;
        }
        match (&mut self.timing, &mut self.short_term) {
            (Some(timing), None) => {
                timing.arrive(index, table, fired.iter().map(|&source| (source, 1.0)), input)
            }
            (timing, Some(ShortTerm { release, stocks })) => {
                let (stocks, release) = (&mut stocks[index], &*release);
                let fired = fired
                    .iter()
                    .map(|&source| (source, stocks[source as usize].spend(now, release)));
                match timing {
                    Some(timing) => timing.arrive(index, table, fired, input),
                    None => fired.map(|spike| table.deliver_scaled(spike, input)).sum(),
                }
            }
            (None, None) => table.deliver(fired, input),
        }
    }

    /// The targets have fired: their synapses are strengthened; then both sides' spikes of this tick are remembered.
    pub(super) fn settle<'a>(
        &mut self,
        now: u64,
        tables: &mut [Table],
        fired: &[u32],
        arrived: impl Fn(u32) -> &'a [u32],
    ) {
        if let Some(timing) = &mut self.timing {
            timing.potentiate(tables, fired);
            for (index, table) in tables.iter().enumerate() {
                timing.arrived(index, arrived(table.delay));
            }
            timing.fired(fired);
        }
        if let Some(scaling) = &mut self.scaling {
            fired.iter().for_each(|&target| scaling.firings[target as usize] += 1);
            if (now + 1).is_multiple_of(scaling.rule.interval) {
                scaling.scale(tables, self.limits);
            }
        }
    }

    /// A reward reaches all targets, before the tick's arrivals.
    pub(super) fn reward(&mut self, amount: f32, tables: &mut [Table]) {
        if let Some(timing) = &mut self.timing
            && amount != 0.0
        {
            timing.reward(amount, tables);
        }
    }

    /// What the synapses in these slots of a table know beside their weights.
    pub(super) fn digest_row(
        &self,
        table: usize,
        row: std::ops::Range<usize>,
        hasher: &mut blake3::Hasher,
    ) {
        if let Some(timing) = &self.timing {
            timing.digest_row(table, row, hasher);
        }
    }

    /// What arrived at the synapses of a table.
    pub(super) fn digest_arrivals(&self, table: usize, hasher: &mut blake3::Hasher) {
        if let Some(timing) = &self.timing {
            timing.digest_arrivals(table, hasher);
        }
        let stocks = self.short_term.iter().flat_map(|short_term| &short_term.stocks[table]);
        for word in stocks.flat_map(Stock::words) {
            hasher.update(&word.to_le_bytes());
        }
    }

    /// What the targets fired.
    pub(super) fn digest_firings(&self, hasher: &mut blake3::Hasher) {
        if let Some(timing) = &self.timing {
            timing.digest_firings(hasher);
        }
        if let Some(scaling) = &self.scaling {
            hasher.update(bytemuck::cast_slice(&scaling.firings));
        }
    }
}

impl Scaling {
    /// An interval is over.
    fn scale(&mut self, tables: &mut [Table], limits: (f32, f32)) {
        for table in tables {
            for (&target, weight) in table.targets.iter().zip(&mut table.weights) {
                *weight = cut(*weight * self.rule.factor(self.firings[target as usize]), limits);
            }
        }
        self.firings.fill(0);
    }
}
