//! Whether a journal, or what was exported from it, is what was written.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use neuronbus::journal::{Damage, JournalError, verify as verify_journal};
use serde_json::json;

use super::chain::{Break, Chain};
use super::{document, line};
use crate::args::ReportFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::figures::grouped;

pub(super) fn verify(place: &Path, format: ReportFormat, console: Console) -> Result<(), Failure> {
    if place == Path::new("-") {
        return lines(&mut std::io::stdin().lock(), format, console);
    }
    if place.is_file() {
        let file = File::open(place).map_err(Failure::Input)?;
        return lines(&mut BufReader::new(file), format, console);
    }
    let summary = match verify_journal(place) {
        Err(JournalError::Damaged(damage)) if format == ReportFormat::Json => {
            let Damage { segment, offset, record, sequence, flaw } = &damage;
            console.write(&document(&json!({
                "ok": false,
                "segment": segment,
                "offset": offset,
                "record": record,
                "sequence": sequence,
                "flaw": flaw.to_string(),
            })))?;
            return Err(damage_failure(damage));
        }
        result => result?,
    };
    let hash = line::hex(&summary.hash);
    console.write(&match format {
        ReportFormat::Json => document(&json!({
            "ok": true,
            "journal": summary.id.to_string(),
            "segments": summary.segments,
            "bytes": summary.bytes,
            "batches": summary.batches,
            "records": summary.records,
            "first": summary.first,
            "next": summary.next,
            "last_tick": summary.last_tick,
            "hash": hash,
        })),
        ReportFormat::Text => format!(
            "journal {}: ok\n{} records in {} batches and {} segments, sequences {} to {}, {} bytes\n\
             last hash {hash}\n",
            summary.id,
            grouped(summary.records),
            grouped(summary.batches),
            grouped(summary.segments),
            grouped(summary.first),
            grouped(summary.next),
            grouped(summary.bytes),
        ),
    })
}

fn damage_failure(damage: Damage) -> Failure {
    Failure::Journal(JournalError::Damaged(damage))
}

/// Checks exported lines: each checksum, and that sequences rise.
fn lines(input: &mut dyn BufRead, format: ReportFormat, console: Console) -> Result<(), Failure> {
    let (mut chain, mut count, mut last) = (Chain::new(), 0, None);
    for line in input.lines() {
        let line = line.map_err(Failure::Input)?;
        count += 1;
        let broken = |why| Failure::Chain { line: count, why };
        let sequence = chain.check(&line).map_err(broken)?;
        if let Some(last) = last.filter(|&last| sequence <= last) {
            return Err(broken(Break::Sequence { found: sequence, expected: last + 1 }));
        }
        last = Some(sequence);
    }
    let checksum = chain.checksum();
    console.write(&match format {
        ReportFormat::Json => {
            document(&json!({"ok": true, "records": count, "checksum": checksum}))
        }
        ReportFormat::Text => {
            format!("{} records: ok\nlast checksum {checksum}\n", grouped(count))
        }
    })
}
