//! What a journal is good for: a run replayed, explained, forked and compared.

mod diff;
mod fork;
mod into;
mod options;
mod replay;
mod take;
mod why;

use std::path::Path;

use neuronbus::cortex::{Cortex, Exchange, Playback};
use neuronbus::id::NeuronId;
use neuronbus::journal::Scan;
use neuronbus::recorded::Recorded;
use neuronbus::snapshot::{self, Snapshot};
use neuronbus_connectome::{Brain, Overrides};

pub(crate) use diff::diff;
pub(crate) use fork::fork;
pub(crate) use options::{DiffOptions, ForkOptions, ReplayOptions, WhyOptions};
pub(crate) use replay::replay;
pub(crate) use take::take;
pub(crate) use why::why;

use crate::failure::Failure;

/// A recorded run, ready to be replayed: its brain, built anew, and its records from the first on.
struct Recording {
    brain: Brain,
    cortex: Cortex,
    playback: Playback,
    /// The tick of the snapshot that it begins with, if it does not begin at the beginning.
    began_at: Option<u64>,
}

impl Recording {
    /// The run in a journal; built from another description than the recorded one if a file is given.
    fn open(journal: &Path, brain: Option<&Path>, workers: Option<usize>) -> Result<Self, Failure> {
        let playback = Playback::open(journal)?;
        let brain = match brain {
            Some(path) => Brain::read(path)?,
            None => recorded_brain(journal)?,
        };
        let seed = Some(playback.header().seed);
        let build = |exchange| -> Result<Cortex, Failure> {
            let mut builder = Cortex::builder();
            let overrides = Overrides { seed, workers, exchange, ..Overrides::default() };
            brain.assemble(&mut builder, overrides)?;
            Ok(builder.build()?)
        };
        let recorded = |cortex: &Cortex| cortex.plan().as_bytes() == &playback.header().plan;
        let mut cortex = build(None)?;
        if !recorded(&cortex)
            && let Some(free) = build(Some(Exchange::FreeRunning)).ok().filter(recorded)
        {
            // Its workers were told on the command line to run freely.
            cortex = free;
        }
        let mut recording = Self { cortex, brain, playback, began_at: None };
        let first = Scan::open(journal)?.segment_start();
        if first > 0 {
            // What came before was forgotten: the oldest snapshot that the journal leads on from stands for it.
            let all = snapshot::list(journal)?.into_iter();
            let mut readable = all.filter_map(|(_, path)| Snapshot::read(&path).ok());
            let oldest = readable.find(|snapshot| snapshot.header.sequence >= first);
            let oldest = oldest.ok_or(Failure::NoBeginning { first })?;
            recording.begin_with(journal, &oldest)?;
        }
        Ok(recording)
    }

    /// Goes to the newest snapshot that is not behind a tick; stays where it is if there is none.
    fn jump(&mut self, journal: &Path, tick: u64) -> Result<(), Failure> {
        match snapshot::nearest(journal, tick)?.snapshot {
            Some(snapshot) if Some(snapshot.header.tick) > self.began_at => {
                self.begin_with(journal, &snapshot)
            }
            _ => Ok(()),
        }
    }

    fn begin_with(&mut self, journal: &Path, snapshot: &Snapshot) -> Result<(), Failure> {
        snapshot.restore(&mut self.cortex)?;
        let scan = Scan::open(journal)?.from_sequence(snapshot.header.sequence)?;
        self.playback = Playback::of(scan);
        self.began_at = Some(snapshot.header.tick);
        Ok(())
    }

    /// Whether it was built as it was recorded.
    fn is_as_recorded(&self) -> bool {
        self.cortex.plan().as_bytes() == &self.playback.header().plan
    }

    /// The neuron at an address, `region:name`, or the only one of that name.
    fn neuron(&self, address: &str) -> Result<NeuronId, Failure> {
        neuron_of(&self.cortex, address)
    }
}

/// The description that a journal holds.
fn recorded_brain(journal: &Path) -> Result<Brain, Failure> {
    let mut scan = Scan::open(journal)?;
    let unknown = || Failure::NoDescription(journal.to_owned());
    let forgets = scan.segment_start() > 0;
    // bound: the records; it is the first, or stands with each snapshot where the first may be forgotten
    while let Some(record) = scan.next() {
        let record = record?;
        match Recorded::read(record.kind, record.body) {
            Ok(Recorded::Described(text)) if !text.is_empty() => {
                let text = std::str::from_utf8(text).map_err(|_| unknown())?;
                return Ok(Brain::parse(text, &journal.display().to_string())?);
            }
            _ if forgets => {}
            _ => break,
        }
    }
    Err(unknown())
}

fn neuron_of(cortex: &Cortex, address: &str) -> Result<NeuronId, Failure> {
    let atlas = cortex.atlas();
    let is_it = |id: &NeuronId| atlas.address(*id) == address || atlas.name(*id) == address;
    let mut found = atlas.neurons().filter(is_it);
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(Failure::NoNeuron(address.to_owned())),
        (Some(_), Some(_)) => Err(Failure::SeveralNeurons(address.to_owned())),
    }
}

/// Bytes as people read them: text, or digits.
fn spell(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|c| c.is_control() && c != '\t') => {
            let mut shown: String = text.chars().take(SHOWN).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            shown
        }
        _ => bytes.iter().take(SHOWN / 2).map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Writes a document and the end of its line.
fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(value).map_err(Failure::Json)? + "\n")
}
