//! Growing and shrinking while it runs: a topology that grew is the one that was built whole, and what learns goes on.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::collections::BTreeMap;

use neuronbus::cortex::CortexBuilder;
use neuronbus::gate::AdmitError;
use neuronbus::id::RegionId;
use neuronbus::population::Cells;
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use proptest::prelude::*;
use support::{Act, Acts, Heard, Log, Puppet, Raster, Script, drive, free, id, listener};

/// Every synapse by the addresses of its ends: how often, and all else that there is to it.
type Synapses = BTreeMap<(String, String), Vec<(u32, u64, bool, bool)>>;

fn synapses(cortex: &Cortex) -> Synapses {
    let topology = cortex.topology();
    let graph = topology.graph();
    let address = |node: &neuronbus::topology::Node| format!("{}:{}", node.region, node.name);
    let mut found = Synapses::new();
    for edge in graph.edge_indices() {
        let (from, to) = graph.edge_endpoints(edge).unwrap();
        let ends = (address(&graph[from]), address(&graph[to]));
        let edge = &graph[edge];
        let what = (edge.weight.to_bits(), edge.delay_ticks, edge.plastic, edge.silent);
        found.entry(ends).or_default().push(what);
    }
    found.values_mut().for_each(|list| list.sort());
    found
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("n{n}")).collect()
}

fn blank(_: &str) -> Box<dyn Neuron> {
    Box::new(Puppet::default())
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    All,
    AllAutapses,
    Random(f64),
    OneToOne,
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    rule: Rule,
    from: usize,
    to: usize,
    delay: u64,
    plastic: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    let rule = prop_oneof![
        Just(Rule::All),
        Just(Rule::AllAutapses),
        (0.0..1.0_f64).prop_map(Rule::Random),
        Just(Rule::OneToOne),
    ];
    (rule, 0..2_usize, 0..2_usize, 1..9_u64, any::<bool>())
        .prop_map(|(rule, from, to, delay, plastic)| Plan { rule, from, to, delay, plastic })
}

fn wire(builder: &mut CortexBuilder, regions: [RegionId; 2], plans: &[Plan]) {
    for plan in plans {
        let projection = match plan.rule {
            Rule::All => Projection::all_to_all(),
            Rule::AllAutapses => Projection::all_to_all().autapses(true),
            Rule::Random(p) => Projection::random(p),
            Rule::OneToOne => Projection::one_to_one(),
        };
        let projection = projection.weight(0.25).delay(Ticks(plan.delay));
        let projection =
            if plan.plastic { projection.plasticity(Stdp::default()) } else { projection };
        builder.project(regions[plan.from], regions[plan.to], projection);
    }
}

/// The two regions with these neurons from the start.
fn built_whole(sizes: [usize; 2], plans: &[Plan], seed: u64) -> Cortex {
    let mut builder = free();
    let regions = ["left", "right/part"].map(Region::agents);
    let mut regions = regions.into_iter().zip(sizes).map(|(region, size)| {
        builder.region(names(size).iter().fold(region, |r, name| r.boxed(name, blank(name))))
    });
    let regions = [regions.next().unwrap(), regions.next().unwrap()];
    wire(&mut builder, regions, plans);
    builder.region(Region::gated("door", Acts::new(Vec::new())));
    builder.seed(seed);
    builder.build().unwrap()
}

/// The same, but only the first few are there at the start, and the others come one by one in the given order of
/// regions.
fn grown(
    sizes: [usize; 2],
    start: [usize; 2],
    turns: &[bool],
    plans: &[Plan],
    seed: u64,
) -> Cortex {
    let mut builder = free();
    let regions = [("left", 0), ("right/part", 1)].map(|(path, side)| {
        let region = names(start[side].min(sizes[side]))
            .iter()
            .fold(Region::agents(path), |r, name| r.boxed(name, blank(name)));
        builder.region(region.template(sizes[side], blank))
    });
    wire(&mut builder, regions, plans);
    let mut left: Vec<_> =
        (0..2).map(|side| names(sizes[side]).split_off(start[side].min(sizes[side]))).collect();
    let mut steps = Vec::new();
    let mut turns = turns.iter().cycle();
    while left.iter().any(|names| !names.is_empty()) {
        let mut side = usize::from(*turns.next().unwrap());
        if left[side].is_empty() {
            side = 1 - side;
        }
        let name = left[side].remove(0);
        steps.push((steps.len() as u64, Act::Sprout(regions[side], name, 0.1)));
    }
    let refused = Log::default();
    builder.region(Region::gated("door", Acts::new(steps).refused(&refused)));
    builder.seed(seed);
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    assert_eq!(refused.all(), []);
    cortex
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_topology_that_grew_neuron_by_neuron_is_the_one_that_was_built_whole(
        sizes in [0..9_usize, 0..9_usize],
        start in [0..4_usize, 0..4_usize],
        turns in proptest::collection::vec(any::<bool>(), 1..6).prop_filter("both", |t| !t.is_empty()),
        plans in proptest::collection::vec(plan(), 1..5),
        seed: u64,
    ) {
        let whole = built_whole(sizes, &plans, seed);
        let grown = grown(sizes, start, &turns, &plans, seed);
        prop_assert_eq!(synapses(&whole), synapses(&grown));
        prop_assert_eq!(whole.synapses(), grown.synapses());
        prop_assert_eq!(whole.atlas().len(), grown.atlas().len());
    }
}

#[test]
fn a_topology_that_grew_exports_the_same_document_when_its_ids_are_the_same() {
    let plan = |rule| Plan { rule, from: 0, to: 0, delay: 3, plastic: true };
    let plans = [plan(Rule::Random(0.5)), plan(Rule::All)];
    let build = |start: usize| {
        let mut builder = free();
        let steps = (start..12).map(|n| (n as u64, format!("n{n}")));
        let region = RegionId::new(1).unwrap();
        let steps = steps.map(|(tick, name)| (tick, Act::Sprout(region, name, 0.0))).collect();
        builder.region(Region::gated("door", Acts::new(steps)));
        let own = names(start).iter().fold(Region::agents("n"), |r, n| r.boxed(n, blank(n)));
        let region = builder.region(own.template(12, blank));
        wire(&mut builder, [region, region], &plans);
        builder.seed(77);
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(20)).unwrap();
        cortex.topology().to_json().unwrap()
    };
    let whole = build(12);
    assert_eq!(build(0), whole);
    assert_eq!(build(5), whole);
}

#[test]
fn names_that_belong_together_are_joined_whichever_of_them_comes_first() {
    let build = |first: &[(u64, bool, &str)]| {
        let mut builder = free();
        let [topics, ears] = [1, 2].map(|n| RegionId::new(n).unwrap());
        let region = |is_topic: bool| if is_topic { topics } else { ears };
        let sprout = |&(tick, is_topic, name): &(u64, bool, &str)| {
            (tick, Act::Sprout(region(is_topic), name.to_owned(), 0.0))
        };
        builder.region(Region::gated("door", Acts::new(first.iter().map(sprout).collect())));
        let topics = builder.region(Region::agents("topics").template(9, blank));
        let ears = builder.region(Region::agents("ears").template(9, blank));
        let belong = |topic: &str, ear: &str| ear.starts_with(topic);
        builder.project(topics, ears, Projection::by_name(belong));
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(9)).unwrap();
        synapses(&cortex).into_keys().collect::<Vec<_>>()
    };
    let (a, b) = ((true, "a"), (true, "b"));
    let (a1, a2) = ((false, "a1"), (false, "a2"));
    let dated = |order: [(bool, &'static str); 4]| {
        let all = order.into_iter().enumerate();
        build(&all.map(|(tick, (topic, name))| (tick as u64, topic, name)).collect::<Vec<_>>())
    };
    let pairs = [("topics:a", "ears:a1"), ("topics:a", "ears:a2")]
        .map(|(topic, ear)| (topic.to_owned(), ear.to_owned()));
    assert_eq!(dated([a, b, a1, a2]), pairs);
    assert_eq!(dated([a1, a, a2, b]), pairs);
    // Cells have no names.
    let mut builder = free();
    let cells = builder.region(Region::population("p", Cells::lif(Lif::default()), 4));
    builder.project(cells, cells, Projection::by_name(|_, _| true));
    assert!(builder.build().unwrap_err().to_string().contains("cells have numbers and no names"));
}

#[test]
fn the_same_name_leads_to_the_same_neuron_and_makes_it_once() {
    let made: Log<String> = Log::default();
    let heard: Log<Heard> = Log::default();
    let mut builder = free();
    let (noted, ears) = (made.clone(), heard.clone());
    let topics = Region::agents("topics").template(8, move |name| {
        noted.push(name.to_owned());
        Box::new(listener(&ears))
    });
    let topics = builder.region(topics);
    let sprout = |tick, name: &str| (tick, Act::Sprout(topics, name.to_owned(), 0.1));
    let steps =
        vec![sprout(0, "a"), sprout(0, "b"), sprout(0, "a"), sprout(5, "a"), sprout(9, "c")];
    builder.region(Region::gated("door", Acts::new(steps)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(20)).unwrap();
    assert_eq!(made.all(), ["a", "b", "c"]);
    let atlas = cortex.atlas();
    let ids: Vec<_> =
        ["a", "b", "c"].iter().map(|name| atlas.neuron("topics", name).unwrap()).collect();
    assert_eq!(ids, [id(1), id(2), id(3)], "the gate was there before");
    let of = |n: u16| heard.all().iter().filter(|h| h.spike.target() == Some(id(n))).count();
    assert_eq!([of(1), of(2), of(3)], [3, 1, 1]);
}

#[test]
fn a_region_takes_no_more_than_its_bound_and_says_who_was_refused() {
    let refused: Log<AdmitError> = Log::default();
    let mut builder = free();
    let topics = Region::agents("topics").neuron("first", Puppet::default()).template(3, blank);
    let topics = builder.region(topics);
    let steps = (0..5).map(|n| (n, Act::Sprout(topics, format!("t{n}"), 0.1))).collect();
    builder.region(Region::gated("door", Acts::new(steps).refused(&refused)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(20)).unwrap();
    let full = |name: &str| AdmitError::RegionFull {
        region: "topics".to_owned(),
        bound: 3,
        name: name.to_owned(),
    };
    assert_eq!(refused.all(), [full("t2"), full("t3"), full("t4")]);
    assert_eq!(cortex.atlas().members(topics).len(), 3);
    assert_eq!(
        refused.all()[0].to_string(),
        "region topics holds 3 neurons and may hold no more: \"t2\" was not added"
    );
}

#[test]
fn a_name_that_cannot_be_a_name_is_refused_and_the_region_stays_as_it_is() {
    let refused: Log<AdmitError> = Log::default();
    let mut builder = free();
    let topics = builder.region(Region::agents("topics").template(9, blank));
    let names = [String::new(), "a\nb".to_owned(), "x".repeat(257), "fine".to_owned()];
    let steps = names.map(|name| (0, Act::Sprout(topics, name, 0.1)));
    builder.region(Region::gated("door", Acts::new(steps.into()).refused(&refused)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(5)).unwrap();
    assert_eq!(refused.len(), 3);
    assert!(refused.all().iter().all(|error| matches!(error, AdmitError::Name(_))));
    assert_eq!(cortex.atlas().members(topics).len(), 1);
    assert_eq!(cortex.atlas().len(), 2);
}

#[test]
fn a_newcomer_starts_looks_around_and_is_heard_from_its_first_tick() {
    let raster = Raster::default();
    let seen: Log<usize> = Log::default();
    let mut builder = free();
    let (fired, counts) = (raster.clone(), seen.clone());
    let topics = Region::agents("topics").template(9, move |_| {
        let (fired, counts) = (fired.clone(), counts.clone());
        let puppet = Puppet::default().on_start(move |atlas| {
            counts.push(atlas.with_capability("topic").len());
            Ok(())
        });
        let puppet = puppet.on_fire(move |ctx| {
            fired.lock().unwrap().push((ctx.tick().0, ctx.id().raw()));
            Ok(ctx.fire(b"new")?)
        });
        Box::new(puppet.capability("topic"))
    });
    let topics = builder.region(topics);
    let heard = Log::default();
    let ears = builder.region(Region::agents("ears").neuron("ear", listener(&heard)));
    builder.project(topics, ears, Projection::all_to_all().weight(0.1).delay(Ticks(2)));
    let steps = vec![
        (4, Act::Sprout(topics, "a".to_owned(), 1.0)),
        (6, Act::Sprout(topics, "b".to_owned(), 1.0)),
    ];
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.build().unwrap().run_for(Ticks(20)).unwrap();
    assert_eq!(support::fired(&raster), [(4, 2), (6, 3)]);
    assert_eq!(seen.all(), [1, 2], "each finds itself in the index, and those before it");
    let heard: Vec<_> = heard.all().iter().map(|h| (h.tick, h.source())).collect();
    assert_eq!(heard, [(6, 2), (8, 3)]);
}

#[test]
fn spikes_under_way_arrive_in_their_tick_while_a_longer_delay_grows() {
    let heard: Log<Heard> = Log::default();
    let mut builder = free();
    let from = builder.region(Region::agents("from").neuron("n", support::firing(b"before")));
    let ears = builder.region(Region::agents("ears").neuron("ear", listener(&heard)));
    let late = Region::agents("late").template(4, |_| Box::new(support::firing(b"late")));
    let late = builder.region(late);
    builder.project(from, ears, Projection::all_to_all().weight(0.1).delay(Ticks(50)));
    // Nobody is there to have this delay at the start: the waiting list has no room for it yet.
    builder.project(late, ears, Projection::all_to_all().weight(0.1).delay(Ticks(5_000)));
    let mut steps: Vec<_> = (0..40).map(|tick| (tick, drive(id(0), 1.0))).collect();
    steps.push((20, Act::Sprout(late, "x".to_owned(), 1.0)));
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.build().unwrap().run().unwrap();
    let ticks: Vec<_> = heard.all().iter().map(|h| h.tick).collect();
    let expected: Vec<u64> = (50..90).chain([5_020]).collect();
    assert_eq!(ticks, expected);
    assert_eq!(heard.all().last().unwrap().payload, b"late");
}

#[test]
fn a_port_does_not_grow_with_its_region() {
    let mut builder = free();
    let all = Region::agents("all").neuron("a", Puppet::default()).port("old", &["a"]);
    let all = builder.region(all.template(9, blank));
    let to = builder.region(Region::agents("to").neuron("x", Puppet::default()));
    builder.project(Port::of(all, "old"), to, Projection::all_to_all());
    builder
        .region(Region::gated("door", Acts::new(vec![(0, Act::Sprout(all, "b".to_owned(), 0.1))])));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(2)).unwrap();
    assert_eq!((cortex.atlas().members(all).len(), cortex.synapses()), (2, 1));
}

#[derive(Debug, Clone)]
struct Trial {
    neurons: u16,
    pairs: Vec<(u16, u16, f32)>,
    drives: Vec<(u64, u16)>,
    reward: bool,
    cut: u64,
}

fn trial() -> impl Strategy<Value = Trial> {
    (3..9_u16).prop_flat_map(|neurons| {
        let pair = (0..neurons, 0..neurons, 0.05..0.6_f32);
        let drives = proptest::collection::vec((0..120_u64, 0..neurons), 10..80);
        (Just(neurons), proptest::collection::vec(pair, 1..40), drives, any::<bool>(), 10..90_u64)
            .prop_map(|(neurons, pairs, drives, reward, cut)| Trial {
                neurons,
                pairs,
                drives,
                reward,
                cut,
            })
    })
}

impl Trial {
    /// The network of these synapses, without those that `keep` does not keep.
    fn build(&self, keep: impl Fn(usize) -> bool, raster: &Raster) -> Cortex {
        let mut builder = free();
        let region = (0..self.neurons).fold(Region::agents("n").membrane(no_fire()), |r, n| {
            r.neuron(&n.to_string(), support::Noted(raster.clone()))
        });
        let region = builder.region(region);
        let list = self.pairs.iter().enumerate().filter(|(k, _)| keep(*k));
        let synapse = |(k, &(pre, post, weight)): (usize, &(u16, u16, f32))| Synapse {
            pre: pre.into(),
            post: post.into(),
            weight,
            delay: Ticks(1 + k as u64 % 3).into(),
        };
        let projection = Projection::synapses(list.map(synapse).collect());
        let projection = if self.reward {
            projection.plasticity(RewardStdp::default())
        } else {
            // A rule that moves weights by much less than what lies between kept and pruned.
            projection.plasticity(Stdp { a_plus: 1e-4, a_minus: 1e-4, ..Stdp::default() })
        };
        builder.project(region, region, projection);
        let steps = self.drives.iter().map(|&(tick, n)| (tick, id(n), 1000.0)).collect();
        builder.region(Region::gated("door", Script::new(steps)));
        // After the cut, what is eligible becomes weight.
        let praise = Act::Fire(SpikeKind::Modulatory, 0, 0.5_f32.to_le_bytes().to_vec());
        let praise = (self.cut + 60, praise);
        let praise = builder.region(Region::gated("praise", Acts::new(vec![praise])));
        builder.project(praise, region, Projection::all_to_all());
        builder.build().unwrap()
    }
}

/// Only the script makes it fire, so that what is pruned changes nothing but itself.
fn no_fire() -> Lif {
    Lif::default().threshold(500.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_pruning_the_others_learn_as_if_the_pruned_had_never_been(trial in trial()) {
        // The bound lies in a gap of the weights, so that learning before the cut carries none over it.
        let mut weights: Vec<f32> = trial.pairs.iter().map(|p| p.2).collect();
        weights.sort_by(f32::total_cmp);
        let gaps = weights.windows(2).map(|w| (w[1] - w[0], w[0].midpoint(w[1])));
        let widest = gaps.fold((0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a });
        prop_assume!(widest.0 > 0.05);
        let bound = widest.1;
        let rasters = [Raster::default(), Raster::default()];
        let mut pruned = trial.build(|_| true, &rasters[0]);
        pruned.run_for(Ticks(trial.cut)).unwrap();
        let weak = trial.pairs.iter().filter(|p| p.2 < bound).count() as u64;
        let before = pruned.synapses();
        prop_assert_eq!(pruned.prune(bound).unwrap(), weak);
        prop_assert_eq!(pruned.synapses(), before - weak);
        pruned.run_for(Ticks(150)).unwrap();
        let mut reference = trial.build(|k| trial.pairs[k].2 >= bound, &rasters[1]);
        reference.run_for(Ticks(trial.cut + 150)).unwrap();
        prop_assert_eq!(support::fired(&rasters[0]), support::fired(&rasters[1]));
        prop_assert_eq!(synapses(&pruned), synapses(&reference));
        let links = |cortex: &Cortex| {
            let seen = cortex.links().into_iter().map(|l| (l.from, l.to, l.count, l.delay));
            let mut seen: Vec<_> = seen.collect();
            seen.sort();
            seen
        };
        prop_assert_eq!(links(&pruned), links(&reference));
    }
}

#[test]
fn pruning_spares_what_is_protected_and_what_does_not_learn() {
    let mut builder = free();
    let region = ["a", "b", "c"].iter().fold(Region::agents("n"), |r, n| r.boxed(n, blank(n)));
    let region = builder.region(region);
    let weak = || Projection::all_to_all().weight(0.1);
    builder.project(region, region, weak().plasticity(Stdp::default()));
    builder.project(region, region, weak().plasticity(Stdp::default()).protected());
    builder.project(region, region, weak());
    let mut cortex = builder.build().unwrap();
    assert_eq!(cortex.synapses(), 18);
    assert_eq!(cortex.prune(0.1).unwrap(), 0, "at the bound is not below it");
    assert_eq!(cortex.prune(0.2).unwrap(), 6);
    assert_eq!((cortex.synapses(), cortex.prune(0.2).unwrap()), (12, 0));
}

#[test]
fn a_pruned_synapse_delivers_nothing_even_to_a_spike_that_was_under_way() {
    let heard = Log::default();
    let mut builder = free();
    let region =
        Region::agents("n").neuron("a", support::firing(b"")).neuron("b", listener(&heard));
    let region = builder.region(region);
    let weak = Projection::pairs(&[(0, 1)], 0.1, Ticks(5)).plasticity(Stdp::default());
    builder.project(region, region, weak);
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(2)).unwrap();
    assert_eq!(cortex.prune(0.5).unwrap(), 1);
    cortex.run_for(Ticks(20)).unwrap();
    assert_eq!(heard.len(), 0);
    assert_eq!(cortex.report().spikes.under_way, 0, "and nothing is left behind");
}

#[test]
fn a_region_grows_again_after_it_was_pruned() {
    let mut builder = free();
    let region = builder.region(Region::agents("n").template(40, blank));
    let rule = Projection::all_to_all().weight(0.1).plasticity(RewardStdp::default());
    builder.project(region, region, rule);
    let steps = (0..20).map(|n| (n, Act::Sprout(region, format!("n{n}"), 0.1))).collect();
    builder.region(Region::gated("door", Acts::new(steps)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(10)).unwrap();
    assert_eq!(cortex.prune(0.5).unwrap(), 90);
    cortex.run_for(Ticks(20)).unwrap();
    // Ten newcomers, each with all that were there before it, both ways.
    assert_eq!(cortex.synapses(), (10..20).map(|there| 2 * there).sum::<u64>());
}
