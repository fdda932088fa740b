//! A record as a line for people, and as a JSON object.

use neuronbus::event::EventView;
use neuronbus::journal::Record;
use neuronbus::recorded::Recorded;
use serde_json::{Map, Value, json};

/// Where in a body an event's bytes may begin: behind what else is recorded with it.
const EVENT_WITHIN: usize = 256;

/// The event that a record carries, if any.
pub(super) fn event<'a>(record: &Record<'a>) -> Option<EventView<'a>> {
    let within = record.body.len().min(EVENT_WITHIN);
    let starts = (0..within).filter(|&at| record.body[at..].starts_with(b"NBEV"));
    starts.filter_map(|at| EventView::parse(&record.body[at..]).ok()).next()
}

/// The record as an object. Times in ns are above what JSON's numbers hold exactly everywhere, so they are texts.
pub(super) fn object(record: &Record<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("sequence".into(), record.sequence.into());
    object.insert("tick".into(), record.tick.into());
    object.insert("time_ns".into(), record.time_ns.to_string().into());
    object.insert("source".into(), record.source.into());
    object.insert("kind".into(), record.kind.into());
    let recorded = Recorded::read(record.kind, record.body).ok();
    if let Some(recorded) = &recorded {
        object.insert("what".into(), recorded.word().into());
    }
    if let Some(event) = event(record) {
        let event = serde_json::from_str(&event.to_event().to_json());
        object.insert("event".into(), event.unwrap_or(Value::Null));
    } else if let Some(recorded) = &recorded {
        let payload = text(recorded.payload()).filter(|text| !text.is_empty());
        payload.and_then(|text| object.insert("payload".into(), text.into()));
    } else if let Some(text) = text(record.body) {
        object.insert("text".into(), text.into());
        return object;
    }
    // What else stands in the body is kept too: an export is complete.
    object.insert("hex".into(), hex(record.body).into());
    object
}

/// The bytes of a record that [`object`] wrote.
#[cfg(test)]
pub(super) fn bytes(object: &Map<String, Value>) -> Option<Vec<u8>> {
    if let Some(text) = object.get("text").and_then(Value::as_str) {
        return Some(text.as_bytes().to_vec());
    }
    let hex = object.get("hex")?.as_str()?;
    let byte = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(byte).collect()
}

pub(super) fn line(record: &Record<'_>) -> String {
    let Record { sequence, tick, time_ns, source, kind, .. } = *record;
    let what = match event(record) {
        Some(event) => {
            let written = event.to_event().to_json();
            let written: Value = serde_json::from_str(&written).unwrap_or_default();
            format!("{} {}", event.topic(), written["body"])
        }
        None => {
            let recorded = Recorded::read(kind, record.body).ok();
            let (word, carried) = match &recorded {
                Some(recorded) => (recorded.word(), recorded.payload()),
                None => ("", record.body),
            };
            match text(carried) {
                Some(text) => format!("{word} {}", json!(text)),
                None => format!("{word} {} bytes {}", carried.len(), shortened(&hex(carried))),
            }
        }
    };
    let seconds = time_ns as f64 / 1e9;
    format!(
        "{sequence:>10}  tick {tick:<10} {seconds:.6}  source {source:<5} kind {kind:<3} {}\n",
        what.trim_start()
    )
}

/// A body as text, if all of it can be shown.
fn text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let shown = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().all(shown).then_some(text)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: &[u8]) -> Record<'_> {
        Record {
            sequence: 5,
            tick: 2,
            time_ns: 1_700_000_000_000_000_001,
            source: 3,
            kind: 1,
            body,
        }
    }

    #[test]
    fn an_object_has_all_of_a_record() {
        for body in [&b"a text"[..], b"", &[0, 1, 255], "\u{1b}[2J".as_bytes()] {
            let object = object(&record(body));
            assert_eq!(bytes(&object).as_deref(), Some(body));
            assert_eq!(object["time_ns"], "1700000000000000001");
        }
    }

    #[test]
    fn a_line_shows_no_control_characters() {
        let line = line(&record("\u{1b}[2J\n".as_bytes()));
        assert!(line.contains("5 bytes 1b5b324a0a"), "{line}");
        assert!(line.trim_end().chars().all(|c| !c.is_control()));
    }
}
