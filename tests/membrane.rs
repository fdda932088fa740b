//! Membranes: leak in closed form, threshold, refractory pause, and spikes that wait for its end.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::time::Duration;

use neuronbus::membrane::ThresholdAdaptation;
use neuronbus::prelude::*;
use proptest::prelude::*;
use support::{
    Act, Acts, Heard, Log, Noted, Raster, Script, fired, free, id, listener, no_leak, ticks_of,
};

/// One neuron behind a membrane, driven at given ticks of a millisecond.
fn alone(membrane: Lif, steps: &[(u64, f32)]) -> (Cortex, Raster) {
    let raster = Raster::default();
    let mut builder = free();
    let region = Region::agents("n").membrane(membrane).neuron("n", support::Noted(raster.clone()));
    builder.region(region);
    let steps = steps.iter().map(|&(tick, weight)| (tick, id(0), weight)).collect();
    builder.region(Region::gated("door", Script::new(steps)));
    (builder.build().unwrap(), raster)
}

fn ticks(raster: &Raster) -> Vec<u64> {
    fired(raster).into_iter().map(|(tick, _)| tick).collect()
}

fn steps() -> impl Strategy<Value = Vec<(u64, f32)>> {
    proptest::collection::vec((0..400_u64, -0.8..0.9_f32), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_potential_leaks_by_the_closed_form_over_any_gap(
        tau_us in 100..3_000_000_u64,
        start in -3.0..0.99_f32,
        gap in 0..5_000_u64,
        rest in -2.0..0.5_f32,
    ) {
        let lif = Lif { tau: Duration::from_micros(tau_us).into(), rest, ..Lif::default() };
        let (mut cortex, _) = alone(lif, &[(7, start - rest)]);
        cortex.run_for(Ticks(8 + gap)).unwrap();
        let tau = tau_us as f64 / 1_000.0;
        let kept = f64::from(rest) + f64::from(start - rest) * libm_exp(-(gap as f64) / tau);
        let got = f64::from(cortex.potential(id(0)).unwrap());
        // A few units in the last place of the numbers that were added up.
        let scale = f64::from(rest.abs().max((start - rest).abs()));
        prop_assert!((got - kept).abs() <= 1e-6 * scale, "{got}, not {kept}");
    }

    #[test]
    fn running_tick_by_tick_equals_jumping_over_silent_gaps(
        steps in steps(),
        tau in 1..300_u64,
        threshold in 0.3..2.0_f32,
        pause in 0..6_u64,
    ) {
        let lif = Lif::default().tau(Ticks(tau)).threshold(threshold).refractory(Ticks(pause));
        let (mut jumping, first) = alone(lif, &steps);
        jumping.run_for(Ticks(450)).unwrap();
        let (mut stepping, second) = alone(lif, &steps);
        for _ in 0..450 {
            stepping.tick().unwrap();
        }
        prop_assert_eq!(fired(&first), fired(&second));
        let bits = |cortex: &Cortex| cortex.potential(id(0)).unwrap().to_bits();
        prop_assert_eq!(bits(&jumping), bits(&stepping));
    }

    #[test]
    fn finite_input_never_makes_a_potential_that_is_no_number(
        steps in proptest::collection::vec((0..60_u64, proptest::sample::select(vec![
            f32::MAX, f32::MIN, 1.0, -1.0, f32::MIN_POSITIVE,
        ])), 1..30),
        leaks: bool,
        rest in proptest::sample::select(vec![0.0, -1e30]),
    ) {
        let lif = if leaks { Lif::default() } else { no_leak(1.0) };
        let lif = Lif { rest, ..lif.threshold(f32::MAX) };
        let (mut cortex, _) = alone(lif, &steps);
        for _ in 0..80 {
            cortex.tick().unwrap();
            let potential = cortex.potential(id(0)).unwrap();
            prop_assert!(potential.is_finite(), "{potential}");
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the closed form is what is compared with")]
fn libm_exp(x: f64) -> f64 {
    x.exp()
}

#[test]
fn the_threshold_itself_fires_and_just_below_does_not() {
    let below = f32::from_bits(0.75_f32.to_bits() - 1);
    for (input, expected) in [(0.75, vec![3]), (below, vec![])] {
        let (mut cortex, raster) = alone(Lif::default().threshold(0.75), &[(3, input)]);
        cortex.run_for(Ticks(10)).unwrap();
        assert_eq!(ticks(&raster), expected, "{input}");
    }
}

#[test]
fn firing_resets_to_rest_whatever_was_above_the_threshold() {
    let lif = Lif { rest: -0.5, ..no_leak(1.0) };
    let (mut cortex, raster) = alone(lif, &[(0, 100.0)]);
    cortex.run_for(Ticks(2)).unwrap();
    assert_eq!((ticks(&raster), cortex.potential(id(0))), (vec![0], Some(-0.5)));
}

#[test]
fn input_of_one_tick_is_added_up_before_the_threshold_is_asked() {
    let steps = [(0, 2.0), (0, -1.5), (5, -1.0), (5, 1.0), (5, 0.5)];
    let (mut cortex, raster) = alone(no_leak(1.0), &steps);
    cortex.run_for(Ticks(10)).unwrap();
    assert_eq!(ticks(&raster), [5], "once, with the sum of all");
}

#[test]
fn a_spike_in_the_refractory_pause_is_counted_and_dropped() {
    for pause in [0, 1, 2, 10] {
        let lif = Lif::default().refractory(Ticks(pause));
        let steps: Vec<_> = (0..40).map(|tick| (tick, 1.0)).collect();
        let (mut cortex, raster) = alone(lif, &steps);
        cortex.run_for(Ticks(50)).unwrap();
        let expected: Vec<u64> = (0..40).step_by(pause as usize + 1).collect();
        assert_eq!(ticks(&raster), expected, "pause {pause}");
        let counts = cortex.counts();
        assert_eq!(counts.refractory, 40 - counts.firings);
        assert_eq!(counts.delivered, 40);
    }
}

#[test]
fn a_pause_longer_than_time_itself_is_one_for_ever() {
    let lif = Lif::default().refractory(Duration::MAX);
    let (mut cortex, raster) = alone(lif, &[(0, 1.0), (1, 1.0), (1_000_000, 1.0)]);
    cortex.run().unwrap();
    assert_eq!((ticks(&raster), cortex.counts().refractory), (vec![0], 2));
}

/// A neuron that gets a spike in each of these ticks over a lossless synapse.
fn lossless(pause: u64, arrive: &[u64], projection: Projection) -> (Cortex, Log<Heard>) {
    let log = Log::default();
    let mut builder = free();
    let fires = listener(&log).on_fire(|_| Ok(()));
    let membrane = Lif::default().refractory(Ticks(pause));
    let ear = builder.region(Region::agents("n").membrane(membrane).neuron("n", fires));
    let numbered = |(n, &tick): (usize, &u64)| (tick - 1, support::fire(&[n as u8]));
    let steps: Vec<(u64, Act)> = arrive.iter().enumerate().map(numbered).collect();
    let door = builder.region(Region::gated("door", Acts::new(steps)));
    builder.project(door, ear, projection);
    (builder.build().unwrap(), log)
}

#[test]
fn over_a_lossless_projection_spikes_wait_for_the_end_of_the_pause() {
    let projection = Projection::all_to_all().weight(0.6).lossless();
    let (mut cortex, log) = lossless(4, &[1, 2, 3, 4, 5, 9], projection);
    cortex.run_for(Ticks(5)).unwrap();
    assert_eq!(cortex.report().spikes.under_way, 3, "two wait, one travels");
    cortex.run().unwrap();
    let heard: Vec<_> = log.all().iter().map(|h| (h.tick, h.payload[0])).collect();
    // It fires in tick 2; those of 3, 4 and 5 arrive in tick 7, where they make it fire again; that of 9 waits too.
    assert_eq!(heard, [(1, 0), (2, 1), (7, 2), (7, 3), (7, 4), (12, 5)]);
    let counts = cortex.counts();
    assert_eq!(
        (counts.delivered, counts.deferred, counts.refractory, counts.firings),
        (6, 4, 0, 2)
    );
}

#[test]
fn over_a_lossy_projection_they_are_dropped() {
    let (mut cortex, log) = lossless(4, &[1, 2, 3, 4, 5, 9], Projection::all_to_all().weight(0.6));
    cortex.run().unwrap();
    let heard: Vec<_> = log.all().iter().map(|h| h.tick).collect();
    assert_eq!((heard, cortex.counts().refractory), (vec![1, 2, 9], 3));
}

#[test]
fn a_spike_waits_through_a_pause_longer_than_any_delay() {
    let pause = 3_000_000;
    let (mut cortex, log) = lossless(pause, &[1, 5], Projection::all_to_all().lossless());
    cortex.run().unwrap();
    let heard: Vec<_> = log.all().iter().map(|h| h.tick).collect();
    assert_eq!(heard, [1, 2 + pause]);
    assert_eq!((cortex.counts().deferred, cortex.counts().delivered), (1, 2));
}

#[test]
fn a_spike_that_waits_is_one_arrival_for_its_synapse() {
    let run = |rule: Option<Stdp>, pause: u64| {
        let projection = Projection::all_to_all().weight(0.6).lossless();
        let projection = match rule {
            Some(rule) => projection.plasticity(rule),
            None => projection,
        };
        let (mut cortex, _) = lossless(pause, &[1, 2, 4, 30], projection);
        cortex.run().unwrap();
        (cortex.weight(id(1), id(0)).unwrap(), cortex.counts().deferred)
    };
    let rule = Stdp { a_plus: 0.0, ..Stdp::default() };
    // It fires in tick 2; what arrives in tick 4 depresses once, then and not again when it is let in.
    let (weight, deferred) = run(Some(rule), 6);
    assert_eq!(deferred, 1);
    let depressed = 0.012 * (libm_exp(-2.0 / 20.0) + libm_exp(-28.0 / 20.0));
    assert!((f64::from(weight) - (0.6 - depressed)).abs() < 1e-6, "{weight}");
    assert_eq!(run(None, 6), (0.6, 1));
}

#[test]
fn ticks_and_durations_mean_the_same_membrane() {
    let by = |tau: Span, pause: Span| {
        let steps: Vec<_> = (0..60).map(|tick| (tick, 0.3)).collect();
        let (mut cortex, raster) = alone(Lif::default().tau(tau).refractory(pause), &steps);
        cortex.run().unwrap();
        (ticks(&raster), cortex.digest())
    };
    let ms = |n| Span::Time(Duration::from_millis(n));
    assert_eq!(by(ms(20), ms(3)), by(Ticks(20).into(), Ticks(3).into()));
    assert_ne!(by(ms(20), ms(3)).0, by(ms(20), ms(4)).0);
}

/// The threshold after firings at given ticks, by its sum.
#[test]
#[allow(clippy::disallowed_methods, reason = "the closed form is what is compared with")]
fn firing_raises_the_threshold_which_comes_back_in_closed_form() {
    let rule = ThresholdAdaptation { step: 0.25, tau: Duration::from_secs(40).into() };
    let lif = no_leak(1.0).adaptation(rule);
    // Ticks of one second: three firings, a long gap, and looks in between that are just enough or not.
    let fires = [5u64, 7, 30];
    let height = |now: u64| -> f64 {
        let before = fires.iter().filter(|&&at| at < now);
        before.map(|&at| 0.25 * (-((now - at) as f64) / 40.0).exp()).sum()
    };
    for look in [6u64, 8, 29, 31, 60, 400] {
        for (margin, expected) in [(1e-4, true), (-1e-4, false)] {
            let raster = Raster::default();
            let mut builder = Cortex::builder();
            builder.tick_length(Duration::from_secs(1)).pace(Pace::Free);
            let region = Region::agents("n").membrane(lif);
            builder.region(region.neuron("n", Noted(raster.clone())));
            let before = fires.into_iter().filter(|&at| at < look);
            let mut steps: Vec<_> = before.map(|at| (at, id(0), 10.0)).collect();
            steps.push((look, id(0), (1.0 + height(look) + margin) as f32));
            builder.region(Region::gated("door", Script::new(steps)));
            builder.build().unwrap().run_for(Ticks(500)).unwrap();
            let fired = ticks_of(&raster, id(0)).contains(&look);
            assert_eq!(fired, expected, "at {look}, {margin} above");
        }
    }
}

#[test]
fn an_adaptation_that_makes_no_sense_is_refused_by_name() {
    let usual = ThresholdAdaptation::default();
    for (rule, named) in [
        (ThresholdAdaptation { step: -0.1, ..usual }, "adaptation.step = -0.1"),
        (ThresholdAdaptation { step: f32::NAN, ..usual }, "adaptation.step = NaN"),
        (ThresholdAdaptation { tau: Ticks(0).into(), ..usual }, "adaptation.tau = 0 ticks"),
    ] {
        let message = Lif::default().adaptation(rule).check().unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
    let cells = neuronbus::population::Cells::lif(Lif::default().adaptation(usual));
    assert!(cells.check().unwrap_err().to_string().contains("Cells::adaptive_lif"));
}
