//! Sources: cells that fire by themselves and hear nothing.

use std::ops::Range;
use std::sync::Arc;

use pulp::Arch;

use super::{BLOCK, CellModel, Group};
use crate::population::error::PopulationError;
use crate::population::noise;
use crate::time::Tick;

/// Cells that fire by chance.
#[derive(Debug)]
pub(super) struct PoissonColumns {
    group: Group,
    /// A cell fires if its random bits are below this.
    below: u32,
}

#[inline(always)]
fn draw(cells: Range<u32>, key: u64, below: u32, fired: &mut Vec<u32>) {
    for first in cells.clone().step_by(BLOCK) {
        let block = first..cells.end.min(first + BLOCK as u32);
        let any =
            block.clone().fold(0u32, |any, cell| any | u32::from(noise::bits(key, cell) < below));
        if any != 0 {
            let chosen = block.filter(|&cell| noise::bits(key, cell) < below);
            fired.extend(chosen.map(|cell| cell - cells.start));
        }
    }
}

impl PoissonColumns {
    pub(super) fn new(rate_hz: f64, group: &Group) -> Self {
        let chance = -libm::expm1(-rate_hz * group.length.as_nanos() as f64 * 1e-9);
        let below = (chance * (1u64 << 32) as f64).min(f64::from(u32::MAX)) as u32;
        Self { group: group.clone(), below }
    }
}

impl CellModel for PoissonColumns {
    fn scan(&mut self, now: u64, fired: &mut Vec<u32>) {
        let key = noise::key(self.group.seed, self.group.stream, now);
        let (cells, below) = (self.group.cells.clone(), self.below);
        Arch::new().dispatch(|| draw(cells, key, below, fired));
    }
}

/// Cells that fire when they are told to.
#[derive(Debug)]
pub(super) struct ListColumns {
    spikes: Arc<[(Tick, u32)]>,
    cells: Range<u32>,
    next: usize,
}

impl ListColumns {
    pub(super) fn new(spikes: &Arc<[(Tick, u32)]>, group: &Group) -> Self {
        Self { spikes: spikes.clone(), cells: group.cells.clone(), next: 0 }
    }
}

impl CellModel for ListColumns {
    fn scan(&mut self, now: u64, fired: &mut Vec<u32>) {
        while let Some(&(tick, cell)) = self.spikes.get(self.next) {
            if tick.0 > now {
                break;
            }
            // Every tick is seen, and cells that are not there were refused: nothing is passed over.
            if self.cells.contains(&cell) {
                fired.push(cell - self.cells.start);
            }
            self.next += 1;
        }
    }

    fn resume(&mut self, next: u64) {
        self.next = self.spikes.partition_point(|(tick, _)| tick.0 < next);
    }
}

/// Whether a sorted list of spikes can be fired by so many cells.
pub(super) fn check_list(spikes: &[(Tick, u32)], count: u32) -> Result<(), PopulationError> {
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
