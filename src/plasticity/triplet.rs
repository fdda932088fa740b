//! Triplet STDP: pairs, and how often each side fired before.

use std::time::Duration;

use super::{Bounds, Pairing, PlasticityError, check_amplitude, check_tau};
use crate::time::Span;

/// Spike-timing-dependent plasticity by triplets of spikes, which tells rates apart where pairs cannot.
///
/// Each side has two traces that rise by 1 with each of its spikes: r1 and r2 of arrivals, decaying with `tau_plus` and
/// `tau_x`; o1 and o2 of firings, decaying with `tau_minus` and `tau_y`. An arrival weakens by
/// `o1 * (a2_minus + a3_minus * r2)`, a firing strengthens by `r1 * (a2_plus + a3_plus * o2)`, where r2 and o2 are read
/// just before they rise (Pfister and Gerstner, J. Neurosci. 26, 2006). With [`Pairing::Nearest`] every trace rises to
/// 1 instead of by 1.
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `a2_plus`, `a2_minus` | 5e-10, 7e-3 | change by a pair |
/// | `a3_plus`, `a3_minus` | 6.2e-3, 2.3e-4 | change by a triplet |
/// | `tau_plus`, `tau_minus` | 16.8 ms, 33.7 ms | windows of pairs |
/// | `tau_x`, `tau_y` | 101 ms, 125 ms | how long the earlier arrival, the earlier firing of a triplet counts |
///
/// The defaults are the paper's fit of the full model to visual cortex, all-to-all, for weights from 0 to 1. Its
/// minimal set for the same data has `a2_plus` and `a3_minus` of 0, `a2_minus` of 7.1e-3, `a3_plus` of 6.5e-3 and
/// `tau_y` of 114 ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TripletStdp {
    /// Strengthening by a pair.
    pub a2_plus: f32,
    /// Weakening by a pair.
    pub a2_minus: f32,
    /// Strengthening by two firings and an arrival between them.
    pub a3_plus: f32,
    /// Weakening by two arrivals and a firing between them.
    pub a3_minus: f32,
    /// Window of strengthening.
    pub tau_plus: Span,
    /// Window of weakening.
    pub tau_minus: Span,
    /// How long an earlier arrival counts.
    pub tau_x: Span,
    /// How long an earlier firing counts.
    pub tau_y: Span,
    /// Which spikes count.
    pub pairing: Pairing,
    /// What happens near the bounds.
    pub bounds: Bounds,
}

impl Default for TripletStdp {
    fn default() -> Self {
        let us = |us| Span::Time(Duration::from_micros(us));
        Self {
            a2_plus: 5e-10,
            a2_minus: 7e-3,
            a3_plus: 6.2e-3,
            a3_minus: 2.3e-4,
            tau_plus: us(16_800),
            tau_minus: us(33_700),
            tau_x: us(101_000),
            tau_y: us(125_000),
            pairing: Pairing::default(),
            bounds: Bounds::default(),
        }
    }
}

impl TripletStdp {
    pub(super) fn check(&self) -> Result<(), PlasticityError> {
        check_amplitude("a2_plus", self.a2_plus)?;
        check_amplitude("a2_minus", self.a2_minus)?;
        check_amplitude("a3_plus", self.a3_plus)?;
        check_amplitude("a3_minus", self.a3_minus)?;
        check_tau("tau_plus", self.tau_plus)?;
        check_tau("tau_minus", self.tau_minus)?;
        check_tau("tau_x", self.tau_x)?;
        check_tau("tau_y", self.tau_y)
    }
}
