//! Izhikevich's two equations, which fire like many kinds of cortical cells.

use std::time::Duration;

use pulp::Arch;

use super::background::Chance;
use super::{CellModel, STATE_COLUMNS, Setting, scan};
use crate::population::error::{PopulationError, refuse, within};
use crate::time::TickLength;

/// The simple model of spiking neurons (Izhikevich, IEEE Trans. Neural Netw. 14, 2003).
///
/// `dv/dt = 0.04 v^2 + 5 v + 140 - u + I` and `du/dt = a (b v - u)`, with v in mV and time in ms; at `v >= 30` the cell
/// fires, then v goes to c, and u rises by d. As in the paper, v takes two half steps a tick and u then a whole one; a
/// tick is at most 1 ms. A synapse adds its weight, in mV, to v: as much as a current of that size does in a
/// millisecond.
///
/// | parameter | regular spiking | fast spiking | chattering | meaning |
/// | --- | --- | --- | --- | --- |
/// | `a` | 0.02 | 0.1 | 0.02 | how fast u recovers, per ms |
/// | `b` | 0.2 | 0.2 | 0.2 | how u follows v |
/// | `c` | -65 | -65 | -50 | where v begins after firing, mV |
/// | `d` | 8 | 2 | 2 | what a spike adds to u |
///
/// Below -110 mV, where no cell is and half steps of 0.5 ms would overshoot, v is held at -110. A constant current is
/// I; a fluctuating one has its standard deviation in ticks of 1 ms, and as much power in shorter ones.
///
/// ```
/// use neuronbus::population::{Cells, Izhikevich};
///
/// let cells = Cells::izhikevich(Izhikevich::CHATTERING).current(10.0);
/// assert!(cells.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Izhikevich {
    /// How fast u recovers.
    pub a: f32,
    /// How u follows v.
    pub b: f32,
    /// Where v begins after firing.
    pub c: f32,
    /// What a spike adds to u.
    pub d: f32,
}

impl Izhikevich {
    /// Excitatory cells, most of the cortex: they slow down under a constant current.
    pub const REGULAR_SPIKING: Self = Self { a: 0.02, b: 0.2, c: -65.0, d: 8.0 };
    /// Inhibitory interneurons: fast and without slowing down.
    pub const FAST_SPIKING: Self = Self { a: 0.1, b: 0.2, c: -65.0, d: 2.0 };
    /// Bursts in quick succession.
    pub const CHATTERING: Self = Self { a: 0.02, b: 0.2, c: -50.0, d: 2.0 };
    /// A burst at the beginning, then single spikes.
    pub const INTRINSICALLY_BURSTING: Self = Self { a: 0.02, b: 0.2, c: -55.0, d: 4.0 };
    /// Inhibitory cells that slow down.
    pub const LOW_THRESHOLD_SPIKING: Self = Self { a: 0.02, b: 0.25, c: -65.0, d: 2.0 };

    pub(super) fn check(&self) -> Result<(), PopulationError> {
        within("a", self.a, 0.0..=1.0, "it must be within 0..=1")?;
        within("b", self.b, -10.0..=10.0, "it must be within -10..=10")?;
        within("c", self.c, LOWEST..=PEAK - 1.0, "it must be within -110..=29")?;
        within("d", self.d, -1e6..=1e6, "it must be within -1e6..=1e6")
    }

    pub(super) fn fits(&self, length: TickLength) -> Result<(), PopulationError> {
        if length.as_duration() <= Duration::from_millis(1) {
            return Ok(());
        }
        let given = format!("{:?}", length.as_duration());
        Err(refuse("tick length", given, "cells of Izhikevich take steps of at most 1 ms"))
    }
}

impl Default for Izhikevich {
    fn default() -> Self {
        Self::REGULAR_SPIKING
    }
}

/// Where a cell fires, mV.
const PEAK: f32 = 30.0;
/// The least potential, mV.
const LOWEST: f32 = -110.0;
/// No input makes v more than this, so that u stays a number.
const HIGHEST: f32 = 1e6;

#[derive(Debug)]
pub(super) struct IzhikevichColumns {
    potential: Vec<f32>,
    recovery: Vec<f32>,
    /// The current of this tick where it changes from tick to tick; otherwise empty.
    current: Vec<f32>,
    cells: usize,
    step: Step,
    chance: Chance,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    p: Izhikevich,
    /// Of the tick, in ms.
    length: f32,
    current: f32,
    drive: f32,
}

impl Step {
    #[inline(always)]
    fn take(self, v: &mut f32, u: &mut f32, current: f32) {
        let half = 0.5 * self.length;
        let slope = |v: f32| 0.04 * v * v + 5.0 * v + 140.0 - *u + current;
        let mut to = v.max(LOWEST);
        to += half * slope(to);
        to += half * slope(to);
        let to = to.clamp(LOWEST, HIGHEST);
        *u += self.length * self.p.a * (self.p.b * to - *u);
        *v = to + self.drive;
    }
}

#[inline(always)]
fn advance(step: Step, potential: &mut [f32], recovery: &mut [f32]) {
    for (v, u) in potential.iter_mut().zip(recovery) {
        step.take(v, u, step.current);
    }
}

#[inline(always)]
fn advance_each(step: Step, potential: &mut [f32], recovery: &mut [f32], current: &[f32]) {
    for ((v, u), &i) in potential.iter_mut().zip(recovery).zip(current) {
        step.take(v, u, i);
    }
}

impl IzhikevichColumns {
    pub(super) fn new(p: &Izhikevich, setting: &Setting<'_>) -> Self {
        let length = setting.group.length.as_nanos() as f64 * 1e-6;
        // The paper begins at -65 mV, with u where it rests at that potential.
        let potential = setting.potentials(-65.0);
        let cells = setting.cells();
        let fluctuates = setting.background.fluctuation > 0.0;
        Self {
            recovery: potential[..cells].iter().map(|v| p.b * v).collect(),
            potential,
            current: if fluctuates { vec![0.0; cells] } else { Vec::new() },
            cells,
            step: Step {
                p: *p,
                length: length as f32,
                current: setting.background.current,
                drive: setting.background.drive,
            },
            chance: Chance::new(setting, 1.0 / libm::sqrt(length)),
        }
    }
}

impl CellModel for IzhikevichColumns {
    fn advance(&mut self, now: u64) {
        let arch = Arch::new();
        let step = self.step;
        let (v, u) = (&mut self.potential[..self.cells], &mut self.recovery[..]);
        if self.current.is_empty() {
            arch.dispatch(|| advance(step, v, u));
        } else {
            let current = &mut self.current[..];
            current.fill(step.current);
            self.chance.fluctuate(now, current);
            arch.dispatch(|| advance_each(step, v, u, current));
        }
        self.chance.kick(now, &mut self.potential[..self.cells]);
    }

    fn input(&mut self, _inhibitory: bool) -> &mut [f32] {
        &mut self.potential
    }

    fn scan(&mut self, _now: u64, fired: &mut Vec<u32>) {
        let potential = &self.potential[..self.cells];
        Arch::new().dispatch(|| scan(potential, PEAK, fired));
    }

    fn hold(&mut self, cells: &[u32]) {
        cells.iter().for_each(|&cell| self.potential[cell as usize] = self.step.p.c);
    }

    fn reset(&mut self, fired: &[u32]) {
        self.hold(fired);
        fired.iter().for_each(|&cell| self.recovery[cell as usize] += self.step.p.d);
    }

    fn potentials(&self) -> &[f32] {
        &self.potential[..self.cells]
    }

    fn state(&self) -> [&[f32]; STATE_COLUMNS] {
        [self.potentials(), &self.recovery, &[]]
    }

    fn state_mut(&mut self) -> [&mut [f32]; STATE_COLUMNS] {
        [&mut self.potential[..self.cells], &mut self.recovery, &mut []]
    }
}
