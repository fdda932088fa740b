//! Synapses between agents that go and come.

use super::table::{NewSynapse, SynapseTable};
use crate::id::NeuronId;
use crate::plasticity::{Pairing, Rewiring, Trace};

/// A neuron that may get synapses, and the source it tries.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) target: NeuronId,
    /// As many synapses as it began with.
    pub(super) most: u32,
    /// The place among the sources of the one that is tried, once it has mattered in this interval.
    pub(super) tried: Option<u32>,
    pub(super) coincidences: f32,
}

/// The sources and targets of one projection that changes its structure.
#[derive(Debug)]
pub(super) struct Structure {
    rule: Rewiring,
    pub(super) projection: u32,
    autapses: bool,
    /// The segments of the projection, one for each source, and what arrived there.
    pub(super) sources: Vec<(u32, Trace)>,
    /// Sorted by target.
    pub(super) candidates: Vec<Candidate>,
    /// How many intervals are over.
    pub(super) interval: u64,
}

impl Structure {
    pub(super) fn new(rule: Rewiring, projection: u32, autapses: bool) -> Self {
        let (sources, candidates) = (Vec::new(), Vec::new());
        Self { rule, projection, autapses, sources, candidates, interval: 0 }
    }

    fn place(&self, target: NeuronId) -> Result<usize, usize> {
        self.candidates.binary_search_by_key(&target, |candidate| candidate.target)
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        (self.interval + 1).saturating_mul(self.rule.interval) <= now
    }

    pub(super) fn added(&mut self, segment: u32, projection: u32, target: NeuronId) {
        if projection != self.projection {
            return;
        }
        if let Err(place) = self.sources.binary_search_by_key(&segment, |&(id, _)| id) {
            self.sources.insert(place, (segment, Trace::default()));
            // Places have moved.
            self.candidates.iter_mut().for_each(Candidate::forget);
        }
        match self.place(target) {
            Ok(place) => self.candidates[place].most += 1,
            Err(place) => {
                let new = Candidate { target, most: 1, tried: None, coincidences: 0.0 };
                self.candidates.insert(place, new);
            }
        }
    }

    pub(super) fn arrived(&mut self, segment: u32, now: u64) {
        if let Ok(place) = self.sources.binary_search_by_key(&segment, |&(id, _)| id) {
            self.sources[place].1.rise(now, &self.rule.decay, Pairing::AllToAll);
        }
    }

    pub(super) fn fired(&mut self, neuron: NeuronId, now: u64) {
        let Ok(place) = self.place(neuron) else { return };
        let sources = self.sources.len() as u32;
        let candidate = &mut self.candidates[place];
        let target = u32::from(neuron.raw());
        let draw = || self.rule.tried(self.interval, target, sources);
        let tried = *candidate.tried.get_or_insert_with(draw);
        candidate.coincidences += self.sources[tried as usize].1.at(now, &self.rule.decay);
    }

    /// How many sources there are: none on a worker that does not have the targets.
    pub(super) fn sources(&self) -> usize {
        self.sources.len()
    }

    pub(super) fn digest_into(&self, hasher: &mut blake3::Hasher) {
        let traces = self.sources.iter().flat_map(|(_, trace)| trace.words());
        let heights = self.candidates.iter().flat_map(|candidate| {
            let tried = candidate.tried.map_or(u64::MAX, u64::from);
            [u64::from(candidate.coincidences.to_bits()), tried]
        });
        for word in traces.chain(heights).chain([self.interval]) {
            hasher.update(&word.to_le_bytes());
        }
    }
}

impl Candidate {
    fn forget(&mut self) {
        (self.tried, self.coincidences) = (None, 0.0);
    }
}

impl SynapseTable {
    /// Ends all intervals of structural plasticity that are over before this tick: synapses go and come.
    pub(super) fn change_structure(&mut self, now: u64) {
        // Taken out, so that what grows is not counted as what a target began with.
        let mut structures = std::mem::take(&mut self.homeostasis.structures);
        for structure in structures.iter_mut().filter(|structure| structure.is_due(now)) {
            let projection = structure.projection;
            self.prune_where(structure.rule.prune_below, |other| other == projection);
            for candidate in &mut structure.candidates {
                if candidate.coincidences >= structure.rule.grow_after
                    && let Some(tried) = candidate.tried
                {
                    let (segment, _) = structure.sources[tried as usize];
                    self.grow(structure.autapses, &structure.rule, segment, candidate);
                }
                candidate.forget();
            }
            structure.interval = now / structure.rule.interval;
        }
        self.homeostasis.structures = structures;
    }

    fn grow(&mut self, autapses: bool, rule: &Rewiring, segment: u32, candidate: &Candidate) {
        let segment = &self.segments[segment as usize];
        let (source, target) = (segment.source, candidate.target);
        let has = self.in_degree(target, segment.projection);
        let connected = !self.find(segment, target).is_empty();
        if has >= candidate.most || connected || (source == target && !autapses) {
            return;
        }
        let new = NewSynapse {
            projection: segment.projection as usize,
            source,
            target,
            weight: rule.grow_weight,
            delay: segment.delay,
        };
        self.add(&new);
        self.grown += 1;
    }
}
