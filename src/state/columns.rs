//! Columns whose entries have lengths of their own: texts, and whatever agents write.

use std::io;

use super::{Section, StateError, StateWriter};

/// Byte strings that are collected, to be written as two columns: their lengths, and all bytes.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    lengths: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
    /// Where the last one ends.
    sealed: usize,
}

impl Texts {
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.seal();
    }

    /// Whatever was appended to `bytes` since the last one is one.
    pub(crate) fn seal(&mut self) {
        // bound: nothing that is kept in memory for one neuron has 4 GiB
        self.lengths.push((self.bytes.len() - self.sealed) as u32);
        self.sealed = self.bytes.len();
    }

    pub(crate) fn write(&self, name: &str, out: &mut StateWriter<'_>) -> io::Result<()> {
        out.column(&format!("{name}.lengths"), &self.lengths)?;
        out.column(&format!("{name}.bytes"), &self.bytes)
    }
}

/// Byte strings as they were read.
#[derive(Debug)]
pub(crate) struct TextsColumn<'a> {
    starts: Vec<usize>,
    bytes: &'a [u8],
}

impl<'a> TextsColumn<'a> {
    /// Reads so many byte strings.
    pub(crate) fn read(
        section: &Section<'a>,
        name: &str,
        count: usize,
    ) -> Result<Self, StateError> {
        let bytes = section.bytes(&format!("{name}.bytes"))?;
        let starts = section.starts(&format!("{name}.lengths"), count, bytes.len())?;
        Ok(Self { starts, bytes })
    }

    /// The byte string at a place below their number.
    pub(crate) fn get(&self, index: usize) -> &'a [u8] {
        &self.bytes[self.starts[index]..self.starts[index + 1]]
    }

    /// The text at a place; what is no text is shown as far as it is.
    pub(crate) fn text(&self, index: usize) -> String {
        String::from_utf8_lossy(self.get(index)).into_owned()
    }
}
