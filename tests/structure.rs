//! Structural plasticity: worthless synapses go, and neurons that fire together get one.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]
#![allow(clippy::disallowed_methods, reason = "closed forms are what is compared with")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use neuronbus::id::RegionId;
use neuronbus::plasticity::{Structural, SynapticScaling};
use neuronbus::population::{Cells, Noise};
use neuronbus::prelude::*;
use neuronbus::projection::{Delays, Weights};
use support::{Noted, Raster, Script, id};

/// A time constant of so many ticks, for ticks of one second.
fn tau(ticks: f64) -> Span {
    Span::Time(Duration::from_secs_f64(ticks))
}

/// Every 100 ticks, within 10 ticks.
fn rule() -> Structural {
    Structural { tau: tau(10.0), interval: Ticks(100).into(), ..Structural::default() }
}

/// STDP that changes nothing: what goes and comes is seen alone.
fn idle() -> Stdp {
    Stdp { a_plus: 0.0, a_minus: 0.0, ..Stdp::default() }
}

fn all(weight: f32, rule: Structural) -> Projection {
    Projection::all_to_all().weight(weight).plasticity(idle()).structure(rule)
}

/// Three times an interval the second neuron fires so many ticks after a spike of the first has arrived.
fn fires(intervals: u64, after: u64) -> [Vec<u64>; 2] {
    let pre = (0..intervals).flat_map(|n| [5, 35, 65].map(|at| 100 * n + at));
    let pre: Vec<u64> = pre.collect();
    let post = pre.iter().map(|at| at + 1 + after).collect();
    [pre, post]
}

/// Two agents that fire when they are told to.
fn agents(projection: Projection, fires: &[Vec<u64>; 2]) -> Cortex {
    let mut builder = Cortex::builder();
    let raster = Raster::default();
    let region = Region::agents("n").membrane(Lif::default().threshold(100.0));
    let region = region.neuron("pre", Noted(raster.clone())).neuron("post", Noted(raster));
    let region = builder.region(region);
    builder.project(region, region, projection);
    let steps = fires
        .iter()
        .zip(0..)
        .flat_map(|(ticks, neuron)| ticks.iter().map(move |&tick| (tick, id(neuron), 1000.0)));
    builder.region(Region::gated("door", Script::new(steps.collect())));
    builder.tick_length(Duration::from_secs(1)).pace(Pace::Free);
    builder.build().unwrap()
}

/// The same as two cells, which fire one tick later.
fn cells(projection: Projection, fires: &[Vec<u64>; 2]) -> (Cortex, RegionId) {
    let mut builder = Cortex::builder();
    let kind = Cells::lif(Lif::default().threshold(100.0));
    let pair = builder.region(Region::population("cells", kind, 2));
    let spikes = fires
        .iter()
        .zip(0..)
        .flat_map(|(ticks, cell)| ticks.iter().map(move |&tick| (Tick(tick), cell)));
    let world = Cells::spike_list(spikes.collect());
    let world = builder.region(Region::population("world", world, 2));
    builder.project(world, pair, Projection::one_to_one().bounds(0.0, 1e3).weight(1e3));
    builder.project(pair, pair, projection);
    builder.tick_length(Duration::from_secs(1)).pace(Pace::Free);
    (builder.build().unwrap(), pair)
}

fn synapses(cortex: &Cortex, region: RegionId) -> Vec<(u32, u32, f32)> {
    let mut all = Vec::new();
    cortex.each_synapse(region, region, |pre, post, weight, _| all.push((pre, post, weight)));
    all
}

/// What is left of a pair after so many intervals, of agents and of cells: weights there and back, pruned, grown.
type Left = (Option<f32>, Option<f32>, u64, u64);

fn left(projection: &Projection, fires: &[Vec<u64>; 2], intervals: u64) -> [Left; 2] {
    let mut of_agents = agents(projection.clone(), fires);
    // What happens at the end of an interval is seen when something happens after.
    of_agents.run_for(Ticks(100 * intervals + 10)).unwrap();
    let (mut of_cells, pair) = cells(projection.clone(), fires);
    of_cells.run_for(Ticks(100 * intervals + 10)).unwrap();
    let weight = |from, to| {
        let listed = synapses(&of_cells, pair);
        listed.into_iter().find(|&(pre, post, _)| (pre, post) == (from, to)).map(|found| found.2)
    };
    let counts = [of_agents.counts(), of_cells.counts()];
    [
        (
            of_agents.weight(id(0), id(1)),
            of_agents.weight(id(1), id(0)),
            counts[0].pruned,
            counts[0].grown,
        ),
        (weight(0, 1), weight(1, 0), counts[1].pruned, counts[1].grown),
    ]
}

#[test]
fn worthless_synapses_go_and_others_and_protected_ones_stay() {
    let none = Structural { grow_after: f32::INFINITY, ..rule() };
    let fires = fires(12, 4);
    for (projection, expected) in [
        (all(0.04, none), (None, None, 2, 0)),
        (all(0.05, none), (Some(0.05), Some(0.05), 0, 0)),
        (all(0.04, none).protected(), (Some(0.04), Some(0.04), 0, 0)),
    ] {
        assert_eq!(left(&projection, &fires, 10), [expected; 2]);
        // Nothing happens before an interval is over.
        for (there, back, pruned, _) in left(&projection, &fires, 0) {
            assert!(there.is_some() && back.is_some() && pruned == 0);
        }
    }
}

#[test]
fn neurons_that_fire_together_get_a_synapse_when_it_is_often_enough() {
    let fires = fires(42, 4);
    // Three times in an interval, 4 ticks after; what is left of the time before is 30 ticks older.
    let once = (-0.4f64).exp();
    let coincidences = 3.0 * once + 2.0 * (-3.4f64).exp() + (-6.4f64).exp();
    for (needed, grows) in [(0.98 * coincidences, true), (1.03 * coincidences, false)] {
        let rule = Structural { grow_after: needed as f32, grow_weight: 0.3, ..rule() };
        let expected = if grows { (Some(0.3), None, 2, 1) } else { (None, None, 2, 0) };
        assert_eq!(left(&all(0.01, rule), &fires, 40), [expected; 2], "{needed}");
    }
}

#[test]
fn who_fires_first_is_the_source() {
    let [pre, post] = fires(42, 4);
    let rule = Structural { grow_after: 1.5, ..rule() };
    let backwards = left(&all(0.01, rule), &[post, pre], 40);
    assert_eq!(backwards, [(None, Some(0.2), 2, 1); 2]);
}

/// 60 noisy cells whose synapses wither and grow, by seed.
fn noisy(seed: u64) -> (Cortex, RegionId) {
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free).seed(seed);
    let noise = Noise { rate_hz: 400.0, size: 0.3 };
    let kind = Cells::lif(Lif::default().refractory(Ticks(3))).noise(noise);
    let net = builder.region(Region::population("net", kind, 60));
    let rule = Structural {
        interval: Ticks(200).into(),
        grow_after: 0.5,
        prune_below: 0.12,
        grow_weight: 0.15,
        ..Structural::default()
    };
    let learns = Stdp { a_plus: 0.02, a_minus: 0.025, ..Stdp::default() };
    let synapses = Projection::random(0.2).weights(Weights::uniform(0.1, 0.2)).bounds(0.0, 0.3);
    builder.project(net, net, synapses.delay(Ticks(2)).plasticity(learns).structure(rule));
    (builder.build().unwrap(), net)
}

#[test]
fn a_network_that_rewires_keeps_its_limits_and_its_books() {
    let (mut cortex, net) = noisy(1);
    let degrees = |cortex: &Cortex| {
        let mut degrees = BTreeMap::new();
        for (_, post, _) in synapses(cortex, net) {
            *degrees.entry(post).or_insert(0) += 1;
        }
        degrees
    };
    let (begun, most) = (cortex.synapses(), degrees(&cortex));
    for _ in 0..20 {
        cortex.run_for(Ticks(200)).unwrap();
        let listed = synapses(&cortex, net);
        assert!(listed.windows(2).all(|pair| (pair[0].0, pair[0].1) < (pair[1].0, pair[1].1)));
        assert!(listed.iter().all(|&(pre, post, weight)| pre != post && weight >= 0.12));
        assert!(degrees(&cortex).iter().all(|(post, degree)| degree <= &most[post]));
        let counts = cortex.counts();
        assert_eq!(cortex.synapses() + counts.pruned, begun + counts.grown);
        assert_eq!(listed.len() as u64, cortex.synapses());
    }
    let counts = cortex.counts();
    assert!(counts.pruned > 100 && counts.grown > 100, "{} {}", counts.pruned, counts.grown);
}

#[test]
fn what_grows_comes_from_the_seed_and_is_in_the_digest() {
    let run = |seed, ticks| {
        let mut cortex = noisy(seed).0;
        cortex.run_for(Ticks(ticks)).unwrap();
        (cortex.digest(), cortex.counts().grown)
    };
    assert_eq!(run(1, 3_000), run(1, 3_000));
    assert_ne!(run(1, 3_000).0, run(2, 3_000).0);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let refused = |agents: bool, projection: Projection| {
        let mut builder = Cortex::builder();
        let region = match agents {
            true => Region::agents("n").neuron("n", Noted(Raster::default())),
            false => Region::population("n", Cells::lif(Lif::default()), 3),
        };
        let region = builder.region(region);
        builder.project(region, region, projection);
        builder.build().unwrap_err().to_string()
    };
    let with = |rule| Projection::random(0.5).plasticity(idle()).structure(rule);
    let usual = Structural::default();
    for (projection, named) in [
        (with(Structural { prune_below: -0.1, ..usual }), "prune_below = -0.1"),
        (with(Structural { grow_after: 0.0, ..usual }), "grow_after = 0"),
        (with(Structural { grow_weight: 0.01, ..usual }), "grow_weight = 0.01"),
        (with(Structural { grow_weight: 1.5, ..usual }), "grow_weight = 1.5"),
        (with(Structural { tau: Ticks(0).into(), ..usual }), "tau = 0"),
        (with(Structural { interval: Ticks(0).into(), ..usual }), "interval = 0"),
        (with(usual).delays(Delays::uniform(Ticks(1), Ticks(3))), "delays that are drawn"),
        (Projection::pairs(&[(0, 0)], 0.5, Ticks(1)).structure(usual), "a list of synapses"),
    ] {
        for agents in [false, true] {
            let message = refused(agents, projection.clone());
            assert!(message.contains(named), "{message}");
        }
    }
    let message = refused(true, Projection::random(0.5).structure(usual));
    assert!(message.contains("synapses of agents that do not learn do not go"), "{message}");
    let scaled = Projection::random(0.5).scaling(SynapticScaling::default()).structure(usual);
    assert!(refused(true, scaled).contains("do not go"));
}
