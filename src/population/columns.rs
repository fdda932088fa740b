//! The columns of a population and the passes over them.
//!
//! Each pass is a plain loop over slices; `pulp` compiles it for the vector width that the machine has. No pass adds
//! along a column, so its width changes no bit of the result.

use std::sync::Arc;

use pulp::Arch;

use super::noise::{self, PoissonTable};
use super::{Cells, ExpLif, Model, Start};
use crate::math;
use crate::time::{Span, Tick, TickLength};

/// Cells that are handled together: one comparison tells whether any of them fires.
const BLOCK: usize = 64;

/// The state of all cells, and what moves it on.
#[derive(Debug)]
pub(super) struct Columns {
    kind: Kind,
    /// How many cells are here.
    cells: u32,
    /// The number of the first of them in the whole population: chance is drawn by that number.
    first: u32,
    /// Who fired in each of the last ticks, as long as the refractory pause: they are held at reset.
    resting: Vec<Vec<u32>>,
    stream: u64,
    seed: u64,
}

#[derive(Debug)]
enum Kind {
    Lif(LifColumns),
    ExpLif(ExpColumns),
    Poisson { below: u32 },
    SpikeList { spikes: Arc<[(Tick, u32)]>, next: usize },
}

#[derive(Debug)]
struct LifColumns {
    potential: Vec<f32>,
    rest: f32,
    leak: f32,
    drive: f32,
    threshold: f32,
    reset: f32,
    noise: Option<(PoissonTable, f32)>,
}

#[derive(Debug)]
struct ExpColumns {
    potential: Vec<f32>,
    excitatory: Vec<f32>,
    inhibitory: Vec<f32>,
    constants: ExpConstants,
}

/// Propagators over one tick.
#[derive(Debug, Clone, Copy)]
struct ExpConstants {
    rest: f32,
    threshold: f32,
    reset: f32,
    membrane: f32,
    excitatory: f32,
    inhibitory: f32,
    from_excitatory: f32,
    from_inhibitory: f32,
}

impl ExpConstants {
    fn new(p: &ExpLif, length: TickLength) -> Self {
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
        Self {
            rest: p.rest,
            threshold: p.threshold,
            reset: p.reset,
            membrane: decay(m) as f32,
            excitatory: decay(e) as f32,
            inhibitory: decay(i) as f32,
            from_excitatory: transfer(e) as f32,
            from_inhibitory: transfer(i) as f32,
        }
    }
}

/// What has decayed below this is zero. Otherwise what has died away would stay among the subnormal numbers for good,
/// and arithmetic with those is tens of times slower.
const NOTHING: f32 = 1e-30;

/// Whether a tick is one of those, few enough to cost nothing, in which the columns are swept.
pub(super) fn is_sweep(now: u64) -> bool {
    now.is_multiple_of(64)
}

/// Puts to rest what has as good as come to rest.
#[inline(always)]
pub(super) fn sweep(values: &mut [f32], rest: f32) {
    values.iter_mut().for_each(|v| *v = if (*v - rest).abs() < NOTHING { rest } else { *v });
}

#[inline(always)]
fn advance_lif(potential: &mut [f32], rest: f32, leak: f32, drive: f32) {
    for v in potential {
        *v = rest + (*v - rest) * leak + drive;
    }
}

#[inline(always)]
fn advance_exp(
    c: ExpConstants,
    potential: &mut [f32],
    excitatory: &mut [f32],
    inhibitory: &mut [f32],
) {
    let currents = excitatory.iter_mut().zip(inhibitory);
    for (v, (e, i)) in potential.iter_mut().zip(currents) {
        *v = c.rest + (*v - c.rest) * c.membrane + *e * c.from_excitatory + *i * c.from_inhibitory;
        *e *= c.excitatory;
        *i *= c.inhibitory;
    }
}

#[inline(always)]
fn add_kicks(potential: &mut [f32], first: u32, key: u64, table: &PoissonTable, size: f32) {
    for (block, cells) in potential.chunks_mut(BLOCK).enumerate() {
        let first = first + (block * BLOCK) as u32;
        let mut drawn = [0u32; BLOCK];
        for (cell, drawn) in drawn.iter_mut().enumerate() {
            *drawn = noise::bits(key, first + cell as u32);
        }
        for (v, &drawn) in cells.iter_mut().zip(&drawn) {
            *v += table.count(drawn) as f32 * size;
        }
    }
}

#[inline(always)]
fn scan(potential: &[f32], threshold: f32, fired: &mut Vec<u32>) {
    for (block, cells) in potential.chunks(BLOCK).enumerate() {
        let any = cells.iter().fold(0u32, |any, &v| any | u32::from(v >= threshold));
        if any != 0 {
            let first = (block * BLOCK) as u32;
            let over = |(cell, &v): (usize, &f32)| (v >= threshold).then_some(first + cell as u32);
            fired.extend(cells.iter().enumerate().filter_map(over));
        }
    }
}

#[inline(always)]
fn draw(cells: u32, offset: u32, key: u64, below: u32, fired: &mut Vec<u32>) {
    let fires = |cell: u32| noise::bits(key, offset + cell) < below;
    for first in (0..cells).step_by(BLOCK) {
        let block = first..cells.min(first + BLOCK as u32);
        if block.clone().fold(0u32, |any, cell| any | u32::from(fires(cell))) != 0 {
            fired.extend(block.filter(|&cell| fires(cell)));
        }
    }
}

impl Columns {
    /// The columns of a slice of a population's cells.
    pub(super) fn new(
        cells: &Cells,
        slice: std::ops::Range<u32>,
        length: TickLength,
        seed: u64,
        stream: u64,
    ) -> Self {
        let seconds = length.as_nanos() as f64 * 1e-9;
        let (first, count) = (slice.start, slice.len() as u32);
        let room = (count as usize).next_power_of_two();
        let potentials = |rest: f32| {
            let mut column = vec![rest; room];
            if let Start::Between(low, high) = cells.start {
                for (cell, v) in column[..count as usize].iter_mut().enumerate() {
                    let cell = u64::from(first) + cell as u64;
                    let unit = math::unit(math::random(seed, stream, u64::MAX, cell));
                    *v = low + (high - low) * unit as f32;
                }
            }
            column
        };
        let (kind, refractory) = match &cells.model {
            Model::Lif { lif, reset, noise, drive } => {
                let leak = libm::exp(-1.0 / length.exact_ticks(lif.tau)) as f32;
                let noise = noise.map(|n| (PoissonTable::new(n.rate_hz * seconds), n.size));
                let columns = LifColumns {
                    potential: potentials(lif.rest),
                    rest: lif.rest,
                    leak,
                    drive: *drive,
                    threshold: lif.threshold,
                    reset: *reset,
                    noise,
                };
                (Kind::Lif(columns), lif.refractory)
            }
            Model::ExpLif(p) => {
                let columns = ExpColumns {
                    potential: potentials(p.rest.min(p.reset)),
                    excitatory: vec![0.0; room],
                    inhibitory: vec![0.0; room],
                    constants: ExpConstants::new(p, length),
                };
                (Kind::ExpLif(columns), p.refractory)
            }
            Model::Poisson { rate_hz } => {
                let chance = -libm::expm1(-rate_hz * seconds);
                let below = (chance * (1u64 << 32) as f64).min(f64::from(u32::MAX)) as u32;
                (Kind::Poisson { below }, Span::Ticks(0))
            }
            Model::SpikeList(spikes) => {
                let here = spikes.iter().filter(|(_, cell)| slice.contains(cell));
                let spikes = here.map(|&(tick, cell)| (tick, cell - first)).collect();
                (Kind::SpikeList { spikes, next: 0 }, Span::Ticks(0))
            }
        };
        let pause = length.ticks(refractory).0 as usize;
        Self { kind, cells: count, first, resting: vec![Vec::new(); pause], stream, seed }
    }

    /// Leak, currents and noise of one tick.
    pub(super) fn advance(&mut self, now: u64) {
        let arch = Arch::new();
        let count = self.cells as usize;
        match &mut self.kind {
            Kind::Lif(c) => {
                let (potential, rest, leak, drive) =
                    (&mut c.potential[..count], c.rest, c.leak, c.drive);
                if is_sweep(now) {
                    arch.dispatch(|| sweep(potential, rest));
                }
                arch.dispatch(|| advance_lif(potential, rest, leak, drive));
                if let Some((table, size)) = &c.noise {
                    let key = noise::key(self.seed, self.stream, now);
                    let potential = &mut c.potential[..count];
                    arch.dispatch(|| add_kicks(potential, self.first, key, table, *size));
                }
            }
            Kind::ExpLif(c) => {
                let (v, e, i) = (
                    &mut c.potential[..count],
                    &mut c.excitatory[..count],
                    &mut c.inhibitory[..count],
                );
                if is_sweep(now) {
                    arch.dispatch(|| sweep(v, c.constants.rest));
                    arch.dispatch(|| sweep(e, 0.0));
                    arch.dispatch(|| sweep(i, 0.0));
                }
                arch.dispatch(|| advance_exp(c.constants, v, e, i));
            }
            Kind::Poisson { .. } | Kind::SpikeList { .. } => {}
        }
    }

    /// What arriving spikes add to; empty for sources. Its length is a power of two.
    pub(super) fn input(&mut self, inhibitory: bool) -> &mut [f32] {
        match (&mut self.kind, inhibitory) {
            (Kind::Lif(c), _) => &mut c.potential,
            (Kind::ExpLif(c), true) => &mut c.inhibitory,
            (Kind::ExpLif(c), false) => &mut c.excitatory,
            (Kind::Poisson { .. } | Kind::SpikeList { .. }, _) => &mut [],
        }
    }

    /// Adds the same to every cell: what excites, and what inhibits, which is below zero.
    pub(super) fn drive_all(&mut self, excitatory: f32, inhibitory: f32) {
        let count = self.cells as usize;
        // Finite drives may add up to more than there is: a potential that is infinite would never be well again.
        let add = |v: &mut f32, drive: f32| *v = (*v + drive).clamp(f32::MIN, f32::MAX);
        self.input(false).iter_mut().take(count).for_each(|v| add(v, excitatory));
        self.input(true).iter_mut().take(count).for_each(|v| add(v, inhibitory));
    }

    /// Whether the cells fire by themselves and hear nothing.
    pub(super) fn is_source(&self) -> bool {
        matches!(self.kind, Kind::Poisson { .. } | Kind::SpikeList { .. })
    }

    /// Holds who is refractory, and finds who fires, by position in this slice.
    pub(super) fn fire(&mut self, now: u64, fired: &mut Vec<u32>) {
        let arch = Arch::new();
        let count = self.cells as usize;
        match &mut self.kind {
            Kind::Lif(LifColumns { potential, threshold, reset, .. })
            | Kind::ExpLif(ExpColumns {
                potential,
                constants: ExpConstants { threshold, reset, .. },
                ..
            }) => {
                for &cell in self.resting.iter().flatten() {
                    potential[cell as usize] = *reset;
                }
                arch.dispatch(|| scan(&potential[..count], *threshold, fired));
                for &cell in &*fired {
                    potential[cell as usize] = *reset;
                }
                let pause = self.resting.len() as u64;
                if pause > 0 {
                    let slot = &mut self.resting[(now % pause) as usize];
                    slot.clear();
                    slot.extend_from_slice(fired);
                }
            }
            Kind::Poisson { below } => {
                let (key, below) = (noise::key(self.seed, self.stream, now), *below);
                arch.dispatch(|| draw(self.cells, self.first, key, below, fired));
            }
            Kind::SpikeList { spikes, next } => {
                while let Some(&(tick, cell)) = spikes.get(*next) {
                    if tick.0 > now {
                        break;
                    }
                    // Every tick is seen, and cells that are not there were refused: nothing is passed over.
                    fired.push(cell);
                    *next += 1;
                }
            }
        }
    }

    pub(super) fn potential(&self, cell: u32) -> Option<f32> {
        match &self.kind {
            Kind::Lif(c) => c.potential[..self.cells as usize].get(cell as usize).copied(),
            Kind::ExpLif(c) => c.potential[..self.cells as usize].get(cell as usize).copied(),
            Kind::Poisson { .. } | Kind::SpikeList { .. } => None,
        }
    }

    /// The columns of state, one after the other.
    fn state(&self) -> impl Iterator<Item = &[f32]> {
        let columns: [&[f32]; 3] = match &self.kind {
            Kind::Lif(c) => [&c.potential, &[], &[]],
            Kind::ExpLif(c) => [&c.potential, &c.excitatory, &c.inhibitory],
            Kind::Poisson { .. } | Kind::SpikeList { .. } => [&[]; 3],
        };
        columns.into_iter().map(|column| &column[..column.len().min(self.cells as usize)])
    }

    /// The state of a whole population, which is the same however it is cut into slices; these in order of cells.
    pub(super) fn digest_into(slices: &[&Self], hasher: &mut blake3::Hasher) {
        let mut columns: Vec<_> = slices.iter().map(|slice| slice.state()).collect();
        for _ in 0..3 {
            for column in columns.iter_mut().filter_map(Iterator::next) {
                hasher.update(bytemuck::cast_slice(column));
            }
        }
        let pause = slices.first().map_or(0, |slice| slice.resting.len());
        for slot in 0..pause {
            let length: usize = slices.iter().map(|slice| slice.resting[slot].len()).sum();
            hasher.update(&(length as u64).to_le_bytes());
            for slice in slices {
                for cell in &slice.resting[slot] {
                    hasher.update(&(slice.first + cell).to_le_bytes());
                }
            }
        }
    }
}
