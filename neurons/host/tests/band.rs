//! Change detection: quiet signals stay quiet, changes are reported once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use neuronbus_host::band::{Band, BandError, BandSettings, Direction};
use proptest::prelude::*;

fn settings() -> BandSettings {
    BandSettings { absolute: 1.0, ..BandSettings::default() }
}

/// How often values left the band.
fn departures(band: &mut Band, values: impl IntoIterator<Item = f64>) -> usize {
    values.into_iter().filter(|&value| band.update(value).is_some()).count()
}

/// A repeatable wobble between -1 and 1.
fn wobble(n: usize) -> f64 {
    ((n * 7919) % 201) as f64 / 100.0 - 1.0
}

#[test]
fn a_step_is_reported_once_and_then_learned() {
    let mut band = Band::new(settings());
    let low = (0..100).map(|n| 10.0 + wobble(n));
    assert_eq!(departures(&mut band, low), 0);

    let first = band.update(100.0).expect("a step leaves the band");
    assert_eq!(first.direction, Direction::Up);
    assert!(first.halves > 5.0, "{first:?}");
    let high = (0..400).map(|n| 100.0 + wobble(n));
    assert_eq!(departures(&mut band, high), 0);
    assert!((band.mean() - 100.0).abs() < 2.0, "{band:?}");
    assert_eq!(band.outside(), None);

    let back = band.update(10.0).expect("the step back leaves the band too");
    assert_eq!(back.direction, Direction::Down);
}

#[test]
fn a_signal_that_jumps_from_one_side_to_the_other_is_reported_for_each_side() {
    let mut band = Band::new(settings());
    assert_eq!(departures(&mut band, std::iter::repeat_n(0.0, 50)), 0);
    assert_eq!(band.update(50.0).map(|d| d.direction), Some(Direction::Up));
    assert_eq!(band.update(-50.0).map(|d| d.direction), Some(Direction::Down));
}

#[test]
fn a_constant_signal_without_a_least_width_reports_its_first_movement() {
    let bare = BandSettings { relative: 0.0, ..BandSettings::default() };
    let mut band = Band::new(bare);
    assert_eq!(departures(&mut band, std::iter::repeat_n(5.0, 50)), 0);
    let departure = band.update(5.001).expect("it never moved before");
    assert!(departure.halves.is_finite());
}

#[test]
fn nothing_is_reported_while_the_band_warms_up() {
    let mut band = Band::new(settings());
    let wild = (0..20).map(|n| if n % 2 == 0 { 0.0 } else { 1e6 });
    assert_eq!(departures(&mut band, wild), 0);
}

#[test]
fn a_value_that_is_not_finite_changes_nothing() {
    let mut band = Band::new(settings());
    departures(&mut band, (0..30).map(wobble));
    let before = band;
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(band.update(value), None);
        assert_eq!(band, before);
    }
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let bad = [
        BandSettings { warm_up: 0, ..settings() },
        BandSettings { rate: 0.0, ..settings() },
        BandSettings { rate: f64::NAN, ..settings() },
        BandSettings { width: -1.0, ..settings() },
        BandSettings { absolute: f64::INFINITY, ..settings() },
        BandSettings { relative: -0.1, ..settings() },
    ];
    for (settings, key) in
        bad.iter().zip(["warm_up", "rate", "rate", "width", "absolute", "relative"])
    {
        match settings.check() {
            Err(BandError::Range { key: found, .. }) => assert_eq!(found, key),
            other => panic!("{key}: {other:?}"),
        }
    }
    assert_eq!(BandSettings::default().check(), Ok(()));
}

proptest! {
    #[test]
    fn noise_within_half_of_the_least_width_is_never_reported(
        level in -1e6f64..1e6,
        noise in prop::collection::vec(-0.5f64..0.5, 1..500),
    ) {
        let mut band = Band::new(settings());
        prop_assert_eq!(departures(&mut band, noise.iter().map(|n| level + n)), 0);
    }

    #[test]
    fn a_signal_that_stays_outside_is_reported_at_most_once(
        step in 20.0f64..1e9,
        count in 1usize..1000,
    ) {
        let mut band = Band::new(settings());
        departures(&mut band, (0..60).map(wobble));
        prop_assert_eq!(departures(&mut band, std::iter::repeat_n(step, count)), 1);
    }

    #[test]
    fn a_saved_band_goes_on_as_the_one_that_was_saved(
        before in prop::collection::vec(-1e9f64..1e9, 0..80),
        after in prop::collection::vec(-1e9f64..1e9, 0..80),
    ) {
        let mut band = Band::new(settings());
        departures(&mut band, before);
        let mut bytes = Vec::new();
        band.save(&mut bytes);
        prop_assert_eq!(bytes.len(), Band::SAVED);
        let mut copy = Band::new(settings());
        copy.load(&bytes).unwrap();
        for value in after {
            prop_assert_eq!(band.update(value), copy.update(value));
        }
        prop_assert_eq!(band, copy);
    }

    #[test]
    fn any_values_keep_the_band_finite(values in prop::collection::vec(any::<f64>(), 0..200)) {
        let mut band = Band::new(BandSettings::default());
        for value in values {
            if let Some(departure) = band.update(value) {
                prop_assert!(departure.halves > 1.0 && departure.halves.is_finite());
            }
            prop_assert!(band.mean().is_finite() && band.half().is_finite(), "{:?}", band);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_loaded(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut band = Band::new(BandSettings::default());
        if band.load(&bytes).is_ok() {
            prop_assert!(band.mean().is_finite());
        }
    }
}
