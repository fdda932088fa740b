//! What is refused of populations when a topology is built: by name, with the value that was given.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::time::Duration;

use neuronbus::cortex::{CortexBuilder, Mistake};
use neuronbus::membrane::MembraneError;
use neuronbus::population::{AdaptiveLif, Cells, ExpLif, Izhikevich, Noise, PopulationError};
use neuronbus::prelude::*;
use neuronbus::projection::{ProjectionError, Synapse};
use support::{Acts, Puppet, firing};

/// Everything that is wrong with a topology.
fn mistakes(describe: impl FnOnce(&mut CortexBuilder)) -> Vec<Mistake> {
    let mut builder = Cortex::builder();
    describe(&mut builder);
    let error = builder.build().unwrap_err();
    let said: Vec<_> = error.mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(error.to_string(), said.join("; "));
    error.mistakes
}

fn one(mut mistakes: Vec<Mistake>) -> Mistake {
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes.remove(0)
}

/// What is wrong with so many of these cells.
fn refused(cells: Cells, count: u32) -> String {
    let mistake =
        one(mistakes(|builder| _ = builder.region(Region::population("net", cells, count))));
    let Mistake::Population { region, .. } = &mistake else { panic!("{mistake:?}") };
    assert_eq!(region, "net");
    mistake.to_string().strip_prefix("population net: ").unwrap().to_owned()
}

fn lif() -> Cells {
    Cells::lif(Lif::default())
}

/// What is wrong with a projection from three cells to four.
fn refused_between(spec: Projection) -> String {
    let mistake = one(mistakes(|builder| {
        let from = builder.region(Region::population("from", lif(), 3));
        let to = builder.region(Region::population("to", lif(), 4));
        builder.project(from, to, spec);
    }));
    assert!(matches!(mistake, Mistake::Projection { .. }), "{mistake:?}");
    mistake.to_string().strip_prefix("projection from -> to: ").unwrap().to_owned()
}

const NOT_FINITE: [(f32, &str); 3] =
    [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")];

#[test]
fn parameters_that_are_no_numbers_are_refused_by_name() {
    for (value, shown) in NOT_FINITE {
        let said = format!("{shown} is refused: it must be a finite number");
        let membrane = |lif| refused(Cells::lif(lif), 2);
        assert_eq!(membrane(Lif::default().threshold(value)), format!("threshold = {said}"));
        assert_eq!(membrane(Lif { rest: value, ..Lif::default() }), format!("rest = {said}"));
        assert_eq!(refused(lif().reset(value), 2), format!("reset = {said}"));
        assert_eq!(refused(lif().drive(value), 2), format!("drive = {said}"));
        let noise = Noise { rate_hz: 1.0, size: value };
        assert_eq!(refused(lif().noise(noise), 2), format!("noise.size = {said}"));
        assert_eq!(refused(lif().start_between(value, 0.0), 2), format!("start = {said}"));
        assert_eq!(refused(lif().start_between(0.0, value), 2), format!("start = {said}"));
        let exp = ExpLif::default();
        for (name, cells) in [
            ("rest", ExpLif { rest: value, ..exp }),
            ("threshold", ExpLif { threshold: value, ..exp }),
            ("reset", ExpLif { reset: value, ..exp }),
        ] {
            assert_eq!(refused(Cells::exp_lif(cells), 2), format!("{name} = {said}"));
        }
    }
    let wide = lif().start_between(f32::MIN, f32::MAX);
    assert_eq!(refused(wide, 2), "start = inf is refused: it must be a finite number");
}

#[test]
fn parameters_of_the_other_models_are_refused_by_name() {
    let adaptive = AdaptiveLif::default();
    let refuse = |p| refused(Cells::adaptive_lif(p), 2);
    let nan = f32::NAN;
    let number = "is refused: it must be a finite number";
    assert_eq!(refuse(AdaptiveLif { rest: nan, ..adaptive }), format!("rest = NaN {number}"));
    let step = "is refused: it must be within 0..=1e9";
    assert_eq!(refuse(AdaptiveLif { step: -0.5, ..adaptive }), format!("step = -0.5 {step}"));
    assert_eq!(refuse(AdaptiveLif { step: nan, ..adaptive }), format!("step = NaN {step}"));
    let order = "reset = 1 is refused: it must be below the threshold";
    assert_eq!(refuse(AdaptiveLif { reset: 1.0, ..adaptive }), order);
    let zero = Span::Ticks(0);
    let short = "= 0 ticks is refused: a time constant is longer than zero";
    assert_eq!(refuse(AdaptiveLif { tau_m: zero, ..adaptive }), format!("tau_m {short}"));
    assert_eq!(refuse(AdaptiveLif { tau_a: zero, ..adaptive }), format!("tau_a {short}"));

    let regular = Izhikevich::REGULAR_SPIKING;
    let refuse = |p| refused(Cells::izhikevich(p), 2);
    for (p, said) in [
        (Izhikevich { a: 1.5, ..regular }, "a = 1.5 is refused: it must be within 0..=1"),
        (Izhikevich { b: nan, ..regular }, "b = NaN is refused: it must be within -10..=10"),
        (Izhikevich { c: 30.0, ..regular }, "c = 30 is refused: it must be within -110..=29"),
        (Izhikevich { d: 2e6, ..regular }, "d = 2000000 is refused: it must be within -1e6..=1e6"),
    ] {
        assert_eq!(refuse(p), said);
    }
    let mistake = one(mistakes(|builder| {
        builder.tick_length(Duration::from_micros(1_500));
        builder.region(Region::population("net", Cells::izhikevich(regular), 2));
    }));
    let said = "population net: tick length = 1.5ms is refused: cells of Izhikevich take steps of at most 1 ms";
    assert_eq!(mistake.to_string(), said);

    let deviation = "is refused: a standard deviation is within 0..=1e9";
    for cells in [lif(), Cells::exp_lif(ExpLif::default()), Cells::izhikevich(regular)] {
        let negative = refused(cells.clone().fluctuation(-1.0), 2);
        assert_eq!(negative, format!("fluctuation = -1 {deviation}"));
        let none = refused(cells.clone().fluctuation(nan), 2);
        assert_eq!(none, format!("fluctuation = NaN {deviation}"));
        assert_eq!(refused(cells.clone().current(nan), 2), format!("current = NaN {number}"));
        let far = "current = 2000000000 is refused: it must be within -1e9..=1e9";
        assert_eq!(refused(cells.current(2e9), 2), far);
    }
}

#[test]
fn rates_that_are_negative_or_no_numbers_are_refused() {
    for (value, shown) in
        [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf"), (-0.5, "-0.5")]
    {
        let said = format!("{shown} is refused: a rate is finite and not negative");
        assert_eq!(refused(Cells::poisson(value), 2), format!("rate_hz = {said}"));
        let noise = Noise { rate_hz: value, size: 1.0 };
        assert_eq!(refused(lif().noise(noise), 2), format!("noise.rate_hz = {said}"));
    }
}

#[test]
fn more_kicks_than_can_be_drawn_in_a_tick_are_refused() {
    let noise = |rate_hz| lif().noise(Noise { rate_hz, size: 1e-6 });
    assert_eq!(
        refused(noise(500_001.0), 2),
        "noise.rate_hz = 500001 is refused: it must be at most 500 kicks a tick"
    );
    // A tick of the default length is a millisecond.
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free);
    let cells = builder.region(Region::population("net", noise(500_000.0), 200));
    let mut cortex = builder.build().unwrap();
    cortex.tick().unwrap();
    let mean = (0..200).map(|c| f64::from(cortex.cell_potential(cells, c).unwrap())).sum::<f64>();
    let mean = mean / 200.0 * 1e6;
    assert!((mean - 500.0).abs() < 5.0 * (500.0f64 / 200.0).sqrt(), "{mean}");
}

#[test]
fn potentials_in_the_wrong_order_are_refused() {
    let order = "is refused: it must be below the threshold";
    assert_eq!(refused(lif().reset(1.0), 2), format!("reset = 1 {order}"));
    assert_eq!(refused(lif().reset(1.5), 2), format!("reset = 1.5 {order}"));
    let exp = ExpLif { reset: -50.0, ..ExpLif::default() };
    assert_eq!(refused(Cells::exp_lif(exp), 2), format!("reset = -50 {order}"));
    let flat = Lif { rest: 1.0, ..Lif::default() };
    assert_eq!(
        refused(Cells::lif(flat), 2),
        "threshold 1 is refused: it must be above rest, which is 1"
    );
}

#[test]
fn time_constants_of_zero_are_refused() {
    for zero in [Span::Ticks(0), Span::Time(Duration::ZERO)] {
        let exp = ExpLif::default();
        for (name, cells) in [
            ("tau_m", ExpLif { tau_m: zero, ..exp }),
            ("tau_e", ExpLif { tau_e: zero, ..exp }),
            ("tau_i", ExpLif { tau_i: zero, ..exp }),
        ] {
            let expected =
                format!("{name} = {zero} is refused: a time constant is longer than zero");
            assert_eq!(refused(Cells::exp_lif(cells), 2), expected);
        }
        let mistake = one(mistakes(|builder| {
            let cells = Cells::lif(Lif::default().tau(zero));
            builder.region(Region::population("net", cells, 2));
        }));
        let tau = matches!(
            mistake,
            Mistake::Population { source: PopulationError::Membrane(MembraneError::Tau), .. }
        );
        assert!(tau, "{mistake:?}");
    }
}

#[test]
fn a_pause_that_is_too_long_to_be_kept_is_refused() {
    let long = Lif::default().refractory(Ticks((1 << 20) + 1));
    let limit = "is refused: it must be at most 2^20 ticks";
    assert_eq!(refused(Cells::lif(long), 2), format!("refractory = 1048577 ticks {limit}"));
    let forever = ExpLif { refractory: Span::Time(Duration::MAX), ..ExpLif::default() };
    let said = refused(Cells::exp_lif(forever), 2);
    assert!(said.starts_with("refractory = ") && said.ends_with(limit), "{said}");
    let longest = Lif::default().refractory(Ticks(1 << 20));
    let mut builder = Cortex::builder();
    builder.region(Region::population("net", Cells::lif(longest), 2));
    builder.build().unwrap();
}

#[test]
fn no_cells_and_too_many_cells_are_refused() {
    for cells in [lif(), Cells::exp_lif(ExpLif::default()), Cells::poisson(1.0)] {
        for (count, shown) in [(0, "0"), ((1 << 30) + 1, "1073741825"), (u32::MAX, "4294967295")] {
            let expected = format!("cells = {shown} is refused: a population has 1 to 2^30 cells");
            assert_eq!(refused(cells.clone(), count), expected);
        }
    }
}

#[test]
fn memory_that_is_not_there_is_said_in_bytes() {
    let error = PopulationError::Memory { cells: 7, bytes: 32 };
    let expected = "7 cells are refused: they would need 32 bytes, more than there are";
    assert_eq!(error.to_string(), expected);
    let error = ProjectionError::Memory { synapses: 5, bytes: 80 };
    let expected = "about 5 synapses are refused: they would need 80 bytes, more than there are";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn listed_spikes_of_cells_or_ticks_that_do_not_exist_are_refused() {
    let list = |spikes: &[(u64, u32)]| {
        Cells::spike_list(spikes.iter().map(|&(tick, cell)| (Tick(tick), cell)).collect())
    };
    assert_eq!(
        refused(list(&[(9, 0), (4, 3), (2, 1)]), 3),
        "spike of cell 3 in tick 4 is refused: there is no such cell"
    );
    assert_eq!(
        refused(list(&[(0, u32::MAX)]), 3),
        "spike of cell 4294967295 in tick 0 is refused: there is no such cell"
    );
    assert_eq!(
        refused(list(&[(0, 0), (u64::MAX, 2)]), 3),
        "spike of cell 2 in tick 18446744073709551615 is refused: no run gets to this tick"
    );
    assert_eq!(
        refused(list(&[(5, 2), (5, 1), (7, 2), (5, 2)]), 3),
        "spike of cell 2 in tick 5 is refused: a cell fires at most once in a tick"
    );
    let mut builder = Cortex::builder();
    let good = list(&[(9, 0), (4, 2), (4, 1), (u64::MAX - 1, 2)]);
    builder.region(Region::population("list", good, 3));
    builder.region(Region::population("empty", list(&[]), 3));
    builder.build().unwrap();
}

#[test]
fn a_region_is_a_population_or_has_agents() {
    let net = || Region::population("net", lif(), 3);
    for region in
        [net().neuron("a", Puppet::default()), net().template(2, |_| Box::new(firing(b"")))]
    {
        let said = one(mistakes(|builder| _ = builder.region(region))).to_string();
        assert_eq!(
            said,
            "population net: a region is a population, or it has agents or a gate: not both"
        );
    }
}

#[test]
fn what_populations_do_not_have_between_them_is_refused() {
    let all = || Projection::all_to_all().weight(0.5);
    let both = "a dendrite, silence or losslessness is refused: both ends are populations";
    assert_eq!(refused_between(all().silent()), both);
    assert_eq!(refused_between(all().lossless()), both);
    assert_eq!(refused_between(all().dendrite(Dendrite::kind(SpikeKind::Excitatory))), both);
    assert_eq!(
        refused_between(all().inhibitory().plasticity(Stdp::default())),
        "plasticity is refused: inhibitory synapses between populations do not learn"
    );
}

#[test]
fn what_a_population_and_agents_do_not_have_between_them_is_refused() {
    let connector = "any connector but all to all is refused: one end is a population, which is one \
                     neuron to those who are none";
    let plasticity = "plasticity is refused: one end is a population, the other is not";
    for (spec, expected) in [
        (Projection::all_to_all().plasticity(Stdp::default()), plasticity),
        (Projection::one_to_one(), connector),
        (Projection::random(0.5), connector),
        // A cell that is there, and one that is not.
        (Projection::pairs(&[(0, 2)], 0.5, Ticks(1)), connector),
        (Projection::pairs(&[(9, 9)], 0.5, Ticks(1)), connector),
    ] {
        for to_population in [true, false] {
            let mistake = one(mistakes(|builder| {
                let cells = builder.region(Region::population("cells", lif(), 3));
                let agents = Region::agents("agents").neuron("a", firing(b""));
                let agents = builder.region(agents.neuron("b", firing(b"")));
                let (from, to) = if to_population { (agents, cells) } else { (cells, agents) };
                builder.project(from, to, spec.clone());
            }));
            let ends = if to_population { "agents -> cells" } else { "cells -> agents" };
            assert_eq!(mistake.to_string(), format!("projection {ends}: {expected}"));
        }
    }
}

#[test]
fn a_projection_onto_a_source_is_refused() {
    for source in [Cells::poisson(5.0), Cells::spike_list(vec![(Tick(1), 0)])] {
        let said = mistakes(|builder| {
            let source = builder.region(Region::population("source", source, 3));
            let cells = builder.region(Region::population("cells", lif(), 3));
            let agents = builder.region(Region::agents("agents").neuron("a", firing(b"")));
            let door = builder.region(Region::gated("door", Acts::new(Vec::new())));
            for from in [cells, agents, door, source] {
                builder.project(from, source, Projection::all_to_all());
            }
        });
        let said: Vec<String> = said.iter().map(ToString::to_string).collect();
        let expected = ["cells", "agents", "door", "source"].map(|from| {
            format!(
                "projection {from} -> source: a projection is refused: its target is a source, which \
                 hears nothing"
            )
        });
        assert_eq!(said, expected);
    }
}

#[test]
fn listed_synapses_of_cells_that_do_not_exist_are_refused() {
    for (pre, post) in [(3, 0), (0, 4), (u32::MAX, u32::MAX)] {
        assert_eq!(
            refused_between(Projection::pairs(&[(2, 3), (pre, post)], 0.5, Ticks(1))),
            format!("synapse {pre} -> {post} is refused: there are 3 sources and 4 targets")
        );
    }
    let mistake = one(mistakes(|builder| {
        let from = builder.region(Region::population("from", lif(), 3));
        builder.project(from, from, Projection::pairs(&[(0, 3)], 0.5, Ticks(1)));
    }));
    let end = ProjectionError::NoSuchEnd { pre: 0, post: 3, sources: 3, targets: 3 };
    assert!(matches!(mistake, Mistake::Projection { source, .. } if source == end));
}

#[test]
fn more_synapses_than_a_projection_can_have_are_refused_before_they_are_made() {
    let between = |spec: Projection, cells: u32| {
        let mistake = one(mistakes(|builder| {
            let region = builder.region(Region::population("many", lif(), cells));
            builder.project(region, region, spec);
        }));
        mistake.to_string().strip_prefix("projection many -> many: ").unwrap().to_owned()
    };
    let most = "and a projection has at most 2^32";
    assert_eq!(
        between(Projection::all_to_all(), 1 << 16),
        format!("about 4294967296 synapses are refused: they would need 17179869184 bytes, {most}")
    );
    assert_eq!(
        between(Projection::random(0.5).plasticity(Stdp::default()), 1 << 17),
        format!(
            "about 8589934592 synapses are refused: they would need 137438953472 bytes, {most}"
        )
    );
}

#[test]
fn weights_delays_and_chances_between_populations_are_checked_like_others() {
    for (value, shown) in NOT_FINITE {
        let said = format!("weight {shown} is refused: it must be a finite number within 0..=1");
        assert_eq!(refused_between(Projection::all_to_all().weight(value)), said);
        assert_eq!(refused_between(Projection::pairs(&[(0, 0)], value, Ticks(1))), said);
        let said = format!("probability {shown} is refused: it must be within 0..=1");
        assert_eq!(refused_between(Projection::random(f64::from(value))), said);
    }
    for delay in [0, (1 << 20) + 1] {
        let said = format!("a delay of {delay} ticks is refused: it must be 1 to 1048576 ticks");
        assert_eq!(refused_between(Projection::all_to_all().delay(Ticks(delay))), said);
        let late = Synapse { pre: 0, post: 0, weight: 0.5, delay: Span::Ticks(delay) };
        assert_eq!(refused_between(Projection::synapses(vec![late])), said);
    }
    let rule = Stdp { a_plus: f32::NAN, ..Stdp::default() };
    assert_eq!(
        refused_between(Projection::all_to_all().plasticity(rule)),
        "a_plus = NaN is refused: an amplitude is finite and not negative"
    );
}

#[test]
fn all_mistakes_of_populations_are_found_at_once() {
    let said = mistakes(|builder| {
        let a = builder.region(Region::population("a", Cells::poisson(-1.0), 3));
        let b = builder.region(Region::population("b", lif(), 0));
        let c = builder.region(Region::population("c", lif(), 3));
        builder.project(c, c, Projection::pairs(&[(7, 0)], 0.5, Ticks(1)));
        builder.project(a, b, Projection::random(2.0));
    });
    let said: Vec<String> = said.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "population a: rate_hz = -1 is refused: a rate is finite and not negative",
            "population b: cells = 0 is refused: a population has 1 to 2^30 cells",
            "projection c -> c: synapse 7 -> 0 is refused: there are 3 sources and 3 targets",
            "projection a -> b: probability 2 is refused: it must be within 0..=1",
        ]
    );
}
