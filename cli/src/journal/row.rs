//! A record as a row of a table of events: the same columns for every kind of table.

use neuronbus::journal::Record;
use serde_json::json;

use super::line;

/// A row. A record with an event is the event; any other is its body, under a topic of its kind and gate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) topic: String,
    /// When it was recorded, in ns since 1970.
    pub(super) timestamp: i64,
    pub(super) data: Option<String>,
    pub(super) context: Option<String>,
    /// Its numbers, 4 bytes each, little-endian.
    pub(super) embedding: Option<Vec<u8>>,
    pub(super) parent: Option<String>,
    /// A JSON object with everything else.
    pub(super) metadata: String,
}

impl Row {
    /// The row of a record of a journal with this id.
    pub(super) fn of(record: &Record<'_>, journal: &str) -> Self {
        let Record { sequence, tick, source, kind, .. } = *record;
        let mut metadata =
            json!({"sequence": sequence, "tick": tick, "source": source, "kind": kind});
        let object = line::object(record);
        let own = |key: &str| object.get(key).and_then(|value| value.as_str().map(str::to_owned));
        let timestamp = i64::try_from(record.time_ns).unwrap_or(i64::MAX);
        let Some(event) = line::event(record) else {
            let what = own("what").unwrap_or_else(|| kind.to_string());
            return Self {
                id: format!("{journal}-{sequence}"),
                topic: format!("journal.{what}.{source}"),
                timestamp,
                data: own("payload").or_else(|| own("text")).or_else(|| own("hex")),
                context: None,
                embedding: None,
                parent: None,
                metadata: metadata.to_string(),
            };
        };
        let written = object.get("event").cloned().unwrap_or_default();
        let part = |key: &str| written.get(key).map(ToString::to_string);
        for key in ["key", "headers", "schema", "priority", "time_us"] {
            if let Some(value) = written.get(key) {
                metadata[key] = value.clone();
            }
        }
        let embedding = event.embedding();
        let embedding =
            embedding.map(|numbers| numbers.values().flat_map(f32::to_le_bytes).collect());
        Self {
            id: event.id().to_string(),
            topic: event.topic().to_owned(),
            timestamp,
            data: part("body"),
            context: part("context"),
            embedding,
            parent: event.parent().map(|id| id.to_string()),
            metadata: metadata.to_string(),
        }
    }
}
