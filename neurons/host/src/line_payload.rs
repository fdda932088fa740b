//! What travels in the spike of a line: its severity and its numbers.
//!
//! ```text
//! offset size field
//! 0      1    0..=5: the severity of a line that was read; 128..=133: the same, fired on by a topic
//! 1      9*n  n numbers, n = 0..=5:
//!        1      which of the listed fields, 0..=4
//!        8      its value, f64 little-endian, finite
//! ```
//!
//! The top bit of the first byte tells a topic's own lines from what other topics fire at it, so a topic that is wired
//! to others never takes their numbers for its own.

use crate::severity::Severity;

/// The most number fields that are read from a line: what fits into a spike beside the severity.
pub const NUMBERS_MAX: usize = 5;

/// Bytes of the longest payload.
pub const LINE_PAYLOAD_MAX: usize = 1 + 9 * NUMBERS_MAX;

const FIRED: u8 = 0x80;

/// The numbers of one line: field position and value, in the order in which they were met.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Numbers {
    entries: [(u8, f64); NUMBERS_MAX],
    count: u8,
}

impl Numbers {
    /// Sets the value of a field; a field that is set again keeps its place and takes the new value.
    pub fn set(&mut self, field: u8, value: f64) {
        let count = self.count as usize;
        if let Some(known) = self.entries[..count].iter_mut().find(|(f, _)| *f == field) {
            known.1 = value;
        } else if let Some(free) = self.entries.get_mut(count) {
            *free = (field, value);
            self.count += 1;
        }
    }

    /// Field positions and values.
    pub fn iter(&self) -> impl Iterator<Item = (u8, f64)> + '_ {
        self.entries[..self.count as usize].iter().copied()
    }
}

/// The content of a line's spike.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinePayload {
    /// How bad the line said it is.
    pub severity: Severity,
    /// Its number fields.
    pub numbers: Numbers,
    /// Whether a topic fired it; else it was read.
    pub fired: bool,
}

impl LinePayload {
    /// Writes the bytes into `out` and returns those used.
    pub fn encode<'a>(&self, out: &'a mut [u8; LINE_PAYLOAD_MAX]) -> &'a [u8] {
        out[0] = self.severity.code() | if self.fired { FIRED } else { 0 };
        let mut length = 1;
        for ((field, value), slot) in self.numbers.iter().zip(out[1..].chunks_exact_mut(9)) {
            slot[0] = field;
            slot[1..].copy_from_slice(&value.to_le_bytes());
            length += 9;
        }
        &out[..length]
    }

    /// Reads the bytes; `None` if they are not laid out as above.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&head, rest) = bytes.split_first()?;
        let severity = Severity::of_code(head & !FIRED)?;
        let entries = rest.chunks_exact(9);
        if rest.len() > 9 * NUMBERS_MAX || !entries.remainder().is_empty() {
            return None;
        }
        let mut numbers = Numbers::default();
        for entry in entries {
            let value = f64::from_le_bytes(entry[1..].try_into().ok()?);
            if entry[0] as usize >= NUMBERS_MAX || !value.is_finite() {
                return None;
            }
            numbers.set(entry[0], value);
        }
        Some(Self { severity, numbers, fired: head & FIRED != 0 })
    }
}
