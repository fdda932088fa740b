//! Leaky integrate-and-fire cells with delta synapses: [`Lif`] as a column.

use pulp::Arch;

use super::background::Chance;
use super::{CellModel, STATE_COLUMNS, Setting, is_sweep, scan, sweep};
use crate::membrane::Lif;
use crate::population::error::{PopulationError, below, finite, refuse};

pub(super) fn check(lif: &Lif, reset: f32) -> Result<(), PopulationError> {
    lif.check()?;
    if let Some(rule) = lif.adaptation {
        let expected = "cells whose threshold adapts are `Cells::adaptive_lif`";
        return Err(refuse("adaptation.step", rule.step, expected));
    }
    finite("reset", reset)?;
    below("reset", reset, lif.threshold)
}

#[derive(Debug)]
pub(super) struct LifColumns {
    potential: Vec<f32>,
    cells: usize,
    /// Where the potential leaks to: rest, moved by a constant current.
    rest: f32,
    leak: f32,
    drive: f32,
    threshold: f32,
    reset: f32,
    chance: Chance,
}

#[inline(always)]
fn advance(potential: &mut [f32], rest: f32, leak: f32, drive: f32) {
    for v in potential {
        *v = rest + (*v - rest) * leak + drive;
    }
}

impl LifColumns {
    pub(super) fn new(lif: &Lif, reset: f32, setting: &Setting<'_>) -> Self {
        let leak = setting.decay(lif.tau);
        Self {
            potential: setting.potentials(lif.rest),
            cells: setting.cells(),
            rest: lif.rest + setting.background.current,
            leak: leak as f32,
            drive: setting.background.drive,
            threshold: lif.threshold,
            reset,
            chance: Chance::new(setting, libm::sqrt(1.0 - leak * leak)),
        }
    }
}

impl CellModel for LifColumns {
    fn advance(&mut self, now: u64) {
        let arch = Arch::new();
        let (rest, leak, drive) = (self.rest, self.leak, self.drive);
        let potential = &mut self.potential[..self.cells];
        if is_sweep(now) {
            arch.dispatch(|| sweep(potential, rest));
        }
        arch.dispatch(|| advance(potential, rest, leak, drive));
        self.chance.kick(now, potential);
        self.chance.fluctuate(now, potential);
    }

    fn input(&mut self, _inhibitory: bool) -> &mut [f32] {
        &mut self.potential
    }

    fn scan(&mut self, _now: u64, fired: &mut Vec<u32>) {
        let (potential, threshold) = (&self.potential[..self.cells], self.threshold);
        Arch::new().dispatch(|| scan(potential, threshold, fired));
    }

    fn hold(&mut self, cells: &[u32]) {
        cells.iter().for_each(|&cell| self.potential[cell as usize] = self.reset);
    }

    fn potentials(&self) -> &[f32] {
        &self.potential[..self.cells]
    }

    fn state(&self) -> [&[f32]; STATE_COLUMNS] {
        [self.potentials(), &[], &[]]
    }

    fn state_mut(&mut self) -> [&mut [f32]; STATE_COLUMNS] {
        [&mut self.potential[..self.cells], &mut [], &mut []]
    }
}
