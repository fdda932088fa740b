//! Learning at the synapse: what arrivals, firings and rewards change.

use std::collections::BTreeMap;

use super::rows::Eligible;
use super::table::SynapseTable;
use crate::id::NeuronId;
use crate::plasticity::{Rule, Trace, cut};

/// A rule, and the post-synaptic traces of all neurons under it. Projections with equal rules share them.
#[derive(Debug)]
pub(crate) struct RuleState {
    pub(crate) rule: Rule,
    pub(crate) post: Vec<Trace>,
    /// The slow ones, which only triplets need.
    pub(crate) slow: Vec<Trace>,
}

impl RuleState {
    fn add_neuron(&mut self) {
        self.post.push(Trace::default());
        if self.rule.triplet.is_some() {
            self.slow.push(Trace::default());
        }
    }
}

/// Where a plastic synapse onto a neuron lies.
#[derive(Debug, Clone, Copy)]
struct Incoming {
    segment: u32,
    position: u32,
}

/// What learning knows beside the weights.
#[derive(Debug, Default)]
pub(crate) struct Learning {
    pub(crate) rules: Vec<RuleState>,
    incoming: Vec<Vec<Incoming>>,
    /// One more than the tick in which each neuron last fired; 0 before the first.
    pub(super) fired: Vec<u64>,
    /// Arrivals that were meant for one synapse of a segment only: (segment, position) -> its own trace.
    addressed: BTreeMap<(u32, u32), Trace>,
}

impl Learning {
    pub(crate) fn add_neuron(&mut self) {
        self.incoming.push(Vec::new());
        self.fired.push(0);
        for state in &mut self.rules {
            state.add_neuron();
        }
    }

    pub(super) fn reserve_neurons(&mut self, neurons: usize) {
        self.incoming.reserve(neurons);
        self.fired.reserve(neurons);
    }

    /// The number of a rule; equal rules have one number.
    pub(crate) fn rule(&mut self, rule: Rule) -> usize {
        if let Some(found) = self.rules.iter().position(|state| state.rule == rule) {
            return found;
        }
        let mut state = RuleState { rule, post: Vec::new(), slow: Vec::new() };
        self.fired.iter().for_each(|_| state.add_neuron());
        self.rules.push(state);
        self.rules.len() - 1
    }

    /// Keeps the index by target true: `moved` are the targets behind the new synapse, each one position further.
    pub(crate) fn synapse_added(
        &mut self,
        segment: u32,
        position: u32,
        target: NeuronId,
        moved: &[u16],
    ) {
        // From the back, so that two synapses onto one target are never at the same position.
        for (offset, &neighbour) in moved.iter().enumerate().rev() {
            let old = position + offset as u32;
            let list = &mut self.incoming[usize::from(neighbour)];
            let at_old = |i: &&mut Incoming| i.segment == segment && i.position == old;
            if let Some(incoming) = list.iter_mut().find(at_old) {
                incoming.position += 1;
            }
            if let Some(trace) = self.addressed.remove(&(segment, old)) {
                self.addressed.insert((segment, old + 1), trace);
            }
        }
        self.incoming[target.index()].push(Incoming { segment, position });
    }

    /// Keeps the index by target true after a row lost synapses: `kept` are the old positions of those that stay.
    pub(crate) fn positions_changed(&mut self, segment: u32, kept: &[u32]) {
        let renumber = |old: u32| kept.binary_search(&old).ok().map(|new| new as u32);
        for list in &mut self.incoming {
            list.retain_mut(|incoming| {
                if incoming.segment != segment {
                    return true;
                }
                let new = renumber(incoming.position);
                incoming.position = new.unwrap_or(0);
                new.is_some()
            });
        }
        let addressed = std::mem::take(&mut self.addressed);
        let renumbered = addressed.into_iter().filter_map(|((id, old), trace)| {
            if id != segment {
                return Some(((id, old), trace));
            }
            renumber(old).map(|new| ((id, new), trace))
        });
        self.addressed = renumbered.collect();
    }

    /// Forgets where all synapses lie.
    pub(super) fn clear_index(&mut self) {
        self.incoming.iter_mut().for_each(Vec::clear);
        self.addressed.clear();
    }

    /// A synapse onto a neuron lies here.
    pub(super) fn index(&mut self, segment: u32, position: u32, target: NeuronId) {
        self.incoming[target.index()].push(Incoming { segment, position });
    }

    /// The arrivals that were meant for one synapse only.
    pub(super) fn address(&mut self, segment: u32, position: u32, trace: Trace) {
        self.addressed.insert((segment, position), trace);
    }

    /// The traces of arrivals that were meant for one synapse of a segment only, by position.
    pub(super) fn addressed_of(&self, segment: u32) -> impl Iterator<Item = (u32, &Trace)> {
        let all = self.addressed.range((segment, 0)..=(segment, u32::MAX));
        all.map(|(&(_, position), trace)| (position, trace))
    }

    /// What a neuron's firings have left, by rule, for the digest.
    pub(super) fn words_of(&self, neuron: usize) -> impl Iterator<Item = u64> {
        let post = self.rules.iter().flat_map(move |state| {
            let traces = [state.post.get(neuron), state.slow.get(neuron)];
            traces.into_iter().flatten().flat_map(|trace| trace.words())
        });
        std::iter::once(self.fired[neuron]).chain(post)
    }

    /// The traces of arrivals that were meant for one synapse only: segment, position, words.
    pub(super) fn addressed(&self) -> impl Iterator<Item = (u32, u32, [u64; 2])> {
        self.addressed
            .iter()
            .map(|(&(segment, position), trace)| (segment, position, trace.words()))
    }
}

impl SynapseTable {
    /// A spike has arrived at the synapses `slots` of a segment (all of it unless it was addressed): they are depressed
    /// by what the targets fired before, and remember the arrival.
    pub(crate) fn arrive(&mut self, id: u32, slots: std::ops::Range<usize>, now: u64, all: bool) {
        let segment = &mut self.segments[id as usize];
        let shared = &mut self.projections[segment.projection as usize];
        let Some(rule_id) = shared.rule else { return };
        self.homeostasis.stir();
        let state = &self.learning.rules[rule_id];
        let rule = &state.rule;
        let columns = &mut shared.columns;
        let factor = rule.down(|decay| segment.slow.at(now, decay));
        for slot in slots.clone() {
            let trace = state.post[usize::from(columns.targets[slot])].at(now, &rule.minus);
            if trace == 0.0 {
                continue;
            }
            let height = trace * factor;
            match &rule.eligibility {
                None => {
                    let weight = columns.weights[slot];
                    columns.weights[slot] = rule.weaken(weight, height, shared.limits);
                }
                Some(eligibility) => {
                    let eligible = &mut columns.eligible[slot];
                    let kept = eligible.value * eligibility.decay.over(now - eligible.last);
                    *eligible = Eligible { value: kept - height, last: now };
                }
            }
        }
        if all {
            if let Some(triplet) = &rule.triplet {
                segment.slow.rise(now, &triplet.x, rule.pairing);
            }
            segment.trace.rise(now, &rule.plus, rule.pairing);
            segment.arrived = now + 1;
            self.homeostasis.arrived(id, now);
            return;
        }
        for slot in slots {
            let position = (slot - segment.row.start as usize) as u32;
            let trace = self.learning.addressed.entry((id, position)).or_default();
            trace.rise(now, &rule.plus, rule.pairing);
        }
    }

    /// A neuron has fired: its plastic synapses are strengthened by what arrived before.
    #[inline]
    pub(crate) fn fired(&mut self, neuron: NeuronId, now: u64) {
        if self.counts_firings {
            self.homeostasis.fired(neuron, now);
        }
        // Without a rule nobody has a synapse that learns.
        if !self.learning.rules.is_empty() && !self.learning.incoming[neuron.index()].is_empty() {
            self.potentiate(neuron, now);
        }
    }

    fn potentiate(&mut self, neuron: NeuronId, now: u64) {
        let Self { projections, segments, learning, .. } = self;
        let before = learning.fired[neuron.index()];
        for incoming in &learning.incoming[neuron.index()] {
            let segment = &segments[incoming.segment as usize];
            let shared = &mut projections[segment.projection as usize];
            let Some(rule_id) = shared.rule else { continue };
            let RuleState { rule, slow, .. } = &learning.rules[rule_id];
            let mut height = segment.trace.at(now, &rule.plus);
            let mut arrived = segment.arrived;
            if !learning.addressed.is_empty() {
                let key = (incoming.segment, incoming.position);
                if let Some(trace) = learning.addressed.get(&key) {
                    height += trace.at(now, &rule.plus);
                    arrived = arrived.max(trace.last + 1);
                }
            }
            let slot = (segment.row.start + incoming.position) as usize;
            let columns = &mut shared.columns;
            // The first firing after an arrival says how long the target takes; later ones belong to something else.
            if arrived != 0 && arrived <= now && before < arrived {
                let lag = (now + 1 - arrived + u64::from(segment.delay)) as f32;
                if f64::from(lag) <= 3.0 * rule.plus.tau_ticks() {
                    let entry = &mut columns.lags[slot];
                    entry.count = entry.count.saturating_add(1);
                    entry.mean_ticks += (lag - entry.mean_ticks) / entry.count as f32;
                }
            }
            if height == 0.0 {
                continue;
            }
            height *= rule.up(|decay| slow[neuron.index()].at(now, decay));
            match &rule.eligibility {
                None => {
                    let weight = columns.weights[slot];
                    columns.weights[slot] = rule.strengthen(weight, height, shared.limits);
                }
                Some(eligibility) => {
                    let eligible = &mut columns.eligible[slot];
                    let kept = eligible.value * eligibility.decay.over(now - eligible.last);
                    *eligible = Eligible { value: kept + height, last: now };
                }
            }
        }
        learning.fired[neuron.index()] = now + 1;
        for state in &mut learning.rules {
            let rule = &state.rule;
            state.post[neuron.index()].rise(now, &rule.minus, rule.pairing);
            if let Some(triplet) = &rule.triplet {
                state.slow[neuron.index()].rise(now, &triplet.y, rule.pairing);
            }
        }
    }

    /// How many synapses of a projection that learns a neuron has.
    pub(super) fn in_degree(&self, neuron: NeuronId, projection: u32) -> u32 {
        let of = |incoming: &&Incoming| {
            self.segments[incoming.segment as usize].projection == projection
        };
        self.learning.incoming[neuron.index()].iter().filter(of).count() as u32
    }

    /// A reward has reached a neuron: what its synapses are eligible for becomes weight.
    pub(crate) fn reward(&mut self, neuron: NeuronId, amount: f32, now: u64) {
        self.homeostasis.stir();
        let Self { projections, segments, learning, .. } = self;
        for incoming in &learning.incoming[neuron.index()] {
            let segment = &segments[incoming.segment as usize];
            let shared = &mut projections[segment.projection as usize];
            let Some(rule_id) = shared.rule else { continue };
            let Some(eligibility) = &learning.rules[rule_id].rule.eligibility else { continue };
            let slot = (segment.row.start + incoming.position) as usize;
            let eligible = &shared.columns.eligible[slot];
            let now_eligible = eligible.value * eligibility.decay.over(now - eligible.last);
            let step = eligibility.rate * amount * now_eligible;
            // An endless reward for what is not eligible at all is no number, and nothing.
            if !step.is_nan() {
                let weight = shared.columns.weights[slot] + step;
                shared.columns.weights[slot] = cut(weight, shared.limits);
            }
        }
    }
}
