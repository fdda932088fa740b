//! Leaky integrate-and-fire cells whose threshold rises with every spike.

use std::time::Duration;

use pulp::Arch;

use super::background::Chance;
use super::{BLOCK, CellModel, STATE_COLUMNS, Setting, is_sweep, sweep};
use crate::population::error::{PopulationError, below, finite, positive, within};
use crate::time::Span;

/// Leaky integrate-and-fire with an adaptive threshold (Bellec, Salaj, Subramoney, Legenstein and Maass, NeurIPS 2018;
/// the idea: Chacron, Pakdaman and Longtin, Neural Comput. 15, 2003).
///
/// `tau_m dv/dt = rest - v` and `tau_a da/dt = -a`, both in closed form; a synapse adds its weight to v. At
/// `v >= threshold + a` the cell fires: v goes to `reset`, and a rises by `step`.
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `tau_m` | 20 ms | membrane |
/// | `tau_a` | 200 ms | adaptation of the threshold (200 ms to seconds in the source) |
/// | `rest`, `threshold`, `reset` | 0, 1, 0 | potentials, in the unit of the weights |
/// | `step` | 0.1 | what a spike adds to the threshold, in the same unit; at least 0 |
/// | `refractory` | 2 ms | pause after firing, in which the potential stays at `reset` and the threshold goes on |
///
/// ```
/// use neuronbus::population::{AdaptiveLif, Cells};
///
/// let cells = Cells::adaptive_lif(AdaptiveLif { step: 0.2, ..AdaptiveLif::default() }).current(1.5);
/// assert!(cells.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaptiveLif {
    /// Time constant of the membrane.
    pub tau_m: Span,
    /// Time constant of the threshold.
    pub tau_a: Span,
    /// Where the potential leaks to.
    pub rest: f32,
    /// Where a cell fires that has not fired for long.
    pub threshold: f32,
    /// Where it begins after firing.
    pub reset: f32,
    /// What a spike adds to the threshold.
    pub step: f32,
    /// Pause after firing.
    pub refractory: Span,
}

impl Default for AdaptiveLif {
    fn default() -> Self {
        let ms = |ms| Span::Time(Duration::from_millis(ms));
        Self {
            tau_m: ms(20),
            tau_a: ms(200),
            rest: 0.0,
            threshold: 1.0,
            reset: 0.0,
            step: 0.1,
            refractory: ms(2),
        }
    }
}

impl AdaptiveLif {
    pub(super) fn check(&self) -> Result<(), PopulationError> {
        positive("tau_m", self.tau_m)?;
        positive("tau_a", self.tau_a)?;
        for (name, value) in
            [("rest", self.rest), ("threshold", self.threshold), ("reset", self.reset)]
        {
            finite(name, value)?;
        }
        below("reset", self.reset, self.threshold)?;
        // A threshold that has risen for as many ticks as there are is still a number.
        within("step", self.step, 0.0..=1e9, "it must be within 0..=1e9")
    }
}

#[derive(Debug)]
pub(super) struct AdaptiveColumns {
    potential: Vec<f32>,
    /// How far each threshold is above its lowest.
    raised: Vec<f32>,
    cells: usize,
    /// Where the potential leaks to: rest, moved by a constant current.
    rest: f32,
    membrane: f32,
    adaptation: f32,
    drive: f32,
    threshold: f32,
    reset: f32,
    step: f32,
    chance: Chance,
}

#[inline(always)]
fn advance(
    (potential, raised): (&mut [f32], &mut [f32]),
    (rest, membrane): (f32, f32),
    adaptation: f32,
    drive: f32,
) {
    for (v, a) in potential.iter_mut().zip(raised) {
        *v = rest + (*v - rest) * membrane + drive;
        *a *= adaptation;
    }
}

#[inline(always)]
fn scan(potential: &[f32], raised: &[f32], threshold: f32, fired: &mut Vec<u32>) {
    let blocks = potential.chunks(BLOCK).zip(raised.chunks(BLOCK));
    for (block, (cells, raised)) in blocks.enumerate() {
        let over = |(&v, &a): (&f32, &f32)| v >= threshold + a;
        let each = || cells.iter().zip(raised);
        if each().fold(0u32, |any, cell| any | u32::from(over(cell))) != 0 {
            let numbered = each().zip((block * BLOCK) as u32..);
            fired.extend(numbered.filter(|&(cell, _)| over(cell)).map(|(_, number)| number));
        }
    }
}

impl AdaptiveColumns {
    pub(super) fn new(p: &AdaptiveLif, setting: &Setting<'_>) -> Self {
        let leak = setting.decay(p.tau_m);
        Self {
            potential: setting.potentials(p.rest.min(p.reset)),
            raised: vec![0.0; setting.cells()],
            cells: setting.cells(),
            rest: p.rest + setting.background.current,
            membrane: leak as f32,
            adaptation: setting.decay(p.tau_a) as f32,
            drive: setting.background.drive,
            threshold: p.threshold,
            reset: p.reset,
            step: p.step,
            chance: Chance::new(setting, libm::sqrt(1.0 - leak * leak)),
        }
    }
}

impl CellModel for AdaptiveColumns {
    fn advance(&mut self, now: u64) {
        let arch = Arch::new();
        let leak = (self.rest, self.membrane);
        let (adaptation, drive) = (self.adaptation, self.drive);
        let (v, a) = (&mut self.potential[..self.cells], &mut self.raised[..]);
        if is_sweep(now) {
            arch.dispatch(|| sweep(v, leak.0));
            arch.dispatch(|| sweep(a, 0.0));
        }
        arch.dispatch(|| advance((v, a), leak, adaptation, drive));
        let v = &mut self.potential[..self.cells];
        self.chance.kick(now, v);
        self.chance.fluctuate(now, v);
    }

    fn input(&mut self, _inhibitory: bool) -> &mut [f32] {
        &mut self.potential
    }

    fn scan(&mut self, _now: u64, fired: &mut Vec<u32>) {
        let (v, a, threshold) = (&self.potential[..self.cells], &self.raised, self.threshold);
        Arch::new().dispatch(|| scan(v, a, threshold, fired));
    }

    fn hold(&mut self, cells: &[u32]) {
        cells.iter().for_each(|&cell| self.potential[cell as usize] = self.reset);
    }

    fn reset(&mut self, fired: &[u32]) {
        self.hold(fired);
        fired.iter().for_each(|&cell| self.raised[cell as usize] += self.step);
    }

    fn potentials(&self) -> &[f32] {
        &self.potential[..self.cells]
    }

    fn state(&self) -> [&[f32]; STATE_COLUMNS] {
        [self.potentials(), &self.raised, &[]]
    }

    fn state_mut(&mut self) -> [&mut [f32]; STATE_COLUMNS] {
        [&mut self.potential[..self.cells], &mut self.raised, &mut []]
    }
}
