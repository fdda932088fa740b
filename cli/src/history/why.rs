//! `neuronbus why`: what made a neuron fire, found by replaying the run and writing down who heard whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use neuronbus::atlas::Atlas;
use neuronbus::cause::{Causes, Fired, SpikeId};
use neuronbus::cortex::{Cortex, Playback};
use neuronbus::recorded::Recorded;
use neuronbus::time::{Tick, TickLength};
use serde::Serialize;

use super::options::CauseFormat;
use super::{Recording, WhyOptions, json, neuron_of, spell};
use crate::console::Console;
use crate::failure::Failure;

/// How many of the spikes that led to one are told in words.
const SHOWN: usize = 4;

pub(crate) fn why(options: &WhyOptions, console: Console) -> Result<(), Failure> {
    // One worker: causes are traced where everything is in one place.
    let Recording { mut cortex, mut playback, .. } =
        Recording::open(&options.journal, None, Some(1))?;
    let output = output_of(&options.spike, &options.journal)?;
    cortex.trace_causes();
    cortex.replay(&mut playback, neuronbus::cortex::ReplayOptions::default())?;
    let causes = cortex.take_causes();
    let spike = match output {
        Some(id) => id,
        None => named(&options.spike, &cortex, &causes)?,
    };
    let story = Story {
        atlas: cortex.atlas(),
        length: cortex.tick_length(),
        causes: &causes,
        effects: options.effects,
        depth: options.depth,
    };
    console.write(&match options.format {
        CauseFormat::Text => story.to_text(spike),
        CauseFormat::Dot => story.to_dot(spike),
        CauseFormat::Json => story.to_json(spike)?,
    })
}

/// The spike that a record of an output tells of.
fn output_of(text: &str, journal: &std::path::Path) -> Result<Option<SpikeId>, Failure> {
    let Some(sequence) = text.strip_prefix('@') else { return Ok(None) };
    let wrong = || Failure::NoSpike(text.to_owned());
    let sequence: u64 = sequence.parse().map_err(|_| wrong())?;
    let mut playback = Playback::open(journal)?;
    while let Some(record) = playback.next_record()? {
        if record.sequence == sequence {
            let Ok(Recorded::Output { spike, .. }) = Recorded::read(record.kind, record.body)
            else {
                return Err(wrong());
            };
            return SpikeId::of(&spike).map(Some).ok_or_else(wrong);
        }
    }
    Err(wrong())
}

/// The spike of an address, `region:neuron#N`, or the last one of `region:neuron`.
fn named(text: &str, cortex: &Cortex, causes: &Causes) -> Result<SpikeId, Failure> {
    let wrong = || Failure::NoSpike(text.to_owned());
    let (address, number) = match text.rsplit_once('#') {
        Some((address, number)) => (address, Some(number.parse::<u32>().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let source = neuron_of(cortex, address)?;
    let of_source = causes.spikes().map(|(id, _)| id).filter(|id| id.source == source);
    let found = match number {
        Some(number) => of_source.filter(|id| id.sequence == number).last(),
        None => of_source.last(),
    };
    found.ok_or_else(wrong)
}

struct Story<'a> {
    atlas: &'a Atlas,
    length: TickLength,
    causes: &'a Causes,
    effects: bool,
    depth: usize,
}

#[derive(Debug, Serialize)]
struct Node {
    spike: String,
    tick: u64,
    time_ms: f64,
    kind: &'static str,
    payload: String,
    admitted: bool,
}

#[derive(Debug, Serialize)]
struct Graph {
    spike: String,
    depth: usize,
    roots: Vec<String>,
    nodes: Vec<Node>,
    /// From the cause to the effect.
    edges: Vec<(String, String)>,
}

impl Story<'_> {
    fn name(&self, id: SpikeId) -> String {
        let address = self.atlas.address(id.source);
        match id.cell {
            Some(cell) => format!("{address}[{cell}]#{}", id.sequence),
            None => format!("{address}#{}", id.sequence),
        }
    }

    fn next(&self, id: SpikeId) -> &[SpikeId] {
        if self.effects { self.causes.effects(id) } else { self.causes.causes(id) }
    }

    fn node(&self, id: SpikeId) -> Node {
        use neuronbus::spike::SpikeKind;
        let fired = self.causes.spike(id);
        let kind = match fired.map(|fired| fired.kind) {
            Some(SpikeKind::Inhibitory) => "inhibitory",
            Some(SpikeKind::Modulatory) => "modulatory",
            _ => "excitatory",
        };
        let Tick(tick) = neuronbus::spike::Spike::new(id.source, SpikeKind::Excitatory)
            .stamped(id.time_ns, id.sequence)
            .tick(self.length);
        Node {
            spike: self.name(id),
            tick,
            time_ms: id.time_ns as f64 / 1e6,
            kind,
            payload: fired.map(|fired: &Fired| spell(&fired.payload)).unwrap_or_default(),
            admitted: fired.is_none_or(|fired| fired.causes.is_empty()),
        }
    }

    fn to_text(&self, spike: SpikeId) -> String {
        let mut out = String::new();
        let mut told = BTreeSet::new();
        self.tell(spike, 0, &mut told, &mut out);
        if !self.effects {
            let roots = self.causes.roots(spike).len();
            let depth = self.causes.depth(spike);
            // Writing into a string cannot fail.
            let _ =
                writeln!(out, "\n{roots} came from outside; the longest chain has {depth} steps");
        }
        out
    }

    fn tell(&self, id: SpikeId, step: usize, told: &mut BTreeSet<SpikeId>, out: &mut String) {
        let node = self.node(id);
        let indent = "  ".repeat(step);
        let first = told.insert(id);
        let next = self.next(id);
        let mut line = format!("{indent}{}  tick {}  {}", node.spike, node.tick, node.kind);
        if !node.payload.is_empty() {
            line += &format!("  {:?}", node.payload);
        }
        if node.admitted {
            line += "  (admitted)";
        } else if !first && !next.is_empty() {
            line += "  (told above)";
        } else if step == self.depth && !next.is_empty() {
            line += &format!("  ({} more behind it)", next.len());
        }
        let _ = writeln!(out, "{line}");
        if !first || step == self.depth {
            return;
        }
        // What came last is what tipped the scales.
        let earlier = next.len().saturating_sub(SHOWN);
        if earlier > 0 {
            let _ = writeln!(out, "{indent}  … {earlier} earlier");
        }
        next[earlier..].iter().for_each(|&other| self.tell(other, step + 1, told, out));
    }

    /// Every spike within the depth, with its distance.
    fn around(&self, spike: SpikeId) -> BTreeMap<SpikeId, usize> {
        let mut found = BTreeMap::from([(spike, 0)]);
        let mut edge = vec![spike];
        for step in 1..=self.depth {
            let all: Vec<SpikeId> = edge.iter().flat_map(|&id| self.next(id)).copied().collect();
            edge = all.into_iter().filter(|id| !found.contains_key(id)).collect();
            edge.sort_unstable();
            edge.dedup();
            found.extend(edge.iter().map(|&id| (id, step)));
        }
        found
    }

    fn edges(&self, around: &BTreeMap<SpikeId, usize>) -> Vec<(SpikeId, SpikeId)> {
        let from = |&id: &SpikeId| self.causes.causes(id).iter().map(move |&cause| (cause, id));
        around.keys().flat_map(from).filter(|(cause, _)| around.contains_key(cause)).collect()
    }

    fn to_dot(&self, spike: SpikeId) -> String {
        let around = self.around(spike);
        let mut out = "digraph why {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for &id in around.keys() {
            let node = self.node(id);
            let shape = if node.admitted { " shape=house" } else { "" };
            let label = format!("{}\\ntick {}", node.spike, node.tick);
            let _ = writeln!(out, "  {:?} [label=\"{label}\"{shape}];", node.spike);
        }
        for (cause, effect) in self.edges(&around) {
            let _ = writeln!(out, "  {:?} -> {:?};", self.name(cause), self.name(effect));
        }
        out + "}\n"
    }

    fn to_json(&self, spike: SpikeId) -> Result<String, Failure> {
        let around = self.around(spike);
        let edges = self.edges(&around).into_iter();
        json(&Graph {
            spike: self.name(spike),
            depth: self.causes.depth(spike),
            roots: self.causes.roots(spike).into_iter().map(|id| self.name(id)).collect(),
            nodes: around.keys().map(|&id| self.node(id)).collect(),
            edges: edges.map(|(cause, effect)| (self.name(cause), self.name(effect))).collect(),
        })
    }
}
