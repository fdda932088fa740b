//! A state that was saved and restored goes on as if nothing had been between.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;
mod worlds;

use std::time::Duration;

use neuronbus::cortex::SnapshotError;
use neuronbus::id::RegionId;
use neuronbus::plasticity::{ShortTerm, Structural, SynapticScaling, TripletStdp};
use neuronbus::population::{AdaptiveLif, Cells, ExpLif, Izhikevich, Noise};
use neuronbus::prelude::*;
use neuronbus::projection::{Delays, Synapse};
use neuronbus::snapshot::{self, Capture, FileError, Snapshot};
use neuronbus::state::first_difference;
use proptest::prelude::*;
use support::{Act, Acts, drive, fire, id};
use worlds::world;

const TICK: Duration = Duration::from_millis(1);

/// Saves one cortex and restores another from it, which must be equal at once.
fn handed_over(from: &mut Cortex, mut to: Cortex) -> Cortex {
    let mut bytes = Vec::new();
    let info = from.snapshot(&mut bytes).unwrap();
    assert_eq!(info.bytes, bytes.len() as u64);
    assert_eq!(info.tick, from.next_tick().0);
    to.restore(&bytes).unwrap();
    let mut again = Vec::new();
    to.snapshot(&mut again).unwrap();
    // Only the place of what was put off among others depends on who computes.
    let difference = first_difference(&bytes, &again).unwrap();
    assert!(difference.as_ref().is_none_or(|it| it.section == "flights"), "{difference:?}");
    assert_eq!(to.digest(), from.digest(), "at once");
    assert_eq!(to.counts(), from.counts());
    assert_eq!(to.report().faults, from.report().faults);
    to
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agents_go_on_from_a_snapshot_on_any_number_of_workers(
        world in world(),
        homes in proptest::collection::vec(0..3_usize, 4..8),
        others in proptest::collection::vec(0..3_usize, 4..8),
        (cut, rest) in (0..400_u64, 1..200_u64),
    ) {
        let (mut whole, _) = world.build(Pace::Free, TICK);
        whole.run_for(Ticks(cut + rest)).unwrap();
        let (mut first, _) = world.build_on(&homes, Pace::Free, TICK);
        first.run_for(Ticks(cut)).unwrap();
        for homes in [&homes[..], &others, &[0]] {
            let (fresh, _) = world.after(cut).build_on(homes, Pace::Free, TICK);
            let mut second = handed_over(&mut first, fresh);
            second.run_for(Ticks(rest)).unwrap();
            prop_assert_eq!(second.digest(), whole.digest());
            prop_assert_eq!(second.counts(), whole.counts());
        }
    }
}

/// An agent with everything that an agent can have: state, timers, chance, evidence.
#[derive(Debug, Default)]
struct Busy {
    heard: u64,
    woken: u64,
    faults_at: Option<u64>,
}

impl Neuron for Busy {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        self.heard += 1 + payload.len() as u64;
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        if self.faults_at.is_some_and(|tick| ctx.tick().0 >= tick) {
            return Err(Fault::new("its time has come"));
        }
        let kept: usize = ctx.evidence().map(|item| item.payload.len()).sum();
        let drawn = ctx.random();
        ctx.wake_in(Ticks(1 + drawn % 40));
        let payload = vec![drawn as u8; kept % 90];
        let kind =
            if drawn.is_multiple_of(7) { SpikeKind::Modulatory } else { SpikeKind::Excitatory };
        let payload = if kind == SpikeKind::Modulatory { vec![0, 0, 0, 63] } else { payload };
        Ok(ctx.send(neuronbus::context::Firing {
            kind,
            payload: &payload,
            ..Default::default()
        })?)
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.woken += 1;
        ctx.integrate(0.7);
        Ok(())
    }

    fn evidence(&self) -> usize {
        3
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.heard.to_le_bytes());
        out.extend_from_slice(&self.woken.to_le_bytes());
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let (heard, woken) = bytes.split_at_checked(8).ok_or_else(|| Fault::new("too short"))?;
        self.heard = u64::from_le_bytes(heard.try_into()?);
        self.woken = u64::from_le_bytes(woken.try_into()?);
        Ok(())
    }
}

/// Everything at once: agents, populations of every model and a crowd, with every rule.
#[derive(Debug, Clone)]
struct All {
    rules: Vec<(u8, u64, f32)>,
    links: Vec<(u8, u8, u8, u64)>,
    steps: Vec<(u64, Act)>,
    seed: u64,
}

fn all() -> impl Strategy<Value = All> {
    let rule = (0..10_u8, 1..50_u64, 0.1..0.8_f32);
    let link = (0..5_u8, 0..4_u8, 0..10_u8, 1..30_u64);
    let act = prop_oneof![
        6 => (0..4_u16, 0.3..1.2_f32).prop_map(|(n, w)| drive(id(n), w)),
        2 => (0..20_u32).prop_map(|cell| Act::DriveCell(id(CROWD), cell, 1.2)),
        1 => (0..30_usize).prop_map(|n| fire(&vec![7; n * 3])),
        1 => (1..6_usize).prop_map(|n| Act::Sprout(RegionId::new(1).unwrap(), "t".repeat(n), 1.1)),
    ];
    (
        proptest::collection::vec(rule, 2..6),
        proptest::collection::vec(link, 2..7),
        proptest::collection::vec((0..300_u64, act), 10..80),
        any::<u64>(),
    )
        .prop_map(|(rules, links, steps, seed)| All { rules, links, steps, seed })
}

const CROWD: u16 = 4;

fn agent_rule(rule: u8, delay: u64, weight: f32) -> Projection {
    let interval = || Ticks(40).into();
    let p = Projection::random(0.7).weight(weight).delay(Ticks(delay));
    let listed = || {
        let synapse = |n: u32| Synapse {
            pre: n % 4,
            post: n % 3,
            weight: 0.1 * (n % 9) as f32,
            delay: Ticks(delay + u64::from(n % 2)).into(),
        };
        Projection::synapses((0..20).map(synapse).collect())
    };
    match rule {
        0 => p.plasticity(Stdp { a_plus: 0.05, ..Stdp::default() }),
        1 => p.plasticity(RewardStdp::default()),
        2 => p.plasticity(TripletStdp::default()).bounds(0.0, 0.9),
        3 => p.short_term(ShortTerm::default()),
        4 => p.scaling(SynapticScaling { interval: interval(), gain: 0.3, ..Default::default() }),
        5 => p.plasticity(Stdp::default()).structure(Structural {
            interval: interval(),
            grow_after: 0.01,
            prune_below: 0.15,
            ..Structural::default()
        }),
        6 => listed(),
        7 => listed().plasticity(RewardStdp::default()),
        8 => p.lossless().plasticity(Stdp::default()),
        _ => p.inhibitory(),
    }
}

fn cell_rule(rule: u8, shape: u8, delay: u64) -> Projection {
    let p = match shape {
        0 => Projection::random(0.2),
        1 => Projection::fixed_in_degree(2).autapses(true),
        2 => Projection::all_to_all(),
        _ => Projection::one_to_one(),
    };
    let p = p.weight(0.3).delay(Ticks(delay));
    let interval = || Ticks(50).into();
    let drawn = Delays::uniform(Ticks(1), Ticks(6));
    match rule {
        1 => p.plasticity(Stdp { a_plus: 0.05, ..Stdp::default() }),
        2 => p.plasticity(TripletStdp::default()),
        3 => p.short_term(ShortTerm::default()),
        4 => p.scaling(SynapticScaling { interval: interval(), ..SynapticScaling::default() }),
        5 => p.inhibitory(),
        6 => p.plasticity(Stdp::default()).short_term(ShortTerm::default()),
        7 => p.plasticity(RewardStdp::default()),
        8 => p.plasticity(RewardStdp::default()).structure(Structural {
            interval: interval(),
            grow_after: 0.01,
            prune_below: 0.25,
            grow_weight: 0.3,
            ..Structural::default()
        }),
        9 => p.plasticity(Stdp::default()).delays(drawn),
        _ => p,
    }
}

impl All {
    fn build(&self, homes: [usize; 3], from: u64) -> Cortex {
        let mut builder = Cortex::builder();
        let agents = Region::agents("agents").worker(homes[0]);
        let membrane = Lif::default().refractory(Ticks(6));
        let agents = agents.membrane(membrane).neuron("a", Busy::default());
        let agents = agents.neuron("b", Busy::default()).neuron("c", Relay::default());
        let fragile = Busy { faults_at: Some(120), ..Busy::default() };
        let agents = builder.region(agents.neuron("fragile", fragile));
        let topics = Region::agents("topics").worker(homes[1]);
        let topics = builder.region(topics.template(9, |_| Box::new(Busy::default())));
        let make = |cell| Busy { faults_at: (cell == 3).then_some(90), ..Busy::default() };
        let crowd = builder.region(Region::crowd("crowd", 20, make).worker(homes[2]));
        let steps = self.steps.iter().filter(|(at, _)| *at >= from).cloned().collect();
        let door = builder.region(Region::gated("door", Acts::new(steps)));
        for (k, &(rule, delay, weight)) in self.rules.iter().enumerate() {
            let projection = agent_rule(rule, delay, weight);
            let ends = if matches!(rule, 6 | 7) {
                (agents, agents)
            } else {
                ([agents, topics, door][k % 3], [topics, agents][k % 2])
            };
            builder.project(ends.0, ends.1, projection);
        }
        builder.project(crowd, crowd, Projection::random(0.3).weight(0.4).delay(Ticks(5)));
        builder.project(agents, crowd, Projection::all_to_all().weight(0.3));
        builder.project(crowd, agents, Projection::random(0.4).weight(0.3).delay(Ticks(3)));
        self.add_populations(&mut builder, agents);
        builder.seed(self.seed).pace(Pace::Free).workers(1 + *homes.iter().max().unwrap());
        builder.build().unwrap()
    }

    fn add_populations(&self, builder: &mut neuronbus::cortex::CortexBuilder, agents: RegionId) {
        let noise = Noise { rate_hz: 60.0, size: 0.9 };
        let lif = Cells::lif(Lif::default().refractory(Ticks(3))).noise(noise);
        let exp = ExpLif { rest: -48.0, ..ExpLif::default() };
        let adaptive = Cells::adaptive_lif(AdaptiveLif::default()).current(1.2).fluctuation(0.3);
        let izhikevich = Cells::izhikevich(Izhikevich::default()).current(8.0);
        let list = (0..200).map(|n| (Tick(n * 3 % 250), (n % 7) as u32)).collect();
        let kinds = [
            Region::population("a", lif, 40),
            Region::population("b", Cells::exp_lif(exp).start_between(-60.0, -50.0), 31),
            Region::population("c", adaptive, 20),
            Region::population("d", izhikevich.fluctuation(2.0), 17),
            Region::population("e", Cells::spike_list(list), 7),
        ];
        let regions = kinds.map(|region| builder.region(region));
        for &(from, to, rule, delay) in &self.links {
            let projection = cell_rule(rule, (from + rule) % 4, delay);
            builder.project(regions[usize::from(from)], regions[usize::from(to)], projection);
        }
        // Rewards of an agent reach a population that learns from them; it stays whole, as an agent drives it.
        let taught = Region::population("taught", Cells::lif(Lif::default().threshold(0.4)), 12);
        let taught = builder.region(taught.worker(0));
        builder.project(agents, taught, Projection::all_to_all().weight(0.3));
        let reward = RewardStdp { rate: 20.0, ..RewardStdp::default() };
        let learns = Projection::all_to_all().weight(0.1).plasticity(reward).delay(Ticks(2));
        builder.project(taught, taught, learns);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_goes_on_from_a_snapshot_on_any_number_of_workers(
        all in all(),
        homes in [0..3_usize, 0..3, 0..3],
        others in [0..3_usize, 0..3, 0..3],
        (cut, rest) in (0..250_u64, 1..150_u64),
    ) {
        let mut whole = all.build([0; 3], 0);
        whole.run_for(Ticks(cut + rest)).unwrap();
        let mut first = all.build(homes, 0);
        first.run_for(Ticks(cut)).unwrap();
        let mut alone = all.build([0; 3], 0);
        alone.run_for(Ticks(cut)).unwrap();
        prop_assert_eq!(alone.digest(), first.digest(), "already before");
        for homes in [homes, others, [0; 3]] {
            let mut second = handed_over(&mut first, all.build(homes, cut));
            second.run_for(Ticks(rest)).unwrap();
            prop_assert_eq!(second.counts(), whole.counts());
            prop_assert_eq!(second.digest(), whole.digest());
        }
    }
}

#[test]
fn a_cortex_that_has_run_takes_no_state() {
    let build = || {
        let mut builder = Cortex::builder();
        builder.region(Region::agents("a").neuron("n", Relay::default()));
        builder.build().unwrap()
    };
    let mut cortex = build();
    let mut bytes = Vec::new();
    cortex.snapshot(&mut bytes).unwrap();
    cortex.tick().unwrap();
    let refused = cortex.restore(&bytes).unwrap_err();
    assert!(matches!(refused, SnapshotError::NotFresh(1)), "{refused}");
    build().restore(&bytes).unwrap();
}

/// A topology with a little of everything, and its input from a tick on.
fn sample(from: u64) -> Cortex {
    let steps = (0..60).map(|n| (n * 5, drive(id((n % 2) as u16), 0.9))).collect();
    let rules = vec![(1, 3, 0.4), (5, 2, 0.5), (8, 7, 0.6), (3, 40, 0.2)];
    let links = vec![(0, 1, 8, 4), (1, 0, 6, 2), (4, 2, 1, 3)];
    All { rules, links, steps, seed: 7 }.build([0; 3], from)
}

#[test]
fn files_are_written_whole_found_and_pruned() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path().join("journal");
    assert!(snapshot::newest(&place).unwrap().snapshot.is_none());
    let mut cortex = sample(0);
    let mut buffer = Vec::new();
    for round in 1..=4 {
        cortex.run_for(Ticks(30)).unwrap();
        let capture = Capture::of(&mut cortex, round, buffer).unwrap();
        let path = capture.write(&place).unwrap();
        assert_eq!(Snapshot::read(&path).unwrap().content, capture.content());
        assert_eq!(Snapshot::read(&path).unwrap().header, *capture.header());
        buffer = capture.into_buffer();
    }
    std::fs::write(place.join("snapshot-00000000000000000999.unfinished"), b"half").unwrap();
    std::fs::write(place.join("something else"), b"stays").unwrap();
    let ticks = |place| -> Vec<u64> {
        snapshot::list(place).unwrap().into_iter().map(|(tick, _)| tick).collect()
    };
    assert_eq!(ticks(&place), [30, 60, 90, 120]);
    assert_eq!(snapshot::nearest(&place, 89).unwrap().snapshot.unwrap().header.tick, 60);

    let newest = snapshot::newest(&place).unwrap().snapshot.unwrap();
    assert_eq!((newest.header.tick, newest.header.sequence), (120, 4));
    let mut again = sample(120);
    newest.restore(&mut again).unwrap();
    cortex.run_for(Ticks(100)).unwrap();
    again.run_for(Ticks(100)).unwrap();
    assert_eq!(again.digest(), cortex.digest());

    let mut bytes = std::fs::read(&newest.path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&newest.path, bytes).unwrap();
    let found = snapshot::newest(&place).unwrap();
    assert_eq!(found.snapshot.unwrap().header.tick, 90);
    let [refused] = &found.refused[..] else { panic!("{:?}", found.refused) };
    assert!(refused.to_string().contains("is damaged: its content has BLAKE3"), "{refused}");

    assert_eq!(snapshot::prune(&place, 1).unwrap().len(), 4, "three, and what was unfinished");
    assert_eq!(ticks(&place), [120]);
    assert!(place.join("something else").exists());
}

#[test]
fn a_file_is_refused_wherever_it_was_changed_or_cut() {
    let place = tempfile::tempdir().unwrap();
    let build = || {
        let mut builder = Cortex::builder();
        builder.region(Region::agents("a").neuron("n", Relay::default()));
        builder.build().unwrap()
    };
    let path = Capture::of(&mut build(), 5, Vec::new()).unwrap().write(place.path()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Snapshot::read(&path).unwrap_err()
    };
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        let error = refused(&changed);
        match at {
            0..8 => assert!(matches!(error, FileError::Magic { .. }), "{at}: {error}"),
            8..12 => assert!(matches!(error, FileError::Version { .. }), "{at}: {error}"),
            _ => assert!(matches!(error, FileError::Damaged { .. }), "{at}: {error}"),
        }
        assert!(matches!(
            refused(&whole[..at]),
            FileError::Length { .. } | FileError::Magic { .. }
        ));
    }
    assert!(matches!(refused(&[&whole[..], b"x"].concat()), FileError::Length { .. }));
    let mut newer = whole.clone();
    newer[8] = 2;
    let message = refused(&newer).to_string();
    assert!(message.ends_with("is a snapshot of version 2: this program reads 1"), "{message}");
}

#[test]
fn another_topology_is_refused_and_what_differs_is_named() {
    type Change = fn(&mut neuronbus::cortex::CortexBuilder, Vec<Region>) -> Vec<Region>;
    let build = |change: Change, weight: f32| {
        let mut builder = Cortex::builder();
        let regions = vec![
            Region::agents("ears").neuron("left", Relay::default()),
            Region::agents("voice").neuron("say", Relay::default()),
        ];
        let regions = change(&mut builder, regions);
        let ids: Vec<RegionId> = regions.into_iter().map(|r| builder.region(r)).collect();
        builder.project(ids[0], ids[1], Projection::all_to_all().weight(weight));
        builder.build().unwrap()
    };
    let mut bytes = Vec::new();
    build(|_, regions| regions, 0.5).snapshot(&mut bytes).unwrap();
    let refused = |change: Change, weight| {
        let mut cortex = build(change, weight);
        let message = cortex.restore(&bytes).unwrap_err().to_string();
        cortex.tick().expect("what was compared only is as it was");
        message.replace("the state is of another topology: ", "")
    };
    let message = refused(
        |builder, regions| {
            builder.seed(9);
            regions
        },
        0.5,
    );
    assert_eq!(message, "the seed is 0 there, and 9 here");
    let message = refused(
        |builder, regions| {
            builder.tick_length(TICK * 2);
            regions
        },
        0.5,
    );
    assert_eq!(message, "the length of a tick is 1000000 ns there, and 2000000 ns here");
    let more: Change = |_, mut regions| {
        regions[0] = Region::agents("ears").neuron("left", Relay::default());
        regions[1] =
            Region::agents("voice").neuron("say", Relay::default()).neuron("b", Relay::default());
        regions
    };
    assert_eq!(
        refused(more, 0.5),
        "region voice is 1 named neurons there, and 2 named neurons here"
    );
    let extra: Change = |_, mut regions| {
        regions.push(Region::agents("hand"));
        regions
    };
    assert_eq!(refused(extra, 0.5), "region 2 is none there, and hand here");
    let message = refused(|_, regions| regions, 0.25);
    assert!(
        message.starts_with("projection ears -> voice is a description with hash "),
        "{message}"
    );
}

#[test]
fn whatever_is_changed_in_a_state_it_is_refused_or_run_and_nothing_panics() {
    let mut cortex = sample(0);
    cortex.run_for(Ticks(90)).unwrap();
    let mut bytes = Vec::new();
    cortex.snapshot(&mut bytes).unwrap();
    let mut draw = 0;
    let mut random = |below: usize| {
        draw += 1;
        (neuronbus::math::random(11, 0, 0, draw) % below as u64) as usize
    };
    let (mut refused, mut ran) = (0, 0);
    for _ in 0..150 {
        let mut changed = bytes.clone();
        for _ in 0..1 + random(3) {
            let at = random(changed.len());
            changed[at] = [changed[at] ^ 1 << random(8), 0xFF, 0][random(3)];
        }
        let mut other = sample(90);
        if other.restore(&changed).is_err() {
            refused += 1;
            // Where only the form was looked at, it is as it was; half a state is not run.
            let _ = other.tick();
        } else {
            other.run_for(Ticks(60)).unwrap();
            ran += 1;
        }
    }
    assert!(refused > 10 && ran > 10, "{refused} refused, {ran} ran");
    for _ in 0..100 {
        let cut = random(bytes.len());
        assert!(sample(90).restore(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}
