//! `neuronbus replay --into`: what was recorded enters a brain that runs, and then what is being recorded.

use std::path::Path;
use std::time::Duration;

use crossbeam_channel::Receiver;
use neuronbus::arena::ArenaError;
use neuronbus::brain::{Brain, BrainError, Sensory};
use neuronbus::cortex::ReplayError;
use neuronbus::journal::{Record, Scan, Speed, Tempo};
use neuronbus::recorded::Recorded;
use neuronbus::spike::SpikeKind;
use serde::Serialize;

use super::{Recording, ReplayOptions, json};
use crate::args::ReportFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::figures::grouped;
use crate::interrupt;

/// How often the end of a journal that is being written is looked at, and signals while a spike waits for room.
const LOOK: Duration = Duration::from_millis(20);

/// How long the brain has to take in what was sent last.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize)]
struct Outcome {
    gate: String,
    sent: u64,
    /// Every record below this one has been sent, or was none to be sent: `--from` goes on here.
    next_sequence: u64,
    /// The record from which on it was what was being recorded; `null` if it did not come so far.
    live_from: Option<u64>,
    /// Whether the brain had taken in all of it at the end.
    taken: bool,
}

/// What a spike is and what it carries.
type Spike<'a> = (SpikeKind, u8, &'a [u8]);

/// Who sends, and what.
struct Sending<'a> {
    options: &'a ReplayOptions,
    sources: Vec<u32>,
    sensory: Sensory,
    interrupted: Receiver<()>,
    outcome: Outcome,
}

pub(super) fn send(
    options: &ReplayOptions,
    dir: &Path,
    gate: &str,
    console: Console,
) -> Result<(), Failure> {
    let scan = Scan::open(&options.journal)?;
    let (first, from) = (scan.segment_start(), options.from.unwrap_or(scan.segment_start()));
    if from < first {
        return Err(Failure::Forgotten { wanted: from, first });
    }
    let mut scan = scan.from_sequence(from)?;
    let sources = sources(options)?;
    let sensory = Brain::attach(dir)?.sensory(gate)?;
    let gate = sensory.gate().to_owned();
    let outcome = Outcome { gate, sent: 0, next_sequence: from, live_from: None, taken: false };
    let interrupted = interrupt::listen()?;
    let mut sending = Sending { options, sources, sensory, interrupted, outcome };
    sending.run(&mut scan)?;
    // What was accepted stays for the next cortex, so none has to be there.
    sending.outcome.taken = sending.sensory.wait_until_taken(PATIENCE).unwrap_or(false);
    let outcome = sending.outcome;
    console.write(&match options.format {
        ReportFormat::Json => json(&outcome)?,
        ReportFormat::Text => text(&outcome),
    })
}

/// The ids of the gates whose input is sent: written as ids, or as paths in the recorded brain.
fn sources(options: &ReplayOptions) -> Result<Vec<u32>, Failure> {
    let mut recorded = None;
    let mut ids = Vec::new();
    for source in &options.source {
        if let Ok(id) = source.parse() {
            ids.push(id);
            continue;
        }
        if recorded.is_none() {
            recorded = Some(Recording::open(&options.journal, None, None)?);
        }
        let atlas = recorded.as_ref().map(|recording| recording.cortex.atlas());
        let found = atlas.and_then(|atlas| {
            let is_it = |address: &str| {
                address == source || address.split(':').next() == Some(source.as_str())
            };
            atlas.neurons().find(|&id| is_it(&atlas.address(id)))
        });
        let id = found.ok_or_else(|| Failure::NoNeuron(source.clone()))?;
        ids.push(id.raw().into());
    }
    Ok(ids)
}

impl Sending<'_> {
    fn run(&mut self, scan: &mut Scan) -> Result<(), Failure> {
        let mut tempo = Tempo::new(self.options.speed.0.map_or(Speed::Max, Speed::Times));
        let until = self.options.until.unwrap_or(u64::MAX);
        // bound: the records of the journal, or until it is interrupted
        loop {
            let Some(record) = scan.next() else {
                if !self.options.follow {
                    return Ok(());
                }
                let next = self.outcome.next_sequence;
                self.outcome.live_from.get_or_insert(next);
                if self.pause(LOOK) { continue } else { return Ok(()) }
            };
            let record = record?;
            if record.tick >= until {
                return Ok(());
            }
            if let Some((kind, priority, payload)) = self.sent(&record)? {
                if !self.pause(tempo.early(record.time_ns))
                    || !self.hand_in(kind, priority, payload)?
                {
                    return Ok(());
                }
                self.outcome.sent += 1;
            }
            self.outcome.next_sequence = record.sequence + 1;
        }
    }

    /// What of a record is sent, if anything.
    fn sent<'a>(&self, record: &Record<'a>) -> Result<Option<Spike<'a>>, Failure> {
        if !self.sources.is_empty() && !self.sources.contains(&record.source) {
            return Ok(None);
        }
        let sequence = record.sequence;
        let recorded = Recorded::read(record.kind, record.body);
        let recorded = recorded.map_err(|source| ReplayError::Recorded { sequence, source })?;
        Ok(match recorded {
            Recorded::Fire { kind, priority, payload }
            | Recorded::Drive { kind, priority, payload, .. } => Some((kind, priority, payload)),
            _ => None,
        })
    }

    /// Waits; false if it was interrupted.
    fn pause(&self, time: Duration) -> bool {
        if time.is_zero() {
            return self.interrupted.is_empty();
        }
        self.interrupted.recv_timeout(time).is_err()
    }

    /// Sends one, when there is room; false if it was interrupted before.
    fn hand_in(&mut self, kind: SpikeKind, priority: u8, payload: &[u8]) -> Result<bool, Failure> {
        loop {
            match self.sensory.send_within(kind, priority, payload, LOOK) {
                Ok(()) => return Ok(true),
                Err(BrainError::Full { .. } | BrainError::Arena(ArenaError::Full { .. })) => {
                    if !self.interrupted.is_empty() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn text(outcome: &Outcome) -> String {
    let Outcome { gate, sent, next_sequence, live_from, taken } = outcome;
    let mut out = format!(
        "{} records sent to {gate}, up to sequence {}",
        grouped(*sent),
        grouped(*next_sequence)
    );
    if let Some(sequence) = live_from {
        out += &format!(", live from {} on", grouped(*sequence));
    }
    out + if *taken { "; all taken in\n" } else { "; some wait for a cortex\n" }
}
