//! What the spikes of a link change: its weights, for good or for a while.
//!
//! A link knows all its sources, and of its targets those that are here: what sources leave behind is a function of
//! arrivals alone, and so the same wherever the targets are.

mod saving;

use super::rows::{Plan, Table};
use super::structure::Structure;
use super::timing::Timing;
use crate::plasticity::{Release, ScalingRule, Stock, cut};

/// Everything that learns in one link.
#[derive(Debug)]
pub(super) struct Learning {
    limits: (f32, f32),
    timing: Option<Timing>,
    short_term: Option<ShortTerm>,
    scaling: Option<Scaling>,
    structure: Option<Structure>,
}

/// What each source has left to give, for each table.
#[derive(Debug)]
struct ShortTerm {
    release: Release,
    stocks: Vec<Vec<Stock>>,
    /// Of the spikes that arrive just now.
    efficacies: Vec<f32>,
}

/// How often each target fired since its synapses were last scaled.
#[derive(Debug)]
struct Scaling {
    rule: ScalingRule,
    firings: Vec<u32>,
}

impl Learning {
    /// What the synapses of a plan learn, if they do.
    pub(super) fn new(plan: &Plan<'_>, tables: &[Table]) -> Option<Self> {
        let Plan { spec, length, sources, .. } = *plan;
        let targets = plan.targets.len() as u32;
        let timing = spec
            .plasticity
            .map(|rule| Timing::new(rule.compile(length), spec.bounds, tables, (sources, targets)));
        let short_term = spec.short_term.map(|rule| ShortTerm {
            release: rule.compile(length),
            stocks: tables.iter().map(|_| vec![Stock::default(); sources as usize]).collect(),
            efficacies: Vec::new(),
        });
        let scaling = spec
            .scaling
            .map(|rule| Scaling { rule: rule.compile(length), firings: vec![0; targets as usize] });
        // A projection that changes its structure has one delay, and so one table.
        let structure = spec.structure.zip(tables.first()).map(|(rule, table)| {
            let rule = rule.compile(length, (plan.seed, plan.salt));
            let no_autapses = plan.recurrent && !spec.autapses;
            let ends = (sources, plan.targets.clone());
            Structure::new(rule, (spec.protected, no_autapses), table, ends)
        });
        let learns = spec.is_plastic() || short_term.is_some();
        learns.then_some(Self { limits: spec.bounds, timing, short_term, scaling, structure })
    }

    /// Whether weights change for good.
    pub(super) fn is_plastic(&self) -> bool {
        self.timing.is_some() || self.scaling.is_some() || self.structure.is_some()
    }

    /// How many synapses went, and how many came.
    pub(super) fn rewired(&self) -> (u64, u64) {
        self.structure.as_ref().map_or((0, 0), |structure| (structure.pruned, structure.grown))
    }

    /// A tick begins.
    pub(super) fn begin(&mut self, now: u64) {
        if let Some(structure) = &mut self.structure {
            structure.begin(now);
        }
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
        let mut efficacies = &[][..];
        if let Some(ShortTerm { release, stocks, efficacies: spent }) = &mut self.short_term {
            let stocks = &mut stocks[index];
            spent.clear();
            spent.extend(fired.iter().map(|&source| stocks[source as usize].spend(now, release)));
            efficacies = &spent[..];
        }
        match &mut self.timing {
            Some(timing) => timing.arrive(index, table, (fired, efficacies), input),
            None if efficacies.is_empty() => table.deliver(fired, input),
            None => {
                let spikes = fired.iter().copied().zip(efficacies.iter().copied());
                spikes.map(|spike| table.deliver_scaled(spike, input)).sum()
            }
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
        if let (Some(structure), Some(table)) = (&mut self.structure, tables.first_mut()) {
            let arrived = arrived(table.delay);
            let rewired = structure.settle(now, table, fired, arrived);
            if let (Some(origins), Some(timing)) = (rewired, &mut self.timing) {
                timing.rewired(0, table, &origins);
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

    /// Whether synapses know anything beside their weights.
    pub(super) fn knows_synapses(&self) -> bool {
        self.structure.is_some() || self.timing.as_ref().is_some_and(Timing::waits_for_reward)
    }

    /// What the synapses in these slots of a table know beside their weights.
    pub(super) fn digest_row(
        &self,
        (index, table): (usize, &Table),
        row: std::ops::Range<usize>,
        hasher: &mut blake3::Hasher,
    ) {
        if let Some(structure) = &self.structure {
            for target in &table.targets[row.clone()] {
                hasher.update(&(structure.first() + target).to_le_bytes());
            }
        }
        if let Some(timing) = &self.timing {
            timing.digest_row(index, row, hasher);
        }
    }

    /// What arrived at the synapses of a table.
    pub(super) fn digest_arrivals(&self, table: usize, hasher: &mut blake3::Hasher) {
        if let Some(timing) = &self.timing {
            timing.digest_arrivals(table, hasher);
        }
        if let Some(structure) = &self.structure {
            structure.digest_arrivals(hasher);
        }
        let stocks = self.short_term.iter().flat_map(|short_term| &short_term.stocks[table]);
        for word in stocks.flat_map(Stock::words) {
            hasher.update(&word.to_le_bytes());
        }
    }

    /// What the targets fired, column by column, each with an entry a target.
    pub(super) fn firing_columns(&self) -> impl Iterator<Item = &[u8]> {
        let timing = self.timing.iter().flat_map(Timing::firing_columns);
        let structure = self.structure.iter().map(Structure::firing_column);
        let scaling = self.scaling.iter().map(|scaling| bytemuck::cast_slice(&scaling.firings));
        timing.chain(structure).chain(scaling)
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
