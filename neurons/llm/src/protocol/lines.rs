//! Lines out of bytes that come in pieces of any size.

use super::ProtocolError;

/// Cuts a stream of bytes into lines, wherever it is broken into pieces; `\n` and `\r\n` end a line.
///
/// Server-sent events also allow a lone `\r`, which no provider sends, and which would make a piece that ends with `\r`
/// wait for the next one.
#[derive(Debug)]
pub struct Lines {
    held: Vec<u8>,
    most: usize,
}

impl Lines {
    /// Refuses lines above so many bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { held: Vec::new(), most }
    }

    /// Takes a piece; calls `each` for every line that is complete now, without its end.
    ///
    /// # Errors
    /// [`ProtocolError::LineTooLong`], or what `each` returns; the stream is over then.
    pub fn feed(
        &mut self,
        mut piece: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        while let Some(end) = memchr::memchr(b'\n', piece) {
            let (line, rest) = (&piece[..end], &piece[end + 1..]);
            piece = rest;
            self.check(line.len())?;
            if self.held.is_empty() {
                each(without_return(line))?;
            } else {
                self.held.extend_from_slice(line);
                let whole = std::mem::take(&mut self.held);
                each(without_return(&whole))?;
                // The buffer is used again for the next line that comes in pieces.
                self.held = whole;
                self.held.clear();
            }
        }
        self.check(piece.len())?;
        self.held.extend_from_slice(piece);
        Ok(())
    }

    /// The last line, if the stream ended without ending it.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        without_return(&self.held)
    }

    fn check(&self, more: usize) -> Result<(), ProtocolError> {
        let length = self.held.len() + more;
        if length > self.most {
            return Err(ProtocolError::LineTooLong { length, most: self.most });
        }
        Ok(())
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
