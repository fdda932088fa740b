//! Reward: timing makes a synapse eligible, and what a modulatory spike brings turns that into weight.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::time::Duration;

use neuronbus::plasticity::Plasticity;
use neuronbus::prelude::*;
use support::{Act, Acts, Puppet, Raster, drive, fire, firing, free, id, no_leak};

#[allow(clippy::disallowed_methods, reason = "the closed form is what is compared with")]
fn exp(x: f64) -> f64 {
    x.exp()
}

/// One synapse from a gate to a neuron that fires when it is told to, and a reward.
struct Pair {
    pre: u64,
    post: u64,
    /// When, how much, and over a synapse of which weight.
    rewards: Vec<(u64, f32)>,
    reward_weight: f32,
    rule: RewardStdp,
    bounds: (f32, f32),
}

impl Default for Pair {
    fn default() -> Self {
        let rule = RewardStdp::default();
        Self { pre: 10, post: 16, rewards: vec![], reward_weight: 1.0, rule, bounds: (0.0, 1.0) }
    }
}

impl Pair {
    fn run(&self) -> (f32, Cortex) {
        let mut builder = free();
        let deaf = Lif::default().threshold(100.0);
        let to = builder.region(Region::agents("n").membrane(deaf).neuron("n", Puppet::default()));
        let steps = vec![(self.pre - 1, fire(b"")), (self.post, drive(id(0), 1_000.0))];
        let door = builder.region(Region::gated("door", Acts::new(steps)));
        let learns = Projection::all_to_all().weight(0.5).bounds(self.bounds.0, self.bounds.1);
        builder.project(door, to, learns.plasticity(self.rule));
        let praise = |&(tick, amount): &(u64, f32)| {
            (tick - 1, Act::Fire(SpikeKind::Modulatory, 0, amount.to_le_bytes().to_vec()))
        };
        let praise = Acts::new(self.rewards.iter().map(praise).collect());
        let praise = builder.region(Region::gated("praise", praise));
        let brings = Projection::all_to_all().weight(self.reward_weight).bounds(-2.0, 2.0);
        builder.project(praise, to, brings);
        let mut cortex = builder.build().unwrap();
        cortex.run().unwrap();
        (cortex.weight(id(1), id(0)).unwrap(), cortex)
    }
}

#[test]
fn without_reward_nothing_is_learned() {
    assert_eq!(Pair::default().run().0, 0.5);
}

#[test]
fn eligibility_decays_and_reward_turns_what_is_left_into_weight() {
    let made = 0.01 * exp(-6.0 / 20.0);
    for wait in [0, 1, 10, 500, 1_000, 5_000] {
        for amount in [1.0, 0.5, -1.0] {
            let rewards = vec![(17 + wait, amount)];
            let (weight, _) = Pair { rewards, ..Pair::default() }.run();
            let left = made * exp(-(wait as f64 + 1.0) / 1_000.0);
            let expected = 0.5 + f64::from(amount) * left;
            assert!((f64::from(weight) - expected).abs() < 1e-7, "{wait} {amount}: {weight}");
        }
    }
}

#[test]
fn a_pair_the_wrong_way_round_is_eligible_to_be_weakened() {
    let (weight, _) = Pair { pre: 16, post: 10, rewards: vec![(20, 1.0)], ..Pair::default() }.run();
    let expected = 0.5 - 0.003 * exp(-6.0 / 20.0) * exp(-4.0 / 1_000.0);
    assert!((f64::from(weight) - expected).abs() < 1e-7, "{weight}");
}

#[test]
fn a_reward_before_the_pair_brings_nothing() {
    assert_eq!(Pair { rewards: vec![(15, 1.0)], ..Pair::default() }.run().0, 0.5);
}

#[test]
fn rate_and_the_weight_it_travels_over_scale_a_reward() {
    let base = Pair { rewards: vec![(20, 0.5)], ..Pair::default() };
    let step = base.run().0 - 0.5;
    let doubled = Pair { rule: RewardStdp { rate: 2.0, ..RewardStdp::default() }, ..base };
    assert!((doubled.run().0 - 0.5 - 2.0 * step).abs() < 1e-6);
    let halved = Pair { rewards: vec![(20, 0.5)], reward_weight: -0.5, ..Pair::default() };
    assert!((halved.run().0 - 0.5 + 0.5 * step).abs() < 1e-6);
}

#[test]
fn learned_weights_stay_within_their_bounds() {
    let rule = RewardStdp { rate: 1_000.0, ..RewardStdp::default() };
    for (amount, expected) in [(100.0, 0.75), (-100.0, 0.25)] {
        let bounds = (0.25, 0.75);
        let rewards = vec![(20, amount)];
        assert_eq!(Pair { rule, bounds, rewards, ..Pair::default() }.run().0, expected);
    }
}

#[test]
fn a_reward_that_is_no_number_is_counted_as_refused_and_changes_nothing() {
    let rewards = vec![(20, f32::NAN), (21, f32::INFINITY), (22, f32::NEG_INFINITY)];
    let (weight, cortex) = Pair { rewards, ..Pair::default() }.run();
    assert_eq!((weight, cortex.counts().refused), (0.5, 3));
    assert_eq!(cortex.counts().lost(), 3);
}

#[test]
fn the_largest_reward_leaves_a_weight_that_is_a_number() {
    let rule = RewardStdp { rate: f32::MAX, ..RewardStdp::default() };
    for amount in [f32::MAX, f32::MIN] {
        // Before the pair there is nothing to be eligible for: the largest of all times nothing.
        for tick in [5, 20] {
            let (weight, _) = Pair { rule, rewards: vec![(tick, amount)], ..Pair::default() }.run();
            assert!((0.0..=1.0).contains(&weight), "{weight}");
        }
    }
}

#[test]
fn a_modulatory_spike_leaves_the_membrane_alone() {
    let (_, cortex) = Pair { rewards: vec![(5, 1.0), (6, -9.0)], ..Pair::default() }.run();
    let counts = cortex.counts();
    assert_eq!(counts.firings, 1, "the one that was driven");
    let mut builder = free();
    let to = Region::agents("n").membrane(no_leak(1.0)).neuron("n", Puppet::default());
    let to = builder.region(to);
    let praise = Act::Fire(SpikeKind::Modulatory, 0, 5_f32.to_le_bytes().to_vec());
    let door = builder.region(Region::gated("door", Acts::new(vec![(0, praise)])));
    builder.project(door, to, Projection::all_to_all());
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    assert_eq!((cortex.potential(id(0)), cortex.counts().delivered), (Some(0.0), 1));
}

#[test]
fn a_modulatory_spike_is_no_arrival_for_a_rule() {
    let mut builder = free();
    let deaf = Lif::default().threshold(100.0);
    let to = builder.region(Region::agents("n").membrane(deaf).neuron("n", Puppet::default()));
    let praise = Act::Fire(SpikeKind::Modulatory, 0, 1_f32.to_le_bytes().to_vec());
    let steps = vec![(0, praise.clone()), (5, drive(id(0), 1_000.0)), (6, praise)];
    let door = builder.region(Region::gated("door", Acts::new(steps)));
    builder.project(door, to, Projection::all_to_all().weight(0.5).plasticity(Stdp::default()));
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    assert_eq!(cortex.weight(id(1), id(0)), Some(0.5));
    assert_eq!(cortex.links(), []);
}

#[test]
fn a_reward_that_waits_for_the_end_of_a_pause_comes_once() {
    let weight = |lossless: bool| {
        let mut builder = free();
        let pause = Lif::default().threshold(100.0).refractory(Ticks(8));
        let to = builder.region(Region::agents("n").membrane(pause).neuron("n", Puppet::default()));
        let steps = vec![(1, fire(b"")), (4, drive(id(0), 1_000.0))];
        let door = builder.region(Region::gated("door", Acts::new(steps)));
        let learns = Projection::all_to_all().weight(0.5).plasticity(RewardStdp::default());
        builder.project(door, to, learns);
        let praise = Act::Fire(SpikeKind::Modulatory, 0, 1_f32.to_le_bytes().to_vec());
        let praise = builder.region(Region::gated("praise", Acts::new(vec![(5, praise)])));
        let brings = Projection::all_to_all();
        builder.project(praise, to, if lossless { brings.lossless() } else { brings });
        let mut cortex = builder.build().unwrap();
        cortex.run().unwrap();
        cortex.weight(id(1), id(0)).unwrap()
    };
    assert!(weight(false) > 0.5, "a pause does not keep learning out");
    assert_eq!(weight(true), weight(false));
}

/// Three routes to as many targets; each trial one of them fires at random, and the right one is rewarded.
fn chosen_route(right: u16, seed: u64) -> Vec<f32> {
    const ROUTES: u16 = 3;
    let mut builder = free();
    let teacher = Puppet::default().on_spike(move |spike, _, ctx| {
        let amount = if spike.source()? == id(right) { 1.0 } else { -0.3 };
        Ok(ctx.reward(amount)?)
    });
    let route = || Puppet::default().on_fire(|ctx| Ok(ctx.fire(b"done")?));
    let hard = Lif::default().threshold(1.2).tau(Duration::from_millis(5));
    let region = (0..ROUTES)
        .fold(Region::agents("routes").membrane(hard), |r, n| r.neuron(&n.to_string(), route()));
    let routes = builder.region(region);
    let teacher = builder.region(Region::agents("teacher").neuron("t", teacher));
    let trials = 200_u64;
    let mut steps = Vec::new();
    for trial in 0..trials {
        steps.push((trial * 100, fire(b"ask")));
        // An exploring push decides who is over the threshold this time.
        let pushed = neuronbus::math::random(seed, trial, 0, 0) % u64::from(ROUTES);
        steps.push((trial * 100 + 1, drive(id(pushed as u16), 1.0)));
    }
    let door = builder.region(Region::gated("door", Acts::new(steps)));
    let rule = RewardStdp { rate: 2.0, ..RewardStdp::default() };
    let rule = RewardStdp {
        stdp: Stdp { a_plus: 0.02, a_minus: 0.0, ..rule.stdp },
        tau_eligibility: Duration::from_millis(30).into(),
        ..rule
    };
    // The arrival comes one tick before the push, so that it is before the firing.
    builder.project(door, routes, Projection::all_to_all().weight(0.3).plasticity(rule));
    builder.project(routes, teacher, Projection::all_to_all().weight(0.1));
    builder.project(teacher, routes, Projection::all_to_all());
    builder.seed(seed);
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    let door = cortex.atlas().resolve("door:gate").unwrap();
    (0..ROUTES).map(|n| cortex.weight(door, id(n)).unwrap()).collect()
}

#[test]
fn reward_picks_the_right_one_of_three_routes() {
    for right in 0..3_u16 {
        for seed in [1, 2, 3] {
            let weights = chosen_route(right, seed);
            for (route, &weight) in weights.iter().enumerate() {
                let is_right = route == usize::from(right);
                assert_eq!(weight > 0.3, is_right, "right {right}, seed {seed}: {weights:?}");
            }
        }
    }
}

/// A target that needs several spikes of its input to fire, and whose firing sets off follow-up traffic of that input;
/// the weight of the path at the end, and how often the target fired in the last fifth of the run.
fn path_in_use(rule: impl Into<Plasticity>) -> (f32, usize) {
    const ROUNDS: u64 = 500;
    let raster = Raster::default();
    let mut builder = free();
    let input = firing(b"asks").on_spike(|spike, _, ctx| {
        if spike.source()? == id(1) {
            [5, 9, 13].into_iter().for_each(|after| ctx.wake_in(Ticks(after)));
        }
        Ok(())
    });
    let input = input.on_wake(|ctx| Ok(ctx.fire(b"follows up")?));
    let input = builder.region(Region::agents("in").neuron("n", input));
    let log = raster.clone();
    let target = Puppet::default().on_fire(move |ctx| {
        log.lock().unwrap().push((ctx.tick().0, ctx.id().raw()));
        ctx.fire(b"answers")?;
        // It has done what it is for, and is praised.
        Ok(ctx.modulate(id(1), 1.0)?)
    });
    let target =
        Region::agents("out").membrane(no_leak(0.9).refractory(Ticks(16))).neuron("n", target);
    let target = builder.region(target);
    let path = Projection::all_to_all().weight(0.5).bounds(0.01, 1.0).plasticity(rule);
    builder.project(input, target, path);
    builder.project(target, input, Projection::all_to_all().weight(0.0));
    builder.project(
        target,
        target,
        Projection::all_to_all().autapses(true).dendrite(Dendrite::kind(SpikeKind::Modulatory)),
    );
    let asks = |round| (0..10).map(move |n| (150 * round + 8 * n, drive(id(0), 1.0)));
    builder.region(Region::gated("door", Acts::new((0..ROUNDS).flat_map(asks).collect())));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(150 * ROUNDS)).unwrap();
    let fired = support::ticks_of(&raster, id(1));
    let last = |tick: &&u64| **tick >= 150 * ROUNDS * 4 / 5;
    (cortex.weight(id(0), id(1)).unwrap(), fired.iter().filter(last).count())
}

#[test]
fn pair_stdp_alone_erases_a_path_in_use_and_reward_keeps_it() {
    let (weight, firings) = path_in_use(Stdp::default());
    assert_eq!(weight, 0.01, "the follow-up traffic of every firing weakens it");
    assert!(firings <= 20, "and with it the target falls silent: {firings}");
    let (weight, firings) = path_in_use(RewardStdp::default());
    assert!(weight > 0.5, "what was eligible when the praise came is kept: {weight}");
    assert!(firings >= 100, "at least once a round: {firings}");
}
