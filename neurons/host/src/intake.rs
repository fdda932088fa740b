//! From bytes to entries: cuts a stream into lines, reads them, dates them, names their topics, counts everything.
//!
//! It does no I/O and starts no thread, so the gate's thread, the tests and the fuzzer drive the same code. Every line
//! ends in exactly one of three ways, and they add up: `read = taken + refused + blank`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use neuronbus::id::NeuronId;

use crate::feed::Entry;
use crate::line_clock::LineClock;
use crate::line_payload::LINE_PAYLOAD_MAX;
use crate::line_record::{Fields, LineRecord, read_json, read_mined, read_text};
use crate::miner::Miner;
use crate::refusals::{RefusalKind, Refusals};
use crate::roster::{ROSTER_MAX, RosterWriter};
use crate::split::{Piece, Splitter};

/// The topic of the lines whose own topic found no room.
pub const OTHER: &str = "(other)";

/// So much of two lines is the same where they belong to one group: found on sixteen logs (`docs/learning.md`).
const LIKENESS: f32 = 0.3;

/// How a stream of lines is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LineFormat {
    /// As the first line that is not blank: JSON if it begins with `{`, else text.
    #[default]
    Auto,
    /// One JSON object a line.
    Jsonl,
    /// Plain text; a line's topic is its [template](crate::template).
    Text,
    /// Plain text; a line's topic is the group of lines that it is [like](crate::miner), so that what no mask knows to
    /// vary makes no topics.
    Mined,
}

/// Why a word is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a format of lines: auto, jsonl, text and mined are")]
pub struct UnknownFormat {
    /// What was given.
    pub name: String,
}

impl std::str::FromStr for LineFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "auto" => Ok(Self::Auto),
            "jsonl" => Ok(Self::Jsonl),
            "text" => Ok(Self::Text),
            "mined" => Ok(Self::Mined),
            _ => Err(UnknownFormat { name: name.to_owned() }),
        }
    }
}

/// What became of the lines; shared between the thread that reads and the account.
#[derive(Debug, Default)]
pub struct LineTally {
    read: AtomicU64,
    blank: AtomicU64,
    /// What was refused, and what was admitted with a reservation.
    pub refusals: Refusals,
}

impl LineTally {
    /// Lines read so far; while lines are being read, up to one hand-over behind.
    #[must_use]
    pub fn read(&self) -> u64 {
        // relaxed: a statistic
        self.read.load(Ordering::Relaxed)
    }

    /// Lines with nothing on them.
    #[must_use]
    pub fn blank(&self) -> u64 {
        // relaxed: a statistic
        self.blank.load(Ordering::Relaxed)
    }

    /// What is known after so many lines, of which so many were blank.
    pub(crate) fn publish(&self, read: u64, blank: u64) {
        // relaxed: statistics with one writer
        self.read.store(read, Ordering::Relaxed);
        self.blank.store(blank, Ordering::Relaxed);
    }
}

/// The state between two pieces of a stream.
#[derive(Debug)]
pub struct LineIntake {
    splitter: Splitter,
    reader: LineReader,
}

impl LineIntake {
    /// An intake at the start of a stream, which names topics in a roster.
    #[must_use]
    pub fn new(fields: Fields, format: LineFormat, max_line: usize, roster: RosterWriter) -> Self {
        Self { splitter: Splitter::new(max_line), reader: LineReader::new(fields, format, roster) }
    }

    /// The counts, to be kept by whoever reports them.
    #[must_use]
    pub fn tally(&self) -> Arc<LineTally> {
        Arc::clone(&self.reader.tally)
    }

    /// Takes the next bytes and calls `take` for each line to be admitted.
    pub fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&Entry<'_>)) {
        let Self { splitter, reader } = self;
        splitter.feed(bytes, |piece| reader.take(piece, &mut take));
        reader.publish_counts();
    }

    /// The stream has ended: what is left is a line too.
    pub fn finish(&mut self, mut take: impl FnMut(&Entry<'_>)) {
        let Self { splitter, reader } = self;
        splitter.finish(|piece| reader.take(piece, &mut take));
        reader.publish_counts();
    }

    /// Takes one line that was cut elsewhere; [`LineIntake::settle`] after the last of them.
    pub(crate) fn line(&mut self, piece: Piece<'_>, mut take: impl FnMut(&Entry<'_>)) {
        self.reader.take(piece, &mut take);
    }

    /// Brings the shared counts up to date.
    pub(crate) fn settle(&mut self) {
        self.reader.publish_counts();
    }
}

/// Reads lines one by one.
#[derive(Debug)]
struct LineReader {
    fields: Fields,
    format: LineFormat,
    clock: LineClock,
    roster: RosterWriter,
    template: String,
    /// Groups of lines, where those are asked for.
    miner: Miner,
    tally: Arc<LineTally>,
    read: u64,
    blank: u64,
}

impl LineReader {
    fn new(fields: Fields, format: LineFormat, roster: RosterWriter) -> Self {
        Self {
            fields,
            format,
            clock: LineClock::default(),
            roster,
            template: String::new(),
            miner: Miner::new(ROSTER_MAX, LIKENESS),
            tally: Arc::default(),
            read: 0,
            blank: 0,
        }
    }

    #[inline]
    fn take(&mut self, piece: Piece<'_>, take: &mut impl FnMut(&Entry<'_>)) {
        self.read += 1;
        let line = match piece {
            Piece::Line(line) if line.trim_ascii_start().is_empty() => {
                self.blank += 1;
                return;
            }
            Piece::Line(line) => line,
            Piece::TooLong(head) => {
                self.detect(head);
                return self.tally.refusals.count(RefusalKind::LineTooLong, head);
            }
        };
        self.detect(line);
        if let Err(kind) = self.take_line(line, take) {
            self.tally.refusals.count(kind, line);
        }
    }

    #[inline]
    fn take_line(
        &mut self,
        line: &[u8],
        take: &mut impl FnMut(&Entry<'_>),
    ) -> Result<(), RefusalKind> {
        let text = std::str::from_utf8(line).map_err(|_| RefusalKind::InvalidUtf8)?;
        let Self { fields, format, clock, roster, template, miner, tally, .. } = self;
        let LineRecord { topic, time_ms, payload } = match format {
            LineFormat::Text => read_text(text, template),
            LineFormat::Mined => read_mined(text, miner),
            LineFormat::Jsonl | LineFormat::Auto => read_json(text, fields)?,
        };
        // Blank lines are not counted; this one is.
        let dated = clock.date(self.read - self.blank - 1, time_ms)?;
        let position = match roster.position(&topic) {
            Some(position) => position,
            None => overflow(roster, tally, &topic)?,
        };
        if dated.backwards {
            tally.refusals.count(RefusalKind::TimeBackwards, line);
        }
        let mut room = [0; LINE_PAYLOAD_MAX];
        take(&Entry {
            position,
            priority: payload.severity.priority(),
            time_ns: dated.time_ns,
            shared: dated.shared,
            payload: payload.encode(&mut room),
        });
        Ok(())
    }

    fn detect(&mut self, line: &[u8]) {
        if self.format == LineFormat::Auto {
            let json = line.trim_ascii_start().first() == Some(&b'{');
            self.format = if json { LineFormat::Jsonl } else { LineFormat::Text };
        }
    }

    fn publish_counts(&self) {
        self.tally.publish(self.read, self.blank);
    }
}

#[cold]
fn overflow(
    roster: &mut RosterWriter,
    tally: &LineTally,
    topic: &str,
) -> Result<NeuronId, RefusalKind> {
    let other = roster.enrol(OTHER).ok_or(RefusalKind::TopicRefused)?;
    if topic != OTHER {
        tally.refusals.count(RefusalKind::TopicLimit, topic.as_bytes());
    }
    Ok(other)
}
