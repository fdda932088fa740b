//! `neuronbus journal`: what was recorded, listed, shown, followed, verified, exported and forgotten.

mod args;
mod chain;
mod compact;
mod export;
mod line;
mod parquet;
mod query;
mod row;
mod sqlite;
mod verify;

use std::fmt::Write as _;
use std::path::Path;

use neuronbus::journal::{Archive, Retention};
use serde_json::json;

pub(crate) use args::JournalCommand;
pub(crate) use chain::Break;

use crate::args::ReportFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::figures::grouped;
use crate::history;

pub(crate) fn run(command: &JournalCommand, console: Console) -> Result<(), Failure> {
    match command {
        JournalCommand::Ls { journal, format } => ls(journal, *format, console),
        JournalCommand::Show { journal, filter, format } => {
            query::show(journal, filter, *format, console)
        }
        JournalCommand::Tail { journal, lines, follow, filter, format } => {
            let tail = query::Tail { lines: *lines, follow: *follow };
            query::tail(journal, tail, filter, *format, console)
        }
        JournalCommand::Verify { journal, format } => verify::verify(journal, *format, console),
        JournalCommand::Export { journal, output, sqlite, parquet, filter } => {
            match (sqlite, parquet) {
                (Some(file), _) => export::sqlite(journal, file, filter, console),
                (None, Some(file)) => export::parquet(journal, file, filter, console),
                (None, None) => export::lines(journal, output.as_deref(), filter, console),
            }
        }
        JournalCommand::Snapshot { journal, keep, format } => {
            history::take(journal, *keep, *format, console)
        }
        JournalCommand::Compact {
            journal,
            compress,
            keep_from,
            older_than,
            larger_than,
            format,
        } => {
            let mut retention = Retention { bytes: *larger_than, age: *older_than };
            let forgets = retention != Retention::default() || keep_from.is_some() || !compress;
            if retention == Retention::default() {
                retention.bytes = Some(0);
            }
            let forgets = forgets.then_some((retention, *keep_from));
            compact::compact(journal, forgets, *compress, *format, console)
        }
    }
}

/// A JSON document for standard output.
fn document(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn ls(journal: &Path, format: ReportFormat, console: Console) -> Result<(), Failure> {
    let archive = Archive::open(journal)?;
    let header = archive.header();
    if format == ReportFormat::Json {
        let segments = archive.segments().map(|card| {
            json!({
                "name": card.name,
                "number": card.number,
                "first": card.sequences.start,
                "next": card.sequences.end,
                "bytes": card.bytes,
                "compressed": card.compressed,
                "tick": card.tick,
                "time_ns": card.time_ns.to_string(),
            })
        });
        let segments: Vec<_> = segments.collect();
        let parent = header
            .parent
            .map(|(id, sequence)| json!({"journal": id.to_string(), "sequence": sequence}));
        return console.write(&document(&json!({
            "journal": header.id().to_string(),
            "seed": header.seed,
            "plan": line::hex(&header.plan),
            "created_ns": header.created_ns.to_string(),
            "parent": parent,
            "segments": segments,
        })));
    }
    let mut text = format!("journal {}, seed {}\n", header.id(), header.seed);
    if let Some((parent, sequence)) = header.parent {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "forked from {parent} at sequence {}", grouped(sequence));
    }
    let _ = writeln!(
        text,
        "{:<32} {:>14} {:>12} {:>14} {:>14} {:>14}",
        "segment", "first", "records", "bytes", "on disk", "tick"
    );
    for card in archive.segments() {
        let records = card.sequences.end - card.sequences.start;
        let _ = writeln!(
            text,
            "{:<32} {:>14} {:>12} {:>14} {:>14} {:>14}",
            card.name,
            grouped(card.sequences.start),
            grouped(records),
            grouped(card.bytes),
            grouped(card.compressed.unwrap_or(card.bytes)),
            grouped(card.tick)
        );
    }
    console.write(&text)
}
