//! `neuronbus diff`: two runs replayed side by side, and what each fired that the other did not.

use std::collections::BTreeMap;

use neuronbus::cause::{Causes, SpikeId};
use neuronbus::cortex::{Cortex, ReplayOptions};
use neuronbus::id::NeuronId;
use neuronbus::snapshot::{self, Finding, Snapshot};
use serde::Serialize;

use super::{DiffOptions, Recording, json, spell};
use crate::args::ReportFormat;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Debug, Serialize)]
struct Outcome {
    same: bool,
    digests: (String, String),
    next_ticks: (u64, u64),
    spikes: (usize, usize),
    /// The first spikes that only one of the runs fired.
    first: Vec<Only>,
    /// Spikes that only one of them fired, by neuron: in the first run, in the second.
    neurons: Vec<(String, u64, u64)>,
    /// The first neuron, synapse or counter whose state differs at the end, if states could be had.
    state: Option<Finding>,
    /// Weights that differ at the end: source, target, first run, second run.
    weights: Vec<(String, String, Option<f32>, Option<f32>)>,
    weights_differing: usize,
}

#[derive(Debug, Serialize)]
struct Only {
    /// 1 or 2.
    run: u8,
    tick: u64,
    spike: String,
    payload: String,
}

/// A run, replayed to its end with its spikes written down.
struct Replayed {
    cortex: Cortex,
    causes: Causes,
    next_tick: u64,
}

fn replayed(journal: &std::path::Path) -> Result<Replayed, Failure> {
    let Recording { mut cortex, mut playback, .. } = Recording::open(journal, None, Some(1))?;
    cortex.trace_causes();
    let report = cortex.replay(&mut playback, ReplayOptions::default())?;
    Ok(Replayed { causes: cortex.take_causes(), cortex, next_tick: report.next_tick })
}

pub(crate) fn diff(options: &DiffOptions, console: Console) -> Result<(), Failure> {
    if options.one.is_file() && options.other.is_file() {
        return states(options, console);
    }
    let (mut one, mut other) = (replayed(&options.one)?, replayed(&options.other)?);
    let state = first_difference(&mut one.cortex, &mut other.cortex);
    let outcome = compare(&one, &other, state, options.limit);
    console.write(&match options.format {
        ReportFormat::Json => json(&outcome)?,
        ReportFormat::Text => text(&outcome),
    })
}

/// Where two snapshots in files differ first.
fn states(options: &DiffOptions, console: Console) -> Result<(), Failure> {
    let (one, other) = (Snapshot::read(&options.one)?, Snapshot::read(&options.other)?);
    let found = snapshot::compare(&one.content, &other.content).map_err(Failure::State)?;
    console.write(&match (options.format, found) {
        (ReportFormat::Json, found) => json(&found)?,
        (ReportFormat::Text, None) => "the states are the same\n".to_owned(),
        (ReportFormat::Text, Some(finding)) => format!("{finding}\n"),
    })
}

/// Where the states differ first; nothing where one cannot be had, as of workers that ran freely.
fn first_difference(one: &mut Cortex, other: &mut Cortex) -> Option<Finding> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    one.snapshot(&mut left).ok()?;
    other.snapshot(&mut right).ok()?;
    snapshot::compare(&left, &right).ok()?
}

/// A spike by what does not depend on the ids of one run: when, by whom, the how-manieth, and what it carries.
type Told = (u64, String, u32, Vec<u8>);

fn told(run: &Replayed) -> BTreeMap<Told, SpikeId> {
    let atlas = run.cortex.atlas();
    let name = |id: SpikeId| match id.cell {
        Some(cell) => format!("{}[{cell}]", atlas.address(id.source)),
        None => atlas.address(id.source),
    };
    let spikes = run.causes.spikes();
    spikes
        .map(|(id, fired)| ((id.time_ns, name(id), id.sequence, fired.payload.clone()), id))
        .collect()
}

fn compare(one: &Replayed, other: &Replayed, state: Option<Finding>, limit: usize) -> Outcome {
    let (ours, theirs) = (told(one), told(other));
    let length = one.cortex.tick_length().as_duration().as_nanos() as u64;
    let only = |run: u8, a: &BTreeMap<Told, SpikeId>, b: &BTreeMap<Told, SpikeId>| {
        let missing = a.keys().filter(|told| !b.contains_key(*told));
        missing.map(|told| (run, told.clone())).collect::<Vec<_>>()
    };
    let mut all = only(1, &ours, &theirs);
    all.extend(only(2, &theirs, &ours));
    all.sort_by(|(a, one), (b, other)| (one.0, a, &one.1).cmp(&(other.0, b, &other.1)));
    let mut neurons: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (run, (_, name, ..)) in &all {
        let counts = neurons.entry(name.clone()).or_default();
        if *run == 1 { counts.0 += 1 } else { counts.1 += 1 }
    }
    let first = all.iter().take(limit).map(|(run, (time_ns, name, sequence, payload))| Only {
        run: *run,
        tick: time_ns / length.max(1),
        spike: format!("{name}#{sequence}"),
        payload: spell(payload),
    });
    let weights = weights_differing(&one.cortex, &other.cortex);
    let digests = (one.cortex.digest().to_string(), other.cortex.digest().to_string());
    let mut neurons: Vec<_> = neurons.into_iter().map(|(name, (a, b))| (name, a, b)).collect();
    neurons.sort_by_key(|(_, a, b)| std::cmp::Reverse(a + b));
    neurons.truncate(limit);
    Outcome {
        same: digests.0 == digests.1 && all.is_empty(),
        digests,
        next_ticks: (one.next_tick, other.next_tick),
        spikes: (ours.len(), theirs.len()),
        first: first.collect(),
        neurons,
        state,
        weights_differing: weights.len(),
        weights: weights.into_iter().take(limit).collect(),
    }
}

/// Weights between agents that are not the same at the end, those that differ most first.
fn weights_differing(
    one: &Cortex,
    other: &Cortex,
) -> Vec<(String, String, Option<f32>, Option<f32>)> {
    let table = |cortex: &Cortex| {
        let atlas = cortex.atlas();
        let mut all: BTreeMap<(String, String), f32> = BTreeMap::new();
        let ids: Vec<NeuronId> = atlas.neurons().collect();
        for &from in &ids {
            for &to in &ids {
                if let Some(weight) = cortex.weight(from, to) {
                    all.insert((atlas.address(from), atlas.address(to)), weight);
                }
            }
        }
        all
    };
    let (ours, theirs) = (table(one), table(other));
    let mut keys: Vec<_> = ours.keys().chain(theirs.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut differing: Vec<_> = keys
        .into_iter()
        .map(|key| (key.0.clone(), key.1.clone(), ours.get(key).copied(), theirs.get(key).copied()))
        .filter(|(.., a, b)| a != b)
        .collect();
    let by = |a: Option<f32>, b: Option<f32>| (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs();
    differing.sort_by(|one, other| by(other.2, other.3).total_cmp(&by(one.2, one.3)));
    differing
}

fn text(outcome: &Outcome) -> String {
    if outcome.same {
        return format!("the runs are the same: digest {}\n", outcome.digests.0);
    }
    let (one, other) = outcome.spikes;
    let mut out = format!(
        "1 fired {one} spikes in {} ticks, 2 {other} in {}\n",
        outcome.next_ticks.0, outcome.next_ticks.1
    );
    out += if outcome.first.is_empty() { "no spike differs\n" } else { "\nfirst differences\n" };
    for only in &outcome.first {
        out += &format!(
            "  tick {:>8}  only in {}  {}  {:?}\n",
            only.tick, only.run, only.spike, only.payload
        );
    }
    if !outcome.neurons.is_empty() {
        out += "\nspikes that only one fired, by neuron\n";
    }
    for (name, a, b) in &outcome.neurons {
        out += &format!("  {name}: {a} in 1, {b} in 2\n");
    }
    if let Some(finding) = &outcome.state {
        out += &format!("\nfirst difference of the states at the end\n  {finding}\n");
    }
    if outcome.weights_differing > 0 {
        out += &format!("\n{} weights differ at the end\n", outcome.weights_differing);
    }
    let weight =
        |weight: &Option<f32>| weight.map_or("-".to_owned(), |value| format!("{value:.4}"));
    for (from, to, a, b) in &outcome.weights {
        out += &format!("  {from} -> {to}: {} in 1, {} in 2\n", weight(a), weight(b));
    }
    out
}
