//! A run is a function of its seed and its admissions: whatever the pace, however it is cut into calls.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use neuronbus::context::Firing;
use neuronbus::cortex::Digest;
use neuronbus::gate::{Admissions, Gate, GateError, GateLink, Outlook};
use neuronbus::id::RegionId;
use neuronbus::plasticity::{Bounds, Pairing};
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use proptest::prelude::*;
use support::{Act, Acts, Log, Puppet, drive, fire, free, id};

/// What one agent does when it fires, besides noting it.
#[derive(Debug, Clone, Copy)]
enum Habit {
    Fire(SpikeKind, u8, usize),
    FireTo(u16),
    Gamble,
    Wake(u64),
    Praise(f32),
}

#[derive(Debug, Clone)]
struct Projected {
    probability: f64,
    weight: f32,
    delay: u64,
    plasticity: u8,
    filter: u8,
    inhibitory: bool,
    silent: bool,
    lossless: bool,
}

#[derive(Debug, Clone)]
struct World {
    agents: Vec<(Lif, Habit, usize)>,
    projections: Vec<Projected>,
    steps: Vec<(u64, Act)>,
    seed: u64,
}

type Events = Log<(u64, u16, u64)>;

fn agent(habit: Habit, evidence: usize, log: &Events) -> Puppet {
    let (fired, heard, woken) = (log.clone(), log.clone(), log.clone());
    let puppet = Puppet::default().evidence(evidence).on_spike(move |spike, payload, ctx| {
        let what = u64::from(spike.sequence()) << 8 | payload.len() as u64;
        heard.push((ctx.tick().0, ctx.id().raw(), what));
        Ok(())
    });
    let puppet = puppet.on_wake(move |ctx| {
        woken.push((ctx.tick().0, ctx.id().raw(), u64::MAX));
        ctx.integrate(0.4);
        Ok(ctx.fire(b"woken")?)
    });
    puppet.on_fire(move |ctx| {
        fired.push((ctx.tick().0, ctx.id().raw(), ctx.evidence().len() as u64));
        match habit {
            Habit::Fire(kind, priority, length) => {
                let payload = vec![priority; length];
                ctx.send(Firing { kind, priority, payload: &payload, ..Firing::default() })?;
            }
            Habit::FireTo(target) => ctx.fire_to(id(target), b"you")?,
            Habit::Gamble => {
                let drawn = ctx.random();
                let kind = [SpikeKind::Excitatory, SpikeKind::Inhibitory][(drawn % 2) as usize];
                ctx.send(Firing { kind, payload: &drawn.to_le_bytes(), ..Firing::default() })?;
            }
            Habit::Wake(after) => ctx.wake_in(Ticks(after)),
            Habit::Praise(amount) => ctx.reward(amount)?,
        }
        Ok(())
    })
}

impl Projected {
    fn build(&self) -> Projection {
        let p = Projection::random(self.probability).weight(self.weight).delay(Ticks(self.delay));
        let stdp = Stdp {
            pairing: if self.plasticity & 4 == 0 { Pairing::AllToAll } else { Pairing::Nearest },
            bounds: if self.plasticity & 8 == 0 {
                Bounds::Additive
            } else {
                Bounds::Multiplicative
            },
            a_plus: 0.05,
            ..Stdp::default()
        };
        let p = match self.plasticity % 4 {
            1 => p.plasticity(stdp),
            2 => p.plasticity(RewardStdp { stdp, ..RewardStdp::default() }),
            _ => p,
        };
        let p = match self.filter {
            1 => p.dendrite(Dendrite::priority_at_least(100)),
            2 => p.dendrite(!Dendrite::kind(SpikeKind::Inhibitory)),
            3 => p.dendrite(Dendrite::payload_prefix(b"you")),
            _ => p,
        };
        let p = if self.inhibitory { p.inhibitory() } else { p };
        let p = if self.silent { p.silent() } else { p };
        if self.lossless { p.lossless() } else { p }
    }
}

const GROWING: u16 = 1;

impl World {
    fn build(&self, pace: Pace, tick: Duration) -> (Cortex, Events) {
        let log = Events::default();
        let mut builder = Cortex::builder();
        let mut region = Region::agents("agents");
        for (n, &(membrane, habit, evidence)) in self.agents.iter().enumerate() {
            region = region.membrane(membrane).neuron(&n.to_string(), agent(habit, evidence, &log));
        }
        let agents = builder.region(region);
        let events = log.clone();
        let topics = Region::agents("topics").template(12, move |name| {
            Box::new(agent(Habit::Fire(SpikeKind::Excitatory, 90, name.len()), 2, &events))
        });
        let topics = builder.region(topics);
        assert_eq!(topics, RegionId::new(GROWING).unwrap());
        let door = builder.region(Region::gated("door", Acts::new(self.steps.clone())));
        for (k, projected) in self.projections.iter().enumerate() {
            let from = [agents, agents, topics, door][k % 4];
            builder.project(from, agents, projected.build());
        }
        builder.seed(self.seed).pace(pace).tick_length(tick);
        (builder.build().unwrap(), log)
    }
}

fn membrane() -> impl Strategy<Value = Lif> {
    (1..200_u64, 0.2..1.5_f32, 0..6_u64, any::<bool>()).prop_map(
        |(tau, threshold, pause, leaks)| {
            let lif = if leaks { Lif::default().tau(Ticks(tau)) } else { support::no_leak(1.0) };
            lif.threshold(threshold).refractory(Ticks(pause))
        },
    )
}

fn habit() -> impl Strategy<Value = Habit> {
    let kind = prop_oneof![Just(SpikeKind::Excitatory), Just(SpikeKind::Inhibitory)];
    prop_oneof![
        4 => (kind, any::<u8>(), 0..120_usize).prop_map(|(k, p, n)| Habit::Fire(k, p, n)),
        1 => (0..4_u16).prop_map(Habit::FireTo),
        2 => Just(Habit::Gamble),
        1 => (1..30_u64).prop_map(Habit::Wake),
        1 => (-1.0..1.0_f32).prop_map(Habit::Praise),
    ]
}

prop_compose! {
    fn projected()(
        probability in 0.1..1.0_f64,
        weight in 0.05..0.9_f32,
        delay in 1..80_u64,
        plasticity in 0..16_u8,
        filter in 0..9_u8,
        inhibitory in proptest::bool::weighted(0.2),
        silent in proptest::bool::weighted(0.15),
        lossless in proptest::bool::weighted(0.3),
    ) -> Projected {
        Projected { probability, weight, delay, plasticity, filter, inhibitory, silent, lossless }
    }
}

fn world() -> impl Strategy<Value = World> {
    let act = prop_oneof![
        8 => (0..4_u16, 0.1..1.2_f32).prop_map(|(n, w)| drive(id(n), w)),
        1 => (0..30_usize).prop_map(|n| fire(&vec![7; n * 3])),
        1 => (1..6_usize, 0.2..1.5_f32).prop_map(|(n, w)| {
            Act::Sprout(RegionId::new(GROWING).unwrap(), "t".repeat(n), w)
        }),
    ];
    let agents = proptest::collection::vec((membrane(), habit(), 0..5_usize), 4..12);
    let steps = proptest::collection::vec((0..400_u64, act), 10..120);
    (agents, proptest::collection::vec(projected(), 1..6), steps, any::<u64>())
        .prop_map(|(agents, projections, steps, seed)| World { agents, projections, steps, seed })
}

const SPAN: Ticks = Ticks(600);

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_input_gives_the_same_run_however_it_is_cut_into_calls(
        world in world(),
        cuts in proptest::collection::vec(1..50_u64, 1..30),
    ) {
        let (mut whole, events) = world.build(Pace::Free, Duration::from_millis(1));
        whole.run_for(SPAN).unwrap();
        let digest = whole.digest();
        let (mut again, _) = world.build(Pace::Free, Duration::from_millis(1));
        again.run_for(SPAN).unwrap();
        prop_assert_eq!(again.digest(), digest);
        prop_assert_eq!(again.counts(), whole.counts());

        let (mut stepped, seen) = world.build(Pace::Free, Duration::from_millis(1));
        for tick in 0..SPAN.0 {
            prop_assert_eq!(stepped.tick().unwrap().tick, Tick(tick));
        }
        prop_assert_eq!(seen.all(), events.all());
        prop_assert_eq!(stepped.digest(), digest);
        prop_assert_eq!(stepped.counts(), whole.counts());

        let (mut cut, _) = world.build(Pace::Free, Duration::from_millis(1));
        for span in cuts {
            cut.run_for(Ticks(span.min(SPAN.0 - cut.next_tick().0))).unwrap();
        }
        cut.run_for(Ticks(SPAN.0 - cut.next_tick().0)).unwrap();
        prop_assert_eq!(cut.digest(), digest);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_dated_script_gives_the_same_result_under_every_pace(world in world()) {
        let outcomes = [Pace::Free, Pace::OnDemand, Pace::RealTime].map(|pace| {
            let (mut cortex, events) = world.build(pace, Duration::from_micros(3));
            cortex.run_for(SPAN).unwrap();
            (cortex.digest(), cortex.counts(), events.all())
        });
        prop_assert_eq!(&outcomes[0], &outcomes[1]);
        prop_assert_eq!(&outcomes[0], &outcomes[2]);
    }
}

/// Two neurons, of which the first gambles, and a weight between them.
struct Small {
    seed: u64,
    weight: f32,
    drive: f32,
    state: Vec<u8>,
    random: bool,
    plasticity: Option<Stdp>,
}

impl Default for Small {
    fn default() -> Self {
        let state = Vec::new();
        Self { seed: 1, weight: 0.3, drive: 0.5, state, random: false, plasticity: None }
    }
}

impl Small {
    fn digest(self) -> Digest {
        let mut builder = free();
        let random = self.random;
        let first =
            Puppet::default().state(Arc::new(Mutex::new(self.state))).on_spike(move |_, _, ctx| {
                if random {
                    let drawn = ctx.random();
                    ctx.fire(&drawn.to_le_bytes())?;
                }
                Ok(())
            });
        let region = Region::agents("n").neuron("a", first).neuron("b", support::firing(b""));
        let region = builder.region(region);
        let list = vec![Synapse { pre: 0, post: 1, weight: self.weight, delay: Ticks(9).into() }];
        let mut projection = Projection::synapses(list);
        if let Some(rule) = self.plasticity {
            projection = projection.plasticity(rule);
        }
        builder.project(region, region, projection);
        builder.region(Region::gated("door", Acts::new(vec![(3, drive(id(0), self.drive))])));
        builder.seed(self.seed);
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(6)).unwrap();
        cortex.digest()
    }
}

#[test]
fn the_digest_tells_a_single_difference_of_state() {
    let base = Small::default().digest();
    assert_eq!(Small::default().digest(), base);
    let weight = f32::from_bits(0.3_f32.to_bits() + 1);
    assert_ne!(Small { weight, ..Small::default() }.digest(), base, "the last bit of one weight");
    let drive = f32::from_bits(0.5_f32.to_bits() + 1);
    assert_ne!(Small { drive, ..Small::default() }.digest(), base, "the last bit of one potential");
    let with = |state: &[u8]| Small { state: state.to_vec(), ..Small::default() }.digest();
    assert_ne!(with(&[1]), base, "an agent's state");
    assert_ne!(with(&[1]), with(&[2]), "one byte of an agent's state");
    let random = || Small { random: true, ..Small::default() };
    assert_ne!(random().digest(), base, "a spike under way");
    assert_ne!(Small { seed: 2, ..random() }.digest(), random().digest(), "another seed");
}

#[test]
fn digests_of_another_seed_differ_where_something_is_random() {
    let build = |seed| {
        let mut builder = free();
        let region = (0..20).fold(Region::agents("n"), |region, n| {
            region.neuron(&n.to_string(), Puppet::default())
        });
        let region = builder.region(region);
        builder.project(region, region, Projection::random(0.5)).seed(seed);
        let cortex = builder.build().unwrap();
        (cortex.synapses(), cortex.digest(), cortex.seed())
    };
    assert_eq!(build(3), build(3));
    assert_ne!(build(3).0, build(4).0, "other synapses");
    assert_ne!(build(3).1, build(4).1);
}

#[test]
fn a_digest_prints_as_64_hexadecimal_digits() {
    let digest = Small::default().digest();
    let text = digest.to_string();
    assert_eq!(text.len(), 64);
    let hex: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text, hex);
    assert_eq!(serde_json::to_string(&digest).unwrap(), format!("\"{hex}\""));
}

/// Hands in large payloads, and has written something of its own into the arena before.
struct Writer {
    waste: usize,
    steps: Acts,
}

impl Gate for Writer {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        for _ in 0..self.waste {
            link.arena.write(&[9; 70]).map_err(|e| GateError::new("writer", e.to_string()))?;
        }
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        self.steps.admit(inbound)
    }
}

#[test]
fn where_a_payload_lies_in_the_arena_does_not_show_in_the_digest() {
    let run = |waste: usize| {
        let mut builder = free();
        let kept = Puppet::default().evidence(4).on_fire(|_| Ok(()));
        let region = Region::agents("n").neuron("kept", kept).neuron("far", Puppet::default());
        let region = builder.region(region);
        let steps = vec![
            (0, Act::Drive(id(0), 0.1, 0, vec![1; 100])),
            (1, Act::Fire(SpikeKind::Excitatory, 0, vec![2; 100])),
        ];
        let door = Writer { waste, steps: Acts::new(steps) };
        let door = builder.region(Region::gated("door", door));
        builder.project(door, region, Projection::all_to_all().weight(0.1).delay(Ticks(2)));
        builder.project(door, region, Projection::all_to_all().weight(0.1).delay(Ticks(90)));
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(5)).unwrap();
        assert_eq!(cortex.report().spikes.under_way, 1);
        cortex.digest()
    };
    assert_eq!(run(0), run(1), "the same evidence and the same spike under way");
}
