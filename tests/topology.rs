//! The topology as others see it: drawn, exported, checked; and the directory of who is there.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use neuronbus::atlas::is_parent_of;
use neuronbus::cortex::CortexBuilder;
use neuronbus::prelude::*;
use neuronbus::topology::Finding;
use support::{Acts, Puppet, free, id};

fn quiet() -> Acts {
    Acts::new(Vec::new())
}

/// Three regions with awkward names, a gate, and synapses of every kind.
fn sample() -> Cortex {
    let mut builder = free();
    let door = builder.region(Region::gated("senses/door", quiet()));
    let left = Region::agents("cortex/left").neuron("say \"hi\"", Puppet::default());
    let left = left.neuron("back\\slash", Puppet::default().capability("speak"));
    let left = builder.region(left.port("out", &["back\\slash"]));
    let right = Region::agents("cortex/right").neuron("naïve → 図", Puppet::default());
    let right = builder.region(right);
    builder.project(door, left, Projection::all_to_all().weight(0.25).delay(Ticks(7)));
    builder.project(Port::of(left, "out"), right, Projection::all_to_all().inhibitory());
    let silent = Projection::all_to_all().weight(0.5).plasticity(Stdp::default()).silent();
    builder.project(right, left, silent);
    builder.build().unwrap()
}

/// The strings in quotes of a text, with what stands before each removed; the text must end outside of quotes.
fn without_quoted(text: &str) -> String {
    let (mut rest, mut inside, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        match (inside, escaped, c) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (_, _, '"') => inside = !inside,
            (true, ..) => {}
            (false, ..) => rest.push(c),
        }
    }
    assert!(!inside, "a quote is not closed: {text}");
    rest
}

#[test]
fn the_drawing_is_balanced_and_has_one_line_for_each_neuron_and_synapse() {
    let cortex = sample();
    let dot = cortex.topology().to_dot();
    assert!(dot.starts_with("digraph cortex {\n") && dot.ends_with("}\n"));
    let bare = without_quoted(&dot);
    let mut depth = 0_i32;
    for c in bare.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        assert!(depth >= 0);
    }
    assert_eq!(depth, 0);
    let nodes: Vec<&str> = dot
        .lines()
        .filter(|l| l.trim_start().starts_with('n') && l.contains(" [label=") && !l.contains("->"))
        .collect();
    assert_eq!(nodes.len(), cortex.atlas().len());
    let arrows: Vec<&str> = dot.lines().filter(|l| l.contains(" -> n")).collect();
    assert_eq!(arrows.len() as u64, cortex.synapses());
    assert_eq!(dot.matches("subgraph cluster_").count(), 3);
    let expected = [
        "    n0 [label=\"gate\", shape=box];",
        "    n1 [label=\"say \\\"hi\\\"\"];",
        "    n2 [label=\"back\\\\slash\"];",
        "    n3 [label=\"naïve → 図\"];",
        "  n0 -> n1 [label=\"0.25@7\", penwidth=0.98];",
        "  n2 -> n3 [label=\"-1.00@1\", penwidth=3.00, arrowhead=tee];",
        "  n3 -> n1 [label=\"0.50@1\", penwidth=1.65, style=dashed];",
    ];
    for line in expected {
        assert!(dot.lines().any(|l| l == line), "{line} is not in\n{dot}");
    }
}

#[test]
fn the_document_says_all_that_the_graph_holds() {
    let cortex = sample();
    let topology = cortex.topology();
    let document: serde_json::Value = serde_json::from_str(&topology.to_json().unwrap()).unwrap();
    let graph = topology.graph();
    let neurons = document["neurons"].as_array().unwrap();
    assert_eq!(neurons.len(), graph.node_count());
    for (json, node) in neurons.iter().zip(graph.node_weights()) {
        assert_eq!(*json, serde_json::to_value(node).unwrap());
        assert_eq!(json["id"], node.id);
        assert_eq!(
            (&json["name"], &json["region"]),
            (&node.name.clone().into(), &node.region.clone().into())
        );
    }
    assert_eq!(neurons[2]["capabilities"], serde_json::json!(["speak"]));
    let synapses = document["synapses"].as_array().unwrap();
    assert_eq!(synapses.len() as u64, cortex.synapses());
    let inhibitory = serde_json::json!({
        "from": 2, "to": 3, "weight": -1.0, "delay_ticks": 1, "plastic": false, "silent": false,
        "synapses": 1,
    });
    let silent = serde_json::json!({
        "from": 3, "to": 1, "weight": 0.5, "delay_ticks": 1, "plastic": true, "silent": true,
        "synapses": 1,
    });
    assert!(synapses.contains(&inhibitory) && synapses.contains(&silent), "{synapses:?}");
    assert_eq!(document["findings"], serde_json::json!([]));
}

fn findings(describe: impl FnOnce(&mut CortexBuilder)) -> Vec<String> {
    let mut builder = free();
    describe(&mut builder);
    let findings = builder.build().unwrap().topology().findings();
    findings.iter().map(ToString::to_string).collect()
}

fn two(path: &str) -> Region {
    Region::agents(path).neuron("a", Puppet::default()).neuron("b", Puppet::default())
}

#[test]
fn neurons_that_nothing_leads_to_are_found() {
    let found = findings(|builder| {
        let door = builder.region(Region::gated("door", quiet()));
        let near = builder.region(two("near"));
        let far = builder.region(two("far"));
        let island = builder.region(two("island"));
        builder.region(Region::agents("alone").neuron("x", Puppet::default()));
        builder.project(door, near, Projection::pairs(&[(0, 0)], 1.0, Ticks(1)));
        builder.project(near, far, Projection::pairs(&[(0, 1)], 1.0, Ticks(1)));
        builder.project(far, near, Projection::pairs(&[(1, 0)], 1.0, Ticks(1)));
        builder.project(island, island, Projection::all_to_all());
    });
    let expected = [
        "near:b has no synapse",
        "far:a has no synapse",
        "island:a is reached by no gate",
        "island:b is reached by no gate",
        "alone:x has no synapse",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_gate_without_synapses_is_found_and_may_drive_any_neuron() {
    let found = findings(|builder| {
        builder.region(Region::gated("door", quiet()));
        let n = builder.region(two("n"));
        let m = builder.region(two("m"));
        builder.project(n, m, Projection::pairs(&[(0, 0)], 1.0, Ticks(1)));
    });
    assert_eq!(found, ["door:gate has no synapse"]);
}

#[test]
fn a_topology_without_gates_is_not_told_that_no_gate_reaches_it() {
    let found = findings(|builder| {
        let n = builder.region(two("n"));
        builder.project(n, n, Projection::pairs(&[(0, 1)], 1.0, Ticks(1)));
        builder.region(Region::agents("alone").neuron("x", Puppet::default()));
    });
    assert_eq!(found, ["alone:x has no synapse"]);
}

#[test]
fn a_finding_is_a_document_with_its_kind() {
    let unwired = Finding::UnwiredGate { gate: "door:gate".to_owned() };
    let document = serde_json::to_value(unwired).unwrap();
    assert_eq!(document, serde_json::json!({ "kind": "unwired-gate", "gate": "door:gate" }));
}

/// The pairs that are connected, by name.
fn pairs(cortex: &Cortex) -> BTreeSet<(String, String)> {
    let topology = cortex.topology();
    let graph = topology.graph();
    let name = |node: &neuronbus::topology::Node| format!("{}:{}", node.region, node.name);
    graph
        .edge_indices()
        .map(|edge| graph.edge_endpoints(edge).unwrap())
        .map(|(from, to)| (name(&graph[from]), name(&graph[to])))
        .collect()
}

fn expect(cortex: &Cortex, expected: &[(&str, &str)]) {
    let owned = expected.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect();
    assert_eq!(pairs(cortex), owned);
    assert_eq!(cortex.synapses(), expected.len() as u64);
}

#[test]
fn a_port_means_only_its_neurons_in_its_own_order() {
    let mut builder = free();
    let three = two("n").neuron("c", Puppet::default()).port("ends", &["c", "a"]);
    let n = builder.region(three);
    let m = builder.region(two("m").port("b", &["b"]));
    builder.project(Port::of(n, "ends"), Port::of(m, "b"), Projection::all_to_all());
    builder.project(Port::of(n, "ends"), m, Projection::one_to_one());
    let cortex = builder.build().unwrap();
    let pairs = pairs(&cortex);
    let expected = [("n:c", "m:a"), ("n:a", "m:b"), ("n:c", "m:b")];
    assert_eq!(pairs, expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    assert_eq!(cortex.synapses(), 4, "a to b of m is there twice");
}

#[test]
fn two_neurons_are_connected_by_their_addresses() {
    let mut builder = free();
    builder.region(two("n"));
    builder.region(two("deep/down"));
    builder.region(Region::gated("door", quiet()));
    builder.connect("n:a", "deep/down:b", Projection::all_to_all().weight(0.5));
    builder.connect("door:gate", "n:b", Projection::all_to_all());
    builder.connect("n:b", "n:b", Projection::all_to_all());
    builder.connect("n:b", "n:b", Projection::all_to_all().autapses(true));
    let cortex = builder.build().unwrap();
    expect(&cortex, &[("n:a", "deep/down:b"), ("door:gate", "n:b"), ("n:b", "n:b")]);
    assert_eq!(cortex.weight(id(0), id(3)), Some(0.5));
    assert_eq!(cortex.weight(id(3), id(0)), None);
}

#[test]
fn every_rule_makes_the_synapses_that_it_says() {
    let within = |projection: Projection| {
        let mut builder = free();
        let n = builder.region(two("n"));
        builder.project(n, n, projection);
        builder.build().unwrap()
    };
    expect(&within(Projection::all_to_all()), &[("n:a", "n:b"), ("n:b", "n:a")]);
    expect(&within(Projection::lateral_inhibition()), &[("n:a", "n:b"), ("n:b", "n:a")]);
    expect(&within(Projection::one_to_one()), &[("n:a", "n:a"), ("n:b", "n:b")]);
    expect(&within(Projection::pairs(&[(1, 0)], 1.0, Ticks(1))), &[("n:b", "n:a")]);
    expect(&within(Projection::random(0.0)), &[]);
    expect(&within(Projection::random(1.0)), &[("n:a", "n:b"), ("n:b", "n:a")]);
    let all = [("n:a", "n:a"), ("n:a", "n:b"), ("n:b", "n:a"), ("n:b", "n:b")];
    expect(&within(Projection::all_to_all().autapses(true)), &all);
}

#[test]
fn a_random_rule_connects_about_as_many_as_it_says() {
    let mut builder = free();
    let crowd =
        (0..200).fold(Region::agents("n"), |r, n| r.neuron(&n.to_string(), Puppet::default()));
    let n = builder.region(crowd);
    builder.project(n, n, Projection::random(0.3));
    builder.project(n, n, Projection::random(0.3)).seed(4);
    let cortex = builder.build().unwrap();
    let of = 2.0 * 200.0 * 199.0 * 0.3;
    assert!((cortex.synapses() as f64 - of).abs() < 0.02 * of, "{}", cortex.synapses());
    // Two projections of one seed draw apart: together they reach what 0.51 of the pairs would.
    let share = pairs(&cortex).len() as f64 / (200.0 * 199.0);
    assert!((share - 0.51).abs() < 0.01, "{share}");
}

#[test]
fn paths_are_hierarchical_by_whole_parts() {
    assert!(is_parent_of("cortex", "cortex/left") && is_parent_of("cortex", "cortex/left/deep"));
    for child in ["cortexx", "cortex", "cortex-b", "cort", "other/cortex", ""] {
        assert!(!is_parent_of("cortex", child), "{child}");
    }
    let mut builder = free();
    // Characters around the slash in their order, so that a search by ranges goes wrong if it can.
    for path in [
        "cortexx/left",
        "cortex-b",
        "cortex/right",
        "cortex.b/c",
        "cortex",
        "cortex0",
        "cortex/left/deep",
        "cortex_",
    ] {
        builder.region(two(path));
    }
    let cortex = builder.build().unwrap();
    let atlas = cortex.atlas();
    let under =
        |path: &str| atlas.under(path).iter().map(|&id| atlas.address(id)).collect::<Vec<_>>();
    let expected = [
        "cortex:a",
        "cortex:b",
        "cortex/left/deep:a",
        "cortex/left/deep:b",
        "cortex/right:a",
        "cortex/right:b",
    ];
    assert_eq!(under("cortex"), expected);
    assert_eq!(under("cortex/left"), ["cortex/left/deep:a", "cortex/left/deep:b"]);
    assert_eq!(under("cortex/right"), ["cortex/right:a", "cortex/right:b"]);
    assert!(under("cort").is_empty() && under("").is_empty());
}

#[test]
fn the_directory_knows_everybody_by_name_region_and_capability() {
    let mut builder = free();
    let first = builder.region(
        Region::agents("a/b")
            .neuron("x", Puppet::default().capability("see").capability("see").capability("hear"))
            .neuron("y", Puppet::default()),
    );
    let door = builder.region(Region::gated("door", quiet()));
    let last = builder.region(Region::agents("c").neuron("x", Puppet::default().capability("see")));
    let cortex = builder.build().unwrap();
    let atlas = cortex.atlas();
    assert_eq!((atlas.len(), atlas.is_empty()), (4, false));
    assert_eq!(atlas.neurons().collect::<Vec<_>>(), [id(0), id(1), id(2), id(3)]);
    assert_eq!(atlas.regions().collect::<Vec<_>>(), [first, door, last]);
    assert_eq!((atlas.path(last), atlas.region("c")), ("c", Some(last)));
    assert_eq!((atlas.region("a"), atlas.neuron("c", "y")), (None, None));
    assert_eq!(atlas.members(first), [id(0), id(1)]);
    assert_eq!(atlas.neuron("c", "x"), Some(id(3)));
    assert_eq!(atlas.neuron_in(first, "y"), Some(id(1)));
    assert_eq!((atlas.name(id(1)), atlas.region_of(id(1))), ("y", Some(first)));
    for n in 0..4 {
        assert_eq!(atlas.resolve(&atlas.address(id(n))), Some(id(n)));
    }
    assert_eq!((atlas.resolve("c"), atlas.resolve(""), atlas.resolve(":x")), (None, None, None));
    assert_eq!(atlas.with_capability("see"), [id(0), id(3)]);
    assert_eq!(atlas.with_capability("hear"), [id(0)]);
    assert_eq!(atlas.with_capability("se"), []);
    assert_eq!(atlas.card(id(0)).capabilities, ["see", "see", "hear"]);
    assert_eq!(atlas.card(id(2)), &AgentCard::default());
    // Nobody has this id.
    assert_eq!(
        (atlas.name(id(9)), atlas.region_of(id(9)), atlas.address(id(9))),
        ("", None, "?:9".to_owned())
    );
}

#[test]
fn a_card_goes_to_a_document_and_comes_back() {
    let card = AgentCard::new("Tells the time.").capability("time/now").capability("time/zone");
    let document = serde_json::to_string(&card).unwrap();
    assert_eq!(
        document,
        r#"{"description":"Tells the time.","capabilities":["time/now","time/zone"]}"#
    );
    assert_eq!(serde_json::from_str::<AgentCard>(&document).unwrap(), card);
}

#[test]
fn delays_of_one_source_are_kept_apart_and_weights_are_found() {
    let mut builder = free();
    let n = builder.region(two("n"));
    for (weight, delay) in [(0.5, 9), (0.25, 3), (0.75, 9)] {
        builder.project(n, n, Projection::pairs(&[(0, 1)], weight, Ticks(delay)));
    }
    let cortex = builder.build().unwrap();
    let topology = cortex.topology();
    let mut found: BTreeMap<u64, Vec<f32>> = BTreeMap::new();
    for edge in topology.graph().edge_weights() {
        found.entry(edge.delay_ticks).or_default().push(edge.weight);
    }
    assert_eq!(found, BTreeMap::from([(3, vec![0.25]), (9, vec![0.5, 0.75])]));
    assert_eq!(cortex.weight(id(0), id(1)), Some(0.5), "the first of them");
}

#[test]
fn populations_are_connected_by_one_edge_that_says_how_many_synapses_it_stands_for() {
    use neuronbus::population::Cells;
    let mut builder = Cortex::builder();
    let source = builder.region(Region::population("source", Cells::poisson(10.0), 20));
    let net = builder.region(Region::population("net", Cells::lif(Lif::default()), 30));
    builder.project(source, net, Projection::all_to_all().weight(0.25).delay(Ticks(3)));
    builder.project(net, net, Projection::all_to_all().weight(0.5).inhibitory());
    let topology = builder.build().unwrap().topology();
    let edges: Vec<_> = topology.graph().edge_weights().copied().collect();
    let seen = edges.iter().map(|edge| (edge.synapses, edge.weight, edge.delay_ticks));
    assert_eq!(seen.collect::<Vec<_>>(), [(600, 0.25, 3), (870, -0.5, 1)]);
    assert_eq!(topology.findings(), []);
}
