//! Reward STDP: timing makes a synapse eligible, reward changes it.

use std::time::Duration;

use super::{PlasticityError, Stdp, check_tau};
use crate::time::Span;

/// STDP with a third factor.
///
/// Pairs of spikes write into an eligibility trace, `c <- c * exp(-t / tau_eligibility) + Δw(STDP)`; a modulatory spike
/// of strength d that reaches the target turns it into weight, `w <- clip(w + rate * d * c)` (Izhikevich, Cerebral
/// Cortex 17, 2007, with reward as an event). This is the rule for agents: pair STDP alone erases the paths in use.
///
/// A reward does not use eligibility up: everything that fired within the time constant before shares in it, so trials
/// should lie further apart than that. By default a pair the wrong way round counts less than one the right way round:
/// otherwise the traffic that follows a firing outweighs what led to it, and a path is erased by its own success.
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `stdp` | `a_minus` 0.003, else [`Stdp::default`] | how timing makes eligible |
/// | `tau_eligibility` | 1 s | how long a synapse stays eligible |
/// | `rate` | 1 | weight for one unit of reward and eligibility |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RewardStdp {
    /// How the timing of spikes makes a synapse eligible.
    pub stdp: Stdp,
    /// How long eligibility lasts.
    pub tau_eligibility: Span,
    /// Weight gained for one unit of reward and eligibility.
    pub rate: f32,
}

impl Default for RewardStdp {
    fn default() -> Self {
        Self {
            stdp: Stdp { a_minus: 0.003, ..Stdp::default() },
            tau_eligibility: Span::Time(Duration::from_secs(1)),
            rate: 1.0,
        }
    }
}

impl RewardStdp {
    pub(super) fn check(&self) -> Result<(), PlasticityError> {
        self.stdp.check()?;
        check_tau("tau_eligibility", self.tau_eligibility)?;
        if self.rate.is_finite() {
            return Ok(());
        }
        Err(PlasticityError {
            name: "rate",
            value: self.rate.to_string(),
            expected: "a learning rate is a finite number",
        })
    }
}
