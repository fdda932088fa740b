//! What networks of chance must have in common: the regimes of Brunel (2000) and the weights of Song and Abbott (2000).
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::time::Duration;

use neuronbus::id::RegionId;
use neuronbus::math;
use neuronbus::population::{Cells, Noise, Record};
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use serde::Deserialize;

const MS: Duration = Duration::from_millis(1);

fn read<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let path = format!("{}/tests/reference/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[derive(Deserialize)]
struct Brunel {
    common: BrunelCommon,
    excitatory: u32,
    inhibitory: u32,
    inputs_excitatory: u64,
    inputs_inhibitory: u64,
    #[serde(rename = "J")]
    kick: f32,
    seconds: f64,
    runs: Vec<BrunelRun>,
}

#[derive(Deserialize)]
struct BrunelCommon {
    tau_m_ms: f64,
    threshold: f32,
    rest: f32,
    refractory_ticks: u64,
    delay_ticks: u64,
    dt_ms: f64,
    warm_up_s: f64,
}

#[derive(Deserialize)]
struct BrunelRun {
    regime: String,
    g: f32,
    v_reset: f32,
    external_events_per_neuron_per_s: f64,
    rate_hz: f64,
    cv_isi_mean: f64,
    count_per_ms_variance_over_mean: f64,
    peak_frequency_hz: f64,
}

/// So many sources for each target, drawn with replacement.
fn fixed_in_degree(
    (sources, targets): (u32, u32),
    in_degree: u64,
    (weight, delay): (f32, Span),
    stream: u64,
) -> Projection {
    let draw = |post: u32, k| {
        let unit = math::unit(math::random(1, stream, u64::from(post), k));
        Synapse { pre: (unit * f64::from(sources)) as u32, post, weight, delay }
    };
    let list = (0..targets).flat_map(|post| (0..in_degree).map(move |k| draw(post, k)));
    Projection::synapses(list.collect()).bounds(0.0, 100.0)
}

fn brunel_network(net: &Brunel, run: &BrunelRun) -> (Cortex, [RegionId; 2]) {
    let common = &net.common;
    let mut builder = Cortex::builder();
    let tick = Duration::from_secs_f64(common.dt_ms * 1e-3);
    builder.tick_length(tick).pace(Pace::Free).seed(1);
    let lif = Lif {
        tau: Span::Time(Duration::from_secs_f64(common.tau_m_ms * 1e-3)),
        threshold: common.threshold,
        rest: common.rest,
        refractory: Ticks(common.refractory_ticks).into(),
        ..Lif::default()
    };
    let noise = Noise { rate_hz: run.external_events_per_neuron_per_s, size: net.kick };
    let cells = Cells::lif(lif).reset(run.v_reset).noise(noise);
    let sizes = [net.excitatory, net.inhibitory];
    let [excitatory, inhibitory] = [("e", sizes[0]), ("i", sizes[1])].map(|(path, size)| {
        builder.region(Region::population(path, cells.clone(), size).record(Record::Spikes))
    });
    let delay: Span = Ticks(common.delay_ticks).into();
    for (stream, (to, size)) in [excitatory, inhibitory].into_iter().zip(sizes).enumerate() {
        let stream = stream as u64;
        let (n, weight) = (net.inputs_excitatory, (net.kick, delay));
        let excites = fixed_in_degree((sizes[0], size), n, weight, stream);
        builder.project(excitatory, to, excites);
        let (n, weight) = (net.inputs_inhibitory, (net.kick * run.g, delay));
        let inhibits = fixed_in_degree((sizes[1], size), n, weight, 2 + stream);
        builder.project(inhibitory, to, inhibits.inhibitory());
    }
    (builder.build().unwrap(), [excitatory, inhibitory])
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// The frequency with the most power, from the means of segments of 200 ms, in steps of 5 Hz up to 500 Hz.
fn peak_hz(counts: &[f64]) -> f64 {
    const SEGMENT: usize = 2_000;
    let power = |step: usize| {
        let segments = counts.chunks_exact(SEGMENT).map(|segment| {
            let mean = mean(segment);
            let turn = std::f64::consts::TAU * step as f64 / SEGMENT as f64;
            let (mut re, mut im) = (0.0, 0.0);
            for (k, count) in segment.iter().enumerate() {
                let (sin, cos) = (turn * k as f64).sin_cos();
                re += (count - mean) * cos;
                im += (count - mean) * sin;
            }
            re * re + im * im
        });
        segments.sum::<f64>()
    };
    let best = (1..=100).max_by(|&a, &b| power(a).total_cmp(&power(b)));
    best.unwrap_or(0) as f64 * 5.0
}

/// Runs one regime and compares what is known of it.
fn check_regime(regime: &str, v_reset: f32) {
    let net: Brunel = read("brunel_small");
    let run = net.runs.iter().find(|run| run.regime == regime && run.v_reset == v_reset).unwrap();
    let (mut cortex, regions) = brunel_network(&net, run);
    let per_second = 1e3 / net.common.dt_ms;
    let from = (net.common.warm_up_s * per_second).round() as u64;
    let ticks = (net.seconds * per_second).round() as u64;
    cortex.run_for(Ticks(from + ticks)).unwrap();

    let cells = f64::from(net.excitatory + net.inhibitory);
    let mut counts = vec![0.0; ticks as usize];
    let mut cvs = Vec::new();
    for (region, size) in regions.into_iter().zip([net.excitatory, net.inhibitory]) {
        let mut fired = vec![Vec::new(); size as usize];
        for &(tick, cell) in cortex.recorded(region).unwrap().iter().filter(|s| s.0 >= from) {
            counts[(tick - from) as usize] += 1.0;
            fired[cell as usize].push(tick as f64);
        }
        cvs.extend(fired.iter().filter(|ticks| ticks.len() >= 4).map(|ticks| {
            let intervals: Vec<f64> = ticks.windows(2).map(|pair| pair[1] - pair[0]).collect();
            variance(&intervals).sqrt() / mean(&intervals)
        }));
    }
    let name = format!("{regime}, reset to {v_reset}");
    let rate = counts.iter().sum::<f64>() / cells / net.seconds;
    let tolerance = if regime == "SI_slow" { 0.08 } else { 0.03 };
    let cv = mean(&cvs);
    let per_ms: Vec<f64> = counts.chunks_exact(10).map(|ms| ms.iter().sum()).collect();
    let dispersion = variance(&per_ms) / mean(&per_ms);
    let peak = peak_hz(&counts);
    assert!((rate / run.rate_hz - 1.0).abs() < tolerance, "{name}: {rate} Hz, not {}", run.rate_hz);
    assert!((cv - run.cv_isi_mean).abs() < 0.05, "{name}: CV {cv}, not {}", run.cv_isi_mean);
    let expected = run.count_per_ms_variance_over_mean;
    let close = (dispersion / expected - 1.0).abs() < 0.3;
    assert!(close, "{name}: variance over mean {dispersion}, not {expected}");
    if regime.starts_with("SI") {
        let expected = run.peak_frequency_hz;
        assert!((peak - expected).abs() <= 10.0, "{name}: a rhythm of {peak} Hz, not {expected}");
    }
}

#[test]
fn a_network_where_excitation_wins_fires_regularly_and_together() {
    check_regime("SR", 10.0);
    check_regime("SR", 0.0);
}

#[test]
fn strong_inhibition_and_input_make_a_fast_rhythm_of_irregular_cells() {
    check_regime("SI_fast", 10.0);
    check_regime("SI_fast", 0.0);
}

#[test]
fn balanced_inhibition_makes_cells_fire_irregularly() {
    check_regime("AI", 10.0);
    check_regime("AI", 0.0);
}

#[test]
fn input_near_threshold_makes_a_slow_rhythm_of_irregular_cells() {
    check_regime("SI_slow", 10.0);
    check_regime("SI_slow", 0.0);
}

#[derive(Deserialize)]
struct Song {
    params: SongParams,
    seconds: u64,
    rate_of_first_100_s: Spread,
    expected: SongExpected,
}

#[derive(Deserialize)]
struct SongParams {
    inputs: u32,
    rate_per_tick: f64,
    leak: f64,
    refractory: u64,
    delay: u64,
    w_max: f32,
    a_plus: f32,
    a_minus: f32,
    tau_plus: f64,
    tau_minus: f64,
}

#[derive(Deserialize, Clone, Copy)]
struct Spread {
    mean: f64,
    sd_between_seeds: f64,
}

impl Spread {
    fn check(self, what: &str, got: f64) {
        let away = (got - self.mean) / self.sd_between_seeds;
        assert!(away.abs() < 4.0, "{what}: {got}, not {}: {away} standard deviations", self.mean);
    }
}

#[derive(Deserialize)]
struct SongExpected {
    #[serde(rename = "fraction_below_0.1")]
    below: Spread,
    #[serde(rename = "fraction_above_0.9")]
    above: Spread,
    mean_weight_over_w_max: Spread,
    output_rate_hz: Spread,
    cv_isi: Spread,
}

#[test]
fn stdp_of_many_chance_inputs_drives_weights_to_both_ends() {
    let song: Song = read("song_abbott");
    let p = &song.params;
    let ms = |ticks: f64| Span::Time(Duration::from_secs_f64(ticks * 1e-3));
    let mut builder = Cortex::builder();
    builder.tick_length(MS).pace(Pace::Free).seed(1);
    // The rate at which a tick of the source has an event with the stated probability.
    let source = Cells::poisson(-1e3 * (-p.rate_per_tick).ln_1p());
    let source = builder.region(Region::population("inputs", source, p.inputs));
    let lif = Lif::default().tau(ms(-1.0 / p.leak.ln())).refractory(Ticks(p.refractory));
    let cell = Region::population("cell", Cells::lif(lif), 1).record(Record::Spikes);
    let cell = builder.region(cell);
    let rule = Stdp {
        a_plus: p.a_plus,
        a_minus: p.a_minus,
        tau_plus: ms(p.tau_plus),
        tau_minus: ms(p.tau_minus),
        ..Stdp::default()
    };
    let list = (0..p.inputs).map(|pre| {
        let unit = math::unit(math::random(1, 99, u64::from(pre), 0)) as f32;
        Synapse { pre, post: 0, weight: unit * p.w_max, delay: Ticks(p.delay).into() }
    });
    let synapses = Projection::synapses(list.collect()).bounds(0.0, p.w_max);
    builder.project(source, cell, synapses.plasticity(rule));
    let mut cortex = builder.build().unwrap();

    let (mut below, mut above, mut means) = (Vec::new(), Vec::new(), Vec::new());
    let mut bins = [0u32; 10];
    for hundred in 1..=song.seconds / 100 {
        cortex.run_for(100_000 * MS).unwrap();
        if hundred == 1 {
            let rate = cortex.recorded(cell).unwrap().len() as f64 / 100.0;
            song.rate_of_first_100_s.check("rate of the first 100 s", rate);
        }
        if hundred * 100 <= song.seconds / 2 {
            continue;
        }
        let mut weights = Vec::new();
        cortex.each_synapse(source, cell, |_, _, weight, _| weights.push(weight / p.w_max));
        let fraction = |test: &dyn Fn(f32) -> bool| {
            weights.iter().filter(|&&w| test(w)).count() as f64 / weights.len() as f64
        };
        below.push(fraction(&|w| w < 0.1));
        above.push(fraction(&|w| w > 0.9));
        means.push(mean(&weights.iter().map(|&w| f64::from(w)).collect::<Vec<_>>()));
        weights.iter().for_each(|&w| bins[((w * 10.0) as usize).min(9)] += 1);
    }
    let expected = &song.expected;
    expected.below.check("fraction below 0.1 w_max", mean(&below));
    expected.above.check("fraction above 0.9 w_max", mean(&above));
    expected.mean_weight_over_w_max.check("mean weight", mean(&means));
    let middle = bins[2..8].iter().max().unwrap();
    assert!(bins[0] > *middle && bins[9] > *middle, "not bimodal: {bins:?}");

    let half = song.seconds / 2;
    let late = cortex.recorded(cell).unwrap().iter().filter(|&&(tick, _)| tick >= half * 1_000);
    let late: Vec<f64> = late.map(|&(tick, _)| tick as f64).collect();
    expected.output_rate_hz.check("output rate", late.len() as f64 / half as f64);
    let intervals: Vec<f64> = late.windows(2).map(|pair| pair[1] - pair[0]).collect();
    expected.cv_isi.check("CV", variance(&intervals).sqrt() / mean(&intervals));
}
