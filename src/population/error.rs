//! Why populations are refused, and the checks that their parameters share.

use crate::membrane::MembraneError;
use crate::time::Span;

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

pub(super) fn refuse(
    name: &'static str,
    value: impl ToString,
    expected: &'static str,
) -> PopulationError {
    PopulationError::Parameter { name, value: value.to_string(), expected }
}

pub(super) fn finite(name: &'static str, value: f32) -> Result<(), PopulationError> {
    if value.is_finite() { Ok(()) } else { Err(refuse(name, value, "it must be a finite number")) }
}

pub(super) fn below(name: &'static str, value: f32, threshold: f32) -> Result<(), PopulationError> {
    if value < threshold {
        Ok(())
    } else {
        Err(refuse(name, value, "it must be below the threshold"))
    }
}

pub(super) fn positive(name: &'static str, tau: Span) -> Result<(), PopulationError> {
    match tau {
        Span::Ticks(0) | Span::Time(std::time::Duration::ZERO) => {
            Err(refuse(name, tau, "a time constant is longer than zero"))
        }
        _ => Ok(()),
    }
}

pub(super) fn rate(name: &'static str, value: f64) -> Result<(), PopulationError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(refuse(name, value, "a rate is finite and not negative"))
    }
}

pub(super) fn within(
    name: &'static str,
    value: f32,
    range: std::ops::RangeInclusive<f32>,
    expected: &'static str,
) -> Result<(), PopulationError> {
    if range.contains(&value) { Ok(()) } else { Err(refuse(name, value, expected)) }
}
