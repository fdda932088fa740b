//! Populations: many plain neurons held as arrays.
//!
//! A cell of a population has no code and no name; it is a position in columns of state. One tick of a population is
//! four passes over those columns: *advance* (leak, currents, noise), *deliver* (arriving spikes add to the columns),
//! *hold* (cells in their refractory pause are put back), *scan* (who is at or above the threshold fires). Spikes are
//! lists of positions, kept as long as the longest delay, and a synapse acts in the tick its spike arrives in: a sum
//! always runs in the order of (tick fired, source), whoever computes it.
//!
//! ```
//! use neuronbus::prelude::*;
//! use neuronbus::population::{Cells, Record};
//! use std::time::Duration;
//!
//! # fn main() -> neuronbus::Result<()> {
//! let mut builder = Cortex::builder();
//! builder.tick_length(Duration::from_micros(100)).pace(Pace::Free).seed(1);
//! let noise = builder.region(Region::population("noise", Cells::poisson(50.0), 100));
//! let cells = Cells::lif(Lif::default().refractory(Duration::from_millis(2)));
//! let net = builder.region(Region::population("net", cells, 1_000).record(Record::Spikes));
//! builder.project(noise, net, Projection::random(0.1).weight(0.3).delay(Duration::from_millis(1)));
//! let mut cortex = builder.build()?;
//! cortex.run_for(Duration::from_millis(100))?;
//! let spikes = cortex.recorded(net).expect("it is a population that records");
//! assert!(!spikes.is_empty());
//! # Ok(())
//! # }
//! ```

mod columns;
mod learning;
mod network;
mod noise;
mod rows;

use std::sync::Arc;

pub(crate) use network::{Network, PopulationEnd};

use crate::membrane::{Lif, MembraneError};
use crate::projection::DELAY_LIMIT;
use crate::time::{Span, Tick, TickLength};

/// Why a population is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PopulationError {
    /// A parameter makes no sense.
    #[error("{name} = {value} is refused: {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A list of spikes names a cell or a tick that does not exist, or a cell twice in a tick.
    #[error("spike of cell {cell} in tick {tick} is refused: {expected}")]
    Spike {
        /// The cell.
        cell: u32,
        /// The tick.
        tick: u64,
        /// What it should be.
        expected: &'static str,
    },
    /// More cells than the machine has memory for.
    #[error("{cells} cells are refused: they would need {bytes} bytes, more than there are")]
    Memory {
        /// How many cells.
        cells: u32,
        /// What they would need.
        bytes: u64,
    },
    /// The region has neurons beside its population.
    #[error("a region is a population, or it has agents or a gate: not both")]
    NotAlone,
    /// The membrane is refused.
    #[error(transparent)]
    Membrane(#[from] MembraneError),
}

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
        let ms = |ms| Span::Time(std::time::Duration::from_millis(ms));
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

/// Kicks that arrive at each cell by themselves, independently: a Poisson process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Kicks a second and cell.
    pub rate_hz: f64,
    /// What one adds to the potential.
    pub size: f32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Model {
    Lif { lif: Lif, reset: f32, noise: Option<Noise>, drive: f32 },
    ExpLif(ExpLif),
    Poisson { rate_hz: f64 },
    SpikeList(Arc<[(Tick, u32)]>),
}

/// What the cells of a population are.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    pub(crate) model: Model,
    pub(crate) start: Start,
}

/// Where potentials begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Start {
    AtRest,
    Between(f32, f32),
}

impl Cells {
    fn new(model: Model) -> Self {
        Self { model, start: Start::AtRest }
    }

    /// Leaky integrate-and-fire: a synapse adds its weight to the potential.
    #[must_use]
    pub fn lif(lif: Lif) -> Self {
        Self::new(Model::Lif { lif, reset: lif.rest, noise: None, drive: 0.0 })
    }

    /// Leaky integrate-and-fire with exponential currents.
    #[must_use]
    pub fn exp_lif(parameters: ExpLif) -> Self {
        Self::new(Model::ExpLif(parameters))
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

    /// Gives the cells of [`Cells::lif`] kicks of their own. No meaning for others.
    #[must_use]
    pub fn noise(mut self, kicks: Noise) -> Self {
        if let Model::Lif { noise, .. } = &mut self.model {
            *noise = Some(kicks);
        }
        self
    }

    /// Adds a constant to the potential of [`Cells::lif`] in each tick. No meaning for others.
    #[must_use]
    pub fn drive(mut self, each_tick: f32) -> Self {
        if let Model::Lif { drive, .. } = &mut self.model {
            *drive = each_tick;
        }
        self
    }

    /// Draws the potentials to begin with evenly from a range, from the seed. Otherwise they begin at rest, or at reset
    /// where that is lower.
    #[must_use]
    pub fn start_between(mut self, low: f32, high: f32) -> Self {
        self.start = Start::Between(low, high);
        self
    }

    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), PopulationError> {
        if let Start::Between(low, high) = self.start {
            finite("start", low)?;
            finite("start", high)?;
            finite("start", high - low)?;
        }
        match &self.model {
            Model::Lif { lif, reset, noise, drive } => {
                lif.check()?;
                finite("reset", *reset)?;
                finite("drive", *drive)?;
                below("reset", *reset, lif.threshold)?;
                noise.map_or(Ok(()), |noise| {
                    finite("noise.size", noise.size)?;
                    rate("noise.rate_hz", noise.rate_hz)
                })
            }
            Model::ExpLif(p) => {
                for (name, tau) in [("tau_m", p.tau_m), ("tau_e", p.tau_e), ("tau_i", p.tau_i)] {
                    positive(name, tau)?;
                }
                for (name, value) in
                    [("rest", p.rest), ("threshold", p.threshold), ("reset", p.reset)]
                {
                    finite(name, value)?;
                }
                below("reset", p.reset, p.threshold)
            }
            Model::Poisson { rate_hz } => rate("rate_hz", *rate_hz),
            Model::SpikeList(_) => Ok(()),
        }
    }

    /// Whether so many cells can be made, at this length of a tick.
    pub(crate) fn fits(&self, count: u32, length: TickLength) -> Result<(), PopulationError> {
        if !(1..=CELLS_MAX).contains(&count) {
            return Err(refuse("cells", count, "a population has 1 to 2^30 cells"));
        }
        let pause = |span: Span| {
            if length.ticks(span).0 <= DELAY_LIMIT {
                return Ok(());
            }
            Err(refuse("refractory", span, "it must be at most 2^20 ticks"))
        };
        let columns = match &self.model {
            Model::Lif { lif, noise, .. } => {
                pause(lif.refractory)?;
                let mean = |noise: &Noise| noise.rate_hz * length.as_nanos() as f64 / 1e9;
                if let Some(noise) = noise.as_ref().filter(|noise| mean(noise) > KICKS_MAX) {
                    let expected = "it must be at most 500 kicks a tick";
                    return Err(refuse("noise.rate_hz", noise.rate_hz, expected));
                }
                1
            }
            Model::ExpLif(p) => {
                pause(p.refractory)?;
                3
            }
            Model::Poisson { .. } => 0,
            Model::SpikeList(spikes) => {
                check_list(spikes, count)?;
                0
            }
        };
        let bytes = columns * 4 * u64::from(count).next_power_of_two();
        if is_room_for(bytes) {
            Ok(())
        } else {
            Err(PopulationError::Memory { cells: count, bytes })
        }
    }
}

/// The most cells of one population.
const CELLS_MAX: u32 = 1 << 30;

/// The most kicks a tick on average: beyond, `exp(-mean)` comes near the smallest number there is.
const KICKS_MAX: f64 = 500.0;

/// Whether the machine would give so many bytes at once. It is asked for them and gets them back untouched.
fn is_room_for(bytes: u64) -> bool {
    let Ok(bytes) = usize::try_from(bytes) else { return false };
    let mut asked = Vec::<u8>::new();
    let given = asked.try_reserve_exact(bytes).is_ok();
    // Memory that nobody looks at need not be asked for, says the optimiser.
    std::hint::black_box(&mut asked);
    given
}

/// Whether a sorted list of spikes can be fired by so many cells.
fn check_list(spikes: &[(Tick, u32)], count: u32) -> Result<(), PopulationError> {
    let spike = |&(tick, cell): &(Tick, u32), expected| {
        Err(PopulationError::Spike { cell, tick: tick.0, expected })
    };
    if let Some(beyond) = spikes.iter().find(|&&(_, cell)| cell >= count) {
        return spike(beyond, "there is no such cell");
    }
    if let Some(last) = spikes.last().filter(|(tick, _)| tick.0 == u64::MAX) {
        return spike(last, "no run gets to this tick");
    }
    match spikes.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => spike(&pair[0], "a cell fires at most once in a tick"),
        None => Ok(()),
    }
}

fn refuse(name: &'static str, value: impl ToString, expected: &'static str) -> PopulationError {
    PopulationError::Parameter { name, value: value.to_string(), expected }
}

fn finite(name: &'static str, value: f32) -> Result<(), PopulationError> {
    if value.is_finite() { Ok(()) } else { Err(refuse(name, value, "it must be a finite number")) }
}

fn below(name: &'static str, value: f32, threshold: f32) -> Result<(), PopulationError> {
    if value < threshold {
        Ok(())
    } else {
        Err(refuse(name, value, "it must be below the threshold"))
    }
}

fn positive(name: &'static str, tau: Span) -> Result<(), PopulationError> {
    match tau {
        Span::Ticks(0) | Span::Time(std::time::Duration::ZERO) => {
            Err(refuse(name, tau, "a time constant is longer than zero"))
        }
        _ => Ok(()),
    }
}

fn rate(name: &'static str, value: f64) -> Result<(), PopulationError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(refuse(name, value, "a rate is finite and not negative"))
    }
}

/// What a population writes down while it runs; nothing costs anything when it is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// Every spike, with its tick.
    Spikes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_a_little_and_not_for_everything() {
        assert!(is_room_for(0));
        assert!(is_room_for(1 << 20));
        assert!(!is_room_for(1 << 60));
        assert!(!is_room_for(u64::MAX));
    }
}
