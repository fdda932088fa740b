//! Server-sent events out of lines (WHATWG HTML, 9.2.6).

/// Puts the `data` of an event together, line by line.
///
/// The type of an event is not needed: every provider repeats it inside the data.
#[derive(Debug, Default)]
pub struct Events {
    data: Vec<u8>,
    some: bool,
    /// What is in `data` has been given out.
    given: bool,
}

impl Events {
    /// Takes one line; the data of the event if the line, an empty one, ends one.
    pub fn line(&mut self, line: &[u8]) -> Option<&[u8]> {
        if std::mem::take(&mut self.given) {
            self.data.clear();
        }
        if line.is_empty() {
            self.given = std::mem::take(&mut self.some);
            return self.given.then_some(&self.data);
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        if field == b"data" {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            if std::mem::replace(&mut self.some, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
        }
        None
    }
}
