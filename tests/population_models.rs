//! The models of cells against their equations, computed apart, and the patterns that they are known for.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::time::Duration;

use neuronbus::population::{AdaptiveLif, Cells, ExpLif, Izhikevich, Noise, Record};
use neuronbus::prelude::*;

const MS: Duration = Duration::from_millis(1);

/// A cortex of one population.
fn alone(cells: Cells, count: u32, tick: Duration) -> (Cortex, neuronbus::id::RegionId) {
    let mut builder = Cortex::builder();
    builder.tick_length(tick).pace(Pace::Free).seed(7);
    let region = Region::population("cells", cells, count).record(Record::Spikes);
    let region = builder.region(region);
    (builder.build().unwrap(), region)
}

/// The ticks in which one cell fires.
fn train(cells: Cells, tick: Duration, ticks: u64) -> Vec<u64> {
    let (mut cortex, region) = alone(cells, 1, tick);
    cortex.run_for(Ticks(ticks)).unwrap();
    cortex.recorded(region).unwrap().iter().map(|&(tick, _)| tick).collect()
}

fn intervals(train: &[u64]) -> Vec<u64> {
    train.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The paper's own loop for one cell: v in two half steps, then u.
fn izhikevich(p: Izhikevich, current: f32, ticks: u64, length: f32) -> Vec<u64> {
    let (mut v, mut fired) = (-65.0f32, Vec::new());
    let mut u = p.b * v;
    for tick in 0..ticks {
        v += 0.5 * length * (0.04 * v * v + 5.0 * v + 140.0 - u + current);
        v += 0.5 * length * (0.04 * v * v + 5.0 * v + 140.0 - u + current);
        u += length * p.a * (p.b * v - u);
        if v >= 30.0 {
            fired.push(tick);
            v = p.c;
            u += p.d;
        }
    }
    fired
}

const KINDS: [Izhikevich; 5] = [
    Izhikevich::REGULAR_SPIKING,
    Izhikevich::FAST_SPIKING,
    Izhikevich::CHATTERING,
    Izhikevich::INTRINSICALLY_BURSTING,
    Izhikevich::LOW_THRESHOLD_SPIKING,
];

#[test]
fn cells_of_izhikevich_fire_tick_for_tick_like_the_loop_of_the_paper() {
    for kind in KINDS {
        for (tick, length) in [(MS, 1.0), (MS / 4, 0.25)] {
            let expected = izhikevich(kind, 10.0, 1_000, length);
            assert!(expected.len() > 5, "{kind:?} has something to compare");
            let got = train(Cells::izhikevich(kind).current(10.0), tick, 1_000);
            assert_eq!(got, expected, "{kind:?} in ticks of {tick:?}");
        }
    }
    assert!(train(Cells::izhikevich(KINDS[0]), MS, 1_000).is_empty(), "without a current it rests");
}

#[test]
fn cells_of_izhikevich_show_the_patterns_that_they_are_named_for() {
    // In ticks of a tenth of a millisecond: steps of a whole one are so coarse that intervals jitter.
    let fire = |kind| train(Cells::izhikevich(kind).current(10.0), MS / 10, 10_000);
    let regular = intervals(&fire(Izhikevich::REGULAR_SPIKING));
    assert!(regular[1..].iter().all(|gap| gap * 2 > regular[0] * 3), "slows down: {regular:?}");
    let (fast, slow) = (fire(Izhikevich::FAST_SPIKING), fire(Izhikevich::REGULAR_SPIKING));
    assert!(fast.len() > 3 * slow.len(), "{} against {}", fast.len(), slow.len());
    let steady = &intervals(&fast)[3..];
    let (least, most) = (steady.iter().min().unwrap(), steady.iter().max().unwrap());
    assert!(most - least <= 4, "does not slow down: {steady:?}");
    let chattering = intervals(&fire(Izhikevich::CHATTERING));
    let within = chattering.iter().filter(|&&gap| gap <= 120).count();
    let between = chattering.iter().filter(|&&gap| gap >= 150).count();
    assert_eq!(within + between, chattering.len(), "either within a burst or between two");
    assert!(within > 2 * between && between > 5, "{chattering:?}");
    let bursting = intervals(&fire(Izhikevich::INTRINSICALLY_BURSTING));
    assert!(bursting[0] <= 50 && bursting[1] <= 80, "{bursting:?}");
    assert!(bursting[4..].iter().all(|&gap| gap >= 150), "then single spikes: {bursting:?}");
}

#[test]
fn a_weight_onto_a_cell_of_izhikevich_adds_to_v_and_floods_leave_it_a_number() {
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free);
    let world = Cells::spike_list(vec![(Tick(4), 0)]);
    let world = builder.region(Region::population("world", world, 1));
    let cells = Cells::izhikevich(Izhikevich::default());
    let reached = builder.region(Region::population("reached", cells.clone(), 1));
    let apart = builder.region(Region::population("apart", cells, 1));
    builder.project(world, reached, Projection::all_to_all().weight(4.0).bounds(0.0, 9.0));
    let mut cortex = builder.build().unwrap();
    let potential = |cortex: &Cortex, cells| cortex.cell_potential(cells, 0).unwrap();
    cortex.run_for(Ticks(5)).unwrap();
    assert_eq!(potential(&cortex, reached), potential(&cortex, apart));
    cortex.tick().unwrap();
    assert_eq!(potential(&cortex, reached), potential(&cortex, apart) + 4.0);

    for kick in [-1e30, 1e30] {
        let noise = Noise { rate_hz: 500.0, size: kick };
        let flooded = Cells::izhikevich(Izhikevich::default()).noise(noise).current(1e9);
        let (mut cortex, cells) = alone(flooded, 4, MS);
        for _ in 0..500 {
            cortex.tick().unwrap();
            assert!(cortex.cell_potential(cells, 0).unwrap().is_finite());
        }
        assert!(!cortex.recorded(cells).unwrap().is_empty(), "it is alive");
    }
}

/// An adaptive threshold, step by step.
fn adaptive(p: AdaptiveLif, current: f64, tick_ms: f64, ticks: u64) -> Vec<u64> {
    let ms = |span| match span {
        Span::Time(time) => time.as_secs_f64() * 1e3,
        Span::Ticks(ticks) => ticks as f64 * tick_ms,
    };
    let (membrane, adaptation) = (-tick_ms / ms(p.tau_m), -tick_ms / ms(p.tau_a));
    let (mut v, mut a, mut pause, mut fired) =
        (f64::from(p.rest.min(p.reset)), 0.0, 0.0, Vec::new());
    for tick in 0..ticks {
        let settled = f64::from(p.rest) + current;
        v = settled + (v - settled) * libm::exp(membrane);
        a *= libm::exp(adaptation);
        if pause > 0.0 {
            (v, pause) = (f64::from(p.reset), pause - tick_ms);
        } else if v >= f64::from(p.threshold) + a {
            (v, a, pause) = (f64::from(p.reset), a + f64::from(p.step), ms(p.refractory));
            fired.push(tick);
        }
    }
    fired
}

#[test]
fn an_adaptive_threshold_rises_by_its_step_and_decays_as_its_equation_says() {
    let p = AdaptiveLif { step: 0.3, reset: -0.25, ..AdaptiveLif::default() };
    let cells = Cells::adaptive_lif(p).current(2.0);
    let got = train(cells, MS / 10, 20_000);
    assert_eq!(got, adaptive(p, 2.0, 0.1, 20_000));
    let gaps = intervals(&got);
    assert!(gaps[0] * 2 < *gaps.last().unwrap(), "it slows down: {gaps:?}");
    let steady = &gaps[gaps.len() - 5..];
    assert!(steady.iter().max().unwrap() - steady.iter().min().unwrap() <= 2, "{steady:?}");
}

#[test]
fn a_threshold_whose_step_is_zero_is_a_plain_one() {
    let p = AdaptiveLif { step: 0.0, ..AdaptiveLif::default() };
    let lif = Lif::default().refractory(2 * MS);
    let with = |cells: Cells| {
        let noise = Noise { rate_hz: 900.0, size: 0.2 };
        let cells = cells.noise(noise).current(0.3).start_between(0.0, 1.0);
        let (mut cortex, region) = alone(cells, 100, MS / 2);
        cortex.run_for(Ticks(1_000)).unwrap();
        cortex.recorded(region).unwrap().to_vec()
    };
    let plain = with(Cells::lif(lif));
    assert!(plain.len() > 500, "{}", plain.len());
    assert_eq!(with(Cells::adaptive_lif(p)), plain);
}

/// The mean and the standard deviation of potentials that settle, over cells and ticks.
fn settled(cells: Cells, tick: Duration) -> (f64, f64) {
    let (mut cortex, region) = alone(cells, 400, tick);
    let per_ms = (MS.as_nanos() / tick.as_nanos()) as u64;
    cortex.run_for(Ticks(200 * per_ms)).unwrap();
    let mut values = Vec::new();
    for _ in 0..100 {
        // Longer than the time constant, so that each look is a new one.
        cortex.run_for(Ticks(25 * per_ms)).unwrap();
        values.extend((0..400).map(|c| f64::from(cortex.cell_potential(region, c).unwrap())));
    }
    assert!(cortex.recorded(region).unwrap().is_empty(), "no cell fires");
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

#[test]
fn a_fluctuating_current_gives_potentials_its_mean_and_deviation_at_any_tick_length() {
    let far = 100.0;
    let exp = ExpLif { tau_m: (10 * MS).into(), rest: -60.0, threshold: far, ..ExpLif::default() };
    let adaptive = AdaptiveLif { tau_m: (10 * MS).into(), threshold: far, ..Default::default() };
    let lif = Lif { rest: 2.0, ..Lif::default().tau(10 * MS).threshold(far) };
    for tick in [MS, MS / 4] {
        for (cells, rest) in [
            (Cells::lif(lif), 2.0),
            (Cells::exp_lif(exp), -60.0),
            (Cells::adaptive_lif(adaptive), 0.0),
        ] {
            let (mean, deviation) = settled(cells.current(5.0).fluctuation(3.0), tick);
            // 40,000 samples: five standard errors.
            assert!((mean - rest - 5.0).abs() < 0.08, "mean {mean} at {tick:?}");
            assert!((deviation - 3.0).abs() < 0.06, "deviation {deviation} at {tick:?}");
        }
    }
}

#[test]
fn drive_and_kicks_reach_cells_with_exponential_currents() {
    let quiet = ExpLif { rest: -60.0, threshold: 100.0, reset: -70.0, ..ExpLif::default() };
    let cells = || Cells::exp_lif(quiet).start_between(-60.0, -60.0);
    // In the long run a potential is where leak takes away what drive adds: drive / (1 - exp(-1 ms / 20 ms)).
    let (mean, deviation) = settled(cells().drive(0.5), MS);
    let expected = -60.0 + 0.5 / (1.0 - libm::exp(-0.05));
    assert!((mean - expected).abs() < 1e-3 && deviation < 1e-3, "{mean} +- {deviation}");
    // Kicks add to a current; `tau_m dv/dt = (rest - v) + g`, so the mean is that of g. A current is at its end of a
    // tick when it acts on the next: kicks * size / (exp(1 ms / tau) - 1), times what acts for one tick.
    for (size, tau) in [(0.5, 5.0f64), (-0.5, 10.0)] {
        let (mean, deviation) = settled(cells().noise(Noise { rate_hz: 2_000.0, size }), MS / 4);
        let expected = -60.0 + 2.0 * f64::from(size) * tau;
        assert!((mean - expected).abs() < 0.03 * expected.abs().sqrt(), "{mean}, {expected}");
        assert!(deviation > 0.1, "they come by chance");
    }
}

fn mixed() -> (Cortex, [neuronbus::id::RegionId; 3]) {
    let mut builder = Cortex::builder();
    builder.tick_length(MS / 2).pace(Pace::Free).seed(11);
    let exp = ExpLif { rest: -60.0, ..ExpLif::default() };
    let regions = [
        ("izhikevich", Cells::izhikevich(Izhikevich::CHATTERING).fluctuation(6.0).current(4.0)),
        ("adaptive", Cells::adaptive_lif(AdaptiveLif::default()).fluctuation(1.0)),
        ("exp", Cells::exp_lif(exp).fluctuation(6.0).start_between(-70.0, -50.0)),
    ]
    .map(|(name, cells)| {
        builder.region(Region::population(name, cells, 150).record(Record::Spikes))
    });
    let [izhikevich, adaptive, exp] = regions;
    let spread = |weight| Projection::random(0.2).weight(weight).bounds(0.0, 9.0).delay(MS);
    builder.project(izhikevich, adaptive, spread(0.05)).project(adaptive, exp, spread(2.0));
    builder.project(exp, izhikevich, spread(1.0).inhibitory());
    (builder.build().unwrap(), regions)
}

/// The raster must not depend on how this was compiled, nor on the vectors of the machine.
#[test]
fn all_models_fire_the_same_in_every_build() {
    let (mut cortex, regions) = mixed();
    cortex.run_for(Ticks(1_200)).unwrap();
    let hash = regions
        .iter()
        .flat_map(|&region| cortex.recorded(region).unwrap())
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, &(tick, cell)| {
            (hash ^ (tick << 32 | u64::from(cell))).wrapping_mul(0x100_0000_01b3)
        });
    let fired = regions.map(|region| cortex.recorded(region).unwrap().len());
    assert_eq!((fired, hash), FINGERPRINT);
}

const FINGERPRINT: ([usize; 3], u64) = ([3215, 2598, 2309], 12_358_672_702_921_818_261);

#[test]
fn a_digest_sees_recovery_and_raised_thresholds() {
    let digest = |d: f32, step: f32| {
        let mut builder = Cortex::builder();
        builder.pace(Pace::Free);
        let p = Izhikevich { d, ..Izhikevich::default() };
        // Beyond the peak from the beginning: all fire in the first tick, and then potentials are the same.
        let cells = Cells::izhikevich(p).start_between(40.0, 40.0);
        builder.region(Region::population("izhikevich", cells, 1));
        let p = AdaptiveLif { step, ..AdaptiveLif::default() };
        let cells = Cells::adaptive_lif(p).start_between(4.0, 4.0);
        builder.region(Region::population("adaptive", cells, 1));
        let mut cortex = builder.build().unwrap();
        cortex.tick().unwrap();
        assert_eq!(cortex.counts().firings, 2);
        cortex.digest()
    };
    assert_eq!(digest(8.0, 0.1), digest(8.0, 0.1));
    assert_ne!(digest(8.0, 0.1), digest(7.0, 0.1), "recovery");
    assert_ne!(digest(8.0, 0.1), digest(8.0, 0.2), "threshold");
}
