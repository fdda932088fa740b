//! Which synapses lead onto a target: the index by target of a table that learns.

use super::rows::Table;
use crate::shm::advice;

/// The synapses onto each target of one table: a column of their slots and one of their sources.
#[derive(Debug)]
pub(super) struct Incoming<S> {
    starts: Vec<u32>,
    slots: Vec<u32>,
    sources: Vec<S>,
}

/// The number of a source, in as many bytes as it takes.
pub(super) trait Source: Copy + Default {
    fn of(source: u32) -> Self;
    fn number(self) -> usize;
}

impl Source for u16 {
    #[inline(always)]
    fn of(source: u32) -> Self {
        source as Self
    }

    #[inline(always)]
    fn number(self) -> usize {
        usize::from(self)
    }
}

impl Source for u32 {
    #[inline(always)]
    fn of(source: u32) -> Self {
        source
    }

    #[inline(always)]
    fn number(self) -> usize {
        self as usize
    }
}

/// An index in as few bytes as its sources need: six a synapse where there are at most 65,536, eight with more.
#[derive(Debug)]
pub(super) enum Index {
    Narrow(Incoming<u16>),
    Wide(Incoming<u32>),
}

impl Index {
    pub(super) fn new(table: &Table, targets: u32) -> Self {
        let sources = table.starts.len() - 1;
        if sources <= 1 << 16 {
            Self::Narrow(Incoming::new(table, targets))
        } else {
            Self::Wide(Incoming::new(table, targets))
        }
    }
}

impl<S: Source> Incoming<S> {
    fn new(table: &Table, targets: u32) -> Self {
        let mut starts = vec![0u32; targets as usize + 1];
        for &target in &table.targets {
            starts[target as usize + 1] += 1;
        }
        for target in 0..targets as usize {
            starts[target + 1] += starts[target];
        }
        let mut places = starts.clone();
        let count = table.targets.len();
        let (mut slots, mut sources) = (advice::vector(count), advice::vector(count));
        slots.resize(count, 0);
        sources.resize(count, S::default());
        for source in 0..table.starts.len() as u32 - 1 {
            for slot in table.row(source) {
                let place = &mut places[table.targets[slot] as usize];
                slots[*place as usize] = slot as u32;
                sources[*place as usize] = S::of(source);
                *place += 1;
            }
        }
        Self { starts, slots, sources }
    }

    /// The slots and the sources of the synapses onto a target, in order of sources.
    #[inline(always)]
    pub(super) fn onto(&self, target: u32) -> (&[u32], &[S]) {
        let target = target as usize;
        let synapses = self.starts[target] as usize..self.starts[target + 1] as usize;
        (&self.slots[synapses.clone()], &self.sources[synapses])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_in_two_bytes_is_the_same() {
        for source in [0, 1, 0x9abc, 65_535] {
            assert_eq!(<u16 as Source>::of(source).number(), <u32 as Source>::of(source).number());
        }
    }
}
