//! Connectors and distributions: who is connected to whom, and with what, for populations and for agents.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use neuronbus::cortex::{CortexBuilder, Mistake};
use neuronbus::id::RegionId;
use neuronbus::population::{Cells, Record};
use neuronbus::prelude::*;
use neuronbus::projection::{Delays, Layout, Weights};
use support::{firing, free};

/// A synapse: source, target, weight, delay.
type Made = (u32, u32, f32, u64);

/// What a projection makes between two populations, or within one, in order of source and target.
fn between_cells(spec: Projection, (sources, targets): (u32, Option<u32>), seed: u64) -> Vec<Made> {
    let mut builder = free();
    builder.seed(seed);
    let cells = || Cells::lif(Lif::default());
    let from = builder.region(Region::population("from", cells(), sources));
    let to = targets.map_or(from, |n| builder.region(Region::population("to", cells(), n)));
    builder.project(from, to, spec);
    let cortex = builder.build().unwrap();
    let mut made = Vec::new();
    cortex.each_synapse(from, to, |pre, post, weight, delay| {
        made.push((pre, post, weight, u64::from(delay)));
    });
    made.sort_by_key(|&(pre, post, _, _)| (pre, post));
    made
}

fn agents(builder: &mut CortexBuilder, path: &str, count: u32) -> RegionId {
    let region = (0..count)
        .fold(Region::agents(path), |region, agent| region.neuron(&agent.to_string(), firing(b"")));
    builder.region(region)
}

/// The same between agents.
fn between_agents(
    spec: Projection,
    (sources, targets): (u32, Option<u32>),
    seed: u64,
) -> Vec<Made> {
    let mut builder = free();
    builder.seed(seed);
    let from = agents(&mut builder, "from", sources);
    let to = targets.map(|n| agents(&mut builder, "to", n));
    builder.project(from, to.unwrap_or(from), spec);
    let topology = builder.build().unwrap().topology();
    let first = if to.is_some() { sources } else { 0 };
    let graph = topology.graph();
    let mut made: Vec<Made> = Vec::new();
    for index in graph.edge_indices() {
        let (from, to) = graph.edge_endpoints(index).unwrap();
        let (pre, post) = (u32::from(graph[from].id), u32::from(graph[to].id) - first);
        made.push((pre, post, graph[index].weight, graph[index].delay_ticks));
    }
    made.sort_by_key(|&(pre, post, _, _)| (pre, post));
    made
}

type Maker = fn(Projection, (u32, Option<u32>), u64) -> Vec<Made>;
const BOTH: [Maker; 2] = [between_cells, between_agents];

fn sources_of(made: &[Made], target: u32) -> Vec<u32> {
    made.iter().filter(|made| made.1 == target).map(|made| made.0).collect()
}

#[test]
fn a_fixed_in_degree_gives_every_target_so_many_different_sources() {
    for make in BOTH {
        // The largest is drawn by who is left out.
        for in_degree in [0, 1, 7, 30, 39] {
            let spec = || Projection::fixed_in_degree(in_degree);
            let made = make(spec(), (40, None), 5);
            for target in 0..40 {
                let sources = sources_of(&made, target);
                assert_eq!(sources.len() as u32, in_degree);
                assert!(sources.is_sorted_by(|a, b| a < b), "all are different: {sources:?}");
                assert!(!sources.contains(&target), "none is its own");
            }
            assert_eq!(make(spec(), (40, None), 5), made);
            let varied = (1..39).contains(&in_degree);
            assert_eq!(make(spec(), (40, None), 6) != made, varied, "{in_degree}");
        }
        let all = make(Projection::fixed_in_degree(40).autapses(true), (40, None), 5);
        assert_eq!(all.len(), 1_600);
    }
}

#[test]
fn sources_of_a_fixed_in_degree_are_chosen_evenly() {
    for (in_degree, multapses) in [(50, false), (350, false), (50, true)] {
        let spec = Projection::fixed_in_degree(in_degree).multapses(multapses);
        let made = between_cells(spec, (400, Some(1_000)), 3);
        assert_eq!(made.len() as u32, in_degree * 1_000);
        let mut chosen = vec![0.0f64; 400];
        made.iter().for_each(|made| chosen[made.0 as usize] += 1.0);
        let p = f64::from(in_degree) / 400.0;
        let (mean, variance) = (1_000.0 * p, 1_000.0 * p * if multapses { 1.0 } else { 1.0 - p });
        let chi = chosen.iter().map(|n| (n - mean) * (n - mean) / variance).sum::<f64>();
        // Chi squared with about 400 degrees of freedom: five standard deviations.
        assert!((chi - 400.0).abs() < 5.0 * 800.0f64.sqrt(), "{chi}");
        let pairs: std::collections::BTreeSet<_> = made.iter().map(|m| (m.0, m.1)).collect();
        assert_eq!(pairs.len() < made.len(), multapses, "a pair twice only where it may be");
    }
}

#[test]
fn multapses_reach_beyond_the_number_of_sources_and_each_acts() {
    for make in BOTH {
        let spec = Projection::fixed_in_degree(9).multapses(true);
        let made = make(spec.weights(Weights::uniform(0.0, 1.0)), (2, Some(3)), 1);
        assert_eq!(made.len(), 27);
        let different: std::collections::BTreeSet<_> =
            made.iter().map(|made| made.2.to_bits()).collect();
        assert_eq!(different.len(), 27, "each has a weight of its own");
    }
}

#[test]
fn nearest_sources_are_the_neighbours_on_a_line_a_grid_and_a_plane() {
    for make in BOTH {
        let line = || Layout::line(0.5);
        let made = make(Projection::nearest(2, line(), line()), (6, None), 1);
        assert_eq!(sources_of(&made, 0), [1, 2]);
        assert_eq!(sources_of(&made, 3), [2, 4]);
        let made = make(Projection::nearest(3, line(), line()).autapses(true), (6, None), 1);
        assert_eq!(sources_of(&made, 3), [2, 3, 4]);
        // Every second source, seen from a line that is twice as dense.
        let made =
            make(Projection::nearest(1, Layout::line(2.0), Layout::line(1.0)), (4, Some(8)), 1);
        let heard: Vec<u32> = (0..8).flat_map(|target| sources_of(&made, target)).collect();
        assert_eq!(heard, [0, 0, 1, 1, 2, 2, 3, 3], "of two that are equally near the first");
        let grid = || Layout::grid(4, 1.0);
        let made = make(Projection::within(1.0, grid(), grid()), (12, None), 1);
        assert_eq!(sources_of(&made, 5), [1, 4, 6, 9]);
        assert_eq!(sources_of(&made, 0), [1, 4]);
        let points = Layout::points(vec![[0.0, 0.0], [3.0, 4.0], [-1.0, 0.0]]);
        let centre = Layout::points(vec![[0.0, 0.0]]);
        let reached = |radius| {
            let spec = Projection::within(radius, points.clone(), centre.clone());
            sources_of(&make(spec, (3, Some(1)), 1), 0)
        };
        assert_eq!(reached(0.5), [0]);
        assert_eq!(reached(1.0), [0, 2]);
        assert_eq!(reached(5.0), [0, 1, 2]);
    }
}

#[test]
fn lateral_inhibition_spares_the_target_at_the_own_position() {
    for make in BOTH {
        for targets in [None, Some(3)] {
            let made = make(Projection::lateral_inhibition().weight(0.5), (3, targets), 1);
            let pairs: Vec<(u32, u32)> = made.iter().map(|made| (made.0, made.1)).collect();
            assert_eq!(pairs, [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]);
            assert!(made.iter().all(|made| made.2 == -0.5), "{made:?}");
        }
    }
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt())
}

#[test]
fn drawn_weights_have_the_moments_of_their_distribution_and_keep_to_its_ends() {
    let (low, high) = (0.0f32, 20.0f32);
    let third = 3.0f64.sqrt() / 3.0;
    // exp(sigma^2 / 2) and what belongs to it.
    let (sigma, median) = (0.5f64, 2.0);
    let mean = median * libm::exp(sigma * sigma / 2.0);
    for (weights, (expected_mean, expected_deviation)) in [
        (Weights::uniform(1.0, 3.0), (2.0, third)),
        (Weights::normal(9.0, 1.5, low..=high), (9.0, 1.5)),
        (
            Weights::log_normal(median as f32, sigma, low..=high),
            (mean, mean * (libm::exp(sigma * sigma) - 1.0).sqrt()),
        ),
    ] {
        for (make, cells) in [(BOTH[0], 150), (BOTH[1], 100)] {
            let spec = || Projection::all_to_all().bounds(low, high).weights(weights);
            let made = make(spec(), (cells, None), 2);
            let values: Vec<f64> = made.iter().map(|made| f64::from(made.2)).collect();
            let (mean, deviation) = moments(&values);
            let error = 6.0 * expected_deviation / (values.len() as f64).sqrt();
            assert!((mean - expected_mean).abs() < error, "{weights:?}: mean {mean}");
            assert!(
                (deviation / expected_deviation - 1.0).abs() < 0.07,
                "{weights:?}: {deviation}"
            );
            assert_eq!(make(spec(), (cells, None), 2), made);
            assert_ne!(make(spec(), (cells, None), 3), made);
        }
    }
    let clipped = Projection::all_to_all().weights(Weights::normal(0.5, 5.0, 0.25..=0.75));
    let made = between_cells(clipped, (30, None), 2);
    assert!(made.iter().all(|made| (0.25..=0.75).contains(&made.2)));
    let at_ends = made.iter().filter(|made| made.2 == 0.25 || made.2 == 0.75).count();
    assert!(at_ends > made.len() * 8 / 10, "nearly all of so wide a bell is cut off");
}

#[test]
fn drawn_delays_are_whole_ticks_and_spikes_arrive_after_them() {
    for make in BOTH {
        let spec = || Projection::all_to_all().delays(Delays::uniform(Ticks(2), Ticks(5)));
        let made = make(spec(), (60, None), 4);
        assert_eq!(made.len(), 60 * 59);
        let mut counts = BTreeMap::new();
        made.iter().for_each(|made| *counts.entry(made.3).or_insert(0u32) += 1);
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [2, 3, 4, 5]);
        for (delay, count) in counts {
            assert!((f64::from(count) - 885.0).abs() < 130.0, "{count} of {delay} ticks");
        }
        let ms = Duration::from_millis(1);
        let bell = Delays::normal(10 * ms, 2 * ms, ms, 30 * ms);
        let made = make(Projection::all_to_all().delays(bell), (60, None), 4);
        let delays: Vec<f64> = made.iter().map(|made| made.3 as f64).collect();
        let (mean, deviation) = moments(&delays);
        assert!((mean - 10.0).abs() < 0.25 && (deviation - 2.0).abs() < 0.2, "{mean} {deviation}");
    }

    let mut builder = free();
    let world = Cells::spike_list((0..8).map(|cell| (Tick(0), cell)).collect());
    let world = builder.region(Region::population("world", world, 8));
    let ready = Cells::lif(Lif::default().threshold(0.5));
    let cells = builder.region(Region::population("cells", ready, 8).record(Record::Spikes));
    let delays = Delays::log_normal(Ticks(4), 1.0, Ticks(1), Ticks(30));
    builder.project(world, cells, Projection::one_to_one().delays(delays));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(40)).unwrap();
    let mut due = Vec::new();
    cortex.each_synapse(world, cells, |_, post, _, delay| due.push((u64::from(delay), post)));
    due.sort_unstable();
    assert!(due.first().unwrap().0 < due.last().unwrap().0, "they differ");
    assert_eq!(cortex.recorded(cells).unwrap().to_vec(), due);
}

#[test]
fn agents_fire_over_drawn_synapses() {
    let mut builder = free();
    let (from, to) = (agents(&mut builder, "from", 6), agents(&mut builder, "to", 4));
    let door = support::Script::new((0..6).map(|n| (0, support::id(n), 1.0)).collect());
    builder.region(Region::gated("door", door));
    let delays = Delays::uniform(Ticks(1), Ticks(9));
    builder.project(from, to, Projection::fixed_in_degree(3).weight(0.25).delays(delays));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(20)).unwrap();
    assert_eq!(cortex.counts().delivered - 6, 12);
}

/// What is said of a projection from a population of three to one of four, and of the same between agents.
fn refused(spec: &Projection) -> String {
    let said = [true, false].map(|populations| {
        let mut builder = Cortex::builder();
        let mut region = |path: &str, count: u32| {
            if populations {
                let cells = Cells::lif(Lif::default());
                builder.region(Region::population(path, cells, count))
            } else {
                agents(&mut builder, path, count)
            }
        };
        let (from, to) = (region("from", 3), region("to", 4));
        builder.project(from, to, spec.clone());
        let mistakes = builder.build().unwrap_err().mistakes;
        assert!(matches!(mistakes[..], [Mistake::Projection { .. }]), "{mistakes:?}");
        let said = mistakes[0].to_string();
        said.strip_prefix("projection from -> to: ").unwrap().to_owned()
    });
    assert_eq!(said[0], said[1]);
    said[0].clone()
}

#[test]
fn connectors_that_cannot_be_are_refused_with_their_parameter() {
    let sources = "a target can hear 3 different sources (multapses and autapses would allow more)";
    let line = || Layout::line(1.0);
    for (spec, said) in [
        (Projection::fixed_in_degree(4), format!("in-degree = 4 is refused: {sources}")),
        (Projection::nearest(4, line(), line()), format!("nearest = 4 is refused: {sources}")),
        (
            Projection::within(-1.0, line(), line()),
            "radius = -1 is refused: it must be finite and not negative".to_owned(),
        ),
        (
            Projection::within(f32::NAN, line(), line()),
            "radius = NaN is refused: it must be finite and not negative".to_owned(),
        ),
        (
            Projection::nearest(1, Layout::line(0.0), line()),
            "layout.spacing = 0 is refused: it must be finite and above zero".to_owned(),
        ),
        (
            Projection::nearest(1, line(), Layout::grid(0, 1.0)),
            "layout.columns = 0 is refused: a grid has at least one column".to_owned(),
        ),
        (
            Projection::nearest(1, Layout::points(vec![[0.0, f32::INFINITY]; 3]), line()),
            "layout.points = inf is refused: it must be a finite number".to_owned(),
        ),
        (
            Projection::within(9.0, line(), Layout::points(vec![[0.0, 0.0]; 5])),
            "5 points are refused: the projection's target has 4 neurons".to_owned(),
        ),
    ] {
        assert_eq!(refused(&spec), said);
    }
    let mut builder = Cortex::builder();
    let cells = builder.region(Region::population("cells", Cells::lif(Lif::default()), 3));
    builder.project(cells, cells, Projection::fixed_in_degree(3));
    let said = builder.build().unwrap_err().to_string();
    assert!(said.contains("a target can hear 2 different sources"), "it is not its own: {said}");
}

#[test]
fn distributions_that_cannot_be_are_refused_with_their_parameter() {
    let all = Projection::all_to_all;
    let nan = f32::NAN;
    let weight =
        |weight| format!("weight {weight} is refused: it must be a finite number within 0..=1");
    let limit = "is refused: it must be 1 to 1048576 ticks";
    let spread = "is refused: it must be finite and not negative";
    let above = "is refused: it must be finite and above zero";
    for (spec, said) in [
        (all().weights(Weights::uniform(0.0, 1.5)), weight("1.5")),
        (all().weights(Weights::uniform(nan, 1.0)), weight("NaN")),
        (
            all().weights(Weights::uniform(0.75, 0.5)),
            "weights.low = 0.75 is refused: it must not be above the upper end".to_owned(),
        ),
        (
            all().weights(Weights::normal(nan, 0.1, 0.0..=1.0)),
            "weights.mean = NaN is refused: it must be a finite number".to_owned(),
        ),
        (
            all().weights(Weights::normal(0.5, -0.5, 0.0..=1.0)),
            format!("weights.deviation = -0.5 {spread}"),
        ),
        (
            all().weights(Weights::log_normal(0.0, 0.5, 0.0..=1.0)),
            format!("weights.median = 0 {above}"),
        ),
        (
            all().weights(Weights::log_normal(0.5, f64::NAN, 0.0..=1.0)),
            format!("weights.sigma = NaN {spread}"),
        ),
        (all().delays(Delays::uniform(Ticks(0), Ticks(4))), format!("a delay of 0 ticks {limit}")),
        (
            all().delays(Delays::uniform(Ticks(1), Ticks(1 << 21))),
            format!("a delay of 2097152 ticks {limit}"),
        ),
        (
            all().delays(Delays::uniform(Ticks(5), Ticks(4))),
            "delays.low = 5 ticks is refused: it must not be above the upper end".to_owned(),
        ),
        (
            all().delays(Delays::log_normal(Ticks(2), -1.0, Ticks(1), Ticks(4))),
            format!("delays.sigma = -1 {spread}"),
        ),
    ] {
        assert_eq!(refused(&spec), said);
    }
}

#[test]
fn what_is_drawn_at_once_does_not_go_to_regions_that_grow_or_overlap() {
    let build = |describe: &dyn Fn(&mut CortexBuilder)| {
        let mut builder = Cortex::builder();
        describe(&mut builder);
        builder.build().unwrap_err().to_string()
    };
    let grows = build(&|builder| {
        let region = Region::agents("grows").template(9, |_| Box::new(firing(b"")));
        let grows = builder.region(region.neuron("a", firing(b"")));
        builder.project(grows, grows, Projection::random(0.5).weights(Weights::uniform(0.0, 1.0)));
    });
    assert_eq!(
        grows,
        "projection grows -> grows: a connector by target, or a drawn weight or delay is refused: \
         one end is a region that grows"
    );
    let overlaps = build(&|builder| {
        let region = ["a", "b", "c"]
            .iter()
            .fold(Region::agents("n"), |region, name| region.neuron(name, firing(b"")));
        let all = builder.region(region.port("two", &["a", "b"]));
        builder.project(
            neuronbus::region::Port::of(all, "two"),
            all,
            Projection::fixed_in_degree(1),
        );
    });
    assert!(
        overlaps.ends_with("its ends have neurons in common and are not the same"),
        "{overlaps}"
    );
}

#[test]
fn more_drawn_synapses_than_can_be_are_refused_before_they_are_made() {
    let many = Projection::fixed_in_degree(u32::MAX).multapses(true);
    let most = "and a projection has at most 2^32";
    assert!(refused_part(&many).ends_with(most));
}

fn refused_part(spec: &Projection) -> String {
    let mut builder = Cortex::builder();
    let (from, to) = (agents(&mut builder, "from", 3), agents(&mut builder, "to", 4));
    builder.project(from, to, spec.clone());
    let cells = builder.region(Region::population("cells", Cells::lif(Lif::default()), 4));
    builder.project(cells, cells, spec.clone());
    let mistakes = builder.build().unwrap_err().mistakes;
    assert_eq!(mistakes.len(), 2, "for agents and for populations");
    let [agents, cells] = [0, 1].map(|n| mistakes[n].to_string());
    assert!(agents.contains("about 17179869180 synapses are refused"), "{agents}");
    cells
}
