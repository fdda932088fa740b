//! The message: 64 bytes, one cache line.
//!
//! ```text
//! offset size field
//! 0      8    time_ns    u64  cortex time of firing, below 2^63
//! 8      4    sequence   u32  per source, wraps
//! 12     2    source     u16  endpoint: an agent, a gate or a population
//! 14     2    target     u16  0xFFFF: every synapse of the source
//! 16     1    tag        u8   bits 0-1 kind, bits 2-7 length code
//! 17     1    priority   u8   0..=255; the tier is its top three bits
//! 18     46   payload    bytes
//! ```
//!
//! Kinds are 0 excitatory, 1 inhibitory, 2 modulatory; 3 is refused. Length codes are 0 to 46 (bytes inline), 47 (a
//! volley: its first byte says how many cell numbers follow), 48 (a 16-byte [`ArenaRef`]), 49 (end of an epoch), 50 and
//! 51 (between cells, see below); others are refused. A spike read from outside is checked by [`Spike::check`] before
//! anything in it is believed.
//!
//! A spike from or to one cell of a [crowd](crate::crowd) says which, in front of its payload:
//!
//! ```text
//! 18     1    length     u8   bytes inline, 0 to 36
//! 20     4    cell       u32  which cell of the source, 0xFFFFFFFF: it has none
//! 24     4    target     u32  which cell of the target, 0xFFFFFFFF: all of them
//! 28     36   payload    bytes (code 50), or an `ArenaRef` (code 51)
//! ```

mod column;
mod payload;

use bytemuck::{Pod, Zeroable};

pub use payload::CELL_INLINE_MAX;
pub(crate) use payload::{Cells, NO_CELL};

use crate::id::NeuronId;
use crate::time::Tick;

/// Bytes that fit into a spike itself; a longer payload lies in an arena.
pub const INLINE_MAX: usize = 46;

/// Cell numbers that fit into one volley.
pub const VOLLEY_MAX: usize = 11;

const CODE_VOLLEY: u8 = 47;
const CODE_ARENA: u8 = 48;
const CODE_EPOCH_END: u8 = 49;
const CODE_CELL: u8 = 50;
const CODE_CELL_ARENA: u8 = 51;

/// Bytes in front of the payload.
const HEADER_BYTES: usize = 18;

/// The address of every synapse of the source.
pub const BROADCAST: u16 = 0xFFFF;

/// What a spike does to a membrane or a synapse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpikeKind {
    /// Adds the synapse's weight.
    Excitatory,
    /// Subtracts the synapse's weight.
    Inhibitory,
    /// Leaves the membrane alone and turns eligibility into weight.
    Modulatory,
}

/// Where a large payload lies: 16 bytes, checked against the arena's generations when it is followed.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct ArenaRef {
    /// Position in the arena, in units of 8 bytes.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
    /// The generation of the segment when the block was written.
    pub generation: u32,
    /// The segment that holds the block.
    pub segment: u32,
}

/// What a spike carries, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// Up to 46 bytes in the spike itself, 36 between cells.
    Inline(&'a [u8]),
    /// Up to 11 numbers of cells that fired together, little-endian.
    Volley(&'a [[u8; 4]]),
    /// A block in an arena.
    Arena(ArenaRef),
    /// No more spikes of this epoch follow.
    EpochEnd,
}

/// Why bytes are not a spike, or a value cannot go into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpikeError {
    /// Kind 3 means nothing.
    #[error("kind 3 is not a spike kind: tag {tag:#04x}")]
    Kind {
        /// The whole tag byte.
        tag: u8,
    },
    /// The length code is not assigned.
    #[error("length code {code} is not assigned: 0 to 46 are bytes, 47 to 51 have meanings")]
    LengthCode {
        /// What was found.
        code: u8,
    },
    /// A volley claims more cells than fit.
    #[error("a volley holds at most 11 cells, not {cells}")]
    Volley {
        /// What was claimed.
        cells: usize,
    },
    /// The payload does not fit inline.
    #[error(
        "a payload of {length} bytes does not fit inline: at most 46 do, larger ones go to the arena"
    )]
    TooLong {
        /// Bytes offered.
        length: usize,
    },
    /// The source is the broadcast address.
    #[error("65535 is the broadcast address and cannot be a source")]
    Source,
    /// Cortex time has its top bit set.
    #[error("time {time_ns} ns is beyond the 292 years that a cortex can count")]
    Time {
        /// What was found.
        time_ns: u64,
    },
}

/// A message of 64 bytes, aligned to a cache line.
///
/// Plain data: copy it, send it to any thread, write it to a file. Bytes from outside may hold anything, so
/// everything that has a meaning is read through a method that can refuse.
#[repr(C, align(64))]
#[derive(Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub struct Spike {
    time_ns: u64,
    sequence: u32,
    source: u16,
    target: u16,
    tag: u8,
    priority: u8,
    payload: [u8; INLINE_MAX],
}

const _: () = {
    assert!(size_of::<Spike>() == 64 && align_of::<Spike>() == 64);
    assert!(std::mem::offset_of!(Spike, time_ns) == 0);
    assert!(std::mem::offset_of!(Spike, sequence) == 8);
    assert!(std::mem::offset_of!(Spike, source) == 12);
    assert!(std::mem::offset_of!(Spike, target) == 14);
    assert!(std::mem::offset_of!(Spike, tag) == 16);
    assert!(std::mem::offset_of!(Spike, priority) == 17);
    assert!(std::mem::offset_of!(Spike, payload) == 18);
    assert!(size_of::<ArenaRef>() == 16);
};

/// What stands in a spike before its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) time_ns: u64,
    pub(crate) sequence: u32,
    pub(crate) source: NeuronId,
    pub(crate) target: u16,
    pub(crate) kind: SpikeKind,
    pub(crate) priority: u8,
}

impl Spike {
    /// What stands where a writer died before it had published: kind 3, which is refused everywhere.
    pub(crate) const VOID: Self = Self {
        time_ns: 0,
        sequence: 0,
        source: BROADCAST,
        target: BROADCAST,
        tag: 3,
        priority: 0,
        payload: [0; INLINE_MAX],
    };

    /// Whether it is only the trace of a writer that died.
    #[must_use]
    pub(crate) fn is_void(&self) -> bool {
        self.tag == Self::VOID.tag && self.source == BROADCAST
    }

    /// An empty spike of a kind, addressed to every synapse of its source.
    #[must_use]
    pub const fn new(source: NeuronId, kind: SpikeKind) -> Self {
        Self {
            time_ns: 0,
            sequence: 0,
            source: source.raw(),
            target: BROADCAST,
            tag: kind as u8,
            priority: 0,
            payload: [0; INLINE_MAX],
        }
    }

    /// Becomes a spike with its payload inline, in place; false, and unchanged, if that is too long.
    ///
    /// In place because a spike built elsewhere field by field and then copied as a whole waits for its own stores.
    #[inline]
    pub(crate) fn rewrite(&mut self, header: &Header, payload: &[u8]) -> bool {
        if payload.len() > INLINE_MAX {
            return false;
        }
        self.time_ns = header.time_ns;
        self.sequence = header.sequence;
        self.source = header.source.raw();
        self.target = header.target;
        self.tag = header.kind as u8 | (payload.len() as u8) << 2;
        self.priority = header.priority;
        self.payload = [0; INLINE_MAX];
        if !payload.is_empty() {
            self.payload[..payload.len()].copy_from_slice(payload);
        }
        true
    }

    /// The same spike for one target.
    #[must_use]
    pub const fn to(mut self, target: NeuronId) -> Self {
        self.target = target.raw();
        self
    }

    /// The same spike with a priority.
    #[must_use]
    pub const fn with_priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// The same spike, dated and numbered.
    #[must_use]
    pub const fn stamped(mut self, time_ns: u64, sequence: u32) -> Self {
        self.time_ns = time_ns;
        self.sequence = sequence;
        self
    }

    /// The same spike with bytes in it.
    ///
    /// # Errors
    /// [`SpikeError::TooLong`] above [`INLINE_MAX`] bytes.
    #[inline]
    pub fn with_inline(mut self, bytes: &[u8]) -> Result<Self, SpikeError> {
        if bytes.len() > INLINE_MAX {
            return Err(SpikeError::TooLong { length: bytes.len() });
        }
        self.payload = [0; INLINE_MAX];
        self.payload[..bytes.len()].copy_from_slice(bytes);
        self.set_code(bytes.len() as u8);
        Ok(self)
    }

    /// The same spike with a reference into an arena.
    #[must_use]
    pub fn with_arena(mut self, block: ArenaRef) -> Self {
        self.payload = [0; INLINE_MAX];
        self.payload[..16].copy_from_slice(bytemuck::bytes_of(&block));
        self.set_code(CODE_ARENA);
        self
    }

    /// The same spike with the numbers of cells that fired together.
    ///
    /// # Errors
    /// [`SpikeError::Volley`] above [`VOLLEY_MAX`] cells.
    pub fn with_volley(mut self, cells: &[u32]) -> Result<Self, SpikeError> {
        if cells.len() > VOLLEY_MAX {
            return Err(SpikeError::Volley { cells: cells.len() });
        }
        self.payload = [0; INLINE_MAX];
        self.payload[0] = cells.len() as u8;
        for (slot, cell) in self.payload[1..].chunks_exact_mut(4).zip(cells) {
            slot.copy_from_slice(&cell.to_le_bytes());
        }
        self.set_code(CODE_VOLLEY);
        Ok(self)
    }

    /// The mark that says no more spikes of this epoch follow from a source.
    #[must_use]
    pub const fn epoch_end(source: NeuronId) -> Self {
        let mut spike = Self::new(source, SpikeKind::Excitatory);
        spike.tag |= CODE_EPOCH_END << 2;
        spike
    }

    /// A mark between the workers of one cortex: under the code of an epoch's end, with a number and bytes that only
    /// they understand.
    pub(crate) const fn mark(number: u64, bytes: [u8; INLINE_MAX]) -> Self {
        Self {
            time_ns: number,
            sequence: 0,
            source: 0,
            target: BROADCAST,
            tag: CODE_EPOCH_END << 2,
            priority: 0,
            payload: bytes,
        }
    }

    /// The number and the bytes of a mark; `None` for everything else.
    pub(crate) const fn as_mark(&self) -> Option<(u64, &[u8; INLINE_MAX])> {
        if self.tag >> 2 == CODE_EPOCH_END { Some((self.time_ns, &self.payload)) } else { None }
    }

    fn set_code(&mut self, code: u8) {
        self.tag = (self.tag & 0b11) | (code << 2);
    }

    /// Cortex time of firing, in ns.
    #[must_use]
    pub const fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// Number of this spike at its source; wraps at 2^32, compare with [`crate::time::sequence_before`].
    #[must_use]
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Who sent it.
    ///
    /// # Errors
    /// [`SpikeError::Source`] if the bytes hold the broadcast address.
    pub const fn source(&self) -> Result<NeuronId, SpikeError> {
        match NeuronId::new(self.source) {
            Ok(id) => Ok(id),
            Err(_) => Err(SpikeError::Source),
        }
    }

    /// Who it is for; `None` is every synapse of the source.
    #[must_use]
    pub const fn target(&self) -> Option<NeuronId> {
        match NeuronId::new(self.target) {
            Ok(id) => Some(id),
            Err(_) => None,
        }
    }

    /// 0 to 255; what it means beyond its tier is the receiver's choice.
    #[must_use]
    pub const fn priority(&self) -> u8 {
        self.priority
    }

    /// The top three bits of the priority: 0 (lowest) to 7.
    #[must_use]
    pub const fn tier(&self) -> u8 {
        self.priority >> 5
    }

    /// What it does where it arrives.
    ///
    /// # Errors
    /// [`SpikeError::Kind`] for the one pattern of bits that is not a kind.
    #[inline]
    pub const fn kind(&self) -> Result<SpikeKind, SpikeError> {
        match self.tag & 0b11 {
            0 => Ok(SpikeKind::Excitatory),
            1 => Ok(SpikeKind::Inhibitory),
            2 => Ok(SpikeKind::Modulatory),
            _ => Err(SpikeError::Kind { tag: self.tag }),
        }
    }

    /// What it carries.
    ///
    /// # Errors
    /// [`SpikeError::LengthCode`] or [`SpikeError::Volley`] if the bytes make no sense.
    pub fn body(&self) -> Result<Body<'_>, SpikeError> {
        match self.tag >> 2 {
            code @ 0..=46 => Ok(Body::Inline(&self.payload[..code as usize])),
            CODE_VOLLEY => {
                let cells = self.payload[0] as usize;
                if cells > VOLLEY_MAX {
                    return Err(SpikeError::Volley { cells });
                }
                Ok(Body::Volley(bytemuck::cast_slice(&self.payload[1..1 + 4 * cells])))
            }
            CODE_ARENA => Ok(Body::Arena(bytemuck::pod_read_unaligned(&self.payload[..16]))),
            CODE_EPOCH_END => Ok(Body::EpochEnd),
            CODE_CELL => {
                let length = usize::from(self.payload[0]);
                self.cell_inline().map(Body::Inline).ok_or(SpikeError::TooLong { length })
            }
            CODE_CELL_ARENA => Ok(Body::Arena(self.cell_arena())),
            code => Err(SpikeError::LengthCode { code }),
        }
    }

    /// Whether everything in it has a meaning; called once where a spike enters.
    ///
    /// # Errors
    /// The first thing that has none.
    pub fn check(&self) -> Result<(), SpikeError> {
        if self.time_ns >> 63 != 0 {
            return Err(SpikeError::Time { time_ns: self.time_ns });
        }
        self.source()?;
        self.kind()?;
        self.body().map(|_| ())
    }

    /// The 64 bytes, without a copy.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 64] {
        bytemuck::must_cast_ref(self)
    }

    /// A spike from 64 bytes, checked.
    ///
    /// # Errors
    /// What [`Spike::check`] refuses.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, SpikeError> {
        let spike: Self = bytemuck::must_cast(*bytes);
        spike.check()?;
        Ok(spike)
    }

    /// The eight words of the spike, in memory order: what an axon's slot holds.
    #[must_use]
    #[inline]
    pub fn to_words(&self) -> [u64; 8] {
        bytemuck::must_cast(*self)
    }

    /// A spike from the eight words of a slot, unchecked in meaning.
    #[must_use]
    #[inline]
    pub fn from_words(words: [u64; 8]) -> Self {
        bytemuck::must_cast(words)
    }

    /// The word that holds the tag.
    pub(crate) const TAG_WORD: usize = 2;

    /// The words that hold all of a short spike.
    pub(crate) const SHORT_WORDS: usize = 4;

    /// Whether a spike with this tag word has nothing behind its first [`Self::SHORT_WORDS`] words: its payload is
    /// inline and of at most 14 bytes.
    #[inline(always)]
    pub(crate) const fn is_short(tag_word: u64) -> bool {
        let code = tag_word.to_ne_bytes()[0] >> 2;
        code <= 14
    }

    /// The tick it was fired in.
    #[must_use]
    pub const fn tick(&self, length: crate::time::TickLength) -> Tick {
        length.tick_at(self.time_ns)
    }
}

impl std::fmt::Debug for Spike {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spike")
            .field("time_ns", &self.time_ns)
            .field("sequence", &self.sequence)
            .field("source", &self.source)
            .field("target", &self.target())
            .field("kind", &self.kind())
            .field("priority", &self.priority)
            .field("body", &self.body())
            .finish()
    }
}
