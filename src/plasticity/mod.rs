//! Learning rules: what a synapse makes of the spikes on its two sides.
//!
//! One convention everywhere: `Δt = t_post - t_pre`, where t_pre is the tick in which the spike *arrives* at the
//! synapse and t_post the tick in which the target fires; positive strengthens. Within one tick the order is: arrivals
//! depress and deliver, membranes fire and potentiate, then traces rise; a pair in the same tick changes nothing.

mod columns;
mod reward;
mod rule;
mod scaling;
mod short_term;
mod stdp;
mod structure;
mod trace;
mod triplet;

pub(crate) use columns::{StockColumns, TraceColumns};
pub use reward::RewardStdp;
pub(crate) use rule::{Rule, cut};
pub(crate) use scaling::ScalingRule;
pub use scaling::SynapticScaling;
pub use short_term::ShortTerm;
pub(crate) use short_term::{Release, Stock};
pub use stdp::{Bounds, Pairing, Stdp};
pub(crate) use structure::Rewiring;
pub use structure::Structural;
pub(crate) use trace::Trace;
pub use triplet::TripletStdp;

use crate::time::{Span, TickLength};

/// Why a learning rule is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name} = {value} is refused: {expected}")]
pub struct PlasticityError {
    /// The parameter.
    pub name: &'static str,
    /// What was given.
    pub value: String,
    /// What it should be.
    pub expected: &'static str,
}

/// How a projection learns.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Plasticity {
    /// Pairs of spikes change the weight at once.
    Stdp(Stdp),
    /// Pairs of spikes make a synapse eligible; reward turns that into weight.
    Reward(RewardStdp),
    /// Triplets of spikes change the weight at once.
    Triplet(TripletStdp),
}

impl From<Stdp> for Plasticity {
    fn from(rule: Stdp) -> Self {
        Self::Stdp(rule)
    }
}

impl From<RewardStdp> for Plasticity {
    fn from(rule: RewardStdp) -> Self {
        Self::Reward(rule)
    }
}

impl From<TripletStdp> for Plasticity {
    fn from(rule: TripletStdp) -> Self {
        Self::Triplet(rule)
    }
}

impl Plasticity {
    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), PlasticityError> {
        match self {
            Self::Stdp(rule) => rule.check(),
            Self::Reward(rule) => rule.check(),
            Self::Triplet(rule) => rule.check(),
        }
    }

    pub(crate) fn compile(&self, length: TickLength) -> Rule {
        Rule::new(self, length)
    }
}

pub(crate) fn check_amplitude(name: &'static str, value: f32) -> Result<(), PlasticityError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(PlasticityError {
        name,
        value: value.to_string(),
        expected: "an amplitude is finite and not negative",
    })
}

pub(crate) fn check_tau(name: &'static str, tau: Span) -> Result<(), PlasticityError> {
    check_positive(name, tau, "a time constant is longer than zero")
}

pub(crate) fn check_positive(
    name: &'static str,
    span: Span,
    expected: &'static str,
) -> Result<(), PlasticityError> {
    match span {
        Span::Ticks(0) | Span::Time(std::time::Duration::ZERO) => {
            Err(PlasticityError { name, value: span.to_string(), expected })
        }
        _ => Ok(()),
    }
}
