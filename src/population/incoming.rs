//! An index by target: where the synapses onto each cell lie in a table that is ordered by source.

use super::rows::Table;
use crate::shm::advice;

/// The synapses onto each target of one table.
#[derive(Debug)]
pub(super) struct Incoming<S> {
    starts: Vec<u32>,
    synapses: Vec<S>,
}

/// A synapse, as its target finds it.
pub(super) trait Synapse: Copy + Default {
    fn of(slot: u32, source: u32) -> Self;
    fn slot(self) -> usize;
    fn source(self) -> usize;
}

/// One of a source with a number below 2^16: six bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Narrow {
    /// In two halves, so that it needs no room to be aligned.
    slot: [u16; 2],
    source: u16,
}

const _: () = assert!(size_of::<Narrow>() == 6);

/// One of any source.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wide {
    slot: u32,
    source: u32,
}

impl Synapse for Narrow {
    #[inline(always)]
    fn of(slot: u32, source: u32) -> Self {
        Self { slot: [slot as u16, (slot >> 16) as u16], source: source as u16 }
    }

    #[inline(always)]
    fn slot(self) -> usize {
        let [low, high] = self.slot;
        (u32::from(low) | u32::from(high) << 16) as usize
    }

    #[inline(always)]
    fn source(self) -> usize {
        usize::from(self.source)
    }
}

impl Synapse for Wide {
    #[inline(always)]
    fn of(slot: u32, source: u32) -> Self {
        Self { slot, source }
    }

    #[inline(always)]
    fn slot(self) -> usize {
        self.slot as usize
    }

    #[inline(always)]
    fn source(self) -> usize {
        self.source as usize
    }
}

/// An index in as few bytes as its sources need.
#[derive(Debug)]
pub(super) enum Index {
    Narrow(Incoming<Narrow>),
    Wide(Incoming<Wide>),
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

impl<S: Synapse> Incoming<S> {
    fn new(table: &Table, targets: u32) -> Self {
        let mut starts = vec![0u32; targets as usize + 1];
        for &target in &table.targets {
            starts[target as usize + 1] += 1;
        }
        for target in 0..targets as usize {
            starts[target + 1] += starts[target];
        }
        let mut places = starts.clone();
        let mut synapses = advice::vector(table.targets.len());
        synapses.resize(table.targets.len(), S::default());
        for source in 0..table.starts.len() as u32 - 1 {
            for slot in table.row(source) {
                let place = &mut places[table.targets[slot] as usize];
                synapses[*place as usize] = S::of(slot as u32, source);
                *place += 1;
            }
        }
        Self { starts, synapses }
    }

    /// The synapses onto a target, in order of sources.
    #[inline(always)]
    pub(super) fn onto(&self, target: u32) -> &[S] {
        let target = target as usize;
        &self.synapses[self.starts[target] as usize..self.starts[target + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synapse_in_six_bytes_is_the_same() {
        for (slot, source) in [(0, 0), (1, 65_535), (u32::MAX, 1), (0x1234_5678, 0x9abc)] {
            let (narrow, wide) = (Narrow::of(slot, source), Wide::of(slot, source));
            assert_eq!((narrow.slot(), narrow.source()), (wide.slot(), wide.source()));
        }
    }
}
