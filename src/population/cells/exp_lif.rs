//! Leaky integrate-and-fire cells with exponential currents.

use std::time::Duration;

use pulp::Arch;

use super::background::{Background, Chance};
use super::{CellModel, STATE_COLUMNS, Setting, is_sweep, scan, sweep};
use crate::population::error::{PopulationError, below, finite, positive};
use crate::time::{Span, TickLength};

/// Leaky integrate-and-fire with exponential synaptic currents (Vogels and Abbott, J. Neurosci. 25, 2005).
///
/// `tau_m dv/dt = (rest - v) + g_e + g_i`, `tau_e dg_e/dt = -g_e`, `tau_i dg_i/dt = -g_i`, advanced by their exact
/// propagators (Rotter and Diesmann, Biol. Cybern. 81, 1999). An excitatory synapse adds its weight to g_e, an
/// inhibitory one subtracts it from g_i.
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `tau_m` | 20 ms | membrane |
/// | `tau_e`, `tau_i` | 5 ms, 10 ms | excitatory and inhibitory current |
/// | `rest`, `threshold`, `reset` | -49, -50, -60 mV | as in the reference: above threshold at rest, so it fires by itself |
/// | `refractory` | 5 ms | pause after firing, in which currents go on and the potential stays at `reset` |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpLif {
    /// Time constant of the membrane.
    pub tau_m: Span,
    /// Time constant of the excitatory current.
    pub tau_e: Span,
    /// Time constant of the inhibitory current.
    pub tau_i: Span,
    /// Where the potential leaks to.
    pub rest: f32,
    /// Where it fires.
    pub threshold: f32,
    /// Where it begins after firing.
    pub reset: f32,
    /// Pause after firing.
    pub refractory: Span,
}

impl Default for ExpLif {
    fn default() -> Self {
        let ms = |ms| Span::Time(Duration::from_millis(ms));
        Self {
            tau_m: ms(20),
            tau_e: ms(5),
            tau_i: ms(10),
            rest: -49.0,
            threshold: -50.0,
            reset: -60.0,
            refractory: ms(5),
        }
    }
}

impl ExpLif {
    pub(super) fn check(&self) -> Result<(), PopulationError> {
        for (name, tau) in [("tau_m", self.tau_m), ("tau_e", self.tau_e), ("tau_i", self.tau_i)] {
            positive(name, tau)?;
        }
        for (name, value) in
            [("rest", self.rest), ("threshold", self.threshold), ("reset", self.reset)]
        {
            finite(name, value)?;
        }
        below("reset", self.reset, self.threshold)
    }
}

/// Propagators over one tick.
#[derive(Debug, Clone, Copy)]
struct Constants {
    /// Where the potential leaks to: rest, moved by what drives constantly.
    rest: f32,
    membrane: f32,
    excitatory: f32,
    inhibitory: f32,
    from_excitatory: f32,
    from_inhibitory: f32,
}

impl Constants {
    fn new(p: &ExpLif, background: &Background, length: TickLength) -> Self {
        let tau = |span| length.exact_ticks(span);
        let (m, e, i) = (tau(p.tau_m), tau(p.tau_e), tau(p.tau_i));
        let decay = |tau: f64| libm::exp(-1.0 / tau);
        // v(1) = ... + g * tau_s / (tau_s - tau_m) * (exp(-1/tau_s) - exp(-1/tau_m)), and its limit for equal
        // constants.
        let transfer = |s: f64| {
            if (s - m).abs() < 1e-9 * m {
                decay(m) / m
            } else {
                s / (s - m) * (decay(s) - decay(m))
            }
        };
        // What is added in each tick is the current that adds as much: current * (1 - decay).
        let driven = f64::from(background.drive) / -libm::expm1(-1.0 / m);
        Self {
            rest: (f64::from(p.rest) + f64::from(background.current) + driven) as f32,
            membrane: decay(m) as f32,
            excitatory: decay(e) as f32,
            inhibitory: decay(i) as f32,
            from_excitatory: transfer(e) as f32,
            from_inhibitory: transfer(i) as f32,
        }
    }
}

#[derive(Debug)]
pub(super) struct ExpColumns {
    potential: Vec<f32>,
    excitatory: Vec<f32>,
    inhibitory: Vec<f32>,
    cells: usize,
    threshold: f32,
    reset: f32,
    constants: Constants,
    chance: Chance,
}

#[inline(always)]
fn advance(c: Constants, potential: &mut [f32], excitatory: &mut [f32], inhibitory: &mut [f32]) {
    let currents = excitatory.iter_mut().zip(inhibitory);
    for (v, (e, i)) in potential.iter_mut().zip(currents) {
        *v = c.rest + (*v - c.rest) * c.membrane + *e * c.from_excitatory + *i * c.from_inhibitory;
        *e *= c.excitatory;
        *i *= c.inhibitory;
    }
}

impl ExpColumns {
    pub(super) fn new(p: &ExpLif, setting: &Setting<'_>) -> Self {
        let leak = setting.decay(p.tau_m);
        Self {
            potential: setting.potentials(p.rest.min(p.reset)),
            excitatory: setting.inputs(0.0),
            inhibitory: setting.inputs(0.0),
            cells: setting.cells(),
            threshold: p.threshold,
            reset: p.reset,
            constants: Constants::new(p, setting.background, setting.group.length),
            chance: Chance::new(setting, libm::sqrt(1.0 - leak * leak)),
        }
    }
}

impl CellModel for ExpColumns {
    fn advance(&mut self, now: u64) {
        let arch = Arch::new();
        let (cells, constants) = (self.cells, self.constants);
        let (v, e, i) = (
            &mut self.potential[..cells],
            &mut self.excitatory[..cells],
            &mut self.inhibitory[..cells],
        );
        if is_sweep(now) {
            arch.dispatch(|| sweep(v, constants.rest));
            arch.dispatch(|| sweep(e, 0.0));
            arch.dispatch(|| sweep(i, 0.0));
        }
        arch.dispatch(|| advance(constants, v, e, i));
        self.chance.fluctuate(now, v);
        // A kick is a spike of a synapse that has no row: it adds to the current that its sign says.
        self.chance.kick(now, if self.chance.inhibits() { i } else { e });
    }

    fn input(&mut self, inhibitory: bool) -> &mut [f32] {
        if inhibitory { &mut self.inhibitory } else { &mut self.excitatory }
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
        [self.potentials(), &self.excitatory[..self.cells], &self.inhibitory[..self.cells]]
    }

    fn state_mut(&mut self) -> [&mut [f32]; STATE_COLUMNS] {
        let Self { potential, excitatory, inhibitory, cells, .. } = self;
        [&mut potential[..*cells], &mut excitatory[..*cells], &mut inhibitory[..*cells]]
    }
}
