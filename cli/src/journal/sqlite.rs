//! A journal as a table of events that any SQL tool can ask.

use std::path::Path;

use neuronbus::journal::Record;
use rusqlite::{Connection, params};

use super::row::Row;

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

    pub(super) fn insert(&mut self, record: &Record<'_>) -> rusqlite::Result<()> {
        let row = Row::of(record, &self.journal);
        let Row { id, topic, timestamp, data, context, embedding, parent, metadata } = row;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
        insert
            .execute(params![id, topic, timestamp, data, context, embedding, parent, metadata])?;
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
