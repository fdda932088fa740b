//! Synaptic scaling: a neuron that fires too much hears everything a little less.

use std::time::Duration;

use super::{PlasticityError, check_positive};
use crate::time::{Span, TickLength};

/// Homeostasis by the weights onto a neuron, all by one factor, so that their proportions stay (Turrigiano et al.,
/// Nature 391, 1998; as a rule for simulations van Rossum, Bi and Turrigiano, J. Neurosci. 20, 2000).
///
/// After every `interval`: `w <- clip(w * (1 + gain * (target_hz - rate) / target_hz))`, where rate is how often the
/// neuron fired in the interval, divided by its length; a rate above twice the target counts as twice the target.
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `target_hz` | 5 | rate that is kept, firings a second, above 0 |
/// | `gain` | 0.05 | largest change in one interval, as a share of the weight, above 0 and below 1 |
/// | `interval` | 1 s | how often |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SynapticScaling {
    /// Rate that is kept, in firings a second.
    pub target_hz: f64,
    /// Largest change in one interval, as a share of the weight.
    pub gain: f32,
    /// How often weights are scaled.
    pub interval: Span,
}

impl Default for SynapticScaling {
    fn default() -> Self {
        Self { target_hz: 5.0, gain: 0.05, interval: Span::Time(Duration::from_secs(1)) }
    }
}

impl SynapticScaling {
    pub(crate) fn check(&self) -> Result<(), PlasticityError> {
        check_positive("interval", self.interval, "an interval is longer than zero")?;
        let refuse = |name, value: String, expected| Err(PlasticityError { name, value, expected });
        if !(self.target_hz.is_finite() && self.target_hz > 0.0) {
            let expected = "a rate to keep is finite and above 0";
            return refuse("target_hz", self.target_hz.to_string(), expected);
        }
        if !(self.gain > 0.0 && self.gain < 1.0) {
            return refuse("gain", self.gain.to_string(), "a gain is above 0 and below 1");
        }
        Ok(())
    }

    pub(crate) fn compile(&self, length: TickLength) -> ScalingRule {
        let interval = length.ticks(self.interval).0.max(1);
        let seconds = interval as f64 * length.as_nanos() as f64 * 1e-9;
        ScalingRule { interval, expected: self.target_hz * seconds, gain: self.gain }
    }
}

/// Scaling in ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScalingRule {
    pub(crate) interval: u64,
    /// Firings in an interval at the rate that is kept.
    expected: f64,
    gain: f32,
}

impl ScalingRule {
    /// What weights are multiplied by after an interval with so many firings.
    pub(crate) fn factor(&self, firings: u32) -> f32 {
        let missing = (1.0 - f64::from(firings) / self.expected).max(-1.0);
        1.0 + self.gain * missing as f32
    }
}
