//! Writing a state.

use std::io::{self, Write};

use super::{COLUMN, END, Element, MAGIC, SECTION, VERSION, padded};

/// Writes sections and columns one after the other; nothing is kept but what a small buffer holds.
pub(crate) struct StateWriter<'a> {
    out: &'a mut dyn Write,
    /// Small records are put together before they go out.
    buffer: Vec<u8>,
    written: u64,
}

/// Values of at least so many bytes go out by themselves, without a copy.
const LARGE: usize = 16 << 10;

impl<'a> StateWriter<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        let mut buffer = Vec::with_capacity(2 * LARGE);
        buffer.extend_from_slice(&MAGIC);
        buffer.extend_from_slice(&VERSION.to_le_bytes());
        buffer.extend_from_slice(&[0; 4]);
        Self { out, buffer, written: 0 }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() < LARGE {
            self.buffer.extend_from_slice(bytes);
            if self.buffer.len() < LARGE {
                return Ok(());
            }
        }
        self.out.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        if bytes.len() >= LARGE {
            self.out.write_all(bytes)?;
            self.written += bytes.len() as u64;
        }
        Ok(())
    }

    fn record(&mut self, mark: u8, kind: u8, name: &str, count: usize) -> io::Result<()> {
        // Names are written in this program, and short.
        let length = name.len() as u16;
        let mut head = [0; 16];
        (head[0], head[1]) = (mark, kind);
        head[2..4].copy_from_slice(&length.to_le_bytes());
        head[8..].copy_from_slice(&(count as u64).to_le_bytes());
        self.put(&head)?;
        self.put(name.as_bytes())?;
        self.pad(name.len())
    }

    fn pad(&mut self, length: usize) -> io::Result<()> {
        self.put(&[0; 8][..padded(length) - length])
    }

    /// Begins a section.
    pub(crate) fn section(&mut self, name: &str) -> io::Result<()> {
        self.record(SECTION, 0, name, 0)
    }

    /// A column of the section.
    pub(crate) fn column<T: Element>(&mut self, name: &str, values: &[T]) -> io::Result<()> {
        self.parts(name, [values])
    }

    /// A column of one value.
    pub(crate) fn value<T: Element>(&mut self, name: &str, value: T) -> io::Result<()> {
        self.column(name, &[value])
    }

    /// A column that is put together of parts.
    pub(crate) fn parts<'b, T: Element>(
        &mut self,
        name: &str,
        parts: impl IntoIterator<Item = &'b [T]> + Clone,
    ) -> io::Result<()> {
        let count: usize = parts.clone().into_iter().map(<[T]>::len).sum();
        self.record(COLUMN, T::KIND, name, count)?;
        for part in parts {
            self.put(bytemuck::cast_slice(part))?;
        }
        self.pad(count * size_of::<T>())
    }

    /// Ends the content; returns how many bytes it has.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.record(END, 0, "", 0)?;
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok(self.written + self.buffer.len() as u64)
    }
}
