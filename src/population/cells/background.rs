//! Input that comes through no synapse: constant, by kicks, or fluctuating.

use pulp::{Arch, NullaryFnOnce};

use super::{BLOCK, Group, Setting};
use crate::population::error::{PopulationError, finite, rate, refuse, within};
use crate::population::noise::{self, NormalTable, PoissonTable};
use crate::time::TickLength;

/// Kicks that arrive at each cell by themselves, independently: a Poisson process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Kicks a second and cell.
    pub rate_hz: f64,
    /// What one adds to the potential; with exponential currents, to the current that its sign says.
    pub size: f32,
}

/// The most kicks a tick on average: beyond, `exp(-mean)` comes near the smallest number there is.
const KICKS_MAX: f64 = 500.0;

/// What a group of cells gets beside its synapses.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Background {
    /// Added to the potential in each tick.
    pub(super) drive: f32,
    /// A constant current, as the potential that it would bring about.
    pub(super) current: f32,
    /// Standard deviation of a current that is white noise, as that of the potential that it would bring about.
    pub(super) fluctuation: f32,
    pub(super) kicks: Option<Noise>,
}

impl Background {
    pub(super) fn check(&self) -> Result<(), PopulationError> {
        for (name, value) in [("drive", self.drive), ("current", self.current)] {
            finite(name, value)?;
            within(name, value, -1e9..=1e9, "it must be within -1e9..=1e9")?;
        }
        let expected = "a standard deviation is within 0..=1e9";
        within("fluctuation", self.fluctuation, 0.0..=1e9, expected)?;
        self.kicks.map_or(Ok(()), |kicks| {
            finite("noise.size", kicks.size)?;
            rate("noise.rate_hz", kicks.rate_hz)
        })
    }

    pub(super) fn fits(&self, length: TickLength) -> Result<(), PopulationError> {
        let mean = |kicks: &Noise| kicks.rate_hz * length.as_nanos() as f64 / 1e9;
        match self.kicks.filter(|kicks| mean(kicks) > KICKS_MAX) {
            Some(kicks) => {
                let expected = "it must be at most 500 kicks a tick";
                Err(refuse("noise.rate_hz", kicks.rate_hz, expected))
            }
            None => Ok(()),
        }
    }
}

/// The part of the background that chance decides in each tick.
#[derive(Debug)]
pub(super) struct Chance {
    group: Group,
    kicks: Option<(PoissonTable, f32)>,
    fluctuation: Option<NormalTable>,
}

impl Chance {
    /// `in_a_tick` is what a tick contributes to a standard deviation of 1.
    pub(super) fn new(setting: &Setting<'_>, in_a_tick: f64) -> Self {
        let Setting { group, background, .. } = *setting;
        let seconds = group.length.as_nanos() as f64 * 1e-9;
        let sigma = f64::from(background.fluctuation) * in_a_tick;
        Self {
            group: group.clone(),
            kicks: background.kicks.map(|k| (PoissonTable::new(k.rate_hz * seconds), k.size)),
            fluctuation: (sigma > 0.0).then(|| NormalTable::new(sigma)),
        }
    }

    /// Whether kicks take away instead of adding.
    pub(super) fn inhibits(&self) -> bool {
        self.kicks.as_ref().is_some_and(|&(_, size)| size < 0.0)
    }

    /// Adds the kicks of this tick.
    pub(super) fn kick(&self, now: u64, column: &mut [f32]) {
        let Some((table, size)) = &self.kicks else { return };
        let key = noise::key(self.group.seed, self.group.stream, now);
        let first = self.group.cells.start;
        let add = |drawn: u32| table.count(drawn) as f32 * size;
        match table.rare_second() {
            Some((one, two)) => {
                let quick = |drawn: u32| u32::from(drawn >= one) as f32 * size;
                Arch::new().dispatch(Draws { column, key, first, bound: two, quick, add });
            }
            None => {
                Arch::new().dispatch(Draws { column, key, first, bound: 0, quick: add, add });
            }
        }
    }

    /// Adds the white noise of this tick.
    pub(super) fn fluctuate(&self, now: u64, column: &mut [f32]) {
        let Some(table) = &self.fluctuation else { return };
        let key = noise::second_key(self.group.seed, self.group.stream, now);
        let first = self.group.cells.start;
        let add = |drawn: u32| table.value(drawn);
        Arch::new().dispatch(Draws { column, key, first, bound: 0, quick: add, add });
    }
}

/// Adds to each cell what its random number stands for.
///
/// As long as no number of a block reaches the bound, `quick` says the same as `add`, for many cells at once. A type of
/// its own, because what is not inlined into the dispatch is compiled for the oldest machine.
struct Draws<'a, Q, A> {
    column: &'a mut [f32],
    key: u64,
    first: u32,
    bound: u32,
    quick: Q,
    add: A,
}

impl<Q: Fn(u32) -> f32, A: Fn(u32) -> f32> NullaryFnOnce for Draws<'_, Q, A> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { column, key, first, bound, quick, add } = self;
        for (block, cells) in column.chunks_mut(BLOCK).enumerate() {
            let first = first + (block * BLOCK) as u32;
            let mut drawn = [0u32; BLOCK];
            for (cell, drawn) in drawn.iter_mut().enumerate() {
                *drawn = noise::bits(key, first + cell as u32);
            }
            let beyond = drawn.iter().fold(0u32, |any, &drawn| any | u32::from(drawn >= bound));
            let pairs = cells.iter_mut().zip(&drawn);
            if beyond == 0 {
                pairs.for_each(|(v, &drawn)| *v += quick(drawn));
            } else {
                pairs.for_each(|(v, &drawn)| *v += add(drawn));
            }
        }
    }
}
