//! `neuronbus replay`: a run again, from its journal, compared with what was recorded.

use neuronbus::cortex::{self, ReplayReport, Speed};
use neuronbus::time::Tick;
use serde::Serialize;

use super::{Recording, ReplayOptions, into, json};
use crate::args::ReportFormat;
use crate::clock::Moment;
use crate::console::Console;
use crate::failure::Failure;
use crate::report::{LinkLine, Snapshot};

/// Learned links that are shown.
const LINKS: usize = 10;

#[derive(Debug, Serialize)]
struct Outcome {
    brain: String,
    /// The tick of the snapshot that it began with.
    snapshot: Option<u64>,
    #[serde(flatten)]
    report: ReplayReport,
    /// Whether what was replayed is what was recorded; `null` where nothing could be compared.
    verified: Option<bool>,
    digest: String,
    wall_ms: u64,
    neurons: Vec<Shown>,
    links: Vec<LinkLine>,
}

/// A neuron at the end of a replay.
#[derive(Debug, Serialize)]
struct Shown {
    neuron: String,
    potential: Option<f32>,
    heard_from: Vec<(String, f32)>,
}

pub(crate) fn replay(options: &ReplayOptions, console: Console) -> Result<(), Failure> {
    if let (Some(dir), Some(gate)) = (&options.into, &options.gate) {
        return into::send(options, dir, gate, console);
    }
    let brain = options.brain.as_deref();
    let mut recording = Recording::open(&options.journal, brain, options.workers)?;
    let verify = !options.no_verify && recording.is_as_recorded();
    if !verify && !options.no_verify {
        console.say("the brain is not the one that was recorded: nothing is compared");
    }
    let until = options.until.unwrap_or(u64::MAX);
    if options.snapshot {
        recording.jump(&options.journal, until)?;
    }
    let speed = options.speed.0.map_or(Speed::Max, Speed::Times);
    let began = Moment::now();
    let Recording { cortex, playback, .. } = &mut recording;
    let report =
        cortex.replay(playback, cortex::ReplayOptions { speed, until: Tick(until), verify })?;
    let wall_ms = began.elapsed().as_millis() as u64;
    let neurons = options.show.iter().map(|name| show(&recording, name));
    let snapshot = Snapshot::of(&recording.cortex, LINKS);
    let outcome = Outcome {
        brain: recording.brain.name().to_owned(),
        snapshot: recording.began_at,
        verified: (verify && report.marks + report.outputs > 0).then_some(true),
        digest: recording.cortex.digest().to_string(),
        wall_ms,
        report,
        neurons: neurons.collect::<Result<_, _>>()?,
        links: snapshot.links.into_iter().filter(LinkLine::is_learned).collect(),
    };
    console.write(&match options.format {
        ReportFormat::Json => json(&outcome)?,
        ReportFormat::Text => text(&outcome),
    })
}

fn show(recording: &Recording, address: &str) -> Result<Shown, Failure> {
    let id = recording.neuron(address)?;
    let cortex = &recording.cortex;
    let atlas = cortex.atlas();
    let mut heard_from: Vec<(String, f32)> = atlas
        .neurons()
        .filter_map(|from| Some((atlas.address(from), cortex.weight(from, id)?)))
        .collect();
    heard_from.sort_by(|one, other| other.1.total_cmp(&one.1));
    Ok(Shown { neuron: atlas.address(id), potential: cortex.potential(id), heard_from })
}

fn text(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let mut out = format!(
        "{}: {} records, {} inputs, {} ticks in {} ms\n",
        outcome.brain, report.records, report.inputs, report.next_tick, outcome.wall_ms
    );
    if let Some(tick) = outcome.snapshot {
        out += &format!("began with the snapshot of tick {tick}\n");
    }
    out += &match outcome.verified {
        Some(_) => format!(
            "verified: {} digests and {} outputs are as they were recorded\n",
            report.marks, report.outputs
        ),
        None => "nothing was compared\n".to_owned(),
    };
    if report.refused > 0 {
        out += &format!("{} inputs were refused by this brain\n", report.refused);
    }
    out += &format!("digest {}\n", outcome.digest);
    for shown in &outcome.neurons {
        let potential = shown.potential.map_or("-".to_owned(), |value| format!("{value:.3}"));
        out += &format!("\n{} has potential {potential}\n", shown.neuron);
        for (from, weight) in &shown.heard_from {
            out += &format!("  hears {from} with weight {weight:.3}\n");
        }
    }
    if !outcome.links.is_empty() {
        out += "\nlearned links\n";
    }
    for link in &outcome.links {
        out +=
            &format!("  {:.2}  {} -> {} ({} times)\n", link.weight, link.from, link.to, link.count);
    }
    out
}
