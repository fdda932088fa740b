//! `neuronbus journal compact`: old segments forgotten, or compressed.

use std::path::Path;

use neuronbus::journal::{Archive, Compressed, Forgotten, Retention, compress, forget};
use neuronbus::snapshot::{self, Snapshot};
use serde_json::json;

use super::document;
use crate::args::ReportFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::figures::grouped;

pub(super) fn compact(
    journal: &Path,
    forgets: Option<(Retention, Option<u64>)>,
    compresses: bool,
    format: ReportFormat,
    console: Console,
) -> Result<(), Failure> {
    // The lock that this takes is a file of the directory, so that there is a journal is seen first.
    let first = Archive::open(journal)?.sequences().start;
    let mut forgotten = Forgotten { first, ..Forgotten::default() };
    if let Some((retention, keep_from)) = forgets {
        let keep_from = match keep_from {
            Some(sequence) => sequence,
            None => oldest_snapshot(journal)?,
        };
        forgotten = forget(journal, retention, keep_from, crate::clock::unix_ns())?;
    }
    let compressed = compresses.then(|| compress(journal)).transpose()?;
    console.write(&match format {
        ReportFormat::Json => json(&forgotten, compressed),
        ReportFormat::Text => text(forgets.is_some(), &forgotten, compressed),
    })
}

/// The sequence from which on the oldest snapshot is gone on with; 0 if there is none, so that nothing is forgotten.
fn oldest_snapshot(journal: &Path) -> Result<u64, Failure> {
    let all = snapshot::list(journal)?;
    let oldest = all.first().map(|(_, path)| Snapshot::read(path)).transpose()?;
    Ok(oldest.map_or(0, |snapshot| snapshot.header.sequence))
}

fn json(forgotten: &Forgotten, compressed: Option<Compressed>) -> String {
    let Forgotten { segments, bytes, first } = forgotten;
    let compressed = compressed.map(|Compressed { segments, before, after }| {
        json!({"segments": segments, "before": before, "after": after})
    });
    document(&json!({
        "segments": segments,
        "bytes": bytes,
        "first": first,
        "compressed": compressed,
    }))
}

fn text(forgets: bool, forgotten: &Forgotten, compressed: Option<Compressed>) -> String {
    let mut out = String::new();
    if forgets {
        out += &format!(
            "{} segments forgotten, {} bytes; the journal begins at sequence {}\n",
            grouped(forgotten.segments),
            grouped(forgotten.bytes),
            grouped(forgotten.first)
        );
    }
    if let Some(Compressed { segments, before, after }) = compressed {
        out += &format!(
            "{} segments compressed, {} bytes into {}\n",
            grouped(segments),
            grouped(before),
            grouped(after)
        );
    }
    out
}
