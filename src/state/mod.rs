//! State as bytes: named sections of named columns.
//!
//! Everything that a cortex computes is written as columns of numbers, so that large arrays go out as they lie in
//! memory, and so that whoever compares two states can name what differs without knowing what it means.
//!
//! ```text
//! content   | magic 8: "NBSTATE" 0 | version 4 | zero 4 | records, each on a multiple of 8 bytes
//! record    | mark 1 | kind 1 | name length 2 | zero 4 | count 8 | name, padded to 8 | values, padded to 8
//! ```
//!
//! Marks are 1 (a section begins), 2 (a column of the section), 3 (the content ends). Kinds of a column are 1 (`u8`), 2
//! (`u16`), 3 (`u32`), 4 (`u64`) and 5 (`f32`), little-endian; its count is that of its values. Sections have no kind
//! and no count. No two sections have one name, nor two columns of a section. The version covers the records, and which
//! columns there are; it does not cover what agents write for themselves.
//!
//! What is read may hold anything: every length is checked before it is believed, every value before it is used.

mod columns;
mod diff;
mod element;
mod reader;
mod writer;

pub(crate) use columns::{Texts, TextsColumn};
pub use diff::{Difference, first_difference};
pub(crate) use element::Element;
pub(crate) use reader::{Section, StateReader};
pub(crate) use writer::StateWriter;

/// The first bytes of every state.
const MAGIC: [u8; 8] = *b"NBSTATE\0";

/// The version of the records and columns written here.
pub const VERSION: u32 = 1;

/// Bytes before the first record, and of a record without its name and values.
const HEAD: usize = 16;

/// The column of an order in which one worker was asked for things. Others may have another one, and compute the same.
pub(crate) const ASKED: &str = "asked";

const SECTION: u8 = 1;
const COLUMN: u8 = 2;
const END: u8 = 3;

/// The least multiple of 8 that is not below a length.
const fn padded(length: usize) -> usize {
    length.next_multiple_of(8)
}

/// Why bytes are not a state, or not one of this cortex.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The bytes do not begin as a state does.
    #[error("these bytes are no state: they do not begin with \"NBSTATE\"")]
    Magic,
    /// The state is of another version.
    #[error("a state of version {found} is refused: this program reads version {expected}")]
    Version {
        /// What was found.
        found: u32,
        /// What can be read.
        expected: u32,
    },
    /// The bytes end too early.
    #[error("the state ends at byte {length}, within the record that begins at byte {at}")]
    Truncated {
        /// Where the record begins.
        at: usize,
        /// How many bytes there are.
        length: usize,
    },
    /// A record makes no sense.
    #[error("the record at byte {at} makes no sense: {why}")]
    Record {
        /// Where it begins.
        at: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A section or column that should be there is not, or is of another kind or length.
    #[error("{section}/{column}: {found}, but {expected} is expected")]
    Shape {
        /// The section.
        section: String,
        /// The column; empty for the section itself.
        column: String,
        /// What was found.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// A value cannot be.
    #[error("{section}/{column}[{index}] = {value} is refused: {expected}")]
    Value {
        /// The section.
        section: String,
        /// The column.
        column: String,
        /// Which of its values.
        index: usize,
        /// What was found.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}
