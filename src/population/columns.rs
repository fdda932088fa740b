//! The state of a group of cells: the columns of their model, and who is in its pause.

mod saving;

use std::ops::Range;

pub(super) use saving::Slots;

use super::cells::{CellModel, Cells, Group, STATE_COLUMNS};
use crate::time::TickLength;

/// The state of a slice of a population's cells, and what moves it on.
#[derive(Debug)]
pub(super) struct Columns {
    model: Box<dyn CellModel>,
    source: bool,
    /// How many cells are here.
    cells: usize,
    /// The number of the first of them in the whole population.
    first: u32,
    /// Who fired in each of the last ticks, as long as the refractory pause: they are held at reset.
    resting: Vec<Vec<u32>>,
}

impl Columns {
    /// The columns of a slice of a population's cells.
    pub(super) fn new(
        cells: &Cells,
        slice: Range<u32>,
        length: TickLength,
        seed: u64,
        stream: u64,
    ) -> Self {
        let group = Group { cells: slice, length, seed, stream };
        let pause = group.length.ticks(cells.refractory()).0 as usize;
        Self {
            model: cells.columns(&group),
            source: cells.is_source(),
            cells: group.cells.len(),
            first: group.cells.start,
            resting: vec![Vec::new(); pause],
        }
    }

    /// Leak, currents and noise of one tick.
    pub(super) fn advance(&mut self, now: u64) {
        self.model.advance(now);
    }

    /// What arriving spikes add to; empty for sources. Its length is a power of two.
    pub(super) fn input(&mut self, inhibitory: bool) -> &mut [f32] {
        self.model.input(inhibitory)
    }

    /// Adds the same to every cell: what excites, and what inhibits, which is below zero.
    pub(super) fn drive_all(&mut self, excitatory: f32, inhibitory: f32) {
        let count = self.cells;
        // Finite drives may add up to more than there is: a potential that is infinite would never be well again.
        let add = |v: &mut f32, drive: f32| *v = (*v + drive).clamp(f32::MIN, f32::MAX);
        self.input(false).iter_mut().take(count).for_each(|v| add(v, excitatory));
        self.input(true).iter_mut().take(count).for_each(|v| add(v, inhibitory));
    }

    /// Whether the cells fire by themselves and hear nothing.
    pub(super) fn is_source(&self) -> bool {
        self.source
    }

    /// Holds who is refractory, and finds who fires, by position in this slice.
    pub(super) fn fire(&mut self, now: u64, fired: &mut Vec<u32>) {
        self.resting.iter().for_each(|cells| self.model.hold(cells));
        self.model.scan(now, fired);
        self.model.reset(fired);
        let pause = self.resting.len() as u64;
        if pause > 0 {
            let slot = &mut self.resting[(now % pause) as usize];
            slot.clear();
            slot.extend_from_slice(fired);
        }
    }

    /// The potential of a cell, by its position in this slice.
    pub(super) fn potential(&self, cell: u32) -> Option<f32> {
        self.model.potentials().get(cell as usize).copied()
    }

    /// The state of a whole population, which is the same however it is cut into slices; these in order of cells.
    pub(super) fn digest_into(slices: &[&Self], hasher: &mut blake3::Hasher) {
        let states: Vec<_> = slices.iter().map(|slice| slice.model.state()).collect();
        for column in 0..STATE_COLUMNS {
            for state in &states {
                hasher.update(bytemuck::cast_slice(state[column]));
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
