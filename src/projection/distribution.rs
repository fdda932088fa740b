//! Weights and delays that differ from synapse to synapse, drawn from a distribution.
//!
//! A draw is a hash of the seed, the projection, the pair and which of the pair's synapses it is, so it does not depend
//! on who makes the synapse or when.

use super::DELAY_LIMIT;
use super::error::{ProjectionError, refuse};
use crate::math;
use crate::time::{Span, Ticks};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape<T> {
    Uniform,
    Normal { mean: T, deviation: T },
    LogNormal { median: T, sigma: f64 },
}

/// Weights drawn from a distribution.
///
/// ```
/// use neuronbus::prelude::*;
/// use neuronbus::projection::Weights;
///
/// let weights = Weights::normal(0.5, 0.1, 0.0..=1.0);
/// let projection = Projection::random(0.1).weights(weights);
/// # let _ = projection;
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    shape: Shape<f32>,
    low: f32,
    high: f32,
}

impl Weights {
    /// Evenly between two ends.
    #[must_use]
    pub fn uniform(low: f32, high: f32) -> Self {
        Self { shape: Shape::Uniform, low, high }
    }

    /// Normally distributed; what falls outside the range is set to its nearer end.
    #[must_use]
    pub fn normal(mean: f32, deviation: f32, range: std::ops::RangeInclusive<f32>) -> Self {
        Self { shape: Shape::Normal { mean, deviation }, low: *range.start(), high: *range.end() }
    }

    /// Log-normally distributed: `median * exp(sigma * z)` with a standard normal z; what falls outside the range is
    /// set to its nearer end.
    #[must_use]
    pub fn log_normal(median: f32, sigma: f64, range: std::ops::RangeInclusive<f32>) -> Self {
        Self { shape: Shape::LogNormal { median, sigma }, low: *range.start(), high: *range.end() }
    }

    pub(super) fn check(&self, (low, high): (f32, f32)) -> Result<(), ProjectionError> {
        for weight in [self.low, self.high] {
            if !(low..=high).contains(&weight) {
                return Err(ProjectionError::Weight { weight, low, high });
            }
        }
        if self.low > self.high {
            return Err(refuse("weights.low", self.low, "it must not be above the upper end"));
        }
        self.draw().check(["weights.mean", "weights.deviation", "weights.median", "weights.sigma"])
    }

    pub(crate) fn draw(&self) -> Draw {
        let shape = match self.shape {
            Shape::Uniform => Shape::Uniform,
            Shape::Normal { mean, deviation } => {
                Shape::Normal { mean: mean.into(), deviation: deviation.into() }
            }
            Shape::LogNormal { median, sigma } => Shape::LogNormal { median: median.into(), sigma },
        };
        Draw { shape, low: self.low.into(), high: self.high.into() }
    }
}

/// Delays drawn from a distribution, each a whole number of ticks and at least one.
///
/// ```
/// use std::time::Duration;
///
/// use neuronbus::prelude::*;
/// use neuronbus::projection::Delays;
///
/// let ms = Duration::from_millis;
/// let projection = Projection::random(0.1).delays(Delays::uniform(ms(1), ms(20)));
/// # let _ = projection;
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delays {
    shape: Shape<Span>,
    low: Span,
    high: Span,
}

impl Delays {
    /// Every number of ticks between two ends equally often.
    #[must_use]
    pub fn uniform(low: impl Into<Span>, high: impl Into<Span>) -> Self {
        Self { shape: Shape::Uniform, low: low.into(), high: high.into() }
    }

    /// Normally distributed, rounded to ticks; what falls outside the range is set to its nearer end.
    #[must_use]
    pub fn normal(
        mean: impl Into<Span>,
        deviation: impl Into<Span>,
        low: impl Into<Span>,
        high: impl Into<Span>,
    ) -> Self {
        let shape = Shape::Normal { mean: mean.into(), deviation: deviation.into() };
        Self { shape, low: low.into(), high: high.into() }
    }

    /// Log-normally distributed, `median * exp(sigma * z)` with a standard normal z, rounded to ticks; what falls
    /// outside the range is set to its nearer end.
    #[must_use]
    pub fn log_normal(
        median: impl Into<Span>,
        sigma: f64,
        low: impl Into<Span>,
        high: impl Into<Span>,
    ) -> Self {
        let shape = Shape::LogNormal { median: median.into(), sigma };
        Self { shape, low: low.into(), high: high.into() }
    }

    /// The shortest and the longest that can be drawn.
    pub(crate) fn ends(&self) -> (Span, Span) {
        (self.low, self.high)
    }

    pub(super) fn check(&self, to_ticks: impl Fn(Span) -> Ticks) -> Result<(), ProjectionError> {
        for delay in [self.low, self.high] {
            if !(1..=DELAY_LIMIT).contains(&to_ticks(delay).0) {
                return Err(ProjectionError::Delay { delay, limit: DELAY_LIMIT });
            }
        }
        if to_ticks(self.low).0 > to_ticks(self.high).0 {
            return Err(refuse("delays.low", self.low, "it must not be above the upper end"));
        }
        // Whole ticks will do to see whether the parameters are numbers.
        let draw = self.draw(|span| to_ticks(span).0 as f64);
        draw.check(["delays.mean", "delays.deviation", "delays.median", "delays.sigma"])
    }

    /// The draw, in ticks.
    pub(crate) fn draw(&self, exact_ticks: impl Fn(Span) -> f64) -> Draw {
        let shape = match self.shape {
            Shape::Uniform => Shape::Uniform,
            Shape::Normal { mean, deviation } => {
                Shape::Normal { mean: exact_ticks(mean), deviation: exact_ticks(deviation) }
            }
            Shape::LogNormal { median, sigma } => {
                Shape::LogNormal { median: exact_ticks(median), sigma }
            }
        };
        Draw { shape, low: exact_ticks(self.low), high: exact_ticks(self.high) }
    }
}

/// A distribution that numbers are drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Draw {
    shape: Shape<f64>,
    low: f64,
    high: f64,
}

impl Draw {
    fn check(&self, names: [&'static str; 4]) -> Result<(), ProjectionError> {
        let [mean_name, deviation_name, median_name, sigma_name] = names;
        let spread = |name, value: f64| {
            if value.is_finite() && value >= 0.0 {
                return Ok(());
            }
            Err(refuse(name, value, "it must be finite and not negative"))
        };
        match self.shape {
            Shape::Uniform => Ok(()),
            Shape::Normal { mean, deviation } => {
                if !mean.is_finite() {
                    return Err(refuse(mean_name, mean, "it must be a finite number"));
                }
                spread(deviation_name, deviation)
            }
            Shape::LogNormal { median, sigma } => {
                if !(median.is_finite() && median > 0.0) {
                    return Err(refuse(median_name, median, "it must be finite and above zero"));
                }
                spread(sigma_name, sigma)
            }
        }
    }

    /// The number that random bits stand for.
    pub(crate) fn value(&self, bits: u64) -> f64 {
        let value = match self.shape {
            Shape::Uniform => self.low + (self.high - self.low) * math::unit(bits),
            Shape::Normal { mean, deviation } => mean + deviation * math::normal(bits),
            Shape::LogNormal { median, sigma } => median * libm::exp(sigma * math::normal(bits)),
        };
        value.clamp(self.low, self.high)
    }

    /// The least and the greatest whole number.
    pub(crate) fn wholes(&self) -> (u32, u32) {
        (libm::round(self.low) as u32, libm::round(self.high) as u32)
    }

    /// The whole number that random bits stand for.
    pub(crate) fn whole(&self, bits: u64) -> u32 {
        let (least, greatest) = self.wholes();
        let (low, high) = (f64::from(least), f64::from(greatest));
        let value = match self.shape {
            Shape::Uniform => libm::floor(low + (high - low + 1.0) * math::unit(bits)),
            _ => libm::round(self.value(bits)),
        };
        value.clamp(low, high) as u32
    }
}
