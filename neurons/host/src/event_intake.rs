//! From bytes to records of events: each line is an event in JSON, and is dated by itself or by its place.
//!
//! It does no I/O and starts no thread. Every line ends in exactly one of three ways, and they add up: `read = taken +
//! refused + blank`. The same stream gives the same records, ids included: what an event does not say of itself comes
//! from the seed and from the stream.

use std::sync::Arc;

use neuronbus::event::{Event, EventError, EventIds};
use neuronbus::pace::Stamp;

use crate::feed::Dated;
use crate::intake::LineTally;
use crate::line_clock::LineClock;
use crate::refusals::RefusalKind;
use crate::split::{Piece, Splitter};

/// An event on its way to the cortex.
#[derive(Debug)]
pub(crate) struct DatedEvent {
    time_ns: u64,
    shared: bool,
    pub(crate) priority: u8,
    pub(crate) record: Vec<u8>,
    /// When the outside handed it over, for the first event of a hand-over.
    pub(crate) stamp: Option<Stamp>,
}

impl Dated for DatedEvent {
    fn time_ns(&self) -> u64 {
        self.time_ns
    }

    fn is_shared(&self) -> bool {
        self.shared
    }
}

/// The state between two pieces of a stream.
pub(crate) struct EventIntake {
    splitter: Splitter,
    reader: EventReader,
}

impl EventIntake {
    /// An intake at the start of a stream; ids are made from `seed`.
    pub(crate) fn new(max_line: usize, seed: u64) -> Self {
        let reader = EventReader {
            clock: LineClock::default(),
            ids: EventIds::new(seed),
            origin_us: 0,
            tally: Arc::default(),
            read: 0,
            blank: 0,
        };
        Self { splitter: Splitter::new(max_line), reader }
    }

    /// The counts, to be kept by whoever reports them.
    pub(crate) fn tally(&self) -> Arc<LineTally> {
        Arc::clone(&self.reader.tally)
    }

    /// Takes the next bytes and calls `take` for each event.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(DatedEvent)) {
        let Self { splitter, reader } = self;
        splitter.feed(bytes, |piece| reader.line(piece, &mut take));
        reader.tally.publish(reader.read, reader.blank);
    }

    /// The stream has ended: what is left is a line too.
    pub(crate) fn finish(&mut self, mut take: impl FnMut(DatedEvent)) {
        let Self { splitter, reader } = self;
        splitter.finish(|piece| reader.line(piece, &mut take));
        reader.tally.publish(reader.read, reader.blank);
    }

    /// Takes one line that was cut elsewhere.
    pub(crate) fn line(&mut self, piece: Piece<'_>, mut take: impl FnMut(DatedEvent)) {
        self.reader.line(piece, &mut take);
        self.reader.tally.publish(self.reader.read, self.reader.blank);
    }
}

/// Why a line is no event: its kind, and what to show of it.
struct Refused(RefusalKind, String);

struct EventReader {
    clock: LineClock,
    ids: EventIds,
    /// What the events' own times are at cortex time 0, in microseconds since 1970.
    origin_us: u64,
    tally: Arc<LineTally>,
    read: u64,
    blank: u64,
}

impl EventReader {
    fn line(&mut self, piece: Piece<'_>, take: &mut impl FnMut(DatedEvent)) {
        self.read += 1;
        let line = match piece {
            Piece::Line(line) if line.trim_ascii_start().is_empty() => {
                self.blank += 1;
                return;
            }
            Piece::Line(line) => line,
            Piece::TooLong(head) => {
                return self.tally.refusals.count(RefusalKind::LineTooLong, head);
            }
        };
        let Ok(text) = std::str::from_utf8(line) else {
            return self.tally.refusals.count(RefusalKind::InvalidUtf8, line);
        };
        match self.event(text) {
            Ok(event) => take(event),
            Err(Refused(kind, sample)) => self.tally.refusals.count(kind, sample.as_bytes()),
        }
    }

    fn event(&mut self, text: &str) -> Result<DatedEvent, Refused> {
        let event = Event::from_json(text).map_err(|error| refused(&error))?;
        let own_us = event.has_time_us();
        let own_ms = own_us.map(|time| time as f64 / 1e3);
        // Blank lines are not counted; this one is.
        let dated = self
            .clock
            .date(self.read - self.blank - 1, own_ms)
            .map_err(|kind| Refused(kind, text.to_owned()))?;
        if dated.backwards {
            self.tally.refusals.count(RefusalKind::TimeBackwards, text.as_bytes());
        } else if let Some(own) = own_us {
            self.origin_us = own.saturating_sub(dated.time_ns / 1_000);
        }
        let now_us = self.origin_us.saturating_add(dated.time_ns / 1_000);
        let mut record = Vec::new();
        event.encode(&mut self.ids, now_us, &mut record).map_err(|error| refused(&error))?;
        Ok(DatedEvent {
            time_ns: dated.time_ns,
            shared: dated.shared,
            priority: event.has_priority(),
            record,
            stamp: None,
        })
    }
}

fn refused(error: &EventError) -> Refused {
    Refused(RefusalKind::EventRefused, error.to_string())
}
