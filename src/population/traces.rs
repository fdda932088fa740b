//! Traces of many cells that decay together.
//!
//! What is kept of a trace is its height divided by a factor that all of them share, and only the factor decays: a
//! cell that is silent costs nothing, a look costs one multiplication, and no trace carries the tick it belongs to.
//! From time to time the factor starts again at 1, and everything is multiplied by it once.

use pulp::Arch;

use super::passes::sweep;
use crate::math::Decay;
use crate::plasticity::Pairing;

/// After so many time constants the factor starts again. What is kept is above 1e-30 or zero, and exp(-16) is above
/// 1e-7: no height is ever one of the subnormal numbers, with which arithmetic is slow.
const PERIOD_TAUS: f64 = 16.0;

/// What is left, in this tick, of what happened when the factor last started.
#[derive(Debug)]
pub(super) struct Fading {
    decay: Decay,
    period: u64,
    left: f32,
}

impl Fading {
    pub(super) fn new(decay: Decay) -> Self {
        let period = ((decay.tau_ticks() * PERIOD_TAUS) as u64).max(1);
        Self { decay, period, left: 1.0 }
    }

    /// A tick begins; ticks come one after the other. If the factor starts again, everything that was kept becomes so
    /// much less.
    pub(super) fn begin(&mut self, now: u64) -> Option<f32> {
        let age = now % self.period;
        self.left = self.decay.over(age);
        (age == 0).then(|| self.decay.over(self.period))
    }

    /// What one unit that is kept stands for.
    #[inline(always)]
    pub(super) fn left(&self) -> f32 {
        self.left
    }
}

#[inline(always)]
fn fade(kept: &mut [f32], by: f32) {
    kept.iter_mut().for_each(|value| *value *= by);
    sweep(kept, 0.0);
}

/// Multiplies what is kept, and puts to rest what has died away.
pub(super) fn rescale(kept: &mut [f32], by: f32) {
    Arch::new().dispatch(|| fade(kept, by));
}

/// One trace a cell.
#[derive(Debug)]
pub(super) struct Traces {
    /// As many as a power of two, so that a cell needs no check to stay inside.
    kept: Vec<f32>,
    cells: usize,
    fading: Fading,
}

impl Traces {
    pub(super) fn new(cells: u32, decay: &Decay) -> Self {
        let kept = vec![0.0; (cells as usize).next_power_of_two()];
        Self { kept, cells: cells as usize, fading: Fading::new(decay.clone()) }
    }

    pub(super) fn begin(&mut self, now: u64) {
        if let Some(by) = self.fading.begin(now) {
            rescale(&mut self.kept, by);
        }
    }

    /// The height of a cell's trace.
    #[inline(always)]
    pub(super) fn at(&self, cell: u32) -> f32 {
        self.kept[cell as usize & (self.kept.len() - 1)] * self.fading.left
    }

    /// What is kept of all, and what one unit of it stands for.
    #[inline(always)]
    pub(super) fn parts(&self) -> (&[f32], f32) {
        (&self.kept, self.fading.left)
    }

    /// The tick's spikes are remembered, each as 1.
    pub(super) fn rise(&mut self, fired: &[u32], pairing: Pairing) {
        let one = 1.0 / self.fading.left;
        for &cell in fired {
            let value = &mut self.kept[cell as usize];
            *value = match pairing {
                Pairing::AllToAll => *value + one,
                Pairing::Nearest => one,
            };
        }
    }

    /// All state of it.
    pub(super) fn state(&self) -> &[f32] {
        &self.kept[..self.cells]
    }

    pub(super) fn state_mut(&mut self) -> &mut [f32] {
        &mut self.kept[..self.cells]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_the_sum_of_what_is_left_of_each_spike_over_many_restarts() {
        for tau in [0.04, 0.7, 3.3, 20.0] {
            let decay = Decay::new(tau);
            let mut traces = Traces::new(3, &decay);
            let fires = |tick: u64| tick % 7 == 2 || tick % 31 == 5;
            let mut spikes = Vec::new();
            for now in 0..2_000 {
                traces.begin(now);
                let expected: f64 =
                    spikes.iter().map(|&at: &u64| libm::exp(-((now - at) as f64) / tau)).sum();
                let got = f64::from(traces.at(1));
                assert!((got - expected).abs() <= 1e-5 * expected + 1e-20, "{tau}, {now}");
                assert_eq!((traces.at(0), traces.at(2)), (0.0, 0.0));
                if fires(now) {
                    traces.rise(&[1], Pairing::AllToAll);
                    spikes.push(now);
                }
            }
        }
    }

    #[test]
    fn the_nearest_spike_is_all_that_is_left_of_a_train() {
        let mut traces = Traces::new(1, &Decay::new(20.0));
        for now in 0..1_000 {
            traces.begin(now);
            traces.rise(&[0], Pairing::Nearest);
            assert!((traces.at(0) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn what_has_died_away_is_zero() {
        let mut traces = Traces::new(1, &Decay::new(20.0));
        traces.rise(&[0], Pairing::AllToAll);
        for now in 0..1_000_000 {
            traces.begin(now);
            assert!(traces.at(0) == 0.0 || traces.at(0) > f32::MIN_POSITIVE, "in tick {now}");
        }
        assert_eq!(traces.state(), [0.0]);
    }
}
