//! What a spike carries, and the cells of crowds that may stand in front of it.

use super::{
    ArenaRef, CODE_ARENA, CODE_CELL, CODE_CELL_ARENA, CODE_VOLLEY, HEADER_BYTES, Header,
    INLINE_MAX, Spike, SpikeKind,
};

/// Bytes that fit into a spike beside its cells; a longer payload lies in an arena.
pub const CELL_INLINE_MAX: usize = INLINE_MAX - PAYLOAD;

/// No cell in particular.
pub(crate) const NO_CELL: u32 = u32::MAX;

const CELL: usize = 2;
const TARGET: usize = 6;
const PAYLOAD: usize = 10;

/// Which cells a spike goes between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cells {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Spike {
    /// The bytes that travel in the spike itself; empty when the payload lies elsewhere.
    #[must_use]
    #[inline]
    pub fn inline(&self) -> &[u8] {
        match self.payload.get(..(self.tag >> 2) as usize) {
            Some(bytes) => bytes,
            None if self.tag >> 2 == CODE_CELL => self.cell_inline().unwrap_or(&[]),
            None => &[],
        }
    }

    /// The bytes that travel in the spike itself: its inline payload, or the numbers of the cells of a volley.
    #[must_use]
    #[inline]
    pub fn carried(&self) -> &[u8] {
        if self.tag >> 2 != CODE_VOLLEY {
            return self.inline();
        }
        self.payload.get(1..1 + 4 * self.payload[0] as usize).unwrap_or(&[])
    }

    /// How many firings it stands for: the cells of a volley, 1 for any other spike.
    #[must_use]
    #[inline]
    pub const fn firings(&self) -> u8 {
        if self.tag >> 2 == CODE_VOLLEY { self.payload[0] } else { 1 }
    }

    /// Whether it only adds or subtracts, and carries its payload itself, between no cells.
    #[inline]
    pub(crate) const fn is_plain(&self) -> bool {
        self.tag & 0b11 <= SpikeKind::Inhibitory as u8 && self.tag >> 2 <= INLINE_MAX as u8
    }

    /// What a plain one carries.
    #[inline]
    pub(crate) fn plain_payload(&self) -> &[u8] {
        &self.payload[..usize::from(self.tag >> 2).min(INLINE_MAX)]
    }

    /// Whether weights are subtracted where it arrives.
    #[inline]
    pub(crate) const fn inhibits(&self) -> bool {
        self.tag & 0b11 == SpikeKind::Inhibitory as u8
    }

    /// Whether its payload lies in an arena.
    #[must_use]
    #[inline]
    pub const fn arena_ref(&self) -> Option<ArenaRef> {
        match self.tag >> 2 {
            CODE_ARENA => Some(self.arena_at(0)),
            CODE_CELL_ARENA => Some(self.cell_arena()),
            _ => None,
        }
    }

    const fn arena_at(&self, at: usize) -> ArenaRef {
        let p = self.payload.split_at(at).1;
        ArenaRef {
            offset: u32::from_ne_bytes([p[0], p[1], p[2], p[3]]),
            length: u32::from_ne_bytes([p[4], p[5], p[6], p[7]]),
            generation: u32::from_ne_bytes([p[8], p[9], p[10], p[11]]),
            segment: u32::from_ne_bytes([p[12], p[13], p[14], p[15]]),
        }
    }

    #[inline]
    fn word(&self, at: usize) -> Option<u32> {
        if !matches!(self.tag >> 2, CODE_CELL | CODE_CELL_ARENA) {
            return None;
        }
        let cell = u32::from_le_bytes(*self.payload[at..].first_chunk()?);
        (cell != NO_CELL).then_some(cell)
    }

    /// Which cell of its source fired it, if the source is a crowd.
    #[must_use]
    #[inline]
    pub fn cell(&self) -> Option<u32> {
        self.word(CELL)
    }

    /// Which cell of its target it is for; `None` is every cell that its source has a synapse onto.
    #[must_use]
    #[inline]
    pub fn target_cell(&self) -> Option<u32> {
        self.word(TARGET)
    }

    /// Becomes a spike between cells with its payload inline, in place; false, and unchanged, if that is too long.
    #[inline]
    pub(crate) fn rewrite_between(
        &mut self,
        header: &Header,
        cells: Cells,
        payload: &[u8],
    ) -> bool {
        if payload.len() > CELL_INLINE_MAX {
            return false;
        }
        self.time_ns = header.time_ns;
        self.sequence = header.sequence;
        self.source = header.source.raw();
        self.target = header.target;
        self.tag = header.kind as u8 | CODE_CELL << 2;
        self.priority = header.priority;
        self.payload = [0; INLINE_MAX];
        self.payload[0] = payload.len() as u8;
        self.payload[CELL..TARGET].copy_from_slice(&cells.from.to_le_bytes());
        self.payload[TARGET..PAYLOAD].copy_from_slice(&cells.to.to_le_bytes());
        if !payload.is_empty() {
            self.payload[PAYLOAD..PAYLOAD + payload.len()].copy_from_slice(payload);
        }
        true
    }

    /// The same spike with its large payload in another place.
    pub(crate) fn moved_to(self, block: ArenaRef) -> Self {
        if self.tag >> 2 == CODE_CELL_ARENA {
            self.between_with_arena(block)
        } else {
            self.with_arena(block)
        }
    }

    /// The same spike between the same cells, with a reference into an arena.
    pub(crate) fn between_with_arena(mut self, block: ArenaRef) -> Self {
        self.payload[0] = 0;
        self.payload[PAYLOAD..].fill(0);
        self.payload[PAYLOAD..PAYLOAD + 16].copy_from_slice(bytemuck::bytes_of(&block));
        self.set_code(CODE_CELL_ARENA);
        self
    }

    /// Its bytes inline, checked for length.
    #[inline]
    pub(super) fn cell_inline(&self) -> Option<&[u8]> {
        self.payload[PAYLOAD..].get(..self.payload[0] as usize)
    }

    pub(super) const fn cell_arena(&self) -> ArenaRef {
        self.arena_at(PAYLOAD)
    }

    /// The same spike without the place of a payload that lies elsewhere: what a record keeps.
    pub(crate) fn without_place(&self) -> Self {
        let mut bytes = [0; size_of::<Self>()];
        let meaning = self.meaning();
        bytes[..meaning.len()].copy_from_slice(meaning);
        Self::from_words(bytemuck::must_cast(bytes))
    }

    /// The bytes that say what it is, wherever its payload lies: where in an arena that is, is chance.
    pub(crate) fn meaning(&self) -> &[u8] {
        let told = match self.tag >> 2 {
            CODE_ARENA => HEADER_BYTES,
            CODE_CELL_ARENA => HEADER_BYTES + PAYLOAD,
            _ => size_of::<Self>(),
        };
        &self.as_bytes()[..told]
    }
}
