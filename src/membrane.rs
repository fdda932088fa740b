//! Membranes: evidence adds up, leaks away, crosses a threshold; then a refractory pause.
//!
//! Nothing is stepped that was not touched: a leak over a gap of k ticks is its closed form, so a membrane is brought
//! up to date when input reaches it, and a silent neuron costs nothing.

mod columns;

use std::time::Duration;

pub(crate) use columns::SomaColumns;

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
    /// The adaptation of the threshold makes no sense.
    #[error("adaptation.{name} = {value} is refused: {expected}")]
    Adaptation {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it should be.
        expected: &'static str,
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
/// | `adaptation` | none | how firing raises the threshold |
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
    /// How firing raises the threshold.
    pub adaptation: Option<ThresholdAdaptation>,
}

/// Homeostasis of one neuron by its own threshold: who fires often becomes harder to fire (Diehl and Cook, Front.
/// Comput. Neurosci. 9, 2015, where it is called theta).
///
/// A neuron fires at `v >= threshold + a`, where a decays with `tau`, in closed form, and rises by `step` with each
/// firing. For a population there is [`AdaptiveLif`](crate::population::AdaptiveLif).
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `step` | 0.01 | what a firing adds, in the unit of the threshold, at least 0 |
/// | `tau` | 100 s | how long it stays raised |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThresholdAdaptation {
    /// What a firing adds to the threshold.
    pub step: f32,
    /// How long it stays raised.
    pub tau: Span,
}

impl Default for ThresholdAdaptation {
    fn default() -> Self {
        Self { step: 0.01, tau: Span::Time(Duration::from_secs(100)) }
    }
}

impl Default for Lif {
    fn default() -> Self {
        Self {
            tau: Span::Time(Duration::from_millis(20)),
            threshold: 1.0,
            rest: 0.0,
            refractory: Span::Ticks(0),
            adaptation: None,
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

    /// The same membrane with a threshold that firing raises.
    #[must_use]
    pub const fn adaptation(mut self, rule: ThresholdAdaptation) -> Self {
        self.adaptation = Some(rule);
        self
    }

    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), MembraneError> {
        self.adaptation.map_or(Ok(()), |rule| rule.check())?;
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
        let adaptation =
            self.adaptation.map(|rule| (rule.step, Decay::new(length.exact_ticks(rule.tau))));
        let leak = match self.tau {
            Self::NO_LEAK => None,
            tau => Some(Decay::new(length.exact_ticks(tau))),
        };
        Membrane {
            described: *self,
            threshold: self.threshold,
            rest: self.rest,
            leak,
            refractory: length.ticks(self.refractory).0,
            adaptation,
        }
    }
}

impl ThresholdAdaptation {
    fn check(self) -> Result<(), MembraneError> {
        let refuse =
            |name, value, expected| Err(MembraneError::Adaptation { name, value, expected });
        if !(self.step.is_finite() && self.step >= 0.0) {
            let expected = "a step is finite and not negative";
            return refuse("step", self.step.to_string(), expected);
        }
        match self.tau {
            Span::Ticks(0) | Span::Time(Duration::ZERO) => {
                refuse("tau", self.tau.to_string(), "a time constant is longer than zero")
            }
            _ => Ok(()),
        }
    }
}

/// A membrane's parameters in ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Membrane {
    pub(crate) described: Lif,
    threshold: f32,
    rest: f32,
    leak: Option<Decay>,
    pub(crate) refractory: u64,
    /// What a firing adds to the threshold, and how that decays.
    adaptation: Option<(f32, Decay)>,
}

/// What the runtime keeps of one agent: its membrane, and how much it has sent and drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Soma {
    potential: f32,
    input: f32,
    /// The tick the potential belongs to.
    updated: u64,
    /// The first tick in which input counts again.
    pub(crate) ready: u64,
    /// How much firing had raised the threshold, just after that tick.
    raised: f32,
    /// The number of its next spike.
    pub(crate) sequence: u32,
    /// How many random numbers it has drawn.
    pub(crate) draws: u64,
}

// With what stands behind it, an agent is one cache line.
const _: () = assert!(size_of::<Soma>() == 40);

impl Soma {
    pub(crate) fn at_rest(membrane: &Membrane) -> Self {
        let potential = membrane.rest;
        Self { potential, input: 0.0, updated: 0, ready: 0, raised: 0.0, sequence: 0, draws: 0 }
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
        let mut threshold = membrane.threshold;
        if let Some((_, decay)) = &membrane.adaptation {
            self.raised *= decay.over(now.saturating_sub(self.updated));
            threshold += self.raised;
        }
        self.updated = now;
        self.input = 0.0;
        let fires = potential >= threshold;
        if fires {
            if let Some((step, _)) = &membrane.adaptation {
                self.raised += step;
            }
            self.potential = membrane.rest;
            self.ready = now.saturating_add(membrane.refractory).saturating_add(1);
        } else {
            self.potential = potential;
        }
        fires
    }

    /// Its state, for the digest.
    pub(crate) fn digest_into(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&self.sequence.to_le_bytes());
        hasher.update(&self.draws.to_le_bytes());
        let bits = u64::from(self.potential.to_bits()) << 32 | u64::from(self.input.to_bits());
        let raised = (self.raised != 0.0).then_some(u64::from(self.raised.to_bits()));
        for word in [bits, self.updated, self.ready].into_iter().chain(raised) {
            hasher.update(&word.to_le_bytes());
        }
    }
}
