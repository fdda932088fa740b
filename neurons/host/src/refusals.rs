//! Counts what a gate refuses, by kind, with the first sample of each.
//!
//! Counted on the gate's own thread and read by whoever asks for the account, without a lock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use neuronbus::gate::Refusal;

/// Why something from outside was refused. Names are stable: reports and their readers rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// `line-too-long`: longer than the settings allow.
    LineTooLong,
    /// `invalid-utf8`: not text.
    InvalidUtf8,
    /// `json-truncated`: the line ends inside its JSON.
    JsonTruncated,
    /// `json-invalid`: the line is not JSON.
    JsonInvalid,
    /// `json-not-object`: JSON, but without fields.
    JsonNotObject,
    /// `topic-missing`: no field that names the topic.
    TopicMissing,
    /// `topic-not-text`: the topic is a number, a list, null.
    TopicNotText,
    /// `topic-empty`: the topic is text without a letter.
    TopicEmpty,
    /// `topic-name`: longer than a neuron's name may be, or with control characters in it.
    TopicName,
    /// `not-a-number`: text or a list where a number is expected.
    NotANumber,
    /// `number-not-finite`: NaN, infinite or beyond the range of an f64.
    NumberNotFinite,
    /// `ts-out-of-range`: more than 292 years after the first line.
    TimeRange,
    /// `topic-refused`: the cortex took no neuron for this topic; its lines are not admitted.
    TopicRefused,
    /// `ts-backwards`: admitted, but at the time of the line before.
    TimeBackwards,
    /// `topic-limit`: admitted, but to `(other)`: there are as many topics as there may be.
    TopicLimit,
    /// `signal-limit`: there are as many signals as there may be.
    SignalLimit,
    /// `reading-not-finite`: a sense reported NaN or infinity.
    ReadingNotFinite,
    /// `ring-full`: the cortex did not keep up with this machine's senses.
    RingFull,
    /// `not-an-alert`: a payload that no reflex wrote.
    NotAnAlert,
    /// `alerts-full`: nobody takes the alerts out.
    AlertsFull,
    /// `event-refused`: JSON, but no event that could be published; or one that the cortex did not take.
    EventRefused,
    /// `not-an-event`: a payload that carries no record of an event.
    NotAnEvent,
    /// `handled-full`: nobody takes the handled events out.
    HandledFull,
}

const KINDS: usize = 23;

impl RefusalKind {
    /// All kinds, in the order in which reports list them.
    pub const ALL: [Self; KINDS] = [
        Self::LineTooLong,
        Self::InvalidUtf8,
        Self::JsonTruncated,
        Self::JsonInvalid,
        Self::JsonNotObject,
        Self::TopicMissing,
        Self::TopicNotText,
        Self::TopicEmpty,
        Self::TopicName,
        Self::NotANumber,
        Self::NumberNotFinite,
        Self::TimeRange,
        Self::TopicRefused,
        Self::TimeBackwards,
        Self::TopicLimit,
        Self::SignalLimit,
        Self::ReadingNotFinite,
        Self::RingFull,
        Self::NotAnAlert,
        Self::AlertsFull,
        Self::EventRefused,
        Self::NotAnEvent,
        Self::HandledFull,
    ];

    /// The stable word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LineTooLong => "line-too-long",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::JsonTruncated => "json-truncated",
            Self::JsonInvalid => "json-invalid",
            Self::JsonNotObject => "json-not-object",
            Self::TopicMissing => "topic-missing",
            Self::TopicNotText => "topic-not-text",
            Self::TopicEmpty => "topic-empty",
            Self::TopicName => "topic-name",
            Self::NotANumber => "not-a-number",
            Self::NumberNotFinite => "number-not-finite",
            Self::TimeRange => "ts-out-of-range",
            Self::TopicRefused => "topic-refused",
            Self::TimeBackwards => "ts-backwards",
            Self::TopicLimit => "topic-limit",
            Self::SignalLimit => "signal-limit",
            Self::ReadingNotFinite => "reading-not-finite",
            Self::RingFull => "ring-full",
            Self::NotAnAlert => "not-an-alert",
            Self::AlertsFull => "alerts-full",
            Self::EventRefused => "event-refused",
            Self::NotAnEvent => "not-an-event",
            Self::HandledFull => "handled-full",
        }
    }

    /// Whether a line of this kind is admitted all the same, so that it is not among those that were turned away.
    #[must_use]
    pub const fn is_admitted(self) -> bool {
        matches!(self, Self::TimeBackwards | Self::TopicLimit)
    }
}

/// The most characters of a sample.
const SAMPLE_MAX: usize = 80;

#[derive(Debug, Default)]
struct Entry {
    count: AtomicU64,
    sample: OnceLock<String>,
}

/// Refusals of one gate; shared between its thread and its account.
#[derive(Debug, Default)]
pub struct Refusals {
    entries: [Entry; KINDS],
}

impl Refusals {
    /// Counts one, and keeps the sample if it is the first of its kind.
    pub fn count(&self, kind: RefusalKind, sample: &[u8]) {
        let entry = &self.entries[kind as usize];
        // relaxed: a statistic; nothing is concluded from its order with other memory
        entry.count.fetch_add(1, Ordering::Relaxed);
        entry.sample.get_or_init(|| shorten(sample));
    }

    /// How many of a kind there were.
    #[must_use]
    pub fn of(&self, kind: RefusalKind) -> u64 {
        // relaxed: as in `count`
        self.entries[kind as usize].count.load(Ordering::Relaxed)
    }

    /// How many were turned away: all but those that were admitted all the same.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        RefusalKind::ALL.iter().filter(|k| !k.is_admitted()).map(|&k| self.of(k)).sum()
    }

    /// The kinds that occurred, for a gate's account.
    #[must_use]
    pub fn list(&self) -> Vec<Refusal> {
        let occurred = RefusalKind::ALL.iter().filter(|&&kind| self.of(kind) > 0);
        occurred
            .map(|&kind| Refusal {
                kind: kind.name().to_owned(),
                count: self.of(kind),
                sample: self.entries[kind as usize].sample.get().cloned().unwrap_or_default(),
            })
            .collect()
    }
}

/// Printable on one line whatever the bytes are, at most [`SAMPLE_MAX`] characters and an ellipsis.
fn shorten(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(SAMPLE_MAX)];
    let mut text: String = head
        .utf8_chunks()
        .flat_map(|chunk| {
            let valid = chunk.valid().chars().map(escape);
            valid.chain(chunk.invalid().iter().map(|b| format!("\\x{b:02x}")))
        })
        .collect();
    if bytes.len() > SAMPLE_MAX {
        text.push('…');
    }
    text
}

fn escape(c: char) -> String {
    if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
}
