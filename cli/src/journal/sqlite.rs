//! A journal as a table of events that any SQL tool can ask.

use std::path::Path;

use neuronbus::journal::Record;
use rusqlite::{Connection, params};
use serde_json::json;

use super::line;

/// The records that are inserted between two commits.
const BATCH: u64 = 10_000;

const SCHEMA: &str = "
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE events (
    id        TEXT PRIMARY KEY,
    topic     TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    data      TEXT,
    context   TEXT,
    embedding BLOB,
    parent_id TEXT,
    metadata  TEXT NOT NULL
) STRICT;";

const INDEXES: &str = "
CREATE INDEX events_timestamp ON events (timestamp);
CREATE INDEX events_topic ON events (topic, timestamp);
CREATE INDEX events_parent ON events (parent_id);";

/// A database that is being filled.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    journal: String,
    rows: u64,
}

impl Database {
    /// A new database; `journal` is the id of the journal that fills it.
    pub(super) fn create(path: &Path, journal: String) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch("BEGIN")?;
        Ok(Self { connection, journal, rows: 0 })
    }

    /// A record with an event is the event; any other is its body, under a topic of its kind and gate.
    pub(super) fn insert(&mut self, record: &Record<'_>) -> rusqlite::Result<()> {
        let Record { sequence, tick, source, kind, .. } = *record;
        let mut metadata =
            json!({"sequence": sequence, "tick": tick, "source": source, "kind": kind});
        let object = line::object(record);
        let own = |key: &str| object.get(key).and_then(|value| value.as_str().map(str::to_owned));
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
        let timestamp = i64::try_from(record.time_ns).unwrap_or(i64::MAX);
        if let Some(event) = line::event(record) {
            let written = object.get("event").cloned().unwrap_or_default();
            let part = |key: &str| written.get(key).map(ToString::to_string);
            for key in ["key", "headers", "schema", "priority", "time_us"] {
                if let Some(value) = written.get(key) {
                    metadata[key] = value.clone();
                }
            }
            let embedding = event.embedding().map(|embedding| {
                embedding.values().flat_map(f32::to_le_bytes).collect::<Vec<u8>>()
            });
            let (id, parent) = (event.id().to_string(), event.parent().map(|id| id.to_string()));
            let (data, context) = (part("body"), part("context"));
            let metadata = metadata.to_string();
            insert.execute(params![
                id,
                event.topic(),
                timestamp,
                data,
                context,
                embedding,
                parent,
                metadata
            ])?;
        } else {
            let id = format!("{}-{sequence}", self.journal);
            let what = own("what").unwrap_or_else(|| kind.to_string());
            let topic = format!("journal.{what}.{source}");
            let data = own("payload").or_else(|| own("text")).or_else(|| own("hex"));
            let (none, metadata) = (None::<String>, metadata.to_string());
            let bytes = None::<Vec<u8>>;
            insert.execute(params![id, topic, timestamp, data, none, bytes, none, metadata])?;
        }
        self.rows += 1;
        if self.rows.is_multiple_of(BATCH) {
            self.connection.execute_batch("COMMIT; BEGIN")?;
        }
        Ok(())
    }

    /// Makes the indexes, which is faster once all rows are there.
    pub(super) fn finish(self) -> rusqlite::Result<u64> {
        self.connection.execute_batch("COMMIT")?;
        self.connection.execute_batch(INDEXES)?;
        Ok(self.rows)
    }
}
