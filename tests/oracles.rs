//! The dynamics against numbers that other implementations computed.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its reference has failed")]

mod support;

use std::time::Duration;

use neuronbus::plasticity::{Pairing, Stdp};
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use serde::Deserialize;
use support::{Noted, Raster, Script, fired, id};

fn read<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let path = format!("{}/tests/reference/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A time constant for a tick of one second, from the factor that remains after one tick.
fn tau_of(leak: f64) -> Span {
    Span::Time(Duration::from_secs_f64(-1.0 / leak.ln()))
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

#[test]
fn one_membrane_fires_and_leaks_like_the_reference() {
    for case in read::<Lifs>("lif_single").cases {
        let raster = Raster::default();
        let mut builder = Cortex::builder();
        let lif = Lif {
            tau: tau_of(case.params.leak),
            threshold: case.params.threshold,
            rest: case.params.rest,
            refractory: Ticks(case.params.refractory).into(),
            ..Lif::default()
        };
        builder.region(Region::agents("n").membrane(lif).neuron("n", Noted(raster.clone())));
        let script = case.inputs.iter().map(|&(tick, weight)| (tick, id(0), weight)).collect();
        builder.region(Region::gated("door", Script::new(script)));
        builder.tick_length(Duration::from_secs(1));
        let mut cortex = builder.build().unwrap();
        let scale = (case.params.threshold - case.params.rest).abs();
        let tolerance = if case.exact { 0.0 } else { 2e-5 * f64::from(scale) };
        for tick in 0..case.ticks {
            cortex.tick().unwrap();
            let expected = case.potential_end_of_tick[tick as usize];
            let got = cortex.potential(id(0)).unwrap();
            // The reference prints 15 digits: an exact case is compared as the binary32 it stands for.
            let close = got == expected as f32 || (f64::from(got) - expected).abs() <= tolerance;
            assert!(close, "{} at tick {tick}: {got}, not {expected}", case.name);
        }
        let ticks: Vec<u64> = fired(&raster).into_iter().map(|(tick, _)| tick).collect();
        assert_eq!(ticks, case.spikes, "{}", case.name);
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

/// The weight of one synapse after both of its sides were forced to fire at given ticks.
fn forced(
    p: StdpParams,
    pairing: Pairing,
    weight: f32,
    delay: u64,
    ticks: u64,
    fires: [&[u64]; 2],
) -> f32 {
    let raster = Raster::default();
    let mut builder = Cortex::builder();
    // A threshold that no synapse reaches: only the script makes them fire.
    let region = Region::agents("n").membrane(Lif::default().threshold(100.0));
    let region = region.neuron("pre", Noted(raster.clone())).neuron("post", Noted(raster));
    let region = builder.region(region);
    let rule = Stdp {
        a_plus: p.a_plus,
        a_minus: p.a_minus,
        tau_plus: Span::Time(Duration::from_secs_f64(p.tau_plus)),
        tau_minus: Span::Time(Duration::from_secs_f64(p.tau_minus)),
        pairing,
        ..Stdp::default()
    };
    let list = vec![Synapse { pre: 0, post: 1, weight, delay: Ticks(delay).into() }];
    let projection = Projection::synapses(list).bounds(p.w_min, p.w_max).plasticity(rule);
    builder.project(region, region, projection).tick_length(Duration::from_secs(1));
    let steps = fires.iter().enumerate().flat_map(|(neuron, ticks)| {
        ticks.iter().map(move |&tick| (tick, id(neuron as u16), 1000.0))
    });
    builder.region(Region::gated("door", Script::new(steps.collect())));
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(ticks)).unwrap();
    cortex.weight(id(0), id(1)).unwrap()
}

#[allow(clippy::disallowed_methods, reason = "the closed form is what is compared with")]
fn check_curve(p: StdpParams, curve: &[(i64, f64)]) {
    for &(dt, expected) in curve {
        // The arrival, one tick after the firing, is what counts.
        let (pre, post) = (100, (101 + dt) as u64);
        let weight = forced(p, Pairing::AllToAll, 0.5, 1, 300, [&[pre], &[post]]);
        let got = f64::from(weight) - 0.5;
        assert!((got - expected).abs() < 2e-6, "at {dt}: {got}, not {expected}");
        let closed = match dt {
            0 => 0.0,
            1.. => f64::from(p.a_plus) * (-dt as f64 / p.tau_plus).exp(),
            _ => -f64::from(p.a_minus) * (dt as f64 / p.tau_minus).exp(),
        };
        assert!((got - closed).abs() < 2e-6, "at {dt}: {got}, closed form {closed}");
    }
}

#[test]
fn pairs_follow_the_stdp_curve_from_minus_to_plus_50_ticks() {
    let curves: Curves = read("stdp_curve");
    check_curve(curves.params, &curves.curve);
    check_curve(curves.curve_asymmetric.params, &curves.curve_asymmetric.curve);
}

#[test]
fn trains_of_spikes_end_at_the_reference_weight() {
    let curves: Curves = read("stdp_curve");
    for train in &curves.trains {
        for (pairing, expected) in
            [(Pairing::AllToAll, train.all), (Pairing::Nearest, train.nearest)]
        {
            let fires = [&train.pre_fires[..], &train.post_fires[..]];
            let (w, d, t) = (train.initial_weight, train.delay, train.ticks);
            let got = f64::from(forced(curves.params, pairing, w, d, t, fires));
            // Each of the events may round by half a unit of the last place of a binary32 below 0.5.
            let events = train.pre_fires.len() + train.post_fires.len();
            let close =
                (got - expected).abs() < 2e-6 + events as f64 * f64::from(f32::EPSILON) / 8.0;
            assert!(close, "{} {pairing:?}: {got}, not {expected}", train.name);
        }
    }
    for bound in &curves.bounds {
        let fires = [&bound.pre_fires[..], &bound.post_fires[..]];
        let (w, d, t) = (bound.initial_weight, bound.delay, bound.ticks);
        let got = f64::from(forced(curves.params, Pairing::AllToAll, w, d, t, fires));
        let close = (got - bound.final_weight).abs() < 2e-6;
        assert!(close, "{}: {got}, not {}", bound.name, bound.final_weight);
    }
}

#[derive(Deserialize)]
struct Net {
    neurons: u16,
    ticks: u64,
    params: NetParams,
    external_weight: f32,
    external_input: Vec<(u64, Vec<u16>)>,
    synapses: NetSynapses,
    variants: std::collections::BTreeMap<String, Variant>,
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
    raster: Vec<(u64, Vec<u16>)>,
    final_plastic_weights: Option<Vec<f64>>,
    spike_count: usize,
}

/// The network of the reference, with the rule of a variant on its excitatory synapses.
fn net200(net: &Net, rule: Option<Stdp>, raster: &Raster) -> Cortex {
    let mut builder = Cortex::builder();
    let lif = Lif::default().tau(tau_of(net.params.leak)).refractory(Ticks(net.params.refractory));
    let neurons = (0..net.neurons).fold(Region::agents("net").membrane(lif), |region, n| {
        region.neuron(&n.to_string(), Noted(raster.clone()))
    });
    let region = builder.region(neurons);
    let s = &net.synapses;
    let all = (0..s.pre.len()).map(|k| Synapse {
        pre: s.pre[k],
        post: s.post[k],
        weight: s.weight[k],
        delay: Ticks(s.delay[k]).into(),
    });
    let all: Vec<Synapse> = all.collect();
    let (excitatory, inhibitory) = all.split_at(s.plastic_if_index_below);
    let mut plastic = Projection::synapses(excitatory.to_vec()).bounds(0.0, net.params.w_max);
    if let Some(rule) = rule {
        plastic = plastic.plasticity(rule);
    }
    builder.project(region, region, plastic);
    let fixed = Projection::synapses(inhibitory.to_vec()).bounds(-10.0, 10.0);
    builder.project(region, region, fixed);
    let drive = |(tick, neurons): &(u64, Vec<u16>)| {
        let (tick, weight) = (*tick, net.external_weight);
        neurons.iter().map(move |&n| (tick, id(n), weight)).collect::<Vec<_>>()
    };
    let steps = net.external_input.iter().flat_map(drive).collect();
    builder.region(Region::gated("door", Script::new(steps)));
    builder.tick_length(Duration::from_secs(1)).pace(Pace::Free);
    builder.build().unwrap()
}

#[test]
fn a_recurrent_network_fires_spike_for_spike_like_the_reference() {
    let net: Net = read("net200");
    let tau = Span::Time(Duration::from_secs(20));
    let rule = Stdp { tau_plus: tau, tau_minus: tau, ..Stdp::default() };
    let nearest = Stdp { pairing: Pairing::Nearest, ..rule };
    for (name, rule) in [
        ("static", None),
        ("arrival_depress_first_all", Some(rule)),
        ("arrival_depress_first_nearest", Some(nearest)),
    ] {
        let variant = &net.variants[name];
        let raster = Raster::default();
        let mut cortex = net200(&net, rule, &raster);
        cortex.run_for(Ticks(net.ticks)).unwrap();
        let got = fired(&raster);
        let listed = |(tick, neurons): &(u64, Vec<u16>)| {
            let tick = *tick;
            neurons.iter().map(move |&n| (tick, n)).collect::<Vec<_>>()
        };
        let expected: Vec<(u64, u16)> = variant.raster.iter().flat_map(listed).collect();
        let differ = got.iter().zip(&expected).find(|(a, b)| a != b);
        assert_eq!(differ, None, "{name}: the rasters part here");
        assert_eq!((got.len(), expected.len()), (variant.spike_count, variant.spike_count));
        for (k, &expected) in variant.final_plastic_weights.iter().flatten().enumerate() {
            let (pre, post) = (net.synapses.pre[k] as u16, net.synapses.post[k] as u16);
            let got = f64::from(cortex.weight(id(pre), id(post)).unwrap());
            assert!((got - expected).abs() < 2e-6, "{name} synapse {k}: {got}, not {expected}");
        }
    }
}
