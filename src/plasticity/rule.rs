//! A learning rule in ticks: what agents and populations both compute with.

use super::{Bounds, Pairing, Plasticity};
use crate::math::Decay;
use crate::time::TickLength;

/// A rule in ticks.
///
/// Pairs and triplets are one computation: an arrival weakens by the post-synaptic trace times [`Rule::down`], a firing
/// strengthens by the pre-synaptic trace times [`Rule::up`]. These factors belong to the spike, not to the synapse.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    a_plus: f32,
    a_minus: f32,
    pub(crate) plus: Decay,
    pub(crate) minus: Decay,
    pub(crate) pairing: Pairing,
    pub(crate) bounds: Bounds,
    pub(crate) triplet: Option<Triplet>,
    pub(crate) eligibility: Option<Eligibility>,
}

/// What triplets add to pairs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Triplet {
    a_plus: f32,
    a_minus: f32,
    /// Of the slow trace of arrivals.
    pub(crate) x: Decay,
    /// Of the slow trace of firings.
    pub(crate) y: Decay,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Eligibility {
    pub(crate) decay: Decay,
    pub(crate) rate: f32,
}

impl Rule {
    pub(super) fn new(plasticity: &Plasticity, length: TickLength) -> Self {
        let decay = |tau| Decay::new(length.exact_ticks(tau));
        let (stdp, eligibility) = match plasticity {
            Plasticity::Stdp(stdp) => (stdp, None),
            Plasticity::Reward(reward) => {
                let decay = decay(reward.tau_eligibility);
                (&reward.stdp, Some(Eligibility { decay, rate: reward.rate }))
            }
            Plasticity::Triplet(rule) => {
                return Self {
                    a_plus: rule.a2_plus,
                    a_minus: rule.a2_minus,
                    plus: decay(rule.tau_plus),
                    minus: decay(rule.tau_minus),
                    pairing: rule.pairing,
                    bounds: rule.bounds,
                    triplet: Some(Triplet {
                        a_plus: rule.a3_plus,
                        a_minus: rule.a3_minus,
                        x: decay(rule.tau_x),
                        y: decay(rule.tau_y),
                    }),
                    eligibility: None,
                };
            }
        };
        Self {
            a_plus: stdp.a_plus,
            a_minus: stdp.a_minus,
            plus: decay(stdp.tau_plus),
            minus: decay(stdp.tau_minus),
            pairing: stdp.pairing,
            bounds: stdp.bounds,
            triplet: None,
            eligibility,
        }
    }

    /// What an arrival makes of a post-synaptic trace of 1, when the slow trace of its source has this height.
    #[inline]
    pub(crate) fn down(&self, slow: impl FnOnce(&Decay) -> f32) -> f32 {
        match &self.triplet {
            None => self.a_minus,
            Some(triplet) => self.a_minus + triplet.a_minus * slow(&triplet.x),
        }
    }

    /// What a firing makes of a pre-synaptic trace of 1, when the slow trace of its cell has this height.
    #[inline]
    pub(crate) fn up(&self, slow: impl FnOnce(&Decay) -> f32) -> f32 {
        match &self.triplet {
            None => self.a_plus,
            Some(triplet) => self.a_plus + triplet.a_plus * slow(&triplet.y),
        }
    }

    /// The weight after it was weakened by this much.
    #[inline(always)]
    pub(crate) fn weaken(&self, weight: f32, by: f32, limits: (f32, f32)) -> f32 {
        match self.bounds {
            Bounds::Additive => cut(weight - by, limits),
            Bounds::Multiplicative => cut(weight - by * (weight - limits.0), limits),
        }
    }

    /// The weight after it was strengthened by this much.
    #[inline(always)]
    pub(crate) fn strengthen(&self, weight: f32, by: f32, limits: (f32, f32)) -> f32 {
        match self.bounds {
            Bounds::Additive => cut(weight + by, limits),
            Bounds::Multiplicative => cut(weight + by * (limits.1 - weight), limits),
        }
    }
}

/// A weight within its bounds: one comparison each, where `clamp` would also look at the bounds themselves.
#[inline(always)]
pub(crate) fn cut(weight: f32, (low, high): (f32, f32)) -> f32 {
    let weight = if weight < low { low } else { weight };
    if weight > high { high } else { weight }
}
