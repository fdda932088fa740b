//! The state of a population's cells as columns, however it is cut into slices.

use std::io;
use std::ops::Range;

use super::Columns;
use crate::population::cells::STATE_COLUMNS;
use crate::state::{Section, StateError, StateWriter};

/// Lists of cells, by slot: as many as a cell may rest, or a spike travel.
pub(in crate::population) struct Slots {
    lists: Vec<Vec<u32>>,
}

impl Slots {
    pub(in crate::population) fn write(
        name: &str,
        lists: &[Vec<u32>],
        out: &mut StateWriter<'_>,
    ) -> io::Result<()> {
        let lengths: Vec<u32> = lists.iter().map(|list| list.len() as u32).collect();
        out.column(&format!("{name}.lengths"), &lengths)?;
        out.parts(&format!("{name}.cells"), lists.iter().map(Vec::as_slice))
    }

    /// Reads so many lists of cells, in each of which they are in order and below a number.
    pub(in crate::population) fn read(
        section: &Section<'_>,
        name: &str,
        slots: usize,
        cells: u32,
    ) -> Result<Self, StateError> {
        let column = format!("{name}.cells");
        let expected = "there is no such cell";
        let all = section.up_to(&column, section.count::<u32>(&column)?, cells - 1, expected)?;
        let starts = section.starts(&format!("{name}.lengths"), slots, all.len())?;
        let lists: Vec<Vec<u32>> =
            starts.windows(2).map(|ends| all[ends[0]..ends[1]].to_vec()).collect();
        match lists.iter().position(|list| !list.is_sorted_by(|a, b| a < b)) {
            Some(slot) => {
                let at = starts[slot];
                Err(section.refuse(&column, at, all[at], "the cells of a list are in order"))
            }
            None => Ok(Self { lists }),
        }
    }

    pub(in crate::population) fn each(&self) -> impl Iterator<Item = &[u32]> {
        self.lists.iter().map(Vec::as_slice)
    }

    /// Those of a list that belong to a slice, by their position in it.
    fn within<'a>(list: &'a [u32], slice: &Range<u32>) -> impl Iterator<Item = u32> + 'a {
        let first = slice.start;
        let begin = list.partition_point(|&cell| cell < first);
        let end = list.partition_point(|&cell| cell < slice.end);
        list[begin..end].iter().map(move |&cell| cell - first)
    }
}

impl Columns {
    fn slice(&self) -> Range<u32> {
        self.first..self.first + self.cells as u32
    }

    /// Writes the slices of a population, in order of cells.
    pub(in crate::population) fn save(
        slices: &[&Self],
        out: &mut StateWriter<'_>,
    ) -> io::Result<()> {
        let states: Vec<_> = slices.iter().map(|slice| slice.model.state()).collect();
        for column in 0..STATE_COLUMNS {
            let parts = states.iter().map(|state| state[column]);
            out.parts(&format!("state.{column}"), parts)?;
        }
        let pause = slices.first().map_or(0, |slice| slice.resting.len());
        let resting = |slot: usize| -> Vec<u32> {
            let numbered = slices
                .iter()
                .flat_map(|slice| slice.resting[slot].iter().map(move |&cell| slice.first + cell));
            numbered.collect()
        };
        Slots::write("resting", &(0..pause).map(resting).collect::<Vec<_>>(), out)
    }

    /// Takes over the state of a run whose next tick is `next`.
    pub(in crate::population) fn load(
        slices: &mut [&mut Self],
        section: &Section<'_>,
        next: u64,
    ) -> Result<(), StateError> {
        for column in 0..STATE_COLUMNS {
            let parts = slices.iter_mut().map(|slice| {
                let [a, b, c] = slice.model.state_mut();
                [a, b, c].into_iter().nth(column).unwrap_or(&mut [])
            });
            section.read_parts(&format!("state.{column}"), parts)?;
        }
        let pause = slices.first().map_or(0, |slice| slice.resting.len());
        let cells: usize = slices.iter().map(|slice| slice.cells).sum();
        let resting = Slots::read(section, "resting", pause, cells as u32)?;
        for slice in slices {
            let range = slice.slice();
            for (own, list) in slice.resting.iter_mut().zip(resting.each()) {
                own.clear();
                own.extend(Slots::within(list, &range));
            }
            slice.model.resume(next);
        }
        Ok(())
    }
}
