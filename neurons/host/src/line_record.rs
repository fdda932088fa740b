//! Reads one line: its topic, time, severity and numbers.
//!
//! JSON is read in one pass that borrows from the line: known fields are taken, everything else is skipped without
//! being built. A field that occurs twice counts with its last value, as in most readers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::line_payload::{LinePayload, Numbers};
use crate::miner::Miner;
use crate::refusals::RefusalKind;
use crate::severity::Severity;
use crate::template::template;

/// The longest topic, in bytes: what a neuron's name may have.
pub const TOPIC_MAX: usize = 256;

/// Which fields of a JSON line mean what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// Names the topic.
    pub topic: String,
    /// The time in milliseconds.
    pub time: String,
    /// Any of these is the severity; the last one in the line counts.
    pub severity: Vec<String>,
    /// Numbers to read, at most [`NUMBERS_MAX`](crate::line_payload::NUMBERS_MAX).
    pub numbers: Vec<String>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            topic: "topic".into(),
            time: "ts".into(),
            severity: vec!["level".into(), "severity".into()],
            numbers: Vec::new(),
        }
    }
}

/// What one line says.
#[derive(Debug, Clone, PartialEq)]
pub struct LineRecord<'a> {
    /// Whom it is for; never empty, without control characters.
    pub topic: Cow<'a, str>,
    /// Its own time in milliseconds, finite.
    pub time_ms: Option<f64>,
    /// What its spike carries.
    pub payload: LinePayload,
}

/// Reads a line of JSON.
///
/// # Errors
/// The first reason to refuse the line.
pub fn read_json<'a>(line: &'a str, fields: &Fields) -> Result<LineRecord<'a>, RefusalKind> {
    let mut json = serde_json::Deserializer::from_str(line);
    let raw = Object { fields }
        .deserialize(&mut json)
        .and_then(|raw| json.end().map(|()| raw))
        .map_err(|error| classify(line, &error))?;
    let topic = match raw.topic {
        None => return Err(RefusalKind::TopicMissing),
        Some(Scalar::Text(topic)) => topic,
        Some(_) => return Err(RefusalKind::TopicNotText),
    };
    check_topic(&topic)?;
    if raw.number_refused {
        return Err(RefusalKind::NotANumber);
    }
    let payload = LinePayload { severity: raw.severity, numbers: raw.numbers, fired: false };
    Ok(LineRecord { topic, time_ms: raw.time_ms, payload })
}

/// Reads a line of plain text: its topic is its template, which is written into `room`.
#[must_use]
pub fn read_text<'a>(line: &str, room: &'a mut String) -> LineRecord<'a> {
    template(line, room);
    let severity = Severity::of_text(line);
    let payload = LinePayload { severity, ..LinePayload::default() };
    LineRecord { topic: Cow::Borrowed(room), time_ms: None, payload }
}

/// Reads a line of plain text: its topic is the name of its group.
#[must_use]
pub fn read_mined<'a>(line: &str, miner: &'a mut Miner) -> LineRecord<'a> {
    let group = miner.group(line);
    // Where there is no room for another group, there is none for another topic either, and the line is counted so.
    let topic = group.and_then(|group| miner.name(group)).unwrap_or_else(|| miner.masked());
    let payload = LinePayload { severity: Severity::of_text(line), ..LinePayload::default() };
    LineRecord { topic: Cow::Borrowed(topic), time_ms: None, payload }
}

fn check_topic(topic: &str) -> Result<(), RefusalKind> {
    if topic.trim_ascii().is_empty() {
        return Err(RefusalKind::TopicEmpty);
    }
    let control = if topic.is_ascii() {
        topic.bytes().any(|b| b.is_ascii_control())
    } else {
        topic.chars().any(char::is_control)
    };
    if control || topic.len() > TOPIC_MAX { Err(RefusalKind::TopicName) } else { Ok(()) }
}

#[cold]
fn classify(line: &str, error: &serde_json::Error) -> RefusalKind {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof | Category::Io => RefusalKind::JsonTruncated,
        Category::Data => RefusalKind::JsonNotObject,
        Category::Syntax if is_not_finite(line, error) => RefusalKind::NumberNotFinite,
        Category::Syntax => RefusalKind::JsonInvalid,
    }
}

/// Whether the reader stopped at a number above f64's range, or at the words some writers use for NaN and infinity.
/// The reader has no code for the first; its message has not changed since its first release.
fn is_not_finite(line: &str, error: &serde_json::Error) -> bool {
    if error.to_string().starts_with("number out of range") {
        return true;
    }
    // The column is of the byte after which reading stopped: the first of the word, or the one after it.
    let column = error.column();
    [column.saturating_sub(1), column.saturating_sub(2)].iter().any(|&start| {
        line.get(start..).is_some_and(|rest| {
            ["NaN", "nan", "Inf", "inf"].iter().any(|word| rest.starts_with(word))
        })
    })
}

/// A value as far as it matters here.
enum Scalar<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Null,
    Other,
}

struct ScalarSeed;

impl<'de> DeserializeSeed<'de> for ScalarSeed {
    type Value = Scalar<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarSeed {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

#[derive(Clone, Copy)]
enum Key {
    Topic,
    Time,
    Severity,
    Number(u8),
    Unknown,
}

struct KeySeed<'f>(&'f Fields);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        let fields = self.0;
        Ok(if name == fields.topic {
            Key::Topic
        } else if name == fields.time {
            Key::Time
        } else if fields.severity.iter().any(|known| known == name) {
            Key::Severity
        } else if let Some(number) = fields.numbers.iter().position(|known| known == name) {
            Key::Number(number as u8)
        } else {
            Key::Unknown
        })
    }
}

/// The known fields of an object, before they are judged together.
#[derive(Default)]
struct RawLine<'a> {
    topic: Option<Scalar<'a>>,
    time_ms: Option<f64>,
    severity: Severity,
    numbers: Numbers,
    number_refused: bool,
}

impl<'a> RawLine<'a> {
    fn take(&mut self, key: Key, value: Scalar<'a>) {
        match (key, value) {
            (Key::Topic, value) => self.topic = Some(value),
            (Key::Time, Scalar::Number(time_ms)) => self.time_ms = Some(time_ms),
            (Key::Number(field), Scalar::Number(value)) => self.numbers.set(field, value),
            (Key::Time | Key::Number(_), Scalar::Null) => {}
            (Key::Time | Key::Number(_), _) => self.number_refused = true,
            (Key::Severity, Scalar::Text(word)) => {
                self.severity = Severity::of_word(&word).unwrap_or_default();
            }
            (Key::Severity, Scalar::Number(number)) => {
                self.severity = Severity::of_number(number).unwrap_or_default();
            }
            (Key::Severity | Key::Unknown, _) => {}
        }
    }
}

struct Object<'f> {
    fields: &'f Fields,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = RawLine<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = RawLine<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut raw = RawLine::default();
        while let Some(key) = map.next_key_seed(KeySeed(self.fields))? {
            if matches!(key, Key::Unknown) {
                map.next_value::<IgnoredAny>()?;
            } else {
                raw.take(key, map.next_value_seed(ScalarSeed)?);
            }
        }
        Ok(raw)
    }
}
