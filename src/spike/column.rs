//! Spikes as a column of a state: 64 bytes each.

use super::{ArenaRef, Spike};
use crate::state::{Section, StateError};

impl Spike {
    /// The same spike, but for where in an arena its payload lies.
    pub(crate) fn nowhere(self) -> Self {
        let block = ArenaRef { offset: 0, length: 0, generation: 0, segment: 0 };
        if self.arena_ref().is_some() { self.moved_to(block) } else { self }
    }

    /// Reads a column of spikes, each of which is checked.
    pub(crate) fn read_all(section: &Section<'_>, name: &str) -> Result<Vec<Self>, StateError> {
        let bytes = section.bytes(name)?;
        let (all, rest) = bytes.as_chunks::<64>();
        if !rest.is_empty() {
            return Err(section.misshapen(name, bytes.len(), "a multiple of 64 bytes"));
        }
        let read = |(index, bytes)| match Self::from_bytes(bytes) {
            Ok(spike) if spike == spike.nowhere() => Ok(spike),
            Ok(_) => Err(section.refuse(name, index, "that", "its payload lies beside it")),
            Err(error) => Err(section.refuse(name, index, error, "it must be a spike")),
        };
        all.iter().enumerate().map(read).collect()
    }
}
