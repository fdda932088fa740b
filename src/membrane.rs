//! Membranes: evidence adds up, leaks away, crosses a threshold; then a refractory pause.
//!
//! Nothing is stepped that was not touched: a leak over a gap of k ticks is its closed form, so a membrane is brought
//! up to date when input reaches it, and a silent neuron costs nothing.

use std::time::Duration;

use crate::math::Decay;
use crate::time::{Span, TickLength};

/// Why a membrane is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MembraneError {
    /// A parameter is not a finite number.
    #[error("{name} = {value} is refused: it must be a finite number")]
    NotFinite {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: f32,
    },
    /// The threshold is not above rest.
    #[error("threshold {threshold} is refused: it must be above rest, which is {rest}")]
    Threshold {
        /// What was given.
        threshold: f32,
        /// The resting potential.
        rest: f32,
    },
    /// The time constant is zero.
    #[error("tau = 0 is refused: a membrane that forgets at once cannot add anything up")]
    Tau,
}

/// Leaky integrate-and-fire.
///
/// In tick t: `v <- rest + (v - rest) * exp(-1 / tau)`, then the tick's input is added, then `v >= threshold` fires: v
/// goes back to rest and the next `refractory` ticks drop their input. (Lapicque 1907; Dayan and Abbott 2001, 5.4, in
/// exact form for input that arrives at ticks.)
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `tau` | 20 ms | time constant of the leak; [`Lif::NO_LEAK`] never leaks |
/// | `threshold` | 1 | potential that fires, without unit |
/// | `rest` | 0 | where the potential leaks to and is reset to |
/// | `refractory` | 0 | pause after firing in which input is dropped |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lif {
    /// Time constant of the leak.
    pub tau: Span,
    /// Potential at which it fires.
    pub threshold: f32,
    /// Resting and reset potential.
    pub rest: f32,
    /// Pause after firing.
    pub refractory: Span,
}

impl Default for Lif {
    fn default() -> Self {
        Self {
            tau: Span::Time(Duration::from_millis(20)),
            threshold: 1.0,
            rest: 0.0,
            refractory: Span::Ticks(0),
        }
    }
}

impl Lif {
    /// The time constant of a membrane that keeps everything until it fires.
    pub const NO_LEAK: Span = Span::Time(Duration::MAX);

    /// The same membrane with another threshold.
    #[must_use]
    pub const fn threshold(mut self, threshold: f32) -> Self {
        self.threshold = threshold;
        self
    }

    /// The same membrane with another leak.
    #[must_use]
    pub fn tau(mut self, tau: impl Into<Span>) -> Self {
        self.tau = tau.into();
        self
    }

    /// The same membrane with another pause after firing.
    #[must_use]
    pub fn refractory(mut self, refractory: impl Into<Span>) -> Self {
        self.refractory = refractory.into();
        self
    }

    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), MembraneError> {
        for (name, value) in [("threshold", self.threshold), ("rest", self.rest)] {
            if !value.is_finite() {
                return Err(MembraneError::NotFinite { name, value });
            }
        }
        if self.threshold <= self.rest {
            return Err(MembraneError::Threshold { threshold: self.threshold, rest: self.rest });
        }
        match self.tau {
            Span::Ticks(0) | Span::Time(Duration::ZERO) => Err(MembraneError::Tau),
            _ => Ok(()),
        }
    }

    pub(crate) fn compile(&self, length: TickLength) -> Membrane {
        let leak = match self.tau {
            Self::NO_LEAK => None,
            tau => Some(Decay::new(length.exact_ticks(tau))),
        };
        Membrane {
            threshold: self.threshold,
            rest: self.rest,
            leak,
            refractory: length.ticks(self.refractory).0,
        }
    }
}

/// A membrane's parameters in ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Membrane {
    threshold: f32,
    pub(crate) rest: f32,
    leak: Option<Decay>,
    pub(crate) refractory: u64,
}

/// The state of one membrane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Soma {
    potential: f32,
    input: f32,
    /// The tick the potential belongs to.
    updated: u64,
    /// The first tick in which input counts again.
    pub(crate) ready: u64,
    pub(crate) membrane: u16,
}

impl Soma {
    pub(crate) fn at_rest(membrane: u16, rest: f32) -> Self {
        Self { potential: rest, input: 0.0, updated: 0, ready: 0, membrane }
    }

    /// Adds input for this tick; the caller has checked `ready`.
    #[inline]
    pub(crate) fn add(&mut self, input: f32) {
        self.input += input;
    }

    /// The potential at the end of a tick, the leak since the last input included.
    #[inline]
    pub(crate) fn potential_at(&self, now: u64, membrane: &Membrane) -> f32 {
        match &membrane.leak {
            Some(leak) if self.potential != membrane.rest => {
                let factor = leak.over(now.saturating_sub(self.updated));
                membrane.rest + (self.potential - membrane.rest) * factor
            }
            _ => self.potential,
        }
    }

    /// Leaks, adds this tick's input, and says whether it fires.
    #[inline]
    pub(crate) fn step(&mut self, now: u64, membrane: &Membrane) -> bool {
        // Finite drives may add up to more than there is: a membrane that is infinite would never be well again.
        let potential = (self.potential_at(now, membrane) + self.input).clamp(f32::MIN, f32::MAX);
        self.updated = now;
        self.input = 0.0;
        let fires = potential >= membrane.threshold;
        if fires {
            self.potential = membrane.rest;
            self.ready = now.saturating_add(membrane.refractory).saturating_add(1);
        } else {
            self.potential = potential;
        }
        fires
    }

    /// The words that make up its state, for the digest.
    pub(crate) fn words(&self) -> [u64; 3] {
        let bits = u64::from(self.potential.to_bits()) << 32 | u64::from(self.input.to_bits());
        [bits, self.updated, self.ready]
    }
}
