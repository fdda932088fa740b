//! What is refused when a topology is built: all of it at once, each with the value that was given.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::time::Duration;

use neuronbus::atlas::NameError;
use neuronbus::cortex::{CortexBuilder, Mistake};
use neuronbus::prelude::*;
use neuronbus::projection::{ProjectionError, Synapse};
use support::{Acts, Puppet};

fn two() -> Region {
    Region::agents("n").neuron("a", Puppet::default()).neuron("b", Puppet::default())
}

/// Everything that is wrong with a topology, in words.
fn mistakes(describe: impl FnOnce(&mut CortexBuilder)) -> Vec<String> {
    let mut builder = Cortex::builder();
    describe(&mut builder);
    let error = builder.build().unwrap_err();
    let said: Vec<_> = error.mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(error.to_string(), said.join("; "));
    said
}

/// What is wrong with one projection from a region of two to itself.
fn refused(projection: Projection) -> String {
    let said = mistakes(|builder| {
        let region = builder.region(two());
        builder.project(region, region, projection);
    });
    assert_eq!(said.len(), 1, "{said:?}");
    said[0].strip_prefix("projection n -> n: ").unwrap().to_owned()
}

fn all() -> Projection {
    Projection::all_to_all().weight(0.5)
}

#[test]
fn a_weight_outside_the_bounds_or_not_finite_is_refused() {
    let must = "it must be a finite number within 0..=1";
    for (weight, named) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (f32::NEG_INFINITY, "-inf"),
        (1.5, "1.5"),
        (-0.25, "-0.25"),
    ] {
        assert_eq!(refused(all().weight(weight)), format!("weight {named} is refused: {must}"));
        let listed = Projection::pairs(&[(0, 1)], weight, Ticks(1));
        assert_eq!(refused(listed), format!("weight {named} is refused: {must}"));
    }
    let narrow = all().bounds(-2.0, 0.25);
    assert_eq!(
        refused(narrow),
        "weight 0.5 is refused: it must be a finite number within -2..=0.25"
    );
}

#[test]
fn bounds_that_are_no_interval_are_refused() {
    for (low, high, named) in [
        (1.0, 0.0, "1..=0"),
        (0.5, 0.5, "0.5..=0.5"),
        (f32::NAN, 1.0, "NaN..=1"),
        (0.0, f32::NAN, "0..=NaN"),
        (f32::NEG_INFINITY, 1.0, "-inf..=1"),
        (0.0, f32::INFINITY, "0..=inf"),
    ] {
        let must = "are refused: both must be finite, the first below the second";
        assert_eq!(refused(all().bounds(low, high)), format!("weight bounds {named} {must}"));
    }
}

#[test]
fn a_probability_outside_0_to_1_is_refused() {
    for (p, named) in [(-0.1, "-0.1"), (1.1, "1.1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let said = refused(Projection::random(p));
        assert_eq!(said, format!("probability {named} is refused: it must be within 0..=1"));
    }
}

#[test]
fn a_delay_of_nothing_or_beyond_the_limit_is_refused() {
    let must = "is refused: it must be 1 to 1048576 ticks";
    let cases: [(Span, &str); 5] = [
        (Ticks(0).into(), "0 ticks"),
        (Duration::ZERO.into(), "0ns"),
        (Ticks(1_048_577).into(), "1048577 ticks"),
        (Duration::from_secs(1_049).into(), "1049s"),
        (Duration::MAX.into(), "18446744073709551615.999999999s"),
    ];
    for (delay, named) in cases {
        assert_eq!(refused(all().delay(delay)), format!("a delay of {named} {must}"));
        let listed = vec![Synapse { pre: 0, post: 1, weight: 0.5, delay }];
        assert_eq!(refused(Projection::synapses(listed)), format!("a delay of {named} {must}"));
    }
    let mut builder = Cortex::builder();
    let region = builder.region(two());
    builder.project(region, region, all().delay(Ticks(1_048_576)));
    assert!(builder.build().is_ok(), "the limit itself is allowed");
}

#[test]
fn a_listed_synapse_of_a_neuron_that_is_not_there_is_refused() {
    let counted = "is refused: there are 2 sources and 2 targets";
    let said = refused(Projection::pairs(&[(0, 1), (2, 0)], 0.5, Ticks(1)));
    assert_eq!(said, format!("synapse 2 -> 0 {counted}"));
    let said = refused(Projection::pairs(&[(1, 7)], 0.5, Ticks(1)));
    assert_eq!(said, format!("synapse 1 -> 7 {counted}"));
}

#[test]
fn a_learning_rule_that_makes_no_sense_is_refused() {
    let amplitude = "an amplitude is finite and not negative";
    let tau = "a time constant is longer than zero";
    let stdp = Stdp::default();
    let cases = [
        (Stdp { a_plus: -0.5, ..stdp }, format!("a_plus = -0.5 is refused: {amplitude}")),
        (Stdp { a_plus: f32::NAN, ..stdp }, format!("a_plus = NaN is refused: {amplitude}")),
        (Stdp { a_minus: f32::INFINITY, ..stdp }, format!("a_minus = inf is refused: {amplitude}")),
        (
            Stdp { tau_plus: Ticks(0).into(), ..stdp },
            format!("tau_plus = 0 ticks is refused: {tau}"),
        ),
        (
            Stdp { tau_minus: Duration::ZERO.into(), ..stdp },
            format!("tau_minus = 0ns is refused: {tau}"),
        ),
    ];
    for (rule, message) in cases {
        assert_eq!(refused(all().plasticity(rule)), message);
        let reward = RewardStdp { stdp: rule, ..RewardStdp::default() };
        assert_eq!(refused(all().plasticity(reward)), message);
    }
    let rate = RewardStdp { rate: f32::NAN, ..RewardStdp::default() };
    assert_eq!(
        refused(all().plasticity(rate)),
        "rate = NaN is refused: a learning rate is a finite number"
    );
    let tau_e = RewardStdp { tau_eligibility: Ticks(0).into(), ..RewardStdp::default() };
    assert_eq!(
        refused(all().plasticity(tau_e)),
        format!("tau_eligibility = 0 ticks is refused: {tau}")
    );
}

#[test]
fn a_membrane_that_makes_no_sense_is_refused_by_the_name_of_its_neuron() {
    let lif = Lif::default();
    let cases = [
        (
            Lif { tau: Ticks(0).into(), ..lif },
            "tau = 0 is refused: a membrane that forgets at once cannot add anything up",
        ),
        (
            Lif { tau: Duration::ZERO.into(), ..lif },
            "tau = 0 is refused: a membrane that forgets at once cannot add anything up",
        ),
        (lif.threshold(0.0), "threshold 0 is refused: it must be above rest, which is 0"),
        (Lif { rest: 2.0, ..lif }, "threshold 1 is refused: it must be above rest, which is 2"),
        (lif.threshold(f32::NAN), "threshold = NaN is refused: it must be a finite number"),
        (lif.threshold(f32::INFINITY), "threshold = inf is refused: it must be a finite number"),
        (
            Lif { rest: f32::NEG_INFINITY, ..lif },
            "rest = -inf is refused: it must be a finite number",
        ),
    ];
    for (membrane, message) in cases {
        let said = mistakes(|builder| {
            let region = Region::agents("deep/down").membrane(membrane);
            builder.region(region.neuron("x", Puppet::default()));
        });
        assert_eq!(said, [format!("membrane of deep/down:x: {message}")]);
        let said = mistakes(|builder| {
            let region = Region::agents("topics").membrane(membrane);
            builder.region(region.template(4, |_| Box::new(Puppet::default())));
        });
        assert_eq!(said, [format!("membrane of topics:*: {message}")]);
    }
}

#[test]
fn paths_and_names_that_are_none_or_taken_are_refused() {
    let hint = "is not a region path: parts of letters, digits, '-', '_' and '.' joined by '/'";
    for path in ["", "/", "a//b", "a/", "/a", "a b", "a:b", "a\n"] {
        let said = mistakes(|builder| _ = builder.region(Region::agents(path)));
        assert_eq!(said, [format!("{path:?} {hint}")]);
    }
    let long = "x".repeat(257);
    let said = mistakes(|builder| _ = builder.region(Region::agents(&long)));
    assert_eq!(said, [format!("{long:?} {hint}")]);
    for name in ["", "tab\there", &long] {
        let region = Region::agents("n").neuron(name, Puppet::default());
        let said = mistakes(|builder| _ = builder.region(region));
        let rule = "a name is 1 to 256 bytes without control characters";
        assert_eq!(said, [format!("a neuron cannot be named {name:?}: {rule}")]);
    }
    let said = mistakes(|builder| {
        builder.region(two());
        builder.region(two());
    });
    assert_eq!(said, ["there are two regions \"n\""]);
    let said = mistakes(|builder| _ = builder.region(two().neuron("a", Puppet::default())));
    assert_eq!(said, ["there are two neurons \"a\" in region \"n\""]);
}

#[test]
fn the_longest_names_are_taken_as_they_are() {
    let (path, name) = ("p".repeat(256), "\u{e9}".repeat(128));
    let mut builder = Cortex::builder();
    builder.region(Region::agents(&path).neuron(&name, Puppet::default()));
    builder.region(Region::agents("gehör/links-1_a.b").neuron("with: space", Puppet::default()));
    let cortex = builder.build().unwrap();
    assert_eq!(cortex.atlas().address(support::id(0)), format!("{path}:{name}"));
    let odd = cortex.atlas().resolve("gehör/links-1_a.b:with: space");
    assert_eq!(odd, Some(support::id(1)), "the first colon ends the path");
}

#[test]
fn ports_and_addresses_that_lead_nowhere_are_refused() {
    let said = mistakes(|builder| {
        let region = builder.region(two().port("out", &["a", "ghost"]));
        builder.project(Port::of(region, "in"), region, all());
        builder.connect("n:a", "n:nobody", all());
        builder.connect("nowhere", "n:b", all());
    });
    let expected = [
        "region n has no neuron \"ghost\"",
        "region n has no port \"in\"",
        "there is no neuron \"n:nobody\": an address is region/path:name",
        "there is no neuron \"nowhere\": an address is region/path:name",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_region_of_another_topology_is_refused() {
    let mut other = Cortex::builder();
    other.region(Region::agents("x"));
    let foreign = other.region(Region::agents("y"));
    let said = mistakes(|builder| {
        let own = builder.region(two());
        builder.project(foreign, own, all());
    });
    assert_eq!(said, ["region 1 is not of this topology"]);
}

#[test]
fn a_tick_of_no_length_or_more_than_an_hour_is_refused() {
    for (length, named) in [(Duration::ZERO, "0ns"), (Duration::from_secs(3_601), "3601s")] {
        let said = mistakes(|builder| _ = builder.tick_length(length));
        let must = "is refused: it must last between 1 ns and 1 hour";
        assert_eq!(said, [format!("a tick of {named} {must}")]);
    }
}

#[test]
fn an_axon_or_arena_that_cannot_be_is_refused() {
    let said = mistakes(|builder| _ = builder.axon(1_000));
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("1000"), "{said:?}");
    let said = mistakes(|builder| _ = builder.arena(0).axon(0).tick_length(Duration::ZERO));
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[1].starts_with("16 segments of 0 bytes are refused"), "{said:?}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once_in_the_order_of_the_description() {
    let mut builder = Cortex::builder();
    builder.tick_length(Duration::ZERO);
    builder.region(Region::agents("bad path"));
    let doubled = two().neuron("b", Puppet::default()).neuron("b", Puppet::default());
    let region = builder.region(doubled.port("p", &["ghost"]));
    let flat = Region::agents("flat").membrane(Lif::default().threshold(-1.0));
    builder.region(flat.neuron("x", Puppet::default()));
    builder.region(Region::gated("n", Acts::new(Vec::new())));
    builder.project(region, region, all().weight(f32::NAN));
    builder.project(Port::of(region, "q"), region, all().delay(Ticks(0)));
    builder.connect("n:a", "n:z", all());
    let mistakes = builder.build().unwrap_err().mistakes;
    let kinds: Vec<&str> = mistakes
        .iter()
        .map(|mistake| match mistake {
            Mistake::TickLength(_) => "tick length",
            Mistake::Name(NameError::Path(_)) => "path",
            Mistake::Name(NameError::NeuronTwice { .. }) => "neuron twice",
            Mistake::Name(NameError::RegionTwice(_)) => "region twice",
            Mistake::Membrane { .. } => "membrane",
            Mistake::Dangling { what, .. } => what,
            Mistake::Projection { source: ProjectionError::Weight { .. }, .. } => "weight",
            Mistake::Projection { source: ProjectionError::Delay { .. }, .. } => "delay",
            Mistake::NoSuchNeuron(_) => "address",
            other => panic!("not expected: {other}"),
        })
        .collect();
    let expected = [
        "tick length",
        "path",
        "neuron twice",
        "neuron twice",
        "neuron",
        "membrane",
        "region twice",
        "weight",
        "port",
        "delay",
        "address",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn what_a_projection_is_between_is_named_by_paths_ports_and_addresses() {
    let said = mistakes(|builder| {
        let region = builder.region(two().port("out", &["a"]));
        let other = builder.region(Region::agents("deep/down").neuron("x", Puppet::default()));
        builder.project(Port::of(region, "out"), other, all().weight(2.0));
        builder.connect("n:b", "deep/down:x", all().weight(3.0));
    });
    let must = "is refused: it must be a finite number within 0..=1";
    let expected = [
        format!("projection n#out -> deep/down: weight 2 {must}"),
        format!("projection n:b -> deep/down:x: weight 3 {must}"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn more_neurons_than_ids_are_refused() {
    let crowd = (0..65_536)
        .fold(Region::agents("n"), |region, n| region.neuron(&n.to_string(), Puppet::default()));
    let said = mistakes(|builder| _ = builder.region(crowd));
    assert_eq!(said, ["a cortex has at most 65535 neurons, and all are taken"]);
}
