//! `neuronbus fork`: a journal up to a tick, something changed, and the rest of the input.

use std::path::PathBuf;

use neuronbus::cortex::ReplayOptions;
use neuronbus::journal::{Entry, Header, Journal, Options, Record};
use neuronbus::recorded::{OPERATOR, Recorded};
use neuronbus::time::Tick;
use serde::Serialize;

use super::{ForkOptions, Recording, json};
use crate::args::ReportFormat;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Debug, Serialize)]
struct Outcome {
    journal: PathBuf,
    at: u64,
    /// The record of the parent at which the fork begins.
    sequence: u64,
    records: u64,
    changes: Vec<String>,
    left_out: u64,
}

pub(crate) fn fork(options: &ForkOptions, console: Console) -> Result<(), Failure> {
    // The run up to the fork: who is there by then, and that it can be replayed at all.
    let mut recording = Recording::open(&options.journal, None, None)?;
    if recording.began_at.is_some() {
        return Err(Failure::NoFork);
    }
    let until = ReplayOptions { until: Tick(options.at), ..ReplayOptions::default() };
    recording.cortex.replay(&mut recording.playback, until)?;
    let changes = Changes::read(options, &mut recording)?;
    let sequence = recording.playback.next_record()?.map_or(0, |record| record.sequence);

    let mut source = Recording::open(&options.journal, None, None)?.playback;
    let parent = source.header().clone();
    let created_ns = neuronbus::pace::unix_us().saturating_mul(1_000);
    let header = Header { created_ns, parent: Some((parent.id(), sequence)), ..parent.clone() };
    let mut fork = Journal::create(&options.to, &header, Options::default())?;
    let (mut left_out, mut changed) = (0, false);
    while let Some(record) = source.next_record()? {
        if record.tick >= options.at && !std::mem::replace(&mut changed, true) {
            changes.write(&mut fork, options.at, record.time_ns)?;
        }
        if keeps(options, &record) {
            copy(&mut fork, &record)?;
        } else {
            left_out += 1;
        }
    }
    if !changed {
        changes.write(&mut fork, options.at, 0)?;
    }
    fork.seal();
    let records = fork.next_sequence();
    fork.close()?;
    let journal = options.to.clone();
    let changes = changes.words;
    let outcome = Outcome { journal, at: options.at, sequence, records, changes, left_out };
    console.write(&match options.format {
        ReportFormat::Json => json(&outcome)?,
        ReportFormat::Text => text(&outcome),
    })
}

/// Whether a record of the parent belongs to the fork: all before it, and of what follows only what entered, because
/// what came of it is another matter now.
fn keeps(options: &ForkOptions, record: &Record<'_>) -> bool {
    if options.without.contains(&record.sequence) {
        return false;
    }
    if record.tick < options.at {
        return true;
    }
    let recorded = Recorded::read(record.kind, record.body);
    match recorded {
        Ok(Recorded::Passed) => !options.end,
        Ok(recorded) => recorded.is_input() && !options.end,
        Err(_) => false,
    }
}

fn copy(fork: &mut Journal, record: &Record<'_>) -> Result<(), Failure> {
    let Record { tick, time_ns, source, kind, body, .. } = *record;
    append(fork, &Entry { tick, time_ns, source, kind, body })
}

/// Appends, and waits for the disk where the memory for what waits is full.
fn append(fork: &mut Journal, entry: &Entry<'_>) -> Result<(), Failure> {
    use neuronbus::journal::{JournalError, Level};
    if let Err(JournalError::Full { .. }) = fork.append(entry).map(|_| ()) {
        fork.seal();
        if let Some(last) = fork.next_sequence().checked_sub(1) {
            fork.wait(last, Level::PageCache)?;
        }
        fork.append(entry)?;
    }
    Ok(())
}

/// What is changed, ready to be written down.
struct Changes {
    bodies: Vec<(u8, Vec<u8>)>,
    words: Vec<String>,
}

impl Changes {
    /// Reads the changes, and makes each of them in the replayed cortex, which refuses what cannot be.
    fn read(options: &ForkOptions, recording: &mut Recording) -> Result<Self, Failure> {
        let mut changes = Self { bodies: Vec::new(), words: Vec::new() };
        for text in &options.weight {
            let wrong = || Failure::Change(text.clone());
            let (ends, weight) = text.rsplit_once('=').ok_or_else(wrong)?;
            let (from, to) = ends.split_once("->").ok_or_else(wrong)?;
            let (from, to) = (recording.neuron(from.trim())?, recording.neuron(to.trim())?);
            let weight = weight.trim().parse().map_err(|_| wrong())?;
            let before = recording.cortex.weight(from, to).unwrap_or_default();
            recording.cortex.set_weight(from, to, weight)?;
            changes
                .add(&Recorded::Weight { from, to, weight }, format!("{text} (was {before:.3})"));
        }
        for text in &options.threshold {
            let wrong = || Failure::Change(text.clone());
            let (neuron, threshold) = text.rsplit_once('=').ok_or_else(wrong)?;
            let neuron = recording.neuron(neuron.trim())?;
            let threshold = threshold.trim().parse().map_err(|_| wrong())?;
            recording.cortex.set_threshold(neuron, threshold)?;
            changes.add(&Recorded::Threshold { neuron, threshold }, format!("threshold of {text}"));
        }
        for text in &options.silence {
            let neuron = recording.neuron(text)?;
            recording.cortex.silence(neuron)?;
            changes.add(&Recorded::Silence { neuron }, format!("{text} silenced"));
        }
        Ok(changes)
    }

    fn add(&mut self, recorded: &Recorded<'_>, words: String) {
        let mut body = Vec::new();
        recorded.write(&mut body);
        self.bodies.push((recorded.code(), body));
        self.words.push(words);
    }

    fn write(&self, fork: &mut Journal, tick: u64, time_ns: u64) -> Result<(), Failure> {
        for (kind, body) in &self.bodies {
            append(fork, &Entry { tick, time_ns, source: OPERATOR, kind: *kind, body })?;
        }
        Ok(())
    }
}

fn text(outcome: &Outcome) -> String {
    let Outcome { journal, at, sequence, records, changes, left_out } = outcome;
    let mut out = format!(
        "{}: forked before tick {at} (record {sequence}), {records} records, {left_out} left out\n",
        journal.display()
    );
    for change in changes {
        out += &format!("  {change}\n");
    }
    out
}
