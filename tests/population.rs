//! Populations: the same dynamics as agents, in arrays.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use neuronbus::cortex::CortexBuilder;
use neuronbus::id::RegionId;
use neuronbus::plasticity::{Bounds, Pairing};
use neuronbus::population::{Cells, ExpLif, Record};
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use serde::Deserialize;

fn read<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let path = format!("{}/tests/reference/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn tau_of(leak: f64) -> Span {
    Span::Time(Duration::from_secs_f64(-1.0 / leak.ln()))
}

/// A time constant of so many ticks, for ticks of one second.
fn tau(ticks: f64) -> Span {
    Span::Time(Duration::from_secs_f64(ticks))
}

fn builder() -> CortexBuilder {
    let mut builder = Cortex::builder();
    builder.tick_length(Duration::from_secs(1)).pace(Pace::Free);
    builder
}

/// A source population that fires these (tick, cell).
fn world(builder: &mut CortexBuilder, spikes: &[(u64, u32)], cells: u32) -> RegionId {
    let spikes = spikes.iter().map(|&(tick, cell)| (Tick(tick), cell)).collect();
    builder.region(Region::population("world", Cells::spike_list(spikes), cells))
}

fn synapse(pre: u32, post: u32, weight: f32, delay: u64) -> Synapse {
    Synapse { pre, post, weight, delay: Ticks(delay).into() }
}

/// All synapses between two populations, sorted.
fn synapses(cortex: &Cortex, from: RegionId, to: RegionId) -> Vec<(u32, u32, f32, u32)> {
    let mut all = Vec::new();
    cortex.each_synapse(from, to, |pre, post, weight, delay| all.push((pre, post, weight, delay)));
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    all
}

#[derive(Deserialize)]
struct Lifs {
    cases: Vec<LifCase>,
}

#[derive(Deserialize)]
struct LifParams {
    rest: f32,
    threshold: f32,
    leak: f64,
    refractory: u64,
}

#[derive(Deserialize)]
struct LifCase {
    name: String,
    ticks: u64,
    params: LifParams,
    inputs: Vec<(u64, f32)>,
    spikes: Vec<u64>,
    potential_end_of_tick: Vec<f64>,
    exact: bool,
}

/// A source's spike arrives one tick after it fired: all happens one tick later than in the reference.
#[test]
fn a_cell_fires_and_leaks_like_the_reference() {
    for case in read::<Lifs>("lif_single").cases {
        let p = &case.params;
        let lif = Lif {
            tau: tau_of(p.leak),
            threshold: p.threshold,
            rest: p.rest,
            refractory: Ticks(p.refractory).into(),
            ..Lif::default()
        };
        let mut builder = builder();
        // Three cells, of which the middle one is driven: its neighbours must stay at rest.
        let cells = Region::population("cells", Cells::lif(lif), 3).record(Record::Spikes);
        let cells = builder.region(cells);
        // A cell of the world for each entry of the list, since entries of one tick add up.
        let entries: Vec<(u64, u32)> =
            case.inputs.iter().zip(0..).map(|(&(tick, _), cell)| (tick, cell)).collect();
        let world = world(&mut builder, &entries, entries.len().max(1) as u32);
        let list =
            case.inputs.iter().zip(0..).map(|(&(_, weight), cell)| synapse(cell, 1, weight, 1));
        let list = Projection::synapses(list.collect()).bounds(-1e6, 1e6);
        builder.project(world, cells, list);
        let mut cortex = builder.build().unwrap();
        let scale = (p.threshold - p.rest).abs();
        let tolerance = if case.exact { 0.0 } else { 2e-5 * f64::from(scale) };
        cortex.tick().unwrap();
        for tick in 0..case.ticks {
            cortex.tick().unwrap();
            let expected = case.potential_end_of_tick[tick as usize];
            let got = cortex.cell_potential(cells, 1).unwrap();
            // The reference prints 15 digits: an exact case is compared as the binary32 it stands for.
            let close = got == expected as f32 || (f64::from(got) - expected).abs() <= tolerance;
            assert!(close, "{} at tick {tick}: {got}, not {expected}", case.name);
            for idle in [0, 2] {
                assert_eq!(cortex.cell_potential(cells, idle), Some(p.rest), "{}", case.name);
            }
        }
        let expected: Vec<(u64, u32)> = case.spikes.iter().map(|tick| (tick + 1, 1)).collect();
        assert_eq!(cortex.recorded(cells).unwrap(), expected, "{}", case.name);
    }
}

#[test]
fn a_reset_apart_from_rest_is_where_a_cell_begins_after_firing_and_stays_while_refractory() {
    let lif = Lif::default().tau(Lif::NO_LEAK).threshold(8.0).refractory(Ticks(2));
    let mut builder = builder();
    let cells = builder.region(Region::population("cells", Cells::lif(lif).reset(-3.0), 1));
    let every: Vec<(u64, u32)> = (0..8).map(|tick| (tick, 0)).collect();
    let world = world(&mut builder, &every, 1);
    builder.project(world, cells, Projection::one_to_one().bounds(0.0, 9.0).weight(5.0));
    let mut cortex = builder.build().unwrap();
    let potentials: Vec<f32> = (0..9)
        .map(|_| {
            cortex.tick().unwrap();
            cortex.cell_potential(cells, 0).unwrap()
        })
        .collect();
    assert_eq!(potentials, [0.0, 5.0, -3.0, -3.0, -3.0, 2.0, 7.0, -3.0, -3.0]);
}

#[test]
fn drive_adds_to_every_cell_in_every_tick() {
    let lif = Lif::default().tau(Lif::NO_LEAK).threshold(1.0);
    let mut builder = builder();
    let cells = Region::population("cells", Cells::lif(lif).drive(0.25), 70);
    let cells = builder.region(cells.record(Record::Spikes));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(9)).unwrap();
    let expected: Vec<(u64, u32)> =
        [3, 7].into_iter().flat_map(|tick| (0..70).map(move |cell| (tick, cell))).collect();
    assert_eq!(cortex.recorded(cells).unwrap(), expected);
    assert_eq!(cortex.cell_potential(cells, 69), Some(0.25));
    assert_eq!(cortex.counts().firings, 140);
}

#[test]
fn what_has_died_away_is_zero_and_not_a_subnormal_number() {
    let mut builder = builder();
    let membrane = Lif::default().tau(tau(20.0)).threshold(2.0);
    let lif = builder.region(Region::population("lif", Cells::lif(membrane), 1));
    let quiet = ExpLif { rest: 0.0, threshold: 9.0, reset: -1.0, ..ExpLif::default() };
    let taus = ExpLif { tau_m: tau(20.0), tau_e: tau(5.0), tau_i: tau(10.0), ..quiet };
    let exp = Cells::exp_lif(taus).start_between(0.0, 0.0);
    let exp = builder.region(Region::population("exp", exp, 1));
    let world = world(&mut builder, &[(0, 0)], 1);
    builder.project(world, lif, Projection::one_to_one());
    builder.project(world, exp, Projection::one_to_one());
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(900)).unwrap();
    for cells in [lif, exp] {
        let left = cortex.cell_potential(cells, 0).unwrap();
        assert!(left > 0.0 && left < 1e-15, "it leaks, and {left} is left");
    }
    cortex.run_for(Ticks(4_000)).unwrap();
    for cells in [lif, exp] {
        assert_eq!(cortex.cell_potential(cells, 0), Some(0.0));
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the closed form is what is compared with")]
fn exponential_currents_follow_their_closed_form() {
    let p = ExpLif {
        tau_m: tau(20.0),
        tau_e: tau(5.0),
        tau_i: tau(10.0),
        rest: -60.0,
        threshold: -50.0,
        reset: -65.0,
        refractory: Ticks(3).into(),
    };
    // The second has equal constants, where the usual formula divides zero by zero.
    let same = ExpLif { tau_e: tau(20.0), tau_i: tau(20.0), ..p };
    for (p, tau_e, tau_i) in [(p, 5.0, 10.0), (same, 20.0, 20.0)] {
        let mut builder = builder();
        let cells = Cells::exp_lif(p).start_between(-60.0, -60.0);
        let cells = builder.region(Region::population("cells", cells, 1).record(Record::Spikes));
        let world = world(&mut builder, &[(0, 0), (20, 1), (200, 2)], 3);
        let one = |pre, weight| Projection::synapses(vec![synapse(pre, 0, weight, 1)]);
        builder.project(world, cells, one(0, 12.0).bounds(0.0, 500.0));
        builder.project(world, cells, one(1, 9.0).bounds(0.0, 500.0).inhibitory());
        builder.project(world, cells, one(2, 500.0).bounds(0.0, 500.0));
        let mut cortex = builder.build().unwrap();
        // `tau dv/dt = -v + g`: the answer to a unit step of g that decays with tau_s.
        let response = |t: f64, tau_s: f64| {
            if t < 0.0 {
                0.0
            } else if tau_s == 20.0 {
                t / 20.0 * (-t / 20.0).exp()
            } else {
                tau_s / (tau_s - 20.0) * ((-t / tau_s).exp() - (-t / 20.0).exp())
            }
        };
        for tick in 0..=201 {
            cortex.tick().unwrap();
            let t = f64::from(tick);
            let expected =
                -60.0 + 12.0 * response(t - 1.0, tau_e) - 9.0 * response(t - 21.0, tau_i);
            let got = f64::from(cortex.cell_potential(cells, 0).unwrap());
            assert!((got - expected).abs() < 1e-4, "tick {tick}: {got}, not {expected}");
        }
        // The strong kick makes it fire; while it rests the current goes on, and then lifts it from reset.
        assert_eq!(cortex.recorded(cells).unwrap(), []);
        for _ in 202..=205 {
            cortex.tick().unwrap();
            assert_eq!(cortex.cell_potential(cells, 0), Some(-65.0));
        }
        assert_eq!(cortex.recorded(cells).unwrap(), [(202, 0)]);
        cortex.tick().unwrap();
        let transfer = response(1.0, tau_e);
        // Four ticks of decay between the kick, at 201, and the first step that counts again.
        let expected =
            -60.0 - 5.0 * (-1.0f64 / 20.0).exp() + 500.0 * (-4.0 / tau_e).exp() * transfer;
        let got = f64::from(cortex.cell_potential(cells, 0).unwrap());
        let fires = expected >= -50.0;
        assert!(
            if fires { got == -65.0 } else { (got - expected).abs() < 1e-2 },
            "{got}, {expected}"
        );
    }
}

#[derive(Deserialize, Clone, Copy)]
struct StdpParams {
    a_plus: f32,
    a_minus: f32,
    tau_plus: f64,
    tau_minus: f64,
    w_min: f32,
    w_max: f32,
}

#[derive(Deserialize)]
struct Curve {
    params: StdpParams,
    curve: Vec<(i64, f64)>,
}

#[derive(Deserialize)]
struct Train {
    name: String,
    pre_fires: Vec<u64>,
    post_fires: Vec<u64>,
    ticks: u64,
    delay: u64,
    initial_weight: f32,
    all: f64,
    nearest: f64,
}

#[derive(Deserialize)]
struct Bound {
    name: String,
    initial_weight: f32,
    pre_fires: Vec<u64>,
    post_fires: Vec<u64>,
    ticks: u64,
    delay: u64,
    final_weight: f64,
}

#[derive(Deserialize)]
struct Curves {
    params: StdpParams,
    curve: Vec<(i64, f64)>,
    curve_asymmetric: Curve,
    trains: Vec<Train>,
    bounds: Vec<Bound>,
}

impl StdpParams {
    fn rule(self, pairing: Pairing) -> Stdp {
        Stdp {
            a_plus: self.a_plus,
            a_minus: self.a_minus,
            tau_plus: tau(self.tau_plus),
            tau_minus: tau(self.tau_minus),
            pairing,
            ..Stdp::default()
        }
    }
}

/// The weight of one synapse after both of its sides were forced to fire at given ticks, `limits` its bounds.
fn forced(
    rule: Stdp,
    limits: (f32, f32),
    (weight, delay): (f32, u64),
    ticks: u64,
    fires: [&[u64]; 2],
) -> f64 {
    let mut builder = builder();
    // A threshold that no plastic synapse reaches: only the world makes them fire.
    let cells = Cells::lif(Lif::default().threshold(100.0));
    let cells = builder.region(Region::population("cells", cells, 2).record(Record::Spikes));
    let mut spikes: Vec<(u64, u32)> = fires
        .iter()
        .zip(0..)
        .flat_map(|(ticks, cell)| ticks.iter().map(move |&tick| (tick, cell)))
        .collect();
    spikes.sort_unstable();
    let world = world(&mut builder, &spikes, 2);
    builder.project(world, cells, Projection::one_to_one().bounds(0.0, 1e3).weight(1e3));
    let plastic = Projection::synapses(vec![synapse(0, 1, weight, delay)]);
    builder.project(cells, cells, plastic.bounds(limits.0, limits.1).plasticity(rule));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(ticks + 1)).unwrap();
    // They fired when they were told to, and by nothing else.
    let expected: Vec<(u64, u32)> = spikes.iter().map(|&(tick, cell)| (tick + 1, cell)).collect();
    assert_eq!(cortex.recorded(cells).unwrap(), expected);
    let [(0, 1, weight, _)] = synapses(&cortex, cells, cells)[..] else { panic!("one synapse") };
    f64::from(weight)
}

fn check_curve(p: StdpParams, curve: &[(i64, f64)]) {
    assert_eq!((curve[0].0, curve.last().unwrap().0), (-50, 50));
    for &(dt, expected) in curve {
        // The arrival, one tick after the firing, is what counts.
        let (pre, post) = (100, (101 + dt) as u64);
        let rule = p.rule(Pairing::AllToAll);
        let got = forced(rule, (p.w_min, p.w_max), (0.5, 1), 300, [&[pre], &[post]]) - 0.5;
        assert!((got - expected).abs() < 2e-6, "at {dt}: {got}, not {expected}");
    }
}

#[test]
fn pairs_of_cells_follow_the_stdp_curve_from_minus_to_plus_50_ticks() {
    let curves: Curves = read("stdp_curve");
    check_curve(curves.params, &curves.curve);
    check_curve(curves.curve_asymmetric.params, &curves.curve_asymmetric.curve);
}

#[test]
fn trains_of_cells_end_at_the_reference_weight() {
    let curves: Curves = read("stdp_curve");
    let limits = (curves.params.w_min, curves.params.w_max);
    for train in &curves.trains {
        for (pairing, expected) in
            [(Pairing::AllToAll, train.all), (Pairing::Nearest, train.nearest)]
        {
            let fires = [&train.pre_fires[..], &train.post_fires[..]];
            let synapse = (train.initial_weight, train.delay);
            let got = forced(curves.params.rule(pairing), limits, synapse, train.ticks, fires);
            // Each of the events may round by half a unit of the last place of a binary32 below 0.5.
            let events = train.pre_fires.len() + train.post_fires.len();
            let close =
                (got - expected).abs() < 2e-6 + events as f64 * f64::from(f32::EPSILON) / 8.0;
            assert!(close, "{} {pairing:?}: {got}, not {expected}", train.name);
        }
    }
    for bound in &curves.bounds {
        let fires = [&bound.pre_fires[..], &bound.post_fires[..]];
        let synapse = (bound.initial_weight, bound.delay);
        let rule = curves.params.rule(Pairing::AllToAll);
        let got = forced(rule, limits, synapse, bound.ticks, fires);
        let close = (got - bound.final_weight).abs() < 2e-6;
        assert!(close, "{}: {got}, not {}", bound.name, bound.final_weight);
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the closed form is what is compared with")]
fn multiplicative_bounds_scale_each_change_by_the_distance_to_the_bound() {
    let rule = Stdp {
        a_plus: 0.1,
        a_minus: 0.2,
        tau_plus: tau(20.0),
        tau_minus: tau(20.0),
        bounds: Bounds::Multiplicative,
        ..Stdp::default()
    };
    let decay = (-0.25f64).exp();
    let stronger = forced(rule, (0.1, 0.9), (0.4, 1), 200, [&[100], &[106]]);
    assert!((stronger - (0.4 + 0.1 * decay * 0.5)).abs() < 2e-6, "{stronger}");
    let weaker = forced(rule, (0.1, 0.9), (0.4, 1), 200, [&[100], &[96]]);
    assert!((weaker - (0.4 - 0.2 * decay * 0.3)).abs() < 2e-6, "{weaker}");
}

#[test]
fn each_listed_synapse_has_its_own_weight_and_delay() {
    let mut builder = builder();
    let lif = Lif::default().tau(Lif::NO_LEAK);
    let cells =
        builder.region(Region::population("cells", Cells::lif(lif), 6).record(Record::Spikes));
    let world = world(&mut builder, &[(0, 0), (3, 0)], 2);
    let list = vec![
        synapse(0, 5, 1.0, 300),
        synapse(0, 0, 1.0, 1),
        synapse(0, 4, 1.0, 7),
        synapse(0, 1, 0.5, 2),
        // Two between the same two: both deliver, each in its time.
        synapse(0, 3, 0.5, 4),
        synapse(0, 3, 0.5, 9),
        // Its source never fires.
        synapse(1, 2, 1.0, 1),
    ];
    builder.project(world, cells, Projection::synapses(list.clone()));
    let mut cortex = builder.build().unwrap();
    let mut listed: Vec<_> = list
        .iter()
        .map(|s| (s.pre, s.post, s.weight, cortex.tick_length().ticks(s.delay).0 as u32))
        .collect();
    listed.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(synapses(&cortex, world, cells), listed);
    assert_eq!(cortex.synapses(), 7);
    cortex.run_for(Ticks(400)).unwrap();
    let expected = [(1, 0), (4, 0), (5, 1), (7, 3), (7, 4), (10, 4), (12, 3), (300, 5), (303, 5)];
    assert_eq!(cortex.recorded(cells).unwrap(), expected);
    assert_eq!(cortex.counts().delivered, 12);
}

#[test]
fn nothing_arrives_from_before_the_first_tick() {
    let mut builder = builder();
    let cells = Region::population("cells", Cells::lif(Lif::default()), 1).record(Record::Spikes);
    let cells = builder.region(cells);
    let world = world(&mut builder, &[(0, 0)], 1);
    // The list of past firings has more places than the delay needs.
    builder.project(world, cells, Projection::one_to_one().delay(Ticks(9)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(100)).unwrap();
    assert_eq!(cortex.recorded(cells).unwrap(), [(9, 0)]);
    assert_eq!(cortex.counts().delivered, 1);
}

/// Who is connected to whom by a rule between populations of these sizes; recurrently if there is one size only.
fn wired(spec: Projection, sources: u32, targets: Option<u32>, seed: u64) -> Vec<(u32, u32)> {
    let mut builder = builder();
    builder.seed(seed);
    let cells = Cells::lif(Lif::default());
    let from = builder.region(Region::population("from", cells.clone(), sources));
    let to = targets.map_or(from, |n| builder.region(Region::population("to", cells, n)));
    builder.project(from, to, spec);
    let cortex = builder.build().unwrap();
    let pairs = synapses(&cortex, from, to).into_iter().map(|(pre, post, _, _)| (pre, post));
    let pairs: Vec<(u32, u32)> = pairs.collect();
    assert_eq!(cortex.synapses(), pairs.len() as u64);
    pairs
}

#[test]
fn one_to_one_reaches_as_far_as_both_do() {
    let diagonal = |n: u32| (0..n).map(|k| (k, k)).collect::<Vec<_>>();
    assert_eq!(wired(Projection::one_to_one(), 5, Some(3), 0), diagonal(3));
    assert_eq!(wired(Projection::one_to_one(), 3, Some(5), 0), diagonal(3));
    assert_eq!(wired(Projection::one_to_one(), 4, None, 0), diagonal(4));
    assert_eq!(wired(Projection::one_to_one().autapses(false), 4, None, 0), []);
}

#[test]
fn all_to_all_is_all_to_all_and_autapses_are_as_told() {
    let all = |a: u32, b: u32| (0..a).flat_map(move |pre| (0..b).map(move |post| (pre, post)));
    let between: Vec<_> = all(4, 3).collect();
    assert_eq!(
        wired(Projection::all_to_all(), 4, Some(3), 0),
        between,
        "none of them is an autapse"
    );
    let others: Vec<_> = all(5, 5).filter(|(pre, post)| pre != post).collect();
    assert_eq!(wired(Projection::all_to_all(), 5, None, 0), others);
    let everybody: Vec<_> = all(5, 5).collect();
    assert_eq!(wired(Projection::all_to_all().autapses(true), 5, None, 0), everybody);
}

#[test]
fn random_connections_are_binomial_on_both_sides() {
    let (sources, targets) = (2_000u32, 1_500u32);
    for p in [0.02, 0.3] {
        let pairs = wired(Projection::random(p), sources, Some(targets), 4);
        assert!(pairs.windows(2).all(|pair| pair[0] < pair[1]), "no pair twice");
        let mut degrees = [vec![0.0; targets as usize], vec![0.0; sources as usize]];
        for &(pre, post) in &pairs {
            degrees[0][post as usize] += 1.0;
            degrees[1][pre as usize] += 1.0;
        }
        for (degrees, n) in degrees.iter().zip([sources, targets]) {
            let count = degrees.len() as f64;
            let (mean, variance) = (f64::from(n) * p, f64::from(n) * p * (1.0 - p));
            let got = degrees.iter().sum::<f64>() / count;
            assert!((got - mean).abs() < 5.0 * (variance / count).sqrt(), "mean {got}, not {mean}");
            let squares = degrees.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count;
            // The variance of a variance: five standard deviations of it.
            let spread = 5.0 * variance * (2.0 / count).sqrt();
            assert!((squares - variance).abs() < spread, "variance {squares}, not {variance}");
        }
        // Neighbouring targets of one source are independent: adjacent pairs come p^2 often.
        let adjacent =
            pairs.windows(2).filter(|w| w[0].0 == w[1].0 && w[0].1 + 1 == w[1].1).count();
        let expected = f64::from(sources) * f64::from(targets - 1) * p * p;
        let z = (adjacent as f64 - expected) / expected.sqrt();
        assert!(z.abs() < 6.0, "{adjacent} adjacent, about {expected} expected");
    }
}

#[test]
fn random_connections_come_from_the_seed_and_keep_to_their_limits() {
    let random = |p, n, seed| wired(Projection::random(p), n, Some(n), seed);
    assert_eq!(random(0.0, 50, 1), []);
    assert_eq!(random(1.0, 50, 1).len(), 2_500);
    assert_eq!(random(0.3, 50, 1), random(0.3, 50, 1));
    assert_ne!(random(0.3, 50, 1), random(0.3, 50, 2));
    assert_eq!(random(1e-18, 50, 1), [], "a gap of more than 2^64 is the end of the row");
    let loops = |spec: Projection| {
        let pairs = wired(spec, 200, None, 1);
        pairs.iter().filter(|(pre, post)| pre == post).count()
    };
    assert_eq!(loops(Projection::random(0.5)), 0);
    assert!((70..130).contains(&loops(Projection::random(0.5).autapses(true))));
}

#[test]
fn two_random_projections_of_one_topology_differ() {
    let mut builder = builder();
    let cells = |path| Region::population(path, Cells::lif(Lif::default()), 100);
    let [a, b, c] = ["a", "b", "c"].map(|path| builder.region(cells(path)));
    builder.project(a, b, Projection::random(0.3)).project(a, c, Projection::random(0.3));
    let cortex = builder.build().unwrap();
    assert_ne!(synapses(&cortex, a, b), synapses(&cortex, a, c));
}

#[test]
fn an_autapse_acts_on_its_own_cell_after_its_delay() {
    let mut builder = builder();
    let lif = Lif::default().tau(Lif::NO_LEAK);
    let cells =
        builder.region(Region::population("cells", Cells::lif(lif), 3).record(Record::Spikes));
    let world = world(&mut builder, &[(0, 1)], 3);
    builder.project(world, cells, Projection::one_to_one());
    builder.project(cells, cells, Projection::one_to_one().delay(Ticks(4)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(14)).unwrap();
    assert_eq!(cortex.recorded(cells).unwrap(), [(1, 1), (5, 1), (9, 1), (13, 1)]);
}

#[test]
fn inhibitory_synapses_subtract_and_show_their_weight_below_zero() {
    let mut builder = builder();
    let cells = Cells::lif(Lif::default().tau(Lif::NO_LEAK));
    let cells = builder.region(Region::population("cells", cells, 2));
    let world = world(&mut builder, &[(0, 0), (2, 0)], 1);
    builder.project(world, cells, Projection::all_to_all().weight(0.75).inhibitory());
    let mut cortex = builder.build().unwrap();
    assert_eq!(synapses(&cortex, world, cells), [(0, 0, -0.75, 1), (0, 1, -0.75, 1)]);
    cortex.run_for(Ticks(4)).unwrap();
    assert_eq!(cortex.cell_potential(cells, 1), Some(-1.5));
}

#[derive(Deserialize)]
struct Net {
    neurons: u32,
    ticks: u64,
    params: NetParams,
    external_weight: f32,
    external_input: Vec<(u64, Vec<u32>)>,
    synapses: NetSynapses,
    variants: BTreeMap<String, Variant>,
}

#[derive(Deserialize)]
struct NetParams {
    leak: f64,
    refractory: u64,
    w_max: f32,
}

#[derive(Deserialize)]
struct NetSynapses {
    pre: Vec<u32>,
    post: Vec<u32>,
    delay: Vec<u64>,
    weight: Vec<f32>,
    plastic_if_index_below: usize,
}

#[derive(Deserialize)]
struct Variant {
    raster: Vec<(u64, Vec<u32>)>,
    final_plastic_weights: Option<Vec<f64>>,
}

#[test]
fn a_population_fires_spike_for_spike_like_the_reference() {
    let net: Net = read("net200");
    let tau = Span::Time(Duration::from_secs(20));
    let all = Stdp { tau_plus: tau, tau_minus: tau, ..Stdp::default() };
    let nearest = Stdp { pairing: Pairing::Nearest, ..all };
    for (name, rule) in [
        ("static", None),
        ("arrival_depress_first_all", Some(all)),
        ("arrival_depress_first_nearest", Some(nearest)),
    ] {
        let mut builder = builder();
        let lif =
            Lif::default().tau(tau_of(net.params.leak)).refractory(Ticks(net.params.refractory));
        let cells = Region::population("net", Cells::lif(lif), net.neurons);
        let cells = builder.region(cells.record(Record::Spikes));
        // A source's spike arrives one tick after it fired: all happens one tick later than in the reference.
        let kicks: Vec<(u64, u32)> = net
            .external_input
            .iter()
            .flat_map(|(tick, targets)| targets.iter().map(move |&cell| (*tick, cell)))
            .collect();
        let world = world(&mut builder, &kicks, net.neurons);
        let one = Projection::one_to_one().weight(net.external_weight);
        builder.project(world, cells, one);
        let s = &net.synapses;
        let list: Vec<Synapse> = (0..s.pre.len())
            .map(|k| Synapse {
                pre: s.pre[k],
                post: s.post[k],
                weight: s.weight[k],
                delay: Ticks(s.delay[k]).into(),
            })
            .collect();
        let (excitatory, inhibitory) = list.split_at(s.plastic_if_index_below);
        let mut plastic = Projection::synapses(excitatory.to_vec()).bounds(0.0, net.params.w_max);
        if let Some(rule) = rule {
            plastic = plastic.plasticity(rule);
        }
        builder.project(cells, cells, plastic);
        builder.project(cells, cells, Projection::synapses(inhibitory.to_vec()).bounds(-9.0, 9.0));
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(net.ticks + 1)).unwrap();
        let variant = &net.variants[name];
        let expected: Vec<(u64, u32)> = variant
            .raster
            .iter()
            .flat_map(|(tick, cells)| cells.iter().map(move |&cell| (*tick + 1, cell)))
            .collect();
        let got = cortex.recorded(cells).unwrap();
        let differ = got.iter().zip(&expected).position(|(a, b)| a != b);
        assert_eq!(differ.map(|k| (got[k], expected[k])), None, "{name}: the rasters part here");
        assert_eq!(got.len(), expected.len(), "{name}");
        let mut weights = BTreeMap::new();
        cortex.each_synapse(cells, cells, |pre, post, weight, _| {
            weights.insert((pre, post), weight);
        });
        for (k, &expected) in variant.final_plastic_weights.iter().flatten().enumerate() {
            let got = f64::from(weights[&(s.pre[k], s.post[k])]);
            assert!((got - expected).abs() < 2e-6, "{name} synapse {k}: {got}, not {expected}");
        }
    }
}
