//! Everything at once, with random rules, links and input.

use neuronbus::id::RegionId;
use neuronbus::plasticity::{ShortTerm, Structural, SynapticScaling, TripletStdp};
use neuronbus::population::{AdaptiveLif, Cells, ExpLif, Izhikevich, Noise};
use neuronbus::prelude::*;
use neuronbus::projection::{Delays, Synapse};
use proptest::prelude::*;

use crate::support::{Act, Acts, drive, fire, id};

/// An agent with everything that an agent can have: state, timers, chance, evidence.
#[derive(Debug, Default)]
pub struct Busy {
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
        if drawn.is_multiple_of(3) && ctx.cell().is_none() {
            ctx.fire_to(id(u16::from(drawn.is_multiple_of(2))), &payload)?;
        }
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
pub struct All {
    rules: Vec<(u8, u64, f32)>,
    links: Vec<(u8, u8, u8, u64)>,
    steps: Vec<(u64, Act)>,
    seed: u64,
}

pub fn all() -> impl Strategy<Value = All> {
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

pub const CROWD: u16 = 4;
/// An agent and a crowd that hear what gates tell them, and nobody else.
pub const QUIET: u16 = 12;

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
    pub fn build(&self, homes: [usize; 3], from: u64) -> Cortex {
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
        let quiet = Region::agents("quiet").worker(homes[2]).neuron("n", Busy::default());
        builder.region(quiet);
        builder.region(Region::crowd("calm", 3, |_| Busy::default()).worker(homes[1]));
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

/// A topology with a little of everything, and its input from a tick on.
pub fn sample(from: u64) -> Cortex {
    let mut steps: Vec<(u64, Act)> =
        (0..60).map(|n| (n * 5, drive(id((n % 2) as u16), 0.9))).collect();
    let topic = |name: &str| Act::Sprout(RegionId::new(1).unwrap(), name.to_owned(), 1.1);
    steps.extend([(2, topic("t")), (3, topic("tt")), (9, topic("t")), (41, topic("ttt"))]);
    steps.extend((0..20).map(|n| (n * 7, fire(&[7; 90]))));
    // What is heard just before it is saved is evidence that waits.
    let late = |tick: u64| {
        [
            (tick, Act::Drive(id(QUIET), 0.01, 0, vec![5; 80])),
            (tick, Act::Drive(id(QUIET + 1), 0.01, 0, vec![6; 80])),
            (tick, Act::DriveCell(id(QUIET + 1), 1, 0.01)),
        ]
    };
    steps.extend((88..95).flat_map(late));
    let rule = |n: u8| (n, 3 + u64::from(n) * 4, 0.6);
    let rules = (0..10).chain(0..10).chain([1, 5]).map(rule).collect();
    let links = vec![(0, 1, 8, 4), (1, 0, 6, 2), (4, 2, 1, 3), (0, 0, 2, 1), (2, 1, 4, 2)];
    All { rules, links, steps, seed: 7 }.build([0; 3], from)
}

/// The columns of a state: section, column, bytes of a value, and where its values lie.
pub fn columns(state: &[u8]) -> Vec<(String, String, usize, std::ops::Range<usize>)> {
    let (mut at, mut section, mut found) = (16, String::new(), Vec::new());
    loop {
        let [mark, kind, a, b] = state[at..at + 4].try_into().unwrap();
        let name = usize::from(u16::from_le_bytes([a, b]));
        let count = u64::from_le_bytes(state[at + 8..at + 16].try_into().unwrap()) as usize;
        let text = String::from_utf8(state[at + 16..at + 16 + name].to_vec()).unwrap();
        let width = [0, 1, 2, 4, 8, 4][usize::from(kind)];
        let start = at + 16 + name.next_multiple_of(8);
        match mark {
            1 => section = text,
            2 => found.push((section.clone(), text, width, start..start + count * width)),
            _ => return found,
        }
        at = start + (count * width).next_multiple_of(8);
    }
}
