//! What happens to the synapses of agents at intervals: weights keep a rate, synapses go and come.

use super::structure::Structure;
use super::table::{Segment, SynapseTable};
use crate::id::NeuronId;
use crate::plasticity::{Rewiring, ScalingRule, cut};

/// One rule, and how often each neuron fired since it was last applied.
#[derive(Debug)]
pub(super) struct Scaling {
    rule: ScalingRule,
    projection: u32,
    firings: Vec<u32>,
    /// The first tick of the next interval.
    next: u64,
}

/// All rules of a worker.
#[derive(Debug, Default)]
pub(crate) struct Homeostasis {
    scalings: Vec<Scaling>,
    pub(super) structures: Vec<Structure>,
    neurons: usize,
}

impl Homeostasis {
    pub(super) fn add_neuron(&mut self) {
        self.neurons += 1;
        self.scalings.iter_mut().for_each(|scaling| scaling.firings.push(0));
    }

    pub(super) fn add(&mut self, rule: ScalingRule, projection: usize) {
        let firings = vec![0; self.neurons];
        let next = rule.interval;
        self.scalings.push(Scaling { rule, projection: projection as u32, firings, next });
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
        }
    }

    pub(super) fn digest_into(&self, hasher: &mut blake3::Hasher) {
        for scaling in &self.scalings {
            hasher.update(&scaling.next.to_le_bytes());
            hasher.update(bytemuck::cast_slice(&scaling.firings));
        }
        self.structures.iter().for_each(|structure| structure.digest_into(hasher));
    }
}

impl SynapseTable {
    /// Whether an interval has ended before this tick.
    #[inline]
    pub(crate) fn is_due(&self, now: u64) -> bool {
        let Homeostasis { scalings, structures, .. } = &self.homeostasis;
        scalings.iter().any(|scaling| scaling.next <= now)
            || structures.iter().any(|structure| structure.is_due(now))
    }

    /// Does what is due at the end of all intervals that have ended before this tick.
    ///
    /// Time that was passed over is made up for at once: neurons were silent in it.
    pub(crate) fn catch_up(&mut self, now: u64) {
        self.scale(now);
        self.change_structure(now);
    }

    fn scale(&mut self, now: u64) {
        let Self { projections, segments, homeostasis, .. } = self;
        for scaling in &mut homeostasis.scalings {
            let Some(late) = now.checked_sub(scaling.next) else { continue };
            let silent = late / scaling.rule.interval;
            let shared = &mut projections[scaling.projection as usize];
            // More would take any weight to its bound.
            let recovery = libm::pow(f64::from(scaling.rule.factor(0)), silent.min(10_000) as f64);
            let recovery = recovery.min(f64::from(f32::MAX)) as f32;
            let own = |segment: &&Segment| segment.projection == scaling.projection;
            for slot in segments.iter().filter(own).flat_map(|segment| segment.row.range()) {
                let target = usize::from(shared.columns.targets[slot]);
                let weight = &mut shared.columns.weights[slot];
                let scaled = *weight * scaling.rule.factor(scaling.firings[target]);
                *weight = cut(cut(scaled, shared.limits) * recovery, shared.limits);
            }
            scaling.firings.fill(0);
            scaling.next += (silent + 1) * scaling.rule.interval;
        }
    }
}
