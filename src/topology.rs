//! The topology as a graph: checked as a whole, drawn as DOT, exported as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, EdgeRef};
use serde::Serialize;

use crate::cortex::Worker;
use crate::id::NeuronId;
use crate::population::{Bundle, Network};

/// A neuron or gate of an exported topology.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Its id.
    pub id: u16,
    /// Its name within the region.
    pub name: String,
    /// The path of its region.
    pub region: String,
    /// How many cells stand behind it: 1 for an agent or a gate.
    pub cells: u32,
    /// Whether it is a door to the outside.
    pub gate: bool,
    /// What it can do.
    pub capabilities: Vec<String>,
}

/// A synapse of an exported topology, or all synapses between two populations, or a crowd and another end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Edge {
    /// What it adds to the target, below zero if it inhibits.
    pub weight: f32,
    /// How long a spike travels, in ticks.
    pub delay_ticks: u64,
    /// Whether it learns.
    pub plastic: bool,
    /// Whether it learns without driving its target.
    pub silent: bool,
    /// How many synapses it stands for: 1, or all of a projection between populations or crowds, whose mean weight and
    /// longest delay it then shows.
    pub synapses: u64,
}

/// Something about a topology that is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// No synapse leads to the neuron and none away from it.
    Isolated {
        /// Its address.
        neuron: String,
    },
    /// No gate reaches the neuron over any path of synapses.
    Unreachable {
        /// Its address.
        neuron: String,
    },
    /// A gate that nothing leads to and nothing leads away from; it can still put spikes straight onto membranes.
    UnwiredGate {
        /// Its address.
        gate: String,
    },
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Isolated { neuron } => write!(f, "{neuron} has no synapse"),
            Self::Unreachable { neuron } => write!(f, "{neuron} is reached by no gate"),
            Self::UnwiredGate { gate } => write!(f, "{gate} has no synapse"),
        }
    }
}

/// A topology at one moment, as a petgraph graph.
#[derive(Debug, Clone)]
pub struct Topology {
    graph: DiGraph<Node, Edge>,
}

/// The JSON form of a topology.
#[derive(Serialize)]
struct Exported<'a> {
    neurons: Vec<&'a Node>,
    synapses: Vec<ExportedSynapse>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct ExportedSynapse {
    from: u16,
    to: u16,
    #[serde(flatten)]
    edge: Edge,
}

impl Topology {
    pub(crate) fn of(workers: &[&Worker], gates: impl Iterator<Item = NeuronId>) -> Self {
        let gates: Vec<NeuronId> = gates.collect();
        let Some(first) = workers.first() else { return Self { graph: DiGraph::new() } };
        let atlas = &first.atlas;
        let synapses: u64 = workers.iter().map(|worker| worker.table.len()).sum();
        let mut graph = DiGraph::with_capacity(atlas.len(), synapses as usize);
        for id in (0..atlas.len()).filter_map(|index| NeuronId::from_index(index).ok()) {
            let region = atlas.region_of(id).map_or("", |region| atlas.path(region));
            graph.add_node(Node {
                id: id.raw(),
                name: atlas.name(id).to_owned(),
                region: region.to_owned(),
                cells: atlas.cells(id),
                gate: gates.contains(&id),
                capabilities: atlas.card(id).capabilities.clone(),
            });
        }
        for worker in workers {
            worker.table.each(|from, to, weight, delay, projection| {
                let shared = &worker.table.projections[projection];
                let edge = Edge {
                    weight,
                    delay_ticks: delay.0,
                    plastic: shared.rule.is_some(),
                    silent: shared.silent,
                    synapses: 1,
                };
                graph.add_edge(NodeIndex::new(from.index()), NodeIndex::new(to.index()), edge);
            });
        }
        let networks: Vec<&Network> = workers.iter().map(|worker| &worker.network).collect();
        let mut add_bundle = |from: NeuronId, to: NeuronId, bundle: Bundle| {
            let edge = Edge {
                weight: (bundle.weights / bundle.synapses.max(1) as f64) as f32,
                delay_ticks: u64::from(bundle.longest_delay),
                plastic: bundle.plastic,
                silent: false,
                synapses: bundle.synapses,
            };
            graph.add_edge(NodeIndex::new(from.index()), NodeIndex::new(to.index()), edge);
        };
        Network::each_bundle(&networks, &mut add_bundle);
        workers.iter().for_each(|worker| worker.crowds.each_bundle(&mut add_bundle));
        Self { graph }
    }

    /// The graph itself.
    #[must_use]
    pub fn graph(&self) -> &DiGraph<Node, Edge> {
        &self.graph
    }

    fn address(&self, node: NodeIndex) -> String {
        let node = &self.graph[node];
        format!("{}:{}", node.region, node.name)
    }

    /// What is probably not meant: neurons without a synapse, and neurons that no input can reach.
    ///
    /// A gate that has no synapses puts its spikes straight onto membranes; where there is one, every neuron that sends
    /// is taken as reached.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let graph = &self.graph;
        let alone = |node: &NodeIndex| graph.neighbors_undirected(*node).next().is_none();
        let gates: Vec<NodeIndex> = graph.node_indices().filter(|&node| graph[node].gate).collect();
        let driven = gates.iter().any(alone);
        let mut reached = vec![gates.is_empty(); graph.node_count()];
        let sends = |&node: &NodeIndex| driven && graph.neighbors(node).next().is_some();
        let roots = gates.iter().copied().chain(graph.node_indices().filter(sends));
        let mut search = Dfs::empty(graph);
        for root in roots {
            search.move_to(root);
            while let Some(node) = search.next(graph) {
                reached[node.index()] = true;
            }
        }
        let finding = |node: NodeIndex| {
            let address = self.address(node);
            match (graph[node].gate, alone(&node)) {
                (true, true) => Some(Finding::UnwiredGate { gate: address }),
                (false, true) if !driven => Some(Finding::Isolated { neuron: address }),
                (false, false) if !reached[node.index()] => {
                    Some(Finding::Unreachable { neuron: address })
                }
                _ => None,
            }
        };
        graph.node_indices().filter_map(finding).collect()
    }

    /// The topology for Graphviz: regions as clusters, weights as line widths, inhibition with a flat head.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut regions: BTreeMap<&str, Vec<NodeIndex>> = BTreeMap::new();
        for node in self.graph.node_indices() {
            regions.entry(&self.graph[node].region).or_default().push(node);
        }
        let mut dot = String::from("digraph cortex {\n  rankdir=LR;\n  node [shape=ellipse];\n");
        for (number, (path, nodes)) in regions.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(dot, "  subgraph cluster_{number} {{\n    label={path:?};");
            for &node in nodes {
                let Node { id, name, cells, gate, .. } = &self.graph[node];
                let name = if *cells > 1 { &format!("{name} x {cells}") } else { name };
                let shape = if *gate { ", shape=box" } else { "" };
                let _ = writeln!(dot, "    n{id} [label={}{shape}];", quoted(name));
            }
            dot.push_str("  }\n");
        }
        for edge in self.graph.edge_references() {
            let (from, to) = (&self.graph[edge.source()], &self.graph[edge.target()]);
            let Edge { weight, delay_ticks, plastic, .. } = edge.weight();
            let width = 0.3 + 2.7 * weight.abs().min(1.0);
            let head = if *weight < 0.0 { ", arrowhead=tee" } else { "" };
            let style = if *plastic { ", style=dashed" } else { "" };
            let _ = writeln!(
                dot,
                "  n{} -> n{} [label=\"{weight:.2}@{delay_ticks}\", penwidth={width:.2}{head}{style}];",
                from.id, to.id
            );
        }
        dot.push_str("}\n");
        dot
    }

    /// The topology as a JSON document: neurons, synapses and findings.
    ///
    /// # Errors
    /// Never in practice: weights are finite, and the strings are text.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let edges = self.graph.edge_references();
        serde_json::to_string_pretty(&Exported {
            neurons: self.graph.node_weights().collect(),
            synapses: edges
                .map(|edge| ExportedSynapse {
                    from: self.graph[edge.source()].id,
                    to: self.graph[edge.target()].id,
                    edge: *edge.weight(),
                })
                .collect(),
            findings: self.findings(),
        })
    }
}

/// A string as Graphviz quotes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
