//! Projections: who is connected to whom, how strongly, how late, and how it learns.

use std::sync::Arc;

use crate::dendrite::Dendrite;
use crate::math;
use crate::plasticity::{Plasticity, PlasticityError, ShortTerm, SynapticScaling};
use crate::time::{Span, Ticks};

/// Why a projection is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// A weight is not a number within the bounds.
    #[error("weight {weight} is refused: it must be a finite number within {low}..={high}")]
    Weight {
        /// What was given.
        weight: f32,
        /// Lower bound.
        low: f32,
        /// Upper bound.
        high: f32,
    },
    /// The bounds are no interval.
    #[error(
        "weight bounds {low}..={high} are refused: both must be finite, the first below the second"
    )]
    Bounds {
        /// Lower bound.
        low: f32,
        /// Upper bound.
        high: f32,
    },
    /// A spike cannot arrive in the tick that it was fired in, nor later than can be kept.
    #[error("a delay of {delay} is refused: it must be 1 to {limit} ticks")]
    Delay {
        /// What was given.
        delay: Span,
        /// The longest delay.
        limit: u64,
    },
    /// A probability is outside 0 to 1.
    #[error("probability {0} is refused: it must be within 0..=1")]
    Probability(f64),
    /// A listed synapse names a neuron that is not there.
    #[error(
        "synapse {pre} -> {post} is refused: there are {sources} sources and {targets} targets"
    )]
    NoSuchEnd {
        /// Position among the sources.
        pre: u32,
        /// Position among the targets.
        post: u32,
        /// How many sources there are.
        sources: usize,
        /// How many targets there are.
        targets: usize,
    },
    /// Something that these two ends cannot have.
    #[error("{feature} is refused: {why}")]
    Unsupported {
        /// What was asked for.
        feature: &'static str,
        /// Why it cannot be.
        why: &'static str,
    },
    /// More synapses than one projection can have.
    #[error(
        "about {synapses} synapses are refused: they would need {bytes} bytes, and a projection has at most 2^32"
    )]
    TooMany {
        /// How many it would be.
        synapses: u64,
        /// What they would need.
        bytes: u64,
    },
    /// More synapses than the machine has memory for.
    #[error(
        "about {synapses} synapses are refused: they would need {bytes} bytes, more than there are"
    )]
    Memory {
        /// How many it would be.
        synapses: u64,
        /// What they would need.
        bytes: u64,
    },
    /// The learning rule is refused.
    #[error(transparent)]
    Plasticity(#[from] PlasticityError),
}

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

#[derive(Debug, Clone)]
pub(crate) enum Connector {
    AllToAll,
    OneToOne,
    Random(f64),
    List(Arc<[Synapse]>),
}

impl Connector {
    /// How many synapses it will make, about.
    pub(crate) fn expected(&self, sources: u32, targets: u32) -> u64 {
        let pairs = u64::from(sources) * u64::from(targets);
        match self {
            Self::AllToAll => pairs,
            Self::OneToOne => u64::from(sources.min(targets)),
            Self::Random(p) => (pairs as f64 * p) as u64,
            Self::List(list) => list.len() as u64,
        }
    }
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
    pub(crate) delay: Span,
    pub(crate) bounds: (f32, f32),
    pub(crate) inhibitory: bool,
    pub(crate) silent: bool,
    pub(crate) lossless: bool,
    pub(crate) protected: bool,
    pub(crate) autapses: bool,
    pub(crate) plasticity: Option<Plasticity>,
    pub(crate) short_term: Option<ShortTerm>,
    pub(crate) scaling: Option<SynapticScaling>,
    pub(crate) dendrite: Option<Dendrite>,
}

impl Projection {
    fn with(connector: Connector) -> Self {
        Self {
            connector,
            weight: 1.0,
            delay: Span::Ticks(1),
            bounds: (0.0, 1.0),
            inhibitory: false,
            silent: false,
            lossless: false,
            protected: false,
            autapses: false,
            plasticity: None,
            short_term: None,
            scaling: None,
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

    /// Each pair with this probability, drawn from the seed.
    #[must_use]
    pub fn random(probability: f64) -> Self {
        Self::with(Connector::Random(probability))
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
    #[must_use]
    pub fn lateral_inhibition() -> Self {
        Self::all_to_all().inhibitory()
    }

    /// What one spike adds to the target's membrane.
    #[must_use]
    pub fn weight(mut self, weight: f32) -> Self {
        self.weight = weight;
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
        if let Connector::Random(p) = self.connector
            && !(0.0..=1.0).contains(&p)
        {
            return Err(ProjectionError::Probability(p));
        }
        let check_one = |weight: f32, delay: Span| {
            if !(low..=high).contains(&weight) {
                return Err(ProjectionError::Weight { weight, low, high });
            }
            if !(1..=DELAY_LIMIT).contains(&to_ticks(delay).0) {
                return Err(ProjectionError::Delay { delay, limit: DELAY_LIMIT });
            }
            Ok(())
        };
        match &self.connector {
            Connector::List(list) => {
                list.iter().try_for_each(|synapse| check_one(synapse.weight, synapse.delay))?;
            }
            _ => check_one(self.weight, self.delay)?,
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
        Ok(())
    }

    /// Whether weights change for good.
    pub(crate) fn is_plastic(&self) -> bool {
        self.plasticity.is_some() || self.scaling.is_some()
    }

    /// Whether each synapse has a weight of its own.
    pub(crate) fn is_listed(&self) -> bool {
        matches!(self.connector, Connector::List(_))
    }

    /// Whether the rule connects two positions; lists are not asked. `salt` tells projections of one seed apart.
    pub(crate) fn connects(&self, seed: u64, salt: u64, pre: usize, post: usize) -> bool {
        match self.connector {
            Connector::AllToAll => true,
            Connector::OneToOne => pre == post,
            Connector::Random(p) => {
                math::unit(math::random(seed, salt, pre as u64, post as u64)) < p
            }
            Connector::List(_) => false,
        }
    }
}
