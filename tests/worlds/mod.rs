//! Random topologies with random input, for everything that must not depend on how they are run.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod everything;

use std::time::Duration;

use neuronbus::context::Firing;
use neuronbus::id::RegionId;
use neuronbus::plasticity::{Bounds, Pairing};
use neuronbus::prelude::*;
use proptest::prelude::*;

use crate::support::{self, Act, Acts, Log, Puppet, drive, fire, id};

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

/// A topology and its input.
#[derive(Debug, Clone)]
pub struct World {
    agents: Vec<(Lif, Habit, usize)>,
    projections: Vec<Projected>,
    steps: Vec<(u64, Act)>,
    seed: u64,
}

pub type Events = Log<(u64, u16, u64)>;

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

const GROWING: u16 = 0;

impl World {
    /// The same topology with what is left of its input from a tick on.
    pub fn after(&self, tick: u64) -> Self {
        let mut world = self.clone();
        world.steps.retain(|&(at, _)| at >= tick);
        world
    }

    /// The topology on one worker.
    pub fn build(&self, pace: Pace, tick: Duration) -> (Cortex, Events) {
        self.build_on(&[0], pace, tick)
    }

    /// The topology with its regions dealt out to workers, round after round, as far as the highest number says.
    pub fn build_on(&self, homes: &[usize], pace: Pace, tick: Duration) -> (Cortex, Events) {
        self.build_with(homes, pace, tick, |_| ())
    }

    /// The same with something more said to the builder.
    pub fn build_with(
        &self,
        homes: &[usize],
        pace: Pace,
        tick: Duration,
        more: impl FnOnce(&mut neuronbus::cortex::CortexBuilder),
    ) -> (Cortex, Events) {
        let log = Events::default();
        let mut builder = Cortex::builder();
        let mut homes_of = homes.iter().copied().cycle();
        let mut home = || homes_of.next().unwrap();
        let events = log.clone();
        let topics = Region::agents("topics").worker(home()).template(12, move |name| {
            Box::new(agent(Habit::Fire(SpikeKind::Excitatory, 90, name.len()), 2, &events))
        });
        let topics = builder.region(topics);
        assert_eq!(topics, RegionId::new(GROWING).unwrap());
        let mut regions = Vec::new();
        for (g, group) in self.agents.chunks(3).enumerate() {
            let mut region = Region::agents(&format!("agents/{g}")).worker(home());
            for (n, &(membrane, habit, evidence)) in group.iter().enumerate() {
                let neuron = agent(habit, evidence, &log);
                region = region.membrane(membrane).neuron(&n.to_string(), neuron);
            }
            regions.push(builder.region(region));
        }
        let door = builder.region(Region::gated("door", Acts::new(self.steps.clone())));
        for (k, projected) in self.projections.iter().enumerate() {
            for (g, &to) in regions.iter().enumerate() {
                let from = [regions[0], regions[(g + k) % regions.len()], topics, door][k % 4];
                builder.project(from, to, projected.build());
            }
        }
        builder.seed(self.seed).pace(pace).tick_length(tick);
        builder.workers(homes.iter().max().unwrap() + 1);
        more(&mut builder);
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

pub fn world() -> impl Strategy<Value = World> {
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
