//! Short-term plasticity: what a synapse has left to give.

use std::time::Duration;

use super::{PlasticityError, check_tau};
use crate::math::Decay;
use crate::time::{Span, TickLength};

/// Short-term depression and facilitation (Tsodyks, Pawelzik and Markram, Neural Computation 10, 1998).
///
/// A synapse has resources x, of which a spike uses the share u. With Δ since the last spike of the same source, a
/// spike acts with `weight * u * x`, where
///
/// `u = u' * exp(-Δ / tau_facilitation) + utilisation * (1 - u' * exp(-Δ / tau_facilitation))`,
/// `x = 1 - (1 - x' * (1 - u')) * exp(-Δ / tau_recovery)`
///
/// and u', x' are those of the last spike; the first finds `u = utilisation` and `x = 1`. The learned weight stays as
/// it is. What is left is kept for all synapses of a source and a delay together: a spike of an agent to one target
/// takes from what the others have.
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `utilisation` | 0.5 | share of the resources that a spike after a long silence uses, above 0 and up to 1 |
/// | `tau_recovery` | 800 ms | how fast resources come back |
/// | `tau_facilitation` | none | how long the share stays raised by a spike; none: it is always `utilisation` |
///
/// The default depresses; [`ShortTerm::facilitating`] does the other. Both are those of Tsodyks, Uziel and Markram
/// (J. Neurosci. 20, 2000).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShortTerm {
    /// Share of the resources that a spike after a long silence uses.
    pub utilisation: f32,
    /// How fast resources come back.
    pub tau_recovery: Span,
    /// How long the share stays raised.
    pub tau_facilitation: Option<Span>,
}

impl Default for ShortTerm {
    fn default() -> Self {
        Self {
            utilisation: 0.5,
            tau_recovery: Span::Time(Duration::from_millis(800)),
            tau_facilitation: None,
        }
    }
}

impl ShortTerm {
    /// A synapse that grows stronger with the rate: 0.04 used, back after 100 ms, raised for 1 s.
    #[must_use]
    pub fn facilitating() -> Self {
        Self {
            utilisation: 0.04,
            tau_recovery: Span::Time(Duration::from_millis(100)),
            tau_facilitation: Some(Span::Time(Duration::from_secs(1))),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlasticityError> {
        check_tau("tau_recovery", self.tau_recovery)?;
        self.tau_facilitation.map_or(Ok(()), |tau| check_tau("tau_facilitation", tau))?;
        if self.utilisation > 0.0 && self.utilisation <= 1.0 {
            return Ok(());
        }
        Err(PlasticityError {
            name: "utilisation",
            value: self.utilisation.to_string(),
            expected: "a share is above 0 and at most 1",
        })
    }

    pub(crate) fn compile(&self, length: TickLength) -> Release {
        let decay = |tau| Decay::new(length.exact_ticks(tau));
        Release {
            utilisation: self.utilisation,
            recovery: decay(self.tau_recovery),
            facilitation: self.tau_facilitation.map(decay),
        }
    }
}

/// Short-term plasticity in ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Release {
    utilisation: f32,
    recovery: Decay,
    facilitation: Option<Decay>,
}

/// What the last spike of a source has left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stock {
    pub(super) used: f32,
    pub(super) left: f32,
    pub(super) last: u64,
}

impl Default for Stock {
    fn default() -> Self {
        Self { used: 0.0, left: 1.0, last: 0 }
    }
}

impl Stock {
    /// A spike acts; returns what its weight is multiplied by.
    pub(crate) fn spend(&mut self, now: u64, release: &Release) -> f32 {
        let gap = now - self.last;
        let raised = release.facilitation.as_ref().map_or(0.0, |decay| self.used * decay.over(gap));
        self.used = raised + release.utilisation * (1.0 - raised);
        let resources = 1.0 - (1.0 - self.left) * release.recovery.over(gap);
        let efficacy = self.used * resources;
        self.left = resources - efficacy;
        self.last = now;
        efficacy
    }

    pub(crate) fn words(&self) -> [u64; 2] {
        [u64::from(self.used.to_bits()) << 32 | u64::from(self.left.to_bits()), self.last]
    }
}
