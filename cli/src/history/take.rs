//! `neuronbus journal snapshot`: the state of a recorded run, taken by replaying it.
//!
//! A run is a function of its journal, so another process has the same state in the same tick. It takes as long as it
//! takes, and the brain that runs is not stopped for a moment.

use std::path::{Path, PathBuf};

use neuronbus::cortex::ReplayOptions;
use neuronbus::journal::Scan;
use neuronbus::recorded::Recorded;
use neuronbus::snapshot::{self, Capture};
use neuronbus::time::Tick;
use serde::Serialize;

use super::{Recording, json};
use crate::args::ReportFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::figures::grouped;

#[derive(Debug, Serialize)]
struct Outcome {
    snapshot: PathBuf,
    tick: u64,
    sequence: u64,
    bytes: u64,
    digest: String,
}

pub(crate) fn take(
    journal: &Path,
    keep: usize,
    format: ReportFormat,
    console: Console,
) -> Result<(), Failure> {
    let tick = last_place(journal)?.ok_or(Failure::NoPlace)?;
    let mut recording = Recording::open(journal, None, None)?;
    recording.jump(journal, tick)?;
    if recording.began_at == Some(tick) {
        return console.write(&match format {
            ReportFormat::Json => json(&serde_json::json!({"snapshot": null, "tick": tick}))?,
            ReportFormat::Text => format!("there is one of tick {} already\n", grouped(tick)),
        });
    }
    let Recording { cortex, playback, .. } = &mut recording;
    cortex.replay(playback, ReplayOptions { until: Tick(tick), ..ReplayOptions::default() })?;
    let next = playback.next_record()?.ok_or(Failure::NoPlace)?.sequence;
    let digest = cortex.digest();
    let capture = Capture::of(cortex, next, Vec::new())?.with_digest(digest);
    let bytes = capture.header().length;
    let snapshot = capture.write(journal)?;
    snapshot::prune(journal, keep.max(1))?;
    let outcome = Outcome { snapshot, tick, sequence: next, bytes, digest: digest.to_string() };
    console.write(&match format {
        ReportFormat::Json => json(&outcome)?,
        ReportFormat::Text => format!(
            "{}: the state before tick {}, {} bytes\ndigest {}\n",
            outcome.snapshot.display(),
            grouped(tick),
            grouped(bytes),
            outcome.digest
        ),
    })
}

/// The tick of the last record that says what a snapshot there would need beside the state.
fn last_place(journal: &Path) -> Result<Option<u64>, Failure> {
    let mut scan = Scan::open(journal)?;
    let mut last = None;
    while let Some(record) = scan.next() {
        let record = record?;
        if let Ok(Recorded::Kept(_)) = Recorded::read(record.kind, record.body) {
            last = Some(record.tick);
        }
    }
    Ok(last)
}
