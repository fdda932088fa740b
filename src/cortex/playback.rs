//! What is replayed: records one after the other, of which the last that was looked at can be looked at again.

use std::path::Path;

use crate::journal::{Header, JournalError, Record, Scan};

/// A place in a journal, from which replays go on one after the other.
#[derive(Debug)]
pub struct Playback {
    scan: Scan,
    header: Header,
    /// The record that was looked at last.
    current: Owned,
    /// Whether it is still to be fed.
    held: bool,
}

/// A record and its bytes.
#[derive(Debug, Default)]
struct Owned {
    sequence: u64,
    tick: u64,
    time_ns: u64,
    source: u32,
    kind: u8,
    body: Vec<u8>,
}

impl Playback {
    /// The journal in a directory, from its beginning.
    ///
    /// # Errors
    /// When there is no journal, or it cannot be read.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, JournalError> {
        Ok(Self::of(Scan::open(directory.as_ref())?))
    }

    /// From where a scan stands.
    #[must_use]
    pub fn of(scan: Scan) -> Self {
        let header = scan.header().clone();
        Self { scan, header, current: Owned::default(), held: false }
    }

    /// What the journal is about.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When the journal is damaged, or cannot be read.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, JournalError> {
        if !std::mem::take(&mut self.held) {
            let Some(record) = self.scan.next() else { return Ok(None) };
            let record = record?;
            let current = &mut self.current;
            (current.sequence, current.tick) = (record.sequence, record.tick);
            (current.time_ns, current.source) = (record.time_ns, record.source);
            current.kind = record.kind;
            current.body.clear();
            current.body.extend_from_slice(record.body);
        }
        let Owned { sequence, tick, time_ns, source, kind, ref body } = self.current;
        Ok(Some(Record { sequence, tick, time_ns, source, kind, body }))
    }

    /// The record that was given last comes again.
    pub fn put_back(&mut self) {
        self.held = true;
    }
}
