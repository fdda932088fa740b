//! What happens to the synapses of agents at intervals: weights keep a rate, synapses go and come.
//!
//! The end of an interval is a tick in which something is due, as long as scaling can still change a weight: whether
//! nobody fires for a minute or somebody does elsewhere, each interval is applied by itself and in its tick.

use super::structure::Structure;
use super::table::{Segment, SynapseTable};
use crate::id::NeuronId;
use crate::plasticity::{Rewiring, ScalingRule, cut};

/// One rule, and how often each neuron fired since it was last applied.
#[derive(Debug)]
pub(super) struct Scaling {
    rule: ScalingRule,
    pub(super) projection: u32,
    pub(super) firings: Vec<u32>,
    /// The first tick of the next interval.
    pub(super) next: u64,
    /// Whether the end of this interval can change a weight. Where nothing fired or arrived since one that changed
    /// none, it cannot.
    pub(super) restless: bool,
}

/// All rules of a worker.
#[derive(Debug, Default)]
pub(crate) struct Homeostasis {
    pub(super) scalings: Vec<Scaling>,
    pub(super) structures: Vec<Structure>,
    neurons: usize,
}

impl Homeostasis {
    pub(super) fn add_neuron(&mut self) {
        self.neurons += 1;
        self.scalings.iter_mut().for_each(|scaling| scaling.firings.push(0));
    }

    pub(super) fn add(&mut self, rule: ScalingRule, projection: usize) {
        let (firings, projection) = (vec![0; self.neurons], projection as u32);
        let next = rule.interval;
        self.scalings.push(Scaling { rule, projection, firings, next, restless: true });
    }

    pub(super) fn rewire(&mut self, rule: Rewiring, projection: usize, autapses: bool) {
        self.structures.push(Structure::new(rule, projection as u32, autapses));
    }

    /// A synapse was made in a segment of a projection.
    #[inline]
    pub(super) fn added(&mut self, segment: u32, projection: usize, target: NeuronId) {
        for structure in &mut self.structures {
            structure.added(segment, projection as u32, target);
        }
    }

    /// Spikes have arrived at all synapses of a segment.
    #[inline]
    pub(super) fn arrived(&mut self, segment: u32, now: u64) {
        for structure in &mut self.structures {
            structure.arrived(segment, now);
        }
    }

    #[inline]
    pub(super) fn fired(&mut self, neuron: NeuronId, now: u64) {
        for structure in &mut self.structures {
            structure.fired(neuron, now);
        }
        for scaling in &mut self.scalings {
            scaling.firings[neuron.index()] += 1;
            scaling.restless = true;
        }
    }

    /// Weights may have changed, or synapses come.
    #[inline]
    pub(super) fn stir(&mut self) {
        self.scalings.iter_mut().for_each(|scaling| scaling.restless = true);
    }

    /// How often a neuron fired in the present intervals, for the digest.
    pub(super) fn words_of(&self, neuron: usize) -> impl Iterator<Item = u64> {
        self.scalings.iter().map(move |scaling| u64::from(scaling.firings[neuron]))
    }
}

impl SynapseTable {
    /// The next tick in which weights are to be scaled.
    #[inline]
    pub(crate) fn next_scaling(&self) -> Option<u64> {
        let restless = self.homeostasis.scalings.iter().filter(|scaling| scaling.restless);
        restless.map(|scaling| scaling.next).min()
    }

    /// Lets synapses go and come whose interval has ended before this tick.
    ///
    /// When that is looked at does not matter: nothing has arrived or fired since.
    pub(crate) fn change_structure_if_due(&mut self, now: u64) {
        if self.homeostasis.structures.iter().any(|structure| structure.is_due(now)) {
            self.change_structure(now);
        }
    }

    /// The structures of all projections that change theirs, for the digest.
    pub(super) fn structures(&self) -> &[Structure] {
        &self.homeostasis.structures
    }

    /// Whether an interval has ended before this tick.
    #[inline]
    pub(crate) fn has_interval_ended(&self, now: u64) -> bool {
        let Homeostasis { scalings, structures, .. } = &self.homeostasis;
        scalings.iter().any(|scaling| scaling.next <= now)
            || structures.iter().any(|structure| structure.is_due(now))
    }

    /// Does what is to be done at the end of all intervals that are over before this tick.
    pub(crate) fn end_intervals(&mut self, now: u64) {
        self.scale(now);
        self.change_structure_if_due(now);
    }

    /// Scales the weights of all intervals that have ended before this tick.
    fn scale(&mut self, now: u64) {
        let Self { projections, segments, homeostasis, .. } = self;
        for scaling in homeostasis.scalings.iter_mut().filter(|scaling| scaling.next <= now) {
            let interval = scaling.rule.interval;
            scaling.next = (now / interval + 1) * interval;
            if !std::mem::take(&mut scaling.restless) {
                continue;
            }
            let shared = &mut projections[scaling.projection as usize];
            let own = |segment: &&Segment| segment.projection == scaling.projection;
            for slot in segments.iter().filter(own).flat_map(|segment| segment.row.range()) {
                let firings = scaling.firings[usize::from(shared.columns.targets[slot])];
                let weight = &mut shared.columns.weights[slot];
                let scaled = cut(*weight * scaling.rule.factor(firings), shared.limits);
                scaling.restless |= firings > 0 || scaled.to_bits() != weight.to_bits();
                *weight = scaled;
            }
            scaling.firings.fill(0);
        }
    }
}
