//! A journal as a Parquet file, for tools that read columns.

use std::fs::File;
use std::sync::Arc;

use neuronbus::journal::Record;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::row::Row;

/// The rows of a row group: what is held in memory until it is written.
const GROUP: usize = 50_000;

/// The columns of the table in SQLite.
const SCHEMA: &str = "
message events {
    required binary id (UTF8);
    required binary topic (UTF8);
    required int64 timestamp (TIMESTAMP(NANOS, true));
    optional binary data (UTF8);
    optional binary context (UTF8);
    optional binary embedding;
    optional binary parent_id (UTF8);
    required binary metadata (UTF8);
}";

/// The bytes of one column of a row.
type Text = fn(&Row) -> Option<&[u8]>;

/// A file that is being filled.
pub(super) struct Table {
    writer: SerializedFileWriter<File>,
    journal: String,
    group: Vec<Row>,
    rows: u64,
}

impl Table {
    /// A table in a new file; `journal` is the id of the journal that fills it.
    pub(super) fn create(file: File, journal: String) -> Result<Self, ParquetError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties = Arc::new(WriterProperties::builder().build());
        let writer = SerializedFileWriter::new(file, schema, properties)?;
        Ok(Self { writer, journal, group: Vec::new(), rows: 0 })
    }

    pub(super) fn insert(&mut self, record: &Record<'_>) -> Result<(), ParquetError> {
        self.group.push(Row::of(record, &self.journal));
        self.rows += 1;
        if self.group.len() < GROUP { Ok(()) } else { self.write_group() }
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.group);
        let texts: [Text; 7] = [
            |row| Some(row.id.as_bytes()),
            |row| Some(row.topic.as_bytes()),
            |row| row.data.as_deref().map(str::as_bytes),
            |row| row.context.as_deref().map(str::as_bytes),
            |row| row.embedding.as_deref(),
            |row| row.parent.as_deref().map(str::as_bytes),
            |row| Some(row.metadata.as_bytes()),
        ];
        let mut texts = texts.into_iter();
        let mut group = self.writer.next_row_group()?;
        let mut number = 0;
        while let Some(mut column) = group.next_column()? {
            if number == TIMESTAMP {
                let times: Vec<i64> = rows.iter().map(|row| row.timestamp).collect();
                column.typed::<Int64Type>().write_batch(&times, None, None)?;
            } else if let Some(text) = texts.next() {
                let values =
                    rows.iter().filter_map(text).map(|bytes| ByteArray::from(bytes.to_vec()));
                let values: Vec<ByteArray> = values.collect();
                let there: Vec<i16> = rows.iter().map(|row| text(row).is_some().into()).collect();
                let there = OPTIONAL.contains(&number).then_some(&there[..]);
                column.typed::<ByteArrayType>().write_batch(&values, there, None)?;
            }
            column.close()?;
            number += 1;
        }
        group.close()?;
        Ok(())
    }

    /// Writes what is left, and how it is all found.
    pub(super) fn finish(mut self) -> Result<u64, ParquetError> {
        if !self.group.is_empty() {
            self.write_group()?;
        }
        self.writer.close()?;
        Ok(self.rows)
    }
}

/// The number of the one column that is no text, and those of columns whose values may be missing.
const TIMESTAMP: usize = 2;
const OPTIONAL: [usize; 4] = [3, 4, 5, 6];
