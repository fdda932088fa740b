//! Causality: which spikes made a neuron fire, and what came of a spike.
//!
//! Nothing of it is kept while nobody asks. Asked of a replay, every spike fired is written down with the spikes that
//! its neuron had heard: the one that it answers, if it was sent from `on_spike`; all since it fired last, if its
//! membrane fired; those that it had heard when it was called last, if it was woken. A crowd counts as one neuron,
//! and so does a population, whose volleys come of what it heard since the volley before. What a gate admits has no
//! cause: it is a root.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::id::NeuronId;
use crate::spike::{Spike, SpikeKind};

/// Which spike of a run: who fired it, when, and as the how-manieth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpikeId {
    /// The cortex time at which it was fired, in ns.
    pub time_ns: u64,
    /// Who fired it.
    pub source: NeuronId,
    /// Which cell of a crowd, if it was one.
    pub cell: Option<u32>,
    /// The how-manieth of its source it is, from 0.
    pub sequence: u32,
}

impl SpikeId {
    /// The identity of a spike; `None` if its source makes no sense.
    #[must_use]
    pub fn of(spike: &Spike) -> Option<Self> {
        let source = spike.source().ok()?;
        Some(Self {
            time_ns: spike.time_ns(),
            source,
            cell: spike.cell(),
            sequence: spike.sequence(),
        })
    }
}

/// A spike that was fired, and what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// What it does where it arrives.
    pub kind: SpikeKind,
    /// The beginning of what it carries.
    pub payload: Vec<u8>,
    /// The spikes that its neuron had heard; none for what a gate admitted.
    pub causes: Vec<SpikeId>,
}

/// Bytes of a payload that are kept.
const PAYLOAD_KEPT: usize = 256;
/// The most causes that are kept of one spike: the latest.
const CAUSES_MAX: usize = 1_024;

/// Writes down who fires and why, while a run is computed.
#[derive(Debug, Default)]
pub(crate) struct Tracer {
    /// What each neuron has heard since it fired last.
    heard: Vec<VecDeque<SpikeId>>,
    /// What each neuron had heard when it was called last.
    last: Vec<Vec<SpikeId>>,
    /// What the neuron that is called now has heard.
    current: Vec<SpikeId>,
    fired: BTreeMap<SpikeId, Fired>,
}

impl Tracer {
    fn widen(&mut self, id: NeuronId) {
        if self.heard.len() <= id.index() {
            self.heard.resize_with(id.index() + 1, VecDeque::new);
            self.last.resize_with(id.index() + 1, Vec::new);
        }
    }

    /// A neuron hears a spike, and may answer it.
    pub(crate) fn hears(&mut self, target: NeuronId, spike: &Spike) {
        self.widen(target);
        self.current.clear();
        if let Some(id) = SpikeId::of(spike) {
            let heard = &mut self.heard[target.index()];
            if heard.len() == CAUSES_MAX {
                heard.pop_front();
            }
            heard.push_back(id);
            self.current.push(id);
            self.last[target.index()] = vec![id];
        }
    }

    /// A neuron's membrane fires: all that it has heard is the cause.
    pub(crate) fn fires(&mut self, id: NeuronId) {
        self.widen(id);
        self.current.clear();
        self.current.extend(self.heard[id.index()].drain(..));
        if !self.current.is_empty() {
            self.last[id.index()].clone_from(&self.current);
        }
    }

    /// A neuron is woken.
    pub(crate) fn wakes(&mut self, id: NeuronId) {
        self.widen(id);
        self.current.clone_from(&self.last[id.index()]);
    }

    /// Whatever is sent next comes from outside.
    pub(crate) fn admits(&mut self) {
        self.current.clear();
    }

    /// A spike was sent by whoever is called now.
    pub(crate) fn sent(&mut self, spike: &Spike, payload: &[u8]) {
        let Some(id) = SpikeId::of(spike) else { return };
        let fired = Fired {
            kind: spike.kind().unwrap_or(SpikeKind::Excitatory),
            payload: payload[..payload.len().min(PAYLOAD_KEPT)].to_vec(),
            causes: self.current.clone(),
        };
        self.fired.insert(id, fired);
    }

    pub(crate) fn into_causes(self) -> Causes {
        let mut effects: BTreeMap<SpikeId, Vec<SpikeId>> = BTreeMap::new();
        for (&id, fired) in &self.fired {
            for &cause in &fired.causes {
                effects.entry(cause).or_default().push(id);
            }
        }
        Causes { fired: self.fired, effects }
    }
}

/// All spikes of a stretch of a run, with what made them and what they made.
#[derive(Debug, Clone, Default)]
pub struct Causes {
    fired: BTreeMap<SpikeId, Fired>,
    effects: BTreeMap<SpikeId, Vec<SpikeId>>,
}

impl Causes {
    /// All spikes, by time.
    pub fn spikes(&self) -> impl Iterator<Item = (SpikeId, &Fired)> {
        self.fired.iter().map(|(&id, fired)| (id, fired))
    }

    /// One spike.
    #[must_use]
    pub fn spike(&self, id: SpikeId) -> Option<&Fired> {
        self.fired.get(&id)
    }

    /// The spikes that made this one.
    #[must_use]
    pub fn causes(&self, id: SpikeId) -> &[SpikeId] {
        self.fired.get(&id).map_or(&[], |fired| &fired.causes)
    }

    /// The spikes that this one helped to make.
    #[must_use]
    pub fn effects(&self, id: SpikeId) -> &[SpikeId] {
        self.effects.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Everything that led to a spike, by time; without the spike itself.
    #[must_use]
    pub fn ancestors(&self, id: SpikeId) -> BTreeSet<SpikeId> {
        reach(id, |id| self.causes(id))
    }

    /// Everything that came of a spike, by time; without the spike itself.
    #[must_use]
    pub fn descendants(&self, id: SpikeId) -> BTreeSet<SpikeId> {
        reach(id, |id| self.effects(id))
    }

    /// The ancestors that have no cause: what entered from outside.
    #[must_use]
    pub fn roots(&self, id: SpikeId) -> Vec<SpikeId> {
        let is_root = |id: &SpikeId| self.causes(*id).is_empty();
        let ancestors = self.ancestors(id);
        if ancestors.is_empty() {
            vec![id]
        } else {
            ancestors.into_iter().filter(is_root).collect()
        }
    }

    /// The longest chain of causes that led to a spike: 0 for what entered from outside.
    #[must_use]
    pub fn depth(&self, id: SpikeId) -> usize {
        let mut depths: BTreeMap<SpikeId, usize> = BTreeMap::new();
        // A cause has an earlier time, or a smaller place in the order of its tick: its depth is known by then.
        let mut all = self.ancestors(id);
        all.insert(id);
        for &spike in &all {
            let before = self.causes(spike).iter().filter_map(|cause| depths.get(cause)).max();
            depths.insert(spike, before.map_or(0, |depth| depth + 1));
        }
        depths.get(&id).copied().unwrap_or(0)
    }

    /// The latest spike that led to both.
    #[must_use]
    pub fn common_ancestor(&self, one: SpikeId, other: SpikeId) -> Option<SpikeId> {
        let mut of_one = self.ancestors(one);
        of_one.insert(one);
        let mut of_other = self.ancestors(other);
        of_other.insert(other);
        of_one.intersection(&of_other).max().copied()
    }
}

/// All that is reached from a spike by going on.
fn reach<'a>(from: SpikeId, on: impl Fn(SpikeId) -> &'a [SpikeId]) -> BTreeSet<SpikeId> {
    let mut reached = BTreeSet::new();
    let mut ahead = on(from).to_vec();
    while let Some(id) = ahead.pop() {
        if reached.insert(id) {
            ahead.extend_from_slice(on(id));
        }
    }
    reached
}
