//! The report as one JSON document. Its keys are stable; new ones may be added.

use neuronbus::cortex::{
    AxonEntry, Digest, FaultEntry, GateEntry, Latencies, SpikeCounts, WorkerEntry,
};
use neuronbus_connectome::{Alert, Handled, pace_name};
use serde::Serialize;

use super::{LinkLine, PopulationLine, Summary};
use crate::failure::Failure;

#[derive(Serialize)]
struct Document<'a> {
    brain: &'a str,
    pace: &'static str,
    ticks: u64,
    late_ticks: u64,
    time_ms: u64,
    wall_ms: u64,
    neurons: usize,
    synapses: u64,
    spikes: SpikeCounts,
    latency_ns: Latencies,
    links: &'a [LinkLine],
    populations: &'a [PopulationLine],
    alerts: Vec<&'a Alert>,
    alert_count: u64,
    handled: Vec<&'a Handled>,
    handled_count: u64,
    workers: &'a [WorkerEntry],
    axons: &'a [AxonEntry],
    gates: &'a [GateEntry],
    refused: Vec<Refused<'a>>,
    faults: &'a [FaultEntry],
    notes: Vec<String>,
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
}

/// One kind of refused input, beside the gate that refused it.
#[derive(Serialize)]
struct Refused<'a> {
    gate: &'a str,
    kind: &'a str,
    count: u64,
    sample: &'a str,
}

pub(crate) fn to_json(summary: &Summary<'_>) -> Result<String, Failure> {
    let report = &summary.snapshot.report;
    let refusals = report.gates.iter().flat_map(|gate| {
        gate.account.refused.iter().map(|refusal| Refused {
            gate: &gate.path,
            kind: &refusal.kind,
            count: refusal.count,
            sample: &refusal.sample,
        })
    });
    let document = Document {
        brain: summary.brain.name(),
        pace: pace_name(report.pace),
        ticks: report.ticks,
        late_ticks: report.late_ticks,
        time_ms: report.time_ns / 1_000_000,
        wall_ms: summary.wall_ms,
        neurons: report.neurons,
        synapses: report.synapses,
        spikes: report.spikes,
        latency_ns: report.latency_ns,
        links: &summary.snapshot.links,
        populations: &summary.snapshot.populations,
        alerts: summary.alerts.kept().collect(),
        alert_count: summary.alerts.total(),
        handled: summary.handled.kept().collect(),
        handled_count: summary.handled.total(),
        workers: &report.workers,
        axons: &report.axons,
        gates: &report.gates,
        refused: refusals.collect(),
        faults: &report.faults,
        notes: super::text::notes(report),
        seed: report.seed,
        digest: report.digest,
    };
    let mut text = serde_json::to_string_pretty(&document).map_err(Failure::Json)?;
    text.push('\n');
    Ok(text)
}
