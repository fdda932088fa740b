//! Structural plasticity: synapses that go, and synapses that come.

use std::time::Duration;

use super::{PlasticityError, check_amplitude, check_positive, check_tau};
use crate::math::{self, Decay};
use crate::time::{Span, TickLength};

/// Synapses that have become worthless go, and neurons that fire together get one. Rules of this kind are reviewed by
/// Butz, Wörgötter and van Ooyen (Brain Research Reviews 60, 2009); this one is our own, and not the homeostatic one of
/// Butz and van Ooyen (PLoS Computational Biology 9, 2013), by which boutons and spines grow towards a rate.
///
/// After every `interval`, synapses below `prune_below` are removed, unless the projection is protected. Meanwhile each
/// target tries one source, drawn evenly from the seed: with every firing of the target it adds up
/// `sum exp(-Δ / tau)` over the arrivals that this source would have had, Δ before. If that has come to `grow_after`
/// when the interval ends, and the target has fewer synapses than it began with, they are connected with
/// `grow_weight`, unless they are already. Then the next source is tried.
///
/// A projection that does so has one delay and no list of synapses. What went and what came is counted
/// ([`Counts::pruned`](crate::cortex::Counts::pruned), [`Counts::grown`](crate::cortex::Counts::grown)).
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `prune_below` | 0.05 | weights below are worthless |
/// | `grow_after` | 3 | coincidences in an interval that make a synapse, above 0; infinite: none grows |
/// | `grow_weight` | 0.2 | weight of a new synapse, within the bounds and not below `prune_below` |
/// | `tau` | 20 ms | how far apart two spikes still coincide |
/// | `interval` | 1 s | how often |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Structural {
    /// Weights below are worthless.
    pub prune_below: f32,
    /// Coincidences in an interval that make a synapse.
    pub grow_after: f32,
    /// Weight of a new synapse.
    pub grow_weight: f32,
    /// How far apart two spikes still coincide.
    pub tau: Span,
    /// How often synapses go and come.
    pub interval: Span,
}

impl Default for Structural {
    fn default() -> Self {
        Self {
            prune_below: 0.05,
            grow_after: 3.0,
            grow_weight: 0.2,
            tau: Span::Time(Duration::from_millis(20)),
            interval: Span::Time(Duration::from_secs(1)),
        }
    }
}

impl Structural {
    pub(crate) fn check(&self, (low, high): (f32, f32)) -> Result<(), PlasticityError> {
        check_amplitude("prune_below", self.prune_below)?;
        check_tau("tau", self.tau)?;
        check_positive("interval", self.interval, "an interval is longer than zero")?;
        let refuse = |name, value: f32, expected| {
            Err(PlasticityError { name, value: value.to_string(), expected })
        };
        if self.grow_after.is_nan() || self.grow_after <= 0.0 {
            return refuse("grow_after", self.grow_after, "a number of coincidences is above 0");
        }
        if !(low.max(self.prune_below)..=high).contains(&self.grow_weight) {
            let expected = "a new synapse is within the bounds, and not below `prune_below`";
            return refuse("grow_weight", self.grow_weight, expected);
        }
        Ok(())
    }

    pub(crate) fn compile(&self, length: TickLength, (seed, salt): (u64, u64)) -> Rewiring {
        Rewiring {
            prune_below: self.prune_below,
            grow_after: self.grow_after,
            grow_weight: self.grow_weight,
            decay: Decay::new(length.exact_ticks(self.tau)),
            interval: length.ticks(self.interval).0.max(1),
            seed,
            salt,
        }
    }
}

/// Structural plasticity in ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rewiring {
    pub(crate) prune_below: f32,
    pub(crate) grow_after: f32,
    pub(crate) grow_weight: f32,
    pub(crate) decay: Decay,
    pub(crate) interval: u64,
    seed: u64,
    salt: u64,
}

/// Stream of random numbers of the sources that are tried; projections draw from those below.
const TRIED: u64 = 3 << 40;

impl Rewiring {
    /// Which of so many sources a target tries in an interval; they count from 0.
    pub(crate) fn tried(&self, interval: u64, target: u32, sources: u32) -> u32 {
        let drawn = math::random(self.seed, self.salt | TRIED, interval, target.into());
        ((u128::from(drawn) * u128::from(sources)) >> 64) as u32
    }
}
