//! Projections: who is connected to whom, how strongly, how late, and how it learns.

mod connector;
mod distribution;
mod error;
mod layout;

use std::sync::Arc;

pub(crate) use self::connector::{Connector, SourcesOf};
use self::connector::{Names, Neighbours, Reach};
pub(crate) use self::distribution::Draw;
pub use self::distribution::{Delays, Weights};
pub use self::error::ProjectionError;
pub use self::layout::Layout;
use crate::dendrite::Dendrite;
use crate::math;
use crate::plasticity::{Plasticity, ShortTerm, Structural, SynapticScaling};
use crate::time::{Span, Ticks};

/// One listed synapse; positions count from 0 within the two ends of the projection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Synapse {
    /// Position among the sources.
    pub pre: u32,
    /// Position among the targets.
    pub post: u32,
    /// Its weight.
    pub weight: f32,
    /// Its delay, at least one tick.
    pub delay: Span,
}

/// The longest delay, in ticks: 12 days at 1 ms would be a billion slots of waiting list, a day of 100 ms ticks is not.
pub(crate) const DELAY_LIMIT: u64 = 1 << 20;

/// The synapses from one group of neurons to another, made by one rule.
///
/// Default: weight 1, delay 1 tick, bounds 0 to 1, excitatory, not plastic, no autapses (a neuron is not its own
/// target).
#[derive(Debug, Clone)]
pub struct Projection {
    pub(crate) connector: Connector,
    pub(crate) weight: f32,
    pub(crate) weights: Option<Weights>,
    pub(crate) delay: Span,
    pub(crate) delays: Option<Delays>,
    pub(crate) bounds: (f32, f32),
    pub(crate) inhibitory: bool,
    pub(crate) silent: bool,
    pub(crate) lossless: bool,
    pub(crate) protected: bool,
    pub(crate) autapses: bool,
    pub(crate) multapses: bool,
    pub(crate) record_weights: Option<Span>,
    pub(crate) plasticity: Option<Plasticity>,
    pub(crate) short_term: Option<ShortTerm>,
    pub(crate) scaling: Option<SynapticScaling>,
    pub(crate) structure: Option<Structural>,
    pub(crate) dendrite: Option<Dendrite>,
}

impl Projection {
    fn with(connector: Connector) -> Self {
        Self {
            connector,
            weight: 1.0,
            weights: None,
            delay: Span::Ticks(1),
            delays: None,
            bounds: (0.0, 1.0),
            inhibitory: false,
            silent: false,
            lossless: false,
            protected: false,
            autapses: false,
            multapses: false,
            record_weights: None,
            plasticity: None,
            short_term: None,
            scaling: None,
            structure: None,
            dendrite: None,
        }
    }

    /// Every source to every target.
    #[must_use]
    pub fn all_to_all() -> Self {
        Self::with(Connector::AllToAll)
    }

    /// The first source to the first target, the second to the second, as far as both reach.
    #[must_use]
    pub fn one_to_one() -> Self {
        Self { autapses: true, ..Self::with(Connector::OneToOne) }
    }

    /// The pairs of agents whose names belong together, those that come while it runs included: topics and those who
    /// subscribed to them.
    ///
    /// `belong` is asked once for each pair; it must be a function of the two names (source, target) alone.
    #[must_use]
    pub fn by_name(belong: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        Self::with(Connector::Named(Names(Arc::new(belong))))
    }

    /// Each pair with this probability, drawn from the seed.
    #[must_use]
    pub fn random(probability: f64) -> Self {
        Self::with(Connector::Random(probability))
    }

    /// So many sources for each target, drawn from the seed; all different, unless [`multapses`](Self::multapses) are
    /// allowed.
    #[must_use]
    pub fn fixed_in_degree(sources_each: u32) -> Self {
        Self::with(Connector::InDegree(sources_each))
    }

    /// The so many nearest sources for each target, given where both are; of equally near ones the first.
    ///
    /// ```
    /// use neuronbus::prelude::*;
    /// use neuronbus::projection::Layout;
    ///
    /// // Every cell of a line hears its neighbours to the left and to the right.
    /// let line = Layout::line(1.0);
    /// let neighbours = Projection::nearest(2, line.clone(), line);
    /// # let _ = neighbours;
    /// ```
    #[must_use]
    pub fn nearest(sources_each: u32, sources: Layout, targets: Layout) -> Self {
        let reach = Reach::Nearest(sources_each);
        Self::with(Connector::Near(Arc::new(Neighbours { reach, sources, targets })))
    }

    /// All sources within a distance from a target, given where both are.
    #[must_use]
    pub fn within(radius: f32, sources: Layout, targets: Layout) -> Self {
        let reach = Reach::Within(radius);
        Self::with(Connector::Near(Arc::new(Neighbours { reach, sources, targets })))
    }

    /// Just these pairs of positions, all with one weight and delay; [`weight`](Self::weight) and
    /// [`delay`](Self::delay) have no say over listed synapses.
    #[must_use]
    pub fn pairs(pairs: &[(u32, u32)], weight: f32, delay: impl Into<Span>) -> Self {
        let delay = delay.into();
        let list = pairs.iter().map(|&(pre, post)| Synapse { pre, post, weight, delay });
        Self::synapses(list.collect())
    }

    /// Just these synapses, each with its own weight and delay, over which [`weight`](Self::weight) and
    /// [`delay`](Self::delay) have no say.
    #[must_use]
    pub fn synapses(list: Vec<Synapse>) -> Self {
        Self { autapses: true, ..Self::with(Connector::List(list.into())) }
    }

    /// Every neuron of a region inhibits every other: the first to fire keeps the others down (winner takes all).
    ///
    /// Between two regions or ports, such as a population and the one that inhibits on its behalf, each source inhibits
    /// every target but the one at its own position.
    #[must_use]
    pub fn lateral_inhibition() -> Self {
        Self::with(Connector::Others).inhibitory()
    }

    /// What one spike adds to the target's membrane.
    #[must_use]
    pub fn weight(mut self, weight: f32) -> Self {
        self.weight = weight;
        self
    }

    /// Weights that are drawn, instead of one for all.
    #[must_use]
    pub fn weights(mut self, drawn: Weights) -> Self {
        self.weights = Some(drawn);
        self
    }

    /// Delays that are drawn, instead of one for all.
    #[must_use]
    pub fn delays(mut self, drawn: Delays) -> Self {
        self.delays = Some(drawn);
        self
    }

    /// How long a spike travels, at least one tick.
    #[must_use]
    pub fn delay(mut self, delay: impl Into<Span>) -> Self {
        self.delay = delay.into();
        self
    }

    /// The range that weights, given or learned, stay in.
    #[must_use]
    pub fn bounds(mut self, low: f32, high: f32) -> Self {
        self.bounds = (low, high);
        self
    }

    /// Subtracts weights instead of adding them. The spikes stay what they are: a target hears an excitatory spike.
    #[must_use]
    pub fn inhibitory(mut self) -> Self {
        self.inhibitory = true;
        self
    }

    /// Learns from spikes without passing them on: a silent synapse neither drives its target nor is heard by it.
    ///
    /// Biology has such synapses too (NMDA receptors without AMPA receptors); here they watch who fires after whom.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Lets a spike that meets a refractory agent wait until the pause ends, instead of dropping it.
    #[must_use]
    pub fn lossless(mut self) -> Self {
        self.lossless = true;
        self
    }

    /// Exempts the synapses from pruning.
    #[must_use]
    pub fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    /// Allows a neuron to be its own target.
    #[must_use]
    pub fn autapses(mut self, allowed: bool) -> Self {
        self.autapses = allowed;
        self
    }

    /// Allows [`fixed_in_degree`](Self::fixed_in_degree) to draw a source more than once for a target. Other connectors
    /// connect a pair once, and lists as they say.
    #[must_use]
    pub fn multapses(mut self, allowed: bool) -> Self {
        self.multapses = allowed;
        self
    }

    /// How the weights learn.
    #[must_use]
    pub fn plasticity(mut self, rule: impl Into<Plasticity>) -> Self {
        self.plasticity = Some(rule.into());
        self
    }

    /// How spikes in quick succession act more, or less, than those that come alone.
    #[must_use]
    pub fn short_term(mut self, rule: ShortTerm) -> Self {
        self.short_term = Some(rule);
        self
    }

    /// Which rate of its targets the weights keep.
    #[must_use]
    pub fn scaling(mut self, rule: SynapticScaling) -> Self {
        self.scaling = Some(rule);
        self
    }

    /// Which synapses go and come while it runs.
    #[must_use]
    pub fn structure(mut self, rule: Structural) -> Self {
        self.structure = Some(rule);
        self
    }

    /// Writes all weights down at the end of every so many ticks, between populations; see
    /// [`Cortex::recorded_weights`](crate::cortex::Cortex::recorded_weights). Costs nothing otherwise.
    #[must_use]
    pub fn record_weights(mut self, every: impl Into<Span>) -> Self {
        self.record_weights = Some(every.into());
        self
    }

    /// What the synapses let through.
    #[must_use]
    pub fn dendrite(mut self, filter: Dendrite) -> Self {
        self.dendrite = Some(filter);
        self
    }

    /// Whether the values make sense, given how durations become ticks.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self, to_ticks: impl Fn(Span) -> Ticks) -> Result<(), ProjectionError> {
        let (low, high) = self.bounds;
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(ProjectionError::Bounds { low, high });
        }
        self.connector.check()?;
        if let Some(every) = self.record_weights.filter(|&every| to_ticks(every).0 == 0) {
            return Err(error::refuse("record_weights", every, "it must be at least one tick"));
        }
        let check_weight = |weight: f32| {
            if (low..=high).contains(&weight) {
                return Ok(());
            }
            Err(ProjectionError::Weight { weight, low, high })
        };
        let check_delay = |delay: Span| {
            if (1..=DELAY_LIMIT).contains(&to_ticks(delay).0) {
                return Ok(());
            }
            Err(ProjectionError::Delay { delay, limit: DELAY_LIMIT })
        };
        if let Connector::List(list) = &self.connector {
            list.iter().try_for_each(|synapse| {
                check_weight(synapse.weight).and_then(|()| check_delay(synapse.delay))
            })?;
        } else {
            match &self.weights {
                Some(drawn) => drawn.check(self.bounds)?,
                None => check_weight(self.weight)?,
            }
            match &self.delays {
                Some(drawn) => drawn.check(&to_ticks)?,
                None => check_delay(self.delay)?,
            }
        }
        if let Some(rule) = &self.plasticity {
            rule.check()?;
        }
        if let Some(rule) = &self.short_term {
            rule.check()?;
        }
        if let Some(rule) = &self.scaling {
            rule.check()?;
        }
        if let Some(rule) = &self.structure {
            rule.check(self.bounds)?;
            if self.delays.is_some() || self.is_listed() {
                return Err(ProjectionError::Unsupported {
                    feature: "structural plasticity",
                    why: "the projection has a list of synapses, or delays that are drawn",
                });
            }
        }
        Ok(())
    }

    /// Whether weights change for good.
    pub(crate) fn is_plastic(&self) -> bool {
        self.plasticity.is_some() || self.scaling.is_some() || self.structure.is_some()
    }

    /// Whether it can be made between ends of these sizes; `recurrent` if both are the same.
    pub(crate) fn fits(&self, ends: (u32, u32), recurrent: bool) -> Result<(), ProjectionError> {
        self.connector.fits(ends, recurrent && !self.autapses, self.multapses)
    }

    /// Whether every listed synapse has its ends among so many sources and targets.
    pub(crate) fn check_positions(
        &self,
        sources: usize,
        targets: usize,
    ) -> Result<(), ProjectionError> {
        let Connector::List(list) = &self.connector else { return Ok(()) };
        let beyond = |s: &&Synapse| s.pre as usize >= sources || s.post as usize >= targets;
        match list.iter().find(beyond) {
            None => Ok(()),
            Some(&Synapse { pre, post, .. }) => {
                Err(ProjectionError::NoSuchEnd { pre, post, sources, targets })
            }
        }
    }

    /// The longest delay of its synapses, in ticks.
    pub(crate) fn longest_delay(&self, to_ticks: impl Fn(Span) -> Ticks) -> u64 {
        match (&self.connector, &self.delays) {
            (Connector::List(list), _) => {
                list.iter().map(|synapse| to_ticks(synapse.delay).0).max().unwrap_or(1)
            }
            (_, Some(drawn)) => to_ticks(drawn.ends().1).0,
            _ => to_ticks(self.delay).0,
        }
    }

    /// The shortest delay of its synapses, in ticks.
    pub(crate) fn shortest_delay(&self, to_ticks: impl Fn(Span) -> Ticks) -> u64 {
        match (&self.connector, &self.delays) {
            (Connector::List(list), _) => {
                list.iter().map(|synapse| to_ticks(synapse.delay).0).min().unwrap_or(u64::MAX)
            }
            (_, Some(drawn)) => to_ticks(drawn.ends().0).0,
            _ => to_ticks(self.delay).0,
        }
    }

    /// The same projection with just these synapses.
    pub(crate) fn listing(self, list: Vec<Synapse>) -> Self {
        let connector = Connector::List(list.into());
        Self { connector, weights: None, delays: None, ..self }
    }

    /// Whether each synapse is drawn in a way that needs all of them at once, so that no end may grow.
    pub(crate) fn is_drawn_at_once(&self) -> bool {
        self.connector.is_by_target() || self.weights.is_some() || self.delays.is_some()
    }

    /// Whether each synapse has a weight of its own.
    pub(crate) fn is_listed(&self) -> bool {
        matches!(self.connector, Connector::List(_))
    }

    /// Whether the rule connects two positions; lists and those that ask targets for their sources are not asked.
    /// `salt` tells projections of one seed apart.
    pub(crate) fn connects(&self, seed: u64, salt: u64, pre: usize, post: usize) -> bool {
        match self.connector {
            Connector::AllToAll => true,
            Connector::Others => pre != post,
            Connector::OneToOne => pre == post,
            Connector::Random(p) => {
                math::unit(math::random(seed, salt, pre as u64, post as u64)) < p
            }
            Connector::InDegree(_)
            | Connector::Near(_)
            | Connector::List(_)
            | Connector::Named(_) => false,
        }
    }
}
