//! What the cells of a population are: their models, one a module, and how they are described.

mod adaptive_lif;
mod background;
mod exp_lif;
mod izhikevich;
mod lif;
mod source;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use self::adaptive_lif::AdaptiveColumns;
use self::background::Background;
use self::exp_lif::ExpColumns;
use self::izhikevich::IzhikevichColumns;
use self::lif::LifColumns;
use self::source::{ListColumns, PoissonColumns};
pub use self::{
    adaptive_lif::AdaptiveLif, background::Noise, exp_lif::ExpLif, izhikevich::Izhikevich,
};
use super::error::{PopulationError, finite, rate, refuse};
use super::memory::is_room_for;
use super::passes::{BLOCK, is_sweep, scan, sweep};
use crate::math;
use crate::membrane::Lif;
use crate::projection::DELAY_LIMIT;
use crate::shm::advice;
use crate::time::{Span, Tick, TickLength};

/// The columns of one model, and the passes over them. Cells are places in the columns, which begin with the first cell
/// of the slice.
pub(super) trait CellModel: fmt::Debug + Send {
    /// Moves all cells on by a tick, but for the spikes that arrive in it.
    fn advance(&mut self, _now: u64) {}

    /// What arriving spikes add to; empty for sources. Its length is a power of two.
    fn input(&mut self, _inhibitory: bool) -> &mut [f32] {
        &mut []
    }

    /// Finds who fires, in order.
    fn scan(&mut self, now: u64, fired: &mut Vec<u32>);

    /// Keeps cells that are in their pause where it began.
    fn hold(&mut self, _cells: &[u32]) {}

    /// Puts cells that have just fired back.
    fn reset(&mut self, fired: &[u32]) {
        self.hold(fired);
    }

    /// The potential of each cell; empty for sources.
    fn potentials(&self) -> &[f32] {
        &[]
    }

    /// All that a cell will be made of in the next tick, by column. Sources have no state: what they fire follows from
    /// the seed or a list.
    fn state(&self) -> [&[f32]; STATE_COLUMNS] {
        [&[]; STATE_COLUMNS]
    }

    /// The same, to be replaced by what was saved.
    fn state_mut(&mut self) -> [&mut [f32]; STATE_COLUMNS] {
        [&mut [], &mut [], &mut []]
    }

    /// The next tick is this one, whatever was before.
    fn resume(&mut self, _next: u64) {}
}

/// The most columns of state of any model.
pub(super) const STATE_COLUMNS: usize = 3;

/// Which slice of a population's cells is held together, and what their random numbers are drawn from. A draw is keyed
/// by the number of a cell in the whole population, so it does not depend on how they are cut.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) cells: Range<u32>,
    pub(super) length: TickLength,
    pub(super) seed: u64,
    pub(super) stream: u64,
}

/// What the columns of a model are made for.
struct Setting<'a> {
    group: &'a Group,
    background: &'a Background,
    start: Option<(f32, f32)>,
}

impl Setting<'_> {
    fn cells(&self) -> usize {
        self.group.cells.len()
    }

    /// A column of inputs. Its length is a power of two, so that a mask keeps any target inside.
    fn inputs(&self, value: f32) -> Vec<f32> {
        let length = self.cells().next_power_of_two();
        let mut column = advice::vector(length);
        column.resize(length, value);
        column
    }

    /// The potentials to begin with.
    fn potentials(&self, rest: f32) -> Vec<f32> {
        let mut column = self.inputs(rest);
        if let Some((low, high)) = self.start {
            let Group { seed, stream, ref cells, .. } = *self.group;
            for (cell, v) in cells.clone().zip(&mut column) {
                let unit = math::unit(math::random(seed, stream, u64::MAX, u64::from(cell)));
                *v = low + (high - low) * unit as f32;
            }
        }
        column
    }

    /// How much of a value is left after a tick.
    fn decay(&self, tau: Span) -> f64 {
        libm::exp(-1.0 / self.group.length.exact_ticks(tau))
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Model {
    Lif { lif: Lif, reset: f32 },
    ExpLif(ExpLif),
    AdaptiveLif(AdaptiveLif),
    Izhikevich(Izhikevich),
    Poisson { rate_hz: f64 },
    SpikeList(Arc<[(Tick, u32)]>),
}

/// What the cells of a population are.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    model: Model,
    background: Background,
    /// The range that potentials begin in, if they are drawn.
    start: Option<(f32, f32)>,
}

impl Cells {
    fn new(model: Model) -> Self {
        Self { model, background: Background::default(), start: None }
    }

    /// Leaky integrate-and-fire: a synapse adds its weight to the potential.
    #[must_use]
    pub fn lif(lif: Lif) -> Self {
        Self::new(Model::Lif { lif, reset: lif.rest })
    }

    /// Leaky integrate-and-fire with exponential currents.
    #[must_use]
    pub fn exp_lif(parameters: ExpLif) -> Self {
        Self::new(Model::ExpLif(parameters))
    }

    /// Leaky integrate-and-fire with an adaptive threshold: a synapse adds its weight to the potential.
    #[must_use]
    pub fn adaptive_lif(parameters: AdaptiveLif) -> Self {
        Self::new(Model::AdaptiveLif(parameters))
    }

    /// Izhikevich's simple model: a synapse adds its weight to v.
    #[must_use]
    pub fn izhikevich(parameters: Izhikevich) -> Self {
        Self::new(Model::Izhikevich(parameters))
    }

    /// Sources that fire by chance, each independently, so often a second.
    ///
    /// A cell fires at most once a tick: with the chance `1 - exp(-rate * tick)` that its Poisson process has an event.
    #[must_use]
    pub fn poisson(rate_hz: f64) -> Self {
        Self::new(Model::Poisson { rate_hz })
    }

    /// Sources that fire at given ticks, each cell at most once in a tick.
    #[must_use]
    pub fn spike_list(mut spikes: Vec<(Tick, u32)>) -> Self {
        spikes.sort_unstable();
        Self::new(Model::SpikeList(spikes.into()))
    }

    /// Where [`Cells::lif`] begins after firing, if not at rest. No meaning for others.
    #[must_use]
    pub fn reset(mut self, to: f32) -> Self {
        if let Model::Lif { reset, .. } = &mut self.model {
            *reset = to;
        }
        self
    }

    /// Gives each cell kicks of its own. No meaning for sources.
    #[must_use]
    pub fn noise(mut self, kicks: Noise) -> Self {
        self.background.kicks = Some(kicks);
        self
    }

    /// Adds a constant to the potential of each cell in each tick. No meaning for sources.
    #[must_use]
    pub fn drive(mut self, each_tick: f32) -> Self {
        self.background.drive = each_tick;
        self
    }

    /// A constant current into each cell, times the resistance of its membrane: `tau_m dv/dt = ... + current`. In the
    /// unit of the potential, which it would raise by as much if nothing else happened; for [`Cells::izhikevich`] it is
    /// I. No meaning for sources.
    #[must_use]
    pub fn current(mut self, constant: f32) -> Self {
        self.background.current = constant;
        self
    }

    /// A current of Gaussian white noise into each cell, independent of the others: `tau_m dv/dt = ... + fluctuation *
    /// sqrt(2 tau_m) xi(t)`, in exact form. In the unit of the potential, whose standard deviation it would be if the
    /// cell never fired; for [`Cells::izhikevich`] see [`Izhikevich`]. No meaning for sources.
    #[must_use]
    pub fn fluctuation(mut self, standard_deviation: f32) -> Self {
        self.background.fluctuation = standard_deviation;
        self
    }

    /// Draws the potentials to begin with evenly from a range, from the seed. Otherwise they begin at rest, or at reset
    /// where that is lower; [`Cells::izhikevich`] begins at -65 mV.
    #[must_use]
    pub fn start_between(mut self, low: f32, high: f32) -> Self {
        self.start = Some((low, high));
        self
    }

    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), PopulationError> {
        if let Some((low, high)) = self.start {
            finite("start", low)?;
            finite("start", high)?;
            finite("start", high - low)?;
        }
        match &self.model {
            Model::Lif { lif, reset } => lif::check(lif, *reset)?,
            Model::ExpLif(p) => p.check()?,
            Model::AdaptiveLif(p) => p.check()?,
            Model::Izhikevich(p) => p.check()?,
            Model::Poisson { rate_hz } => return rate("rate_hz", *rate_hz),
            Model::SpikeList(_) => return Ok(()),
        }
        self.background.check()
    }

    /// Whether so many cells can be made, at this length of a tick.
    pub(crate) fn fits(&self, count: u32, length: TickLength) -> Result<(), PopulationError> {
        if !(1..=CELLS_MAX).contains(&count) {
            return Err(refuse("cells", count, "a population has 1 to 2^30 cells"));
        }
        if length.ticks(self.refractory()).0 > DELAY_LIMIT {
            return Err(refuse("refractory", self.refractory(), "it must be at most 2^20 ticks"));
        }
        let columns = match &self.model {
            Model::Lif { .. } => 1,
            Model::ExpLif(_) => 3,
            Model::AdaptiveLif(_) => 2,
            Model::Izhikevich(p) => {
                p.fits(length)?;
                3
            }
            Model::Poisson { .. } => 0,
            Model::SpikeList(spikes) => {
                source::check_list(spikes, count)?;
                0
            }
        };
        if columns > 0 {
            self.background.fits(length)?;
        }
        let bytes = columns * 4 * u64::from(count).next_power_of_two();
        if is_room_for(bytes) {
            Ok(())
        } else {
            Err(PopulationError::Memory { cells: count, bytes })
        }
    }

    /// Whether the cells fire by themselves and hear nothing.
    pub(crate) fn is_source(&self) -> bool {
        matches!(self.model, Model::Poisson { .. } | Model::SpikeList(_))
    }

    /// The pause after firing.
    pub(super) fn refractory(&self) -> Span {
        match &self.model {
            Model::Lif { lif, .. } => lif.refractory,
            Model::ExpLif(p) => p.refractory,
            Model::AdaptiveLif(p) => p.refractory,
            Model::Izhikevich(_) | Model::Poisson { .. } | Model::SpikeList(_) => Span::Ticks(0),
        }
    }

    /// The columns of a group of these cells.
    pub(super) fn columns(&self, group: &Group) -> Box<dyn CellModel> {
        let setting = &Setting { group, background: &self.background, start: self.start };
        match &self.model {
            Model::Lif { lif, reset } => Box::new(LifColumns::new(lif, *reset, setting)),
            Model::ExpLif(p) => Box::new(ExpColumns::new(p, setting)),
            Model::AdaptiveLif(p) => Box::new(AdaptiveColumns::new(p, setting)),
            Model::Izhikevich(p) => Box::new(IzhikevichColumns::new(p, setting)),
            Model::Poisson { rate_hz } => Box::new(PoissonColumns::new(*rate_hz, group)),
            Model::SpikeList(spikes) => Box::new(ListColumns::new(spikes, group)),
        }
    }
}

/// The most cells of one population.
const CELLS_MAX: u32 = 1 << 30;
