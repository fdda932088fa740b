//! Cuts a stream of bytes into lines, whatever pieces it arrives in.
//!
//! Lines that lie inside one piece are handed on without a copy; only the rest of a piece after its last newline is
//! kept, at most `max_line` bytes. A line that grows beyond that is reported once with its beginning and then skipped
//! up to its newline, so that a line of any length costs no more memory than the longest line allowed.

/// What the splitter found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A line without its newline and without a carriage return before it.
    Line(&'a [u8]),
    /// A line longer than allowed: its first bytes.
    TooLong(&'a [u8]),
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Bytes that may stand around a line without being part of it: the mark at the start, a carriage return at the end.
const AROUND: usize = BYTE_ORDER_MARK.len() + 1;

/// The state between two pieces of a stream.
#[derive(Debug)]
pub struct Splitter {
    carry: Vec<u8>,
    max_line: usize,
    skipping: bool,
    started: bool,
}

impl Splitter {
    /// A splitter at the start of a stream, for lines of at most `max_line` bytes.
    #[must_use]
    pub const fn new(max_line: usize) -> Self {
        Self { carry: Vec::new(), max_line, skipping: false, started: false }
    }

    /// Takes the next bytes and calls `found` for each line that ends in them.
    pub fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(Piece<'_>)) {
        let mut at = 0;
        for newline in memchr::memchr_iter(b'\n', bytes) {
            self.complete(&bytes[at..newline], &mut found);
            at = newline + 1;
        }
        self.keep(&bytes[at..], &mut found);
    }

    /// The stream has ended: what is left is a line too.
    pub fn finish(&mut self, mut found: impl FnMut(Piece<'_>)) {
        if !self.carry.is_empty() || self.skipping {
            self.complete(&[], &mut found);
        }
    }

    /// How many bytes of an unfinished line are held.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.carry.len()
    }

    fn complete(&mut self, end: &[u8], found: &mut impl FnMut(Piece<'_>)) {
        if self.skipping {
            self.skipping = false;
            return;
        }
        if self.carry.is_empty() {
            let line = self.trim(end);
            found(self.judge(line));
            return;
        }
        let mut carry = std::mem::take(&mut self.carry);
        let room = (self.max_line + AROUND + 1).saturating_sub(carry.len());
        carry.extend_from_slice(&end[..end.len().min(room)]);
        let line = self.trim(&carry);
        found(self.judge(line));
        carry.clear();
        self.carry = carry;
    }

    fn keep(&mut self, rest: &[u8], found: &mut impl FnMut(Piece<'_>)) {
        if self.skipping || rest.is_empty() {
            return;
        }
        let room = (self.max_line + AROUND).saturating_sub(self.carry.len());
        if rest.len() <= room {
            self.carry.extend_from_slice(rest);
            return;
        }
        self.carry.extend_from_slice(&rest[..room]);
        let carry = std::mem::take(&mut self.carry);
        let head = &self.trim(&carry)[..self.max_line];
        found(Piece::TooLong(head));
        self.skipping = true;
    }

    fn judge<'a>(&self, line: &'a [u8]) -> Piece<'a> {
        if line.len() > self.max_line {
            Piece::TooLong(&line[..self.max_line])
        } else {
            Piece::Line(line)
        }
    }

    fn trim<'a>(&mut self, line: &'a [u8]) -> &'a [u8] {
        let line = if self.started {
            line
        } else {
            self.started = true;
            line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
        };
        line.strip_suffix(b"\r").unwrap_or(line)
    }
}
