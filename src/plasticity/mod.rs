//! Learning rules: what a synapse makes of the spikes on its two sides.
//!
//! One convention everywhere: `Δt = t_post - t_pre`, where t_pre is the tick in which the spike *arrives* at the
//! synapse and t_post the tick in which the target fires; positive strengthens. Within one tick the order is: arrivals
//! depress and deliver, membranes fire and potentiate, then traces rise; a pair in the same tick changes nothing.

mod reward;
mod stdp;

pub use reward::RewardStdp;
pub use stdp::{Bounds, Pairing, Stdp};

use crate::math::Decay;
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

impl Plasticity {
    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), PlasticityError> {
        match self {
            Self::Stdp(rule) => rule.check(),
            Self::Reward(rule) => rule.check(),
        }
    }

    pub(crate) fn compile(&self, length: TickLength) -> Rule {
        let (stdp, eligibility) = match self {
            Self::Stdp(stdp) => (stdp, None),
            Self::Reward(reward) => {
                let decay = Decay::new(length.exact_ticks(reward.tau_eligibility));
                (&reward.stdp, Some(Eligibility { decay, rate: reward.rate }))
            }
        };
        Rule {
            a_plus: stdp.a_plus,
            a_minus: stdp.a_minus,
            plus: Decay::new(length.exact_ticks(stdp.tau_plus)),
            minus: Decay::new(length.exact_ticks(stdp.tau_minus)),
            pairing: stdp.pairing,
            bounds: stdp.bounds,
            eligibility,
        }
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
    match tau {
        Span::Ticks(0) | Span::Time(std::time::Duration::ZERO) => Err(PlasticityError {
            name,
            value: tau.to_string(),
            expected: "a time constant is longer than zero",
        }),
        _ => Ok(()),
    }
}

/// A rule in ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) a_plus: f32,
    pub(crate) a_minus: f32,
    pub(crate) plus: Decay,
    pub(crate) minus: Decay,
    pub(crate) pairing: Pairing,
    pub(crate) bounds: Bounds,
    pub(crate) eligibility: Option<Eligibility>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Eligibility {
    pub(crate) decay: Decay,
    pub(crate) rate: f32,
}

impl Rule {
    /// The weight after an arrival that meets a post-synaptic trace of this height.
    #[inline]
    pub(crate) fn depress(&self, weight: f32, trace: f32, limits: (f32, f32)) -> f32 {
        let step = match self.bounds {
            Bounds::Additive => trace,
            Bounds::Multiplicative => trace * (weight - limits.0),
        };
        (weight - step).clamp(limits.0, limits.1)
    }

    /// The weight after a firing that meets a pre-synaptic trace of this height.
    #[inline]
    pub(crate) fn potentiate(&self, weight: f32, trace: f32, limits: (f32, f32)) -> f32 {
        let step = match self.bounds {
            Bounds::Additive => trace,
            Bounds::Multiplicative => trace * (limits.1 - weight),
        };
        (weight + step).clamp(limits.0, limits.1)
    }
}

/// A sum of past events that decays: brought up to date when it is read, never in between.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trace {
    value: f32,
    /// The height before the events of tick `last`: events of one tick do not meet each other.
    before: f32,
    pub(crate) last: u64,
}

impl Trace {
    /// The height that events of this tick meet.
    #[inline]
    pub(crate) fn at(&self, now: u64, decay: &Decay) -> f32 {
        if self.last == now { self.before } else { self.value * decay.over(now - self.last) }
    }

    /// Takes up an event of this tick.
    #[inline]
    pub(crate) fn rise(&mut self, now: u64, decay: &Decay, amplitude: f32, pairing: Pairing) {
        if self.last != now {
            self.before = self.value * decay.over(now - self.last);
            self.value = self.before;
            self.last = now;
        }
        match pairing {
            Pairing::AllToAll => self.value += amplitude,
            Pairing::Nearest => self.value = amplitude,
        }
    }

    pub(crate) fn words(&self) -> [u64; 2] {
        [u64::from(self.value.to_bits()) << 32 | u64::from(self.before.to_bits()), self.last]
    }
}
