//! `neuronbus check` and `neuronbus topology`: what a description says, without running it.

use std::fmt::Write as _;
use std::path::Path;

use neuronbus::cortex::Cortex;
use neuronbus_connectome::{Brain, Finding, Overrides, RegionPlan, pace_name, quantity};
use serde::Serialize;

use crate::args::GraphFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::view::Style;

/// Reads, builds and takes apart again; no gate is opened.
fn build(path: &Path) -> Result<(Brain, Cortex), Failure> {
    let brain = Brain::read(path)?;
    let mut builder = Cortex::builder();
    brain.assemble(&mut builder, Overrides::default())?;
    let cortex = builder.build()?;
    Ok((brain, cortex))
}

pub(crate) fn check(path: &Path, console: Console) -> Result<(), Failure> {
    let (brain, cortex) = build(path)?;
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = summary(&mut text, path, &brain, &cortex, Style { colour: console.stdout_colour() });
    console.write(&text)
}

fn summary(
    text: &mut String,
    path: &Path,
    brain: &Brain,
    cortex: &Cortex,
    style: Style,
) -> std::fmt::Result {
    writeln!(text, "{}: ok", path.display())?;
    writeln!(
        text,
        "brain {}: tick {}, pace {}, seed {}",
        style.bold(brain.name()),
        quantity::spell(brain.tick().as_duration()),
        pace_name(brain.pace()),
        brain.seed()
    )?;
    writeln!(text, "\n{}", style.bold("regions"))?;
    let width = brain.regions().iter().map(|region| region.path.chars().count()).max().unwrap_or(0);
    let kinds = brain.regions().iter().map(|region| region.kind.name().len()).max().unwrap_or(0);
    for region in brain.regions() {
        let kind = region.kind.name();
        writeln!(text, "  {:<width$}  {kind:<kinds$}  {}", region.path, region.summary())?;
    }
    writeln!(text, "\n{}", style.bold("projections"))?;
    for projection in brain.projections() {
        let (from, to) = (&projection.from, &projection.to);
        writeln!(text, "  {from:<width$} -> {to:<width$}  {}", projection.summary())?;
    }
    if brain.projections().is_empty() {
        writeln!(text, "  none")?;
    }
    let (neurons, synapses) = (cortex.atlas().len(), cortex.synapses());
    writeln!(text, "\n{neurons} neurons and gates and {synapses} synapses at the start")?;
    let findings = brain.findings();
    if !findings.is_empty() {
        writeln!(text, "\n{}", style.bold("probably not meant"))?;
    }
    findings.iter().try_for_each(|finding| writeln!(text, "  {finding}"))
}

pub(crate) fn topology(path: &Path, format: GraphFormat, console: Console) -> Result<(), Failure> {
    let (brain, cortex) = build(path)?;
    let text = match format {
        GraphFormat::Dot => to_dot(&brain, &cortex),
        GraphFormat::Json => to_json(&brain, &cortex)?,
    };
    console.write(&text)
}

/// The neurons that a region has before anything has been sensed.
fn members<'c>(cortex: &'c Cortex, region: &RegionPlan) -> Vec<&'c str> {
    let atlas = cortex.atlas();
    let Some(id) = atlas.region(&region.path) else { return Vec::new() };
    atlas.members(id).iter().map(|&neuron| atlas.name(neuron)).collect()
}

/// Region by region: most neurons of a brain are only made when what they stand for is first sensed.
fn to_dot(brain: &Brain, cortex: &Cortex) -> String {
    let mut text =
        format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(brain.name()));
    for region in brain.regions() {
        let mut label = format!("{}\n{}: {}", region.path, region.kind.name(), region.summary());
        let members = members(cortex, region);
        if !members.is_empty() {
            label.push_str(&format!("\n{}", members.join(" ")));
        }
        text.push_str(&format!("  {} [label={}];\n", quoted(&region.path), quoted(&label)));
    }
    for projection in brain.projections() {
        let style = if projection.learns() { "dashed" } else { "solid" };
        text.push_str(&format!(
            "  {} -> {} [label={}, style={style}];\n",
            quoted(&projection.from),
            quoted(&projection.to),
            quoted(&projection.summary())
        ));
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[derive(Serialize)]
struct Drawing<'a> {
    brain: &'a str,
    tick_ns: u64,
    pace: &'static str,
    seed: u64,
    regions: Vec<DrawnRegion<'a>>,
    projections: Vec<DrawnProjection<'a>>,
    /// The graph of single neurons, as far as they exist before the run.
    graph: serde_json::Value,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct DrawnRegion<'a> {
    path: &'a str,
    kind: &'static str,
    summary: String,
    neurons: Vec<&'a str>,
}

#[derive(Serialize)]
struct DrawnProjection<'a> {
    from: &'a str,
    to: &'a str,
    learns: bool,
    summary: String,
}

fn to_json(brain: &Brain, cortex: &Cortex) -> Result<String, Failure> {
    let regions = brain.regions().iter().map(|region| DrawnRegion {
        path: &region.path,
        kind: region.kind.name(),
        summary: region.summary(),
        neurons: members(cortex, region),
    });
    let projections = brain.projections().iter().map(|projection| DrawnProjection {
        from: &projection.from,
        to: &projection.to,
        learns: projection.learns(),
        summary: projection.summary(),
    });
    let graph = cortex.topology().to_json().map_err(Failure::Json)?;
    let drawing = Drawing {
        brain: brain.name(),
        tick_ns: brain.tick().as_nanos(),
        pace: pace_name(brain.pace()),
        seed: brain.seed(),
        regions: regions.collect(),
        projections: projections.collect(),
        graph: serde_json::from_str(&graph).map_err(Failure::Json)?,
        findings: brain.findings().iter().map(Finding::to_string).collect(),
    };
    let mut text = serde_json::to_string_pretty(&drawing).map_err(Failure::Json)?;
    text.push('\n');
    Ok(text)
}
