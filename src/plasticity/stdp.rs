//! Pair STDP: the order of two spikes decides.

use std::time::Duration;

use super::{PlasticityError, check_amplitude, check_tau};
use crate::time::Span;

/// Which pairs of spikes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pairing {
    /// Every spike before with every spike after.
    #[default]
    AllToAll,
    /// Each firing with the last arrival, each arrival with the last firing (symmetric nearest neighbour).
    Nearest,
}

/// How a weight behaves near its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bounds {
    /// Steps do not depend on the weight and are cut at the bounds: weights end near one of them.
    #[default]
    Additive,
    /// Steps shrink towards the bound they go to: weights settle in between.
    Multiplicative,
}

/// Spike-timing-dependent plasticity by pairs.
///
/// `Δw = a_plus * exp(-Δt / tau_plus)` for Δt > 0 and `-a_minus * exp(Δt / tau_minus)` for Δt < 0, where
/// `Δt = t_post - t_pre` (Song, Miller and Abbott, Nature Neuroscience 3, 2000). Multiplicative bounds scale the first
/// by `w_max - w` and the second by `w - w_min` (van Rossum, Bi and Turrigiano, J. Neurosci. 20, 2000).
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `a_plus` | 0.01 | largest strengthening by one pair |
/// | `a_minus` | 0.012 | largest weakening by one pair; above `a_plus`, so that chance pairs weaken |
/// | `tau_plus`, `tau_minus` | 20 ms | how far apart two spikes may be and still be a pair |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stdp {
    /// Largest strengthening by one pair.
    pub a_plus: f32,
    /// Largest weakening by one pair.
    pub a_minus: f32,
    /// Window of strengthening.
    pub tau_plus: Span,
    /// Window of weakening.
    pub tau_minus: Span,
    /// Which pairs count.
    pub pairing: Pairing,
    /// What happens near the bounds.
    pub bounds: Bounds,
}

impl Default for Stdp {
    fn default() -> Self {
        let tau = Span::Time(Duration::from_millis(20));
        Self {
            a_plus: 0.01,
            a_minus: 0.012,
            tau_plus: tau,
            tau_minus: tau,
            pairing: Pairing::default(),
            bounds: Bounds::default(),
        }
    }
}

impl Stdp {
    pub(super) fn check(&self) -> Result<(), PlasticityError> {
        check_amplitude("a_plus", self.a_plus)?;
        check_amplitude("a_minus", self.a_minus)?;
        check_tau("tau_plus", self.tau_plus)?;
        check_tau("tau_minus", self.tau_minus)
    }
}
