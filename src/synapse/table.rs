//! The synapse table: who hears a source, after which delay, and with which weight.

use std::time::Duration;

use super::plastic::Learning;
use super::rows::{Columns, Row};
use super::scaling::Homeostasis;
use crate::dendrite::Dendrite;
use crate::id::NeuronId;
use crate::plasticity::{Release, Rule, Stock, Trace};
use crate::projection::Projection;
use crate::time::{TickLength, Ticks};

/// The synapses of one source, one projection and one delay: they hear the source at the same moment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) projection: u32,
    pub(crate) delay: u32,
    pub(crate) source: NeuronId,
    pub(crate) row: Row,
    /// Arrivals of the past, as the post-synaptic side meets them.
    pub(crate) trace: Trace,
    /// The same, as triplets remember them.
    pub(crate) slow: Trace,
    /// One more than the tick of the last arrival; 0 before the first.
    pub(crate) arrived: u64,
    /// What the last arrival has left to give, and how much of it acted.
    pub(super) stock: Stock,
    pub(crate) efficacy: f32,
    /// Whether its synapses only add their weight: no filter, nothing that learns, no crowd.
    pub(crate) plain: bool,
    /// Where its synapses lie if a crowd has part in them; the row is empty then.
    pub(crate) tie: Option<Tie>,
}

/// A strand of synapses with a crowd, and the position of a source in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tie {
    pub(crate) projection: u32,
    pub(crate) strand: u32,
    pub(crate) position: u32,
    /// The cells of a crowd get every spike, unfiltered.
    pub(crate) plain: bool,
}

/// What all synapses of one projection have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) columns: Columns,
    pub(crate) dendrite: Option<Dendrite>,
    pub(crate) sign: f32,
    pub(crate) silent: bool,
    pub(crate) lossless: bool,
    pub(crate) protected: bool,
    pub(crate) limits: (f32, f32),
    pub(crate) initial: f32,
    pub(crate) rule: Option<usize>,
    pub(crate) release: Option<Release>,
}

impl Shared {
    /// Whether a spike that arrives has to ask nothing before its weights act, and changes none of them.
    fn is_plain(&self) -> bool {
        let Self { dendrite, rule, release, silent, .. } = self;
        dendrite.is_none() && rule.is_none() && release.is_none() && !silent
    }
}

/// A synapse to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewSynapse {
    pub(crate) projection: usize,
    pub(crate) source: NeuronId,
    pub(crate) target: NeuronId,
    pub(crate) weight: f32,
    pub(crate) delay: u32,
}

/// A plastic synapse and what it has seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// The source.
    pub from: NeuronId,
    /// The target.
    pub to: NeuronId,
    /// What it has learned.
    pub weight: f32,
    /// What it began with.
    pub initial_weight: f32,
    /// How long after the source the target fired, on average.
    pub delay: Duration,
    /// How often the target fired after the source, within three time constants and before the source came again.
    pub count: u64,
}

/// Not one segment without a tie, but none, several, or one with a crowd at an end.
const MANY: u32 = u32::MAX;

/// All synapses of a worker.
#[derive(Debug, Default)]
pub(crate) struct SynapseTable {
    pub(crate) projections: Vec<Shared>,
    pub(crate) segments: Vec<Segment>,
    /// The segments of each source, by projection and delay.
    pub(super) by_source: Vec<Vec<u32>>,
    /// The only segment of each source, where that is all there is to know, or [`MANY`].
    only: Vec<(u32, u32)>,
    pub(crate) learning: Learning,
    pub(super) homeostasis: Homeostasis,
    /// Whether something at intervals depends on who fired.
    pub(super) counts_firings: bool,
    pub(super) synapses: u64,
    /// How many synapses are gone, and how many came while it ran.
    pub(crate) pruned: u64,
    pub(crate) grown: u64,
}

impl SynapseTable {
    pub(crate) fn add_neuron(&mut self) {
        self.by_source.push(Vec::new());
        self.only.push((MANY, 0));
        self.learning.add_neuron();
        self.homeostasis.add_neuron();
    }

    /// Makes room for so many neurons more.
    pub(crate) fn reserve_neurons(&mut self, neurons: usize) {
        self.by_source.reserve(neurons);
        self.only.reserve(neurons);
        self.learning.reserve_neurons(neurons);
    }

    pub(crate) fn add_projection(
        &mut self,
        spec: &Projection,
        (length, seed): (TickLength, u64),
    ) -> usize {
        let rule: Option<Rule> = spec.plasticity.map(|rule| rule.compile(length));
        let rewarded = rule.as_ref().is_some_and(|rule| rule.eligibility.is_some());
        self.projections.push(Shared {
            columns: Columns::new(rule.is_some(), rewarded, spec.is_listed()),
            dendrite: spec.dendrite.clone(),
            sign: if spec.inhibitory { -1.0 } else { 1.0 },
            silent: spec.silent,
            lossless: spec.lossless,
            protected: spec.protected,
            limits: spec.bounds,
            initial: spec.weight,
            rule: rule.map(|rule| self.learning.rule(rule)),
            release: spec.short_term.map(|rule| rule.compile(length)),
        });
        let projection = self.projections.len() - 1;
        if let Some(rule) = spec.scaling {
            self.homeostasis.add(rule.compile(length), projection);
            self.counts_firings = true;
        }
        if let Some(rule) = spec.structure {
            let rule = rule.compile(length, (seed, projection as u64));
            self.homeostasis.rewire(rule, projection, spec.autapses);
            self.counts_firings = true;
        }
        projection
    }

    /// The segments of a source, by projection and delay.
    #[inline]
    pub(crate) fn segments_of(&self, source: NeuronId) -> &[u32] {
        &self.by_source[source.index()]
    }

    /// The segment of a source, and its delay, if it has one only, at whose ends there are neurons.
    #[inline]
    pub(crate) fn only_segment(&self, source: NeuronId) -> Option<(u32, u32)> {
        let only = self.only[source.index()];
        (only.0 != MANY).then_some(only)
    }

    /// The segment of a source, projection and delay, if there is one.
    pub(crate) fn segment_at(&self, source: NeuronId, projection: u32, delay: u32) -> Option<u32> {
        let list = self.by_source.get(source.index())?;
        let key = |&id: &u32| {
            let segment = &self.segments[id as usize];
            (segment.projection, segment.delay)
        };
        list.binary_search_by_key(&(projection, delay), key).ok().map(|place| list[place])
    }

    fn segment_for(&mut self, new: &NewSynapse) -> u32 {
        let key = (new.projection as u32, new.delay);
        let segments = &self.segments;
        let list = &mut self.by_source[new.source.index()];
        let place = list.binary_search_by_key(&key, |&id| {
            let segment = &segments[id as usize];
            (segment.projection, segment.delay)
        });
        match place {
            Ok(found) => list[found],
            Err(place) => {
                let id = self.segments.len() as u32;
                list.insert(place, id);
                self.only[new.source.index()] =
                    if list.len() == 1 { (id, new.delay) } else { (MANY, 0) };
                self.segments.push(Segment {
                    projection: key.0,
                    delay: new.delay,
                    source: new.source,
                    row: Row::default(),
                    trace: Trace::default(),
                    slow: Trace::default(),
                    arrived: 0,
                    stock: Stock::default(),
                    efficacy: 1.0,
                    plain: self.projections[new.projection].is_plain(),
                    tie: None,
                });
                id
            }
        }
    }

    /// Lets a source, projection and delay lead to a strand.
    pub(crate) fn tie(&mut self, key: &NewSynapse, strand: u32, position: u32, to_crowd: bool) {
        let id = self.segment_for(key) as usize;
        let shared = &self.projections[key.projection];
        let plain = to_crowd && !shared.silent && shared.dendrite.is_none();
        let tie = Tie { projection: key.projection as u32, strand, position, plain };
        (self.segments[id].tie, self.segments[id].plain) = (Some(tie), false);
        self.only[key.source.index()] = (MANY, 0);
    }

    /// Says how many synapses a row will get, before the first is added.
    pub(crate) fn reserve(&mut self, first: &NewSynapse, room: u32) {
        let id = self.segment_for(first) as usize;
        let columns = &mut self.projections[first.projection].columns;
        columns.reserve(&mut self.segments[id].row, room);
    }

    /// Adds a synapse.
    pub(crate) fn add(&mut self, new: &NewSynapse) {
        let id = self.segment_for(new);
        let shared = &mut self.projections[new.projection];
        let row = &mut self.segments[id as usize].row;
        let position = shared.columns.insert(row, new.target.raw(), new.weight);
        if shared.rule.is_some() {
            let moved = &shared.columns.targets[row.range()][position as usize + 1..];
            self.learning.synapse_added(id, position, new.target, moved);
        }
        self.synapses += 1;
        self.homeostasis.added(id, new.projection, new.target);
        self.homeostasis.stir();
    }

    /// How many synapses there are.
    pub(crate) fn len(&self) -> u64 {
        self.synapses
    }

    /// So many synapses are gone.
    pub(super) fn forget(&mut self, gone: u64) {
        self.synapses -= gone;
        self.pruned += gone;
    }

    /// What weights of a segment are multiplied by when a spike acts that arrives now, or that did and was put off.
    ///
    /// A spike to one target only acts with what there is, and uses nothing up: what a row has left is a function of
    /// what arrived at all of it, wherever its targets are.
    #[inline]
    pub(crate) fn efficacy(&mut self, id: u32, now: u64, all: bool, deferred: bool) -> f32 {
        let segment = &mut self.segments[id as usize];
        match &self.projections[segment.projection as usize].release {
            Some(release) if !all && !deferred => segment.stock.clone().spend(now, release),
            Some(release) if !deferred => {
                segment.efficacy = segment.stock.spend(now, release);
                segment.efficacy
            }
            _ => segment.efficacy,
        }
    }

    /// The longest delay of a source, in ticks.
    pub(crate) fn longest_delay(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.delay)).max().unwrap_or(1)
    }

    /// Where the synapses onto one target lie in the columns of a segment's projection.
    #[inline]
    pub(crate) fn find(&self, segment: &Segment, target: NeuronId) -> std::ops::Range<usize> {
        let range = segment.row.range();
        let targets = &self.projections[segment.projection as usize].columns.targets[range.clone()];
        let first = targets.partition_point(|&other| other < target.raw());
        let count = targets[first..].iter().take_while(|&&other| other == target.raw()).count();
        range.start + first..range.start + first + count
    }

    /// Every synapse: source, target, weight, delay, projection.
    pub(crate) fn each(&self, mut visit: impl FnMut(NeuronId, NeuronId, f32, Ticks, usize)) {
        for list in &self.by_source {
            for &id in list {
                let segment = &self.segments[id as usize];
                let shared = &self.projections[segment.projection as usize];
                for slot in segment.row.range() {
                    let Ok(target) = NeuronId::new(shared.columns.targets[slot]) else { continue };
                    let delay = Ticks(u64::from(segment.delay));
                    let weight = shared.sign * shared.columns.weights[slot];
                    visit(segment.source, target, weight, delay, segment.projection as usize);
                }
            }
        }
    }
}

/// Every plastic synapse that has seen its target fire after its source, strongest first.
pub(crate) fn links(tables: &[&SynapseTable], length: TickLength) -> Vec<Link> {
    let mut links = Vec::new();
    for table in tables {
        table.links_into(&mut links, length);
    }
    links.sort_by(|a, b| {
        let by_weight = b.weight.total_cmp(&a.weight);
        by_weight.then(b.count.cmp(&a.count)).then((a.from, a.to).cmp(&(b.from, b.to)))
    });
    links
}

impl SynapseTable {
    fn links_into(&self, links: &mut Vec<Link>, length: TickLength) {
        for segment in &self.segments {
            let shared = &self.projections[segment.projection as usize];
            if shared.rule.is_none() {
                continue;
            }
            for slot in segment.row.range() {
                let lag = shared.columns.lags[slot];
                let Ok(to) = NeuronId::new(shared.columns.targets[slot]) else { continue };
                if lag.count > 0 {
                    let ns = f64::from(lag.mean_ticks) * length.as_nanos() as f64;
                    let initial = shared.columns.initial.get(slot);
                    links.push(Link {
                        from: segment.source,
                        to,
                        weight: shared.columns.weights[slot],
                        initial_weight: *initial.unwrap_or(&shared.initial),
                        delay: Duration::from_nanos(ns as u64),
                        count: u64::from(lag.count),
                    });
                }
            }
        }
    }
}
