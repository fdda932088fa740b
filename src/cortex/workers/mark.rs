//! What workers tell each other beside spikes: marks, one slot each.
//!
//! ```text
//! offset  in the payload of a spike whose length code is 49
//! 0       u8   which mark
//! 1       ..   its fields, little-endian
//! ```
//!
//! The number of a mark is where a spike has its time. Marks never leave the axons between the workers of one cortex.

use crate::spike::{INLINE_MAX, Spike};

/// Cells that fit into one mark.
const CELLS_MAX: usize = 10;

/// What a worker knows when it has computed its part of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    /// The next tick in which it, or whoever hears what it sent, has something to compute; `u64::MAX` is never.
    pub(super) due: u64,
    /// One more than the last tick that it has computed; 0 before the first.
    pub(super) computed: u64,
    /// How many ticks of this epoch it has computed.
    pub(super) ticks: u32,
    /// Whether everybody is to stop here.
    pub(super) halt: bool,
    /// What happened here so far: spikes fired and delivered, and firings.
    pub(super) counted: [u64; 3],
}

/// A slot that is no spike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mark {
    /// The last slot of an epoch.
    EpochEnd(Claim),
    /// Compute from the first tick to before the second.
    Span { from: u64, to: u64 },
    /// Give your worker back; who runs freely comes to this tick before.
    Rest { to: u64 },
    /// The next slot is a spike that a gate puts straight onto a membrane.
    Admit { drive: f32 },
    /// The topology changes at a tick; how, lies in the mailbox.
    Mail { tick: u64 },
    /// Cells of a population that fired in a tick.
    Cells { tick: u64, population: u16, cells: [u32; CELLS_MAX], count: u8 },
}

/// "Never" as the number of a mark: the top bit of that word is the ring's.
const NEVER: u64 = u64::MAX >> 1;

const EPOCH_END: u8 = 0;
const SPAN: u8 = 1;
const REST: u8 = 2;
const ADMIT: u8 = 3;
const MAIL: u8 = 4;
const CELLS: u8 = 5;

/// Writes fields one behind the other.
struct Fields {
    bytes: [u8; INLINE_MAX],
    at: usize,
}

impl Fields {
    fn of(mark: u8) -> Self {
        let mut bytes = [0; INLINE_MAX];
        bytes[0] = mark;
        Self { bytes, at: 1 }
    }

    fn put<const N: usize>(mut self, field: [u8; N]) -> Self {
        self.bytes[self.at..self.at + N].copy_from_slice(&field);
        self.at += N;
        self
    }
}

/// The field at an offset.
fn field<const N: usize>(bytes: &[u8; INLINE_MAX], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

impl Mark {
    pub(super) fn to_slot(self) -> Spike {
        match self {
            Self::EpochEnd(Claim { due, computed, ticks, halt, counted }) => {
                let fields = Fields::of(EPOCH_END).put(computed.to_le_bytes());
                let fields = fields.put(ticks.to_le_bytes()).put([u8::from(halt)]);
                let fields =
                    counted.iter().fold(fields, |fields, count| fields.put(count.to_le_bytes()));
                Spike::mark(due.min(NEVER), fields.bytes)
            }
            Self::Span { from, to } => {
                Spike::mark(from, Fields::of(SPAN).put(to.to_le_bytes()).bytes)
            }
            Self::Rest { to } => Spike::mark(to, Fields::of(REST).bytes),
            Self::Admit { drive } => {
                Spike::mark(0, Fields::of(ADMIT).put(drive.to_le_bytes()).bytes)
            }
            Self::Mail { tick } => Spike::mark(tick, Fields::of(MAIL).bytes),
            Self::Cells { tick, population, cells, count } => {
                let fields = Fields::of(CELLS).put([count]).put(population.to_le_bytes());
                let fields =
                    cells.iter().fold(fields, |fields, cell| fields.put(cell.to_le_bytes()));
                Spike::mark(tick, fields.bytes)
            }
        }
    }

    /// The mark in a slot, if it holds one.
    pub(super) fn from_slot(slot: &Spike) -> Option<Self> {
        let (number, bytes) = slot.as_mark()?;
        Some(match bytes[0] {
            EPOCH_END => Self::EpochEnd(Claim {
                due: if number == NEVER { u64::MAX } else { number },
                computed: u64::from_le_bytes(field(bytes, 1)),
                ticks: u32::from_le_bytes(field(bytes, 9)),
                halt: bytes[13] != 0,
                counted: std::array::from_fn(|count| {
                    u64::from_le_bytes(field(bytes, 14 + 8 * count))
                }),
            }),
            SPAN => Self::Span { from: number, to: u64::from_le_bytes(field(bytes, 1)) },
            REST => Self::Rest { to: number },
            ADMIT => Self::Admit { drive: f32::from_le_bytes(field(bytes, 1)) },
            MAIL => Self::Mail { tick: number },
            CELLS => Self::Cells {
                tick: number,
                population: u16::from_le_bytes(field(bytes, 2)),
                cells: std::array::from_fn(|cell| u32::from_le_bytes(field(bytes, 4 + 4 * cell))),
                count: bytes[1].min(CELLS_MAX as u8),
            },
            _ => return None,
        })
    }

    /// The marks that say which cells of a population fired in a tick.
    pub(super) fn cells(tick: u64, population: u16, fired: &[u32]) -> impl Iterator<Item = Self> {
        fired.chunks(CELLS_MAX).map(move |chunk| {
            let mut cells = [0; CELLS_MAX];
            cells[..chunk.len()].copy_from_slice(chunk);
            Self::Cells { tick, population, cells, count: chunk.len() as u8 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let counted = [1, u64::MAX, 3];
        let claim = Claim { due: u64::MAX, computed: 1 << 40, ticks: 77, halt: true, counted };
        let cells = std::array::from_fn(|cell| u32::MAX - cell as u32);
        let marks = [
            Mark::EpochEnd(claim),
            Mark::EpochEnd(Claim { due: 3, halt: false, ..claim }),
            Mark::Span { from: 5, to: u64::MAX },
            Mark::Rest { to: 1 << 50 },
            Mark::Admit { drive: -0.25 },
            Mark::Mail { tick: 9 },
            Mark::Cells { tick: 1 << 62, population: 65_000, cells, count: 7 },
        ];
        for mark in marks {
            assert_eq!(Mark::from_slot(&mark.to_slot()), Some(mark));
        }
        let id = crate::id::NeuronId::new(1).unwrap();
        assert_eq!(Mark::from_slot(&Spike::new(id, crate::spike::SpikeKind::Modulatory)), None);
    }
}
