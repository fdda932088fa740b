//! Learning rules of agents and populations beside the equations in their documentation.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]
#![allow(clippy::disallowed_methods, reason = "closed forms are what is compared with")]

mod support;

use std::time::Duration;

use neuronbus::plasticity::{Pairing, ShortTerm, SynapticScaling, TripletStdp};
use neuronbus::population::{Cells, Record};
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use support::{Act, Acts, Noted, Raster, Script, id};

/// A time constant of so many ticks, for ticks of one second.
fn tau(ticks: f64) -> Span {
    Span::Time(Duration::from_secs_f64(ticks))
}

/// STDP for ticks of one second.
fn slow() -> Stdp {
    Stdp { tau_plus: tau(20.0), tau_minus: tau(20.0), ..Stdp::default() }
}

/// One synapse from neuron 0 to neuron 1.
fn one(weight: f32, delay: u64) -> Projection {
    Projection::synapses(vec![Synapse { pre: 0, post: 1, weight, delay: Ticks(delay).into() }])
}

/// Two agents that fire when they are told to, and nothing else makes them; ticks of one second.
fn agents(projection: Projection, fires: [&[u64]; 2]) -> Cortex {
    let mut builder = Cortex::builder();
    let raster = Raster::default();
    let region = Region::agents("n").membrane(Lif::default().threshold(100.0).tau(tau(20.0)));
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

/// The same as two cells of a population. They fire one tick later: a source's spike takes a tick.
fn cells(projection: Projection, fires: [&[u64]; 2]) -> (Cortex, neuronbus::id::RegionId) {
    let mut builder = Cortex::builder();
    let kind = Cells::lif(Lif::default().threshold(100.0).tau(tau(20.0)));
    let pair = builder.region(Region::population("cells", kind, 2).record(Record::Spikes));
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

/// The same cells, and a gate that sends rewards to all of them at given ticks.
fn rewarded(
    projection: Projection,
    fires: [&[u64]; 2],
    rewards: &[(u64, f32)],
) -> (Cortex, neuronbus::id::RegionId) {
    let mut builder = Cortex::builder();
    let kind = || Cells::lif(Lif::default().threshold(100.0).tau(tau(20.0)));
    let pair = builder.region(Region::population("cells", kind(), 2));
    let spikes = fires
        .iter()
        .zip(0..)
        .flat_map(|(ticks, cell)| ticks.iter().map(move |&tick| (Tick(tick), cell)));
    let world = Cells::spike_list(spikes.collect());
    let world = builder.region(Region::population("world", world, 2));
    builder.project(world, pair, Projection::one_to_one().bounds(0.0, 1e3).weight(1e3));
    builder.project(pair, pair, projection);
    let praise = |&(tick, amount): &(u64, f32)| {
        (tick, Act::Fire(SpikeKind::Modulatory, 0, amount.to_le_bytes().to_vec()))
    };
    let praise = Acts::new(rewards.iter().map(praise).collect());
    let praise = builder.region(Region::gated("praise", praise));
    builder.project(praise, pair, Projection::all_to_all());
    builder.tick_length(Duration::from_secs(1)).pace(Pace::Free);
    (builder.build().unwrap(), pair)
}

/// The weight of the one synapse after so many ticks, of agents and of cells.
fn learned(projection: &Projection, fires: [&[u64]; 2], ticks: u64) -> [f64; 2] {
    let mut of_agents = agents(projection.clone(), fires);
    of_agents.run_for(Ticks(ticks)).unwrap();
    let (mut of_cells, pair) = cells(projection.clone(), fires);
    of_cells.run_for(Ticks(ticks + 1)).unwrap();
    let mut weight = f32::NAN;
    of_cells.each_synapse(pair, pair, |_, _, w, _| weight = w);
    [of_agents.weight(id(0), id(1)).unwrap(), weight].map(f64::from)
}

/// Triplet STDP as sums over the spikes before, without any trace.
fn triplets(
    rule: &TripletStdp,
    [tau_plus, tau_minus, tau_x, tau_y]: [f64; 4],
    start: f64,
    arrivals: &[u64],
    firings: &[u64],
) -> f64 {
    let left = |spikes: &[u64], now: u64, tau: f64| -> f64 {
        let before = spikes.iter().filter(|&&at| at < now);
        let heights = before.map(|&at| (-((now - at) as f64) / tau).exp());
        match rule.pairing {
            Pairing::AllToAll => heights.sum(),
            Pairing::Nearest => heights.fold(0.0, f64::max),
        }
    };
    let mut weight = start;
    let last = arrivals.iter().chain(firings).max().unwrap();
    for now in 0..=*last {
        if arrivals.contains(&now) {
            let r2 = left(arrivals, now, tau_x);
            let by = f64::from(rule.a2_minus) + f64::from(rule.a3_minus) * r2;
            weight = (weight - left(firings, now, tau_minus) * by).clamp(0.0, 1.0);
        }
        if firings.contains(&now) {
            let o2 = left(firings, now, tau_y);
            let by = f64::from(rule.a2_plus) + f64::from(rule.a3_plus) * o2;
            weight = (weight + left(arrivals, now, tau_plus) * by).clamp(0.0, 1.0);
        }
    }
    weight
}

#[test]
fn triplets_add_up_as_in_the_paper() {
    let taus = [16.8, 33.7, 101.0, 125.0];
    // Pairs at rates, a triplet of either kind, both in one tick, a burst, and a long gap.
    let trains: [[&[u64]; 2]; 5] = [
        [&[10, 60, 110, 160, 210], &[16, 66, 116, 166, 216]],
        [&[100, 110], &[106]],
        [&[106], &[101, 111]],
        [&[50, 60], &[51, 61, 62, 63, 64, 90]],
        [&[10, 12, 14, 16, 18, 20, 900], &[11, 13, 15, 17, 19, 21, 905, 906]],
    ];
    for pairing in [Pairing::AllToAll, Pairing::Nearest] {
        let rule = TripletStdp {
            a2_plus: 4e-3,
            a2_minus: 7e-3,
            a3_plus: 6.2e-3,
            a3_minus: 2.3e-3,
            tau_plus: tau(taus[0]),
            tau_minus: tau(taus[1]),
            tau_x: tau(taus[2]),
            tau_y: tau(taus[3]),
            pairing,
            ..TripletStdp::default()
        };
        for (fires, delay) in trains.iter().flat_map(|fires| [(fires, 1), (fires, 5)]) {
            let arrivals: Vec<u64> = fires[0].iter().map(|at| at + delay).collect();
            let expected = triplets(&rule, taus, 0.5, &arrivals, fires[1]);
            assert!((expected - 0.5).abs() > 1e-3, "something is learned");
            for got in learned(&one(0.5, delay).plasticity(rule), *fires, 1_000) {
                assert!((got - expected).abs() < 3e-6, "{pairing:?} {fires:?}: {got}, {expected}");
            }
        }
    }
}

#[test]
fn triplets_tell_rates_apart_where_pairs_do_not() {
    // Post follows pre by 10 ms, 60 times, at 1 Hz and at 40 Hz: Sjöström's protocol, in ticks of a millisecond.
    let change = |gap: u64| {
        let pre: Vec<u64> = (0..60).map(|n| 10 + n * gap).collect();
        let post: Vec<u64> = pre.iter().map(|at| at + 11).collect();
        let ms = |ms: f64| tau(ms);
        let rule = TripletStdp {
            tau_plus: ms(16.8),
            tau_minus: ms(33.7),
            tau_x: ms(101.0),
            tau_y: ms(125.0),
            ..TripletStdp::default()
        };
        learned(&one(0.5, 1).plasticity(rule), [&pre, &post], 60 * gap + 100).map(|w| w - 0.5)
    };
    for (slow, fast) in change(1_000).into_iter().zip(change(25)) {
        assert!(slow.abs() < 0.01, "pairs alone hardly strengthen: {slow}");
        assert!(fast > 0.1, "pairs in quick succession do: {fast}");
    }
}

/// What each spike of a train does to the potential, relative to the weight, by the equations.
fn efficacies(
    utilisation: f64,
    recovery: f64,
    facilitation: Option<f64>,
    arrivals: &[u64],
) -> Vec<f64> {
    let (mut u, mut x, mut last) = (0.0, 1.0, None);
    let mut all = Vec::new();
    for &at in arrivals {
        let gap = last.map_or(f64::INFINITY, |last: u64| (at - last) as f64);
        let raised = facilitation.map_or(0.0, |tau| u * (-gap / tau).exp());
        x = 1.0 - (1.0 - x * (1.0 - u)) * (-gap / recovery).exp();
        u = raised + utilisation * (1.0 - raised);
        last = Some(at);
        all.push(u * x);
    }
    all
}

#[test]
fn short_term_plasticity_follows_its_closed_form_between_spikes() {
    let fires: [u64; 9] = [5, 10, 11, 12, 40, 45, 50, 400, 2_000];
    for (utilisation, recovery, facilitation) in
        [(0.5, 80.0, None), (0.04, 10.0, Some(100.0)), (1.0, 300.0, Some(3.0))]
    {
        let rule = ShortTerm {
            utilisation: utilisation as f32,
            tau_recovery: tau(recovery),
            tau_facilitation: facilitation.map(tau),
        };
        let arrivals: Vec<u64> = fires.iter().map(|at| at + 2).collect();
        let expected = efficacies(utilisation, recovery, facilitation, &arrivals);
        let projection = one(0.5, 2).short_term(rule);
        // The potential just after each arrival, less what was left of it just before.
        let mut cortex = agents(projection.clone(), [&fires, &[]]);
        let (mut of_cells, pair) = cells(projection, [&fires, &[]]);
        let left = f64::from((-1.0f64 / 20.0).exp() as f32);
        let mut before = [0.0; 2];
        let mut seen = 0;
        of_cells.tick().unwrap();
        for now in 0..=2_002 {
            cortex.tick().unwrap();
            of_cells.tick().unwrap();
            let potential =
                [cortex.potential(id(1)).unwrap(), of_cells.cell_potential(pair, 1).unwrap()];
            let potential = potential.map(f64::from);
            if arrivals.contains(&now) {
                for (potential, before) in potential.iter().zip(before) {
                    let got = (potential - before * left) / 0.5;
                    assert!(
                        (got - expected[seen]).abs() < 2e-6,
                        "spike {seen}: {got}, {expected:?}"
                    );
                }
                seen += 1;
            }
            before = potential;
        }
        assert_eq!(seen, fires.len());
    }
}

#[test]
fn short_term_plasticity_leaves_what_is_learned_alone() {
    let fires: [&[u64]; 2] = [&[10, 20, 30, 40], &[15, 18, 33, 47]];
    let plain = one(0.5, 1).plasticity(slow());
    assert_eq!(
        learned(&plain, fires, 100),
        learned(&plain.clone().short_term(ShortTerm::default()), fires, 100)
    );
}

#[test]
fn scaling_multiplies_all_weights_onto_a_neuron_towards_its_rate() {
    let rule = SynapticScaling { target_hz: 0.04, gain: 0.1, interval: Ticks(100).into() };
    let projection = one(0.5, 1).scaling(rule).bounds(0.0, 0.8);
    let factor = |firings: f64| 1.0 + 0.1 * (1.0 - firings / 4.0).max(-1.0);
    // Cells fire a tick later: no firing lies next to the end of an interval. What follows a firing is seen then.
    let post = [10, 20, 130, 140, 150, 160, 210, 220, 230, 240, 250, 260, 270, 280, 290, 720];
    let by_interval = [2.0, 4.0, 9.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let mut expected = 0.5f64;
    for (interval, firings) in by_interval.into_iter().enumerate() {
        for got in learned(&projection, [&[], &post], interval as u64 * 100 + 50) {
            assert!((got - expected).abs() < 1e-6, "{interval}: {got}, {expected}");
        }
        expected = (expected * factor(firings)).min(0.8);
    }
    let mut driven = post.to_vec();
    driven.push(810);
    for got in learned(&projection, [&[], &driven], 820) {
        assert!((got - expected).abs() < 1e-6, "{got}, {expected}");
    }
}

#[test]
fn scaling_brings_cells_to_the_rate_they_are_to_keep() {
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free).seed(3);
    let inputs = builder.region(Region::population("inputs", Cells::poisson(20.0), 200));
    let kind = Cells::lif(Lif::default().refractory(Ticks(3)));
    let net = builder.region(Region::population("net", kind, 20).record(Record::Spikes));
    let rule = SynapticScaling { target_hz: 12.0, ..SynapticScaling::default() };
    // Much too strong to begin with.
    let synapses = Projection::random(0.5).weight(0.2).bounds(0.0, 1.0).scaling(rule);
    builder.project(inputs, net, synapses);
    let mut cortex = builder.build().unwrap();
    let mut rate = |seconds: u64| {
        let before = cortex.recorded(net).unwrap().len();
        cortex.run_for(Duration::from_secs(seconds)).unwrap();
        (cortex.recorded(net).unwrap().len() - before) as f64 / 20.0 / seconds as f64
    };
    assert!(rate(1) > 60.0);
    rate(100);
    let kept = rate(20);
    assert!((kept - 12.0).abs() < 1.5, "{kept} Hz");
}

#[test]
fn reward_turns_what_cells_are_eligible_for_into_weight() {
    let rule = RewardStdp {
        stdp: Stdp {
            a_plus: 0.01,
            a_minus: 0.02,
            tau_plus: tau(20.0),
            tau_minus: tau(30.0),
            ..Stdp::default()
        },
        tau_eligibility: tau(1_000.0),
        rate: 2.0,
    };
    // A pair the right way round, one the wrong way round, and both; the arrival is two ticks after the firing.
    let trains: [[&[u64]; 2]; 3] = [[&[10], &[18]], [&[18], &[10]], [&[10, 40], &[18, 36]]];
    for (fires, wait) in trains.into_iter().flat_map(|f| [(f, 60), (f, 500), (f, 30_000)]) {
        let (mut cortex, pair) = rewarded(one(0.5, 2).plasticity(rule), fires, &[(wait, 0.5)]);
        cortex.run_for(Ticks(wait)).unwrap();
        let weight = |cortex: &Cortex| {
            let mut weight = f32::NAN;
            cortex.each_synapse(pair, pair, |_, _, w, _| weight = w);
            f64::from(weight)
        };
        assert_eq!(weight(&cortex), 0.5, "nothing is learned before the reward");
        cortex.run_for(Ticks(10)).unwrap();
        let mut eligible = 0.0;
        for (pre, post) in
            fires[0].iter().flat_map(|pre| fires[1].iter().map(move |post| (pre + 2, *post)))
        {
            let later = pre.max(post) as f64;
            let distance = pre.abs_diff(post) as f64;
            let made = if post > pre {
                0.01 * (-distance / 20.0).exp()
            } else {
                -0.02 * (-distance / 30.0).exp()
            };
            // Cells fire a tick after the world; the reward arrives one tick after it was sent.
            eligible += made * (-((wait + 1) as f64 - (later + 1.0)) / 1_000.0).exp();
        }
        let expected = 0.5 + 2.0 * 0.5 * eligible;
        let got = weight(&cortex);
        assert!((got - expected).abs() < 1e-6, "{fires:?} {wait}: {got}, {expected}");
    }
}

#[test]
fn reward_goes_to_the_population_it_is_sent_to_and_stays_within_bounds() {
    let rule = RewardStdp { stdp: slow(), tau_eligibility: tau(1_000.0), rate: 1e6 };
    let mut seen = Vec::new();
    for amount in [1.0, -1.0, f32::NAN, f32::INFINITY, 0.0] {
        let fires: [&[u64]; 2] = [&[10], &[18]];
        let (mut cortex, pair) = rewarded(one(0.5, 2).plasticity(rule), fires, &[(40, amount)]);
        cortex.run_for(Ticks(60)).unwrap();
        cortex.each_synapse(pair, pair, |_, _, w, _| seen.push(w));
        assert_eq!(cortex.counts().refused, u64::from(!amount.is_finite()));
    }
    assert_eq!(seen, [1.0, 0.0, 0.5, 0.5, 0.5]);
}

#[test]
fn what_rules_are_given_is_checked_and_named() {
    let refused = |projection: Projection| {
        let mut builder = Cortex::builder();
        let cells = Cells::lif(Lif::default());
        let cells = builder.region(Region::population("cells", cells, 3));
        builder.project(cells, cells, projection);
        builder.build().unwrap_err().to_string()
    };
    let random = || Projection::random(0.5);
    let triplet = TripletStdp::default();
    let scaling = SynapticScaling::default();
    let short = ShortTerm::default();
    for (projection, named) in [
        (random().plasticity(TripletStdp { a3_plus: -1.0, ..triplet }), "a3_plus = -1"),
        (random().plasticity(TripletStdp { a2_minus: f32::NAN, ..triplet }), "a2_minus = NaN"),
        (random().plasticity(TripletStdp { tau_y: Ticks(0).into(), ..triplet }), "tau_y = 0 ticks"),
        (random().scaling(SynapticScaling { gain: 1.0, ..scaling }), "gain = 1"),
        (random().scaling(SynapticScaling { target_hz: 0.0, ..scaling }), "target_hz = 0"),
        (
            random().scaling(SynapticScaling { interval: Ticks(0).into(), ..scaling }),
            "interval = 0 ticks",
        ),
        (random().short_term(ShortTerm { utilisation: 0.0, ..short }), "utilisation = 0"),
        (random().short_term(ShortTerm { utilisation: 1.5, ..short }), "utilisation = 1.5"),
        (
            random().short_term(ShortTerm { tau_recovery: Ticks(0).into(), ..short }),
            "tau_recovery = 0 ticks",
        ),
        (
            random().short_term(ShortTerm { tau_facilitation: Some(Ticks(0).into()), ..short }),
            "tau_facilitation = 0 ticks",
        ),
        (
            random().inhibitory().scaling(scaling),
            "inhibitory synapses between populations do not learn",
        ),
    ] {
        let message = refused(projection);
        assert!(message.contains(named), "{message}");
    }
}

/// Two runs that differ in one spike so long ago that no potential knows of it: what the rule knows is in the digest.
#[test]
fn what_rules_remember_is_state() {
    let plain = || one(0.5, 1);
    let recovery = tau(80.0);
    let scaling = SynapticScaling { interval: Ticks(100).into(), ..SynapticScaling::default() };
    let first: [&[u64]; 2] = [&[10, 40], &[30]];
    for (rule, other, tells) in [
        (plain(), [&[11, 40][..], &[30]], false),
        (plain().plasticity(slow()), [&[11, 40], &[30]], true),
        (
            plain().plasticity(RewardStdp { stdp: slow(), ..RewardStdp::default() }),
            [&[11, 40], &[30]],
            true,
        ),
        (
            plain().short_term(ShortTerm { tau_recovery: recovery, ..ShortTerm::default() }),
            [&[11, 40], &[30]],
            true,
        ),
        (plain(), [&[10, 40], &[20, 30]], false),
        (plain().scaling(scaling), [&[10, 40], &[20, 30]], true),
    ] {
        let digest = |fires| {
            let mut cortex = cells(rule.clone(), fires).0;
            cortex.run_for(Ticks(60)).unwrap();
            cortex.digest()
        };
        assert_eq!(digest(first), digest(first));
        assert_eq!(digest(first) != digest(other), tells, "{rule:?}");
        let digest = |fires| {
            let mut cortex = agents(rule.clone(), fires);
            cortex.run_for(Ticks(60)).unwrap();
            cortex.digest()
        };
        // An agent has a number for its next spike, which gives one more away.
        assert_eq!(digest(first) != digest(other), tells || other[1].len() == 2, "{rule:?}");
    }
}

/// Agents and cells with every rule that there is, under noise; what is drawn follows from the seed.
fn with_all_rules(seed: u64, pace: Pace, workers: usize) -> Cortex {
    use neuronbus::plasticity::Structural;
    use neuronbus::population::Noise;
    let pick = |salt: u64, below: u64| neuronbus::math::random(seed, salt, 0, 0) % below;
    let mut builder = Cortex::builder();
    builder.pace(pace).seed(seed).workers(workers);
    let noise = Noise { rate_hz: 500.0, size: 0.3 };
    let kind = || Cells::lif(Lif::default().refractory(Ticks(2))).noise(noise);
    let size = 40 + pick(1, 40) as u32;
    let net = builder.region(Region::population("net", kind(), size));
    // One that hears no gate is cut into slices where there are several workers.
    let cut = builder.region(Region::population("cut", kind(), size + 7));
    let rewarded = RewardStdp { tau_eligibility: tau(0.05), ..RewardStdp::default() };
    let scaling =
        SynapticScaling { interval: Ticks(30 + pick(2, 50)).into(), ..Default::default() };
    let structure = Structural {
        interval: Ticks(40 + pick(3, 50)).into(),
        grow_after: 0.5,
        prune_below: 0.1,
        ..Structural::default()
    };
    let base = || Projection::random(0.3).weight(0.12).delay(Ticks(1 + pick(4, 5)));
    for net in [net, cut] {
        builder.project(net, net, base().plasticity(Stdp::default()).structure(structure));
        let triplet = base().plasticity(TripletStdp::default()).short_term(ShortTerm::default());
        builder.project(net, net, triplet.scaling(scaling));
    }
    builder.project(net, cut, base().plasticity(Stdp::default()).structure(structure));
    builder.project(net, net, base().plasticity(rewarded).structure(structure));
    let raster = Raster::default();
    let mut region = Region::agents("agents").membrane(Lif::default().refractory(Ticks(1)));
    for number in 0..8 {
        region = region.neuron(&format!("n{number}"), Noted(raster.clone()));
    }
    let agents = builder.region(region);
    let among = |rule: neuronbus::plasticity::Plasticity| {
        Projection::random(0.6).weight(0.2).delay(Ticks(1 + pick(5, 4))).plasticity(rule)
    };
    let triplet = among(TripletStdp::default().into()).short_term(ShortTerm::facilitating());
    builder.project(agents, agents, triplet.scaling(scaling));
    builder.project(agents, agents, among(rewarded.into()).structure(structure));
    let mut drives = Vec::new();
    for step in 0..60 {
        let at = |salt| neuronbus::math::random(seed, 9, step, salt);
        let first = 1 + at(0) % 300;
        drives.push((first, Act::Fire(SpikeKind::Modulatory, 0, 0.5f32.to_le_bytes().to_vec())));
        drives.push((first, Act::Fire(SpikeKind::Excitatory, 0, Vec::new())));
    }
    let door = builder.region(Region::gated("door", Acts::new(drives)));
    builder.project(door, net, Projection::all_to_all().weight(0.3));
    builder.project(door, agents, Projection::random(0.7).weight(0.9));
    builder.build().unwrap()
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 12, ..Default::default() })]

    #[test]
    fn with_all_rules_on_a_run_is_a_function_of_its_seed_on_any_number_of_workers(
        seed in proptest::prelude::any::<u64>(),
        cuts in proptest::collection::vec(1u64..399, 0..5),
    ) {
        let mut whole = with_all_rules(seed, Pace::Free, 1);
        whole.run_for(Ticks(400)).unwrap();
        let mut pieces = with_all_rules(seed, Pace::Free, 1 + cuts.len() % 3);
        let mut cuts = [cuts, vec![0, 400]].concat();
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            pieces.run_for(Ticks(pair[1] - pair[0])).unwrap();
        }
        proptest::prop_assert_eq!(pieces.digest(), whole.digest());
        let counts = whole.counts();
        proptest::prop_assert!(counts.pruned + counts.grown > 0 && counts.firings > 0);
    }
}

#[test]
fn with_all_rules_on_the_pace_changes_nothing() {
    let digests = [Pace::Free, Pace::RealTime, Pace::OnDemand].map(|pace| {
        let mut cortex = with_all_rules(7, pace, 1);
        cortex.run_for(Ticks(400)).unwrap();
        cortex.digest()
    });
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}
