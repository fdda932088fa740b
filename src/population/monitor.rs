//! Monitors: what populations and the projections between them write down while they run.
//!
//! A monitor belongs to the slice of cells that is here, and writes cells down by their numbers in the whole
//! population, so what the workers have written can be put together.

use std::ops::Range;

use super::error::{PopulationError, refuse};
use super::rows::Table;
use crate::time::{Span, TickLength};

/// What a population writes down while it runs. What is not asked for costs nothing; what is asked for is kept until
/// the cortex is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// Every spike, with its tick; see [`Cortex::recorded`](crate::cortex::Cortex::recorded).
    Spikes,
    /// How often the cells fire in bins of so long; see
    /// [`Cortex::recorded_rates`](crate::cortex::Cortex::recorded_rates).
    Rates {
        /// The length of a bin, at least one tick.
        every: Span,
    },
    /// The potentials of some cells at the end of every so many ticks; see
    /// [`Cortex::recorded_potentials`](crate::cortex::Cortex::recorded_potentials).
    Potentials {
        /// Which cells.
        cells: Vec<u32>,
        /// The time from one look to the next, at least one tick.
        every: Span,
    },
}

impl Record {
    /// Whether a population of so many cells can write it down.
    pub(crate) fn check(
        &self,
        count: u32,
        is_source: bool,
        length: TickLength,
    ) -> Result<(), PopulationError> {
        let (every, cells) = match self {
            Self::Spikes => return Ok(()),
            Self::Rates { every } => (*every, &[][..]),
            Self::Potentials { every, .. } if is_source => {
                let expected = "a source has no potential";
                return Err(refuse("record.potentials.every", every, expected));
            }
            Self::Potentials { every, cells } => (*every, &cells[..]),
        };
        if length.ticks(every).0 == 0 {
            return Err(refuse("record.every", every, "it must be at least one tick"));
        }
        match cells.iter().find(|&&cell| cell >= count) {
            Some(cell) => Err(refuse("record.potentials.cells", cell, "there is no such cell")),
            None => Ok(()),
        }
    }
}

/// Spikes of a slice by bins.
#[derive(Debug)]
struct Rates {
    every: u64,
    bins: Vec<u64>,
}

/// Potentials of some cells of a slice.
#[derive(Debug)]
struct Potentials {
    every: u64,
    cells: Vec<u32>,
    seen: Vec<(u64, u32, f32)>,
}

/// What the slice of a population has written down beside its spikes.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    rates: Option<Rates>,
    potentials: Option<Potentials>,
}

impl Monitors {
    /// The monitors of a slice. Of two records of one kind the later counts.
    pub(super) fn new(records: &[Record], slice: &Range<u32>, length: TickLength) -> Self {
        let mut monitors = Self::default();
        for record in records {
            match record {
                Record::Spikes => {}
                Record::Rates { every } => {
                    let every = length.ticks(*every).0;
                    monitors.rates = Some(Rates { every, bins: Vec::new() });
                }
                Record::Potentials { cells, every } => {
                    let every = length.ticks(*every).0;
                    let mut cells = cells.clone();
                    cells.sort_unstable();
                    cells.dedup();
                    cells.retain(|cell| slice.contains(cell));
                    monitors.potentials = Some(Potentials { every, cells, seen: Vec::new() });
                }
            }
        }
        monitors
    }

    /// The end of a tick in which so many cells have fired.
    #[inline]
    pub(super) fn look(&mut self, now: u64, fired: usize, potential: impl Fn(u32) -> Option<f32>) {
        if let Some(rates) = &mut self.rates {
            rates.bins.resize((now / rates.every) as usize + 1, 0);
            rates.bins[(now / rates.every) as usize] += fired as u64;
        }
        if let Some(potentials) = &mut self.potentials
            && (now + 1).is_multiple_of(potentials.every)
        {
            let seen =
                potentials.cells.iter().filter_map(|&cell| Some((now, cell, potential(cell)?)));
            potentials.seen.extend(seen);
        }
    }

    /// Spikes of the whole population by bins, over the monitors of all slices, and the length of a bin in ticks.
    pub(super) fn rates(parts: &[&Self]) -> Option<(Vec<u64>, u64)> {
        let all: Option<Vec<&Rates>> = parts.iter().map(|part| part.rates.as_ref()).collect();
        let all = all?;
        let bins = all.iter().map(|rates| rates.bins.len()).max()?;
        let sum = |bin| all.iter().map(|rates| rates.bins.get(bin).copied().unwrap_or(0)).sum();
        Some(((0..bins).map(sum).collect(), all[0].every))
    }

    /// Tick, cell and potential, over the monitors of all slices, in order.
    pub(super) fn potentials(parts: &[&Self]) -> Option<Vec<(u64, u32, f32)>> {
        let all: Option<Vec<&Potentials>> =
            parts.iter().map(|part| part.potentials.as_ref()).collect();
        let mut seen: Vec<_> = all?.iter().flat_map(|part| part.seen.iter().copied()).collect();
        seen.sort_by_key(|&(tick, cell, _)| (tick, cell));
        Some(seen)
    }
}

/// What the weights of a projection were, as far as its targets are here.
#[derive(Debug)]
pub(super) struct WeightMonitor {
    every: u64,
    seen: Vec<WeightSeen>,
}

/// One synapse at one time: tick, source, target, weight.
pub(super) type WeightSeen = (u64, u32, u32, f32);

impl WeightMonitor {
    pub(super) fn new(every: Span, length: TickLength) -> Self {
        Self { every: length.ticks(every).0, seen: Vec::new() }
    }

    /// The end of a tick; the targets in the tables count from `first`.
    pub(super) fn look(&mut self, now: u64, tables: &[Table], first: u32) {
        if !(now + 1).is_multiple_of(self.every) {
            return;
        }
        for table in tables {
            for source in 0..table.starts.len() as u32 - 1 {
                let synapse = |slot: usize| {
                    (now, source, first + table.target_of(slot), table.weight_of(slot))
                };
                self.seen.extend(table.row(source).map(synapse));
            }
        }
    }

    /// What the monitors of all slices have seen, in order of ticks, sources and targets.
    pub(super) fn merged(parts: &[&Self]) -> Vec<WeightSeen> {
        let mut seen: Vec<_> = parts.iter().flat_map(|part| part.seen.iter().copied()).collect();
        seen.sort_by_key(|&(tick, source, target, _)| (tick, source, target));
        seen
    }
}
