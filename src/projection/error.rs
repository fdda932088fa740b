//! Why projections are refused.

use crate::plasticity::PlasticityError;
use crate::time::Span;

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
    /// A parameter of a connector or of a distribution makes no sense.
    #[error("{name} = {value} is refused: {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A target cannot hear so many different sources.
    #[error(
        "{name} = {count} is refused: a target can hear {sources} different sources \
         (multapses and autapses would allow more)"
    )]
    InDegree {
        /// The parameter.
        name: &'static str,
        /// What was given.
        count: u32,
        /// How many sources there are for a target.
        sources: u32,
    },
    /// There is not one point for each neuron.
    #[error("{points} points are refused: the projection's {end} has {neurons} neurons")]
    Points {
        /// `source` or `target`.
        end: &'static str,
        /// How many points were given.
        points: usize,
        /// How many neurons there are.
        neurons: u32,
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

pub(super) fn refuse(
    name: &'static str,
    value: impl ToString,
    expected: &'static str,
) -> ProjectionError {
    ProjectionError::Parameter { name, value: value.to_string(), expected }
}
