//! Crowds: many agents of one type behind one endpoint behave as they would alone.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::sync::{Arc, Mutex};

use neuronbus::cortex::{BuildError, Counts};
use neuronbus::gate::AdmitError;
use neuronbus::inlet::Inlet;
use neuronbus::neuron::FireWith;
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use proptest::prelude::*;

/// What happened, in order: tick, whose callback, and what it was given.
type Log = Arc<Mutex<Vec<(u64, u32, String)>>>;

/// An agent that does a little of everything, by rules that depend on its number and on what it has heard.
struct Busy {
    number: u32,
    /// The id of the first of them, where each has its own.
    first: Option<u16>,
    heard: u32,
    fired: u32,
    log: Log,
}

impl Busy {
    fn new(number: u32, first: Option<u16>, log: &Log) -> Self {
        Self { number, first, heard: 0, fired: 0, log: log.clone() }
    }

    fn write(&self, ctx: &Context<'_>, what: String) {
        self.log.lock().unwrap().push((ctx.tick().0, self.number, what));
    }

    /// Which of them has sent a spike, or who else.
    fn sender(&self, spike: &Spike) -> Option<u32> {
        match self.first {
            None => spike.cell(),
            Some(first) => u32::from(spike.source().unwrap().raw()).checked_sub(first.into()),
        }
    }
}

impl Neuron for Busy {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        self.heard += 1;
        let header = (spike.sequence(), spike.kind().unwrap(), spike.priority());
        self.write(ctx, format!("heard {payload:?} of {:?} {header:?}", self.sender(spike)));
        if self.heard % 5 == self.number % 5 {
            ctx.integrate(0.25);
        }
        if self.heard % 7 == 3 && self.heard < 40 {
            ctx.wake_in(Ticks(u64::from(self.number % 3)));
        }
        if self.number % 11 == 4 && self.heard == 6 {
            panic!("{} has heard enough", self.number);
        }
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.fired += 1;
        let evidence = ctx.evidence().map(|item| (item.weight.to_bits(), item.payload.len()));
        self.write(ctx, format!("fires for {:?}", evidence.collect::<Vec<_>>()));
        let large = vec![self.number as u8; 30 + 20 * (self.fired as usize % 3)];
        match self.fired % 4 {
            0 => ctx.fire(&large)?,
            1 => ctx.send(Firing { kind: SpikeKind::Inhibitory, ..Firing::default() })?,
            _ => ctx.fire(&self.fired.to_le_bytes())?,
        }
        if self.number % 13 == 5 && self.fired == 3 {
            return Err(Fault::new("three times are enough"));
        }
        Ok(())
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.write(ctx, "wakes".to_owned());
        ctx.integrate(0.5);
        ctx.send(Firing { priority: 200, payload: b"woken", ..Firing::default() })?;
        Ok(())
    }

    fn evidence(&self) -> usize {
        self.number as usize % 4
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend([self.heard.to_le_bytes(), self.fired.to_le_bytes()].concat());
    }
}

/// Fires in each tick once it was driven.
struct Beat;

impl Neuron for Beat {
    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.on_fire(ctx)
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(&ctx.tick().0.to_le_bytes()[..3])?;
        ctx.wake_in(Ticks(1));
        Ok(())
    }
}

/// The wiring of one network: how many agents, and how they are connected.
#[derive(Debug, Clone)]
struct Wiring {
    agents: u32,
    within: Vec<(u32, u32, f32, u64)>,
    inputs: u8,
    filtered: bool,
    refractory: u64,
}

fn wiring() -> impl Strategy<Value = Wiring> {
    (2u32..40).prop_flat_map(|agents| {
        let synapse = (0..agents, 0..agents, -1.0f32..1.0, 1u64..4);
        let within = prop::collection::vec(synapse, 0..120);
        (Just(agents), within, 0u8..3, any::<bool>(), 0u64..3).prop_map(
            |(agents, within, inputs, filtered, refractory)| Wiring {
                agents,
                within,
                inputs,
                filtered,
                refractory,
            },
        )
    })
}

struct Outcome {
    log: Vec<(u64, u32, String)>,
    counts: Counts,
    potentials: Vec<u32>,
    faults: Vec<(u64, String)>,
    synapses: u64,
    digest: neuronbus::cortex::Digest,
}

/// Runs a network whose agents are boxed, or a crowd, on one worker or several.
fn run(wiring: &Wiring, crowd: bool, workers: usize) -> Outcome {
    let log = Log::default();
    let (mut inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    builder.region(Region::gated("door", gate));
    let beats = builder.region(Region::agents("beats").neuron("a", Beat).neuron("b", Beat));
    let membrane = Lif::default().threshold(0.9).refractory(Ticks(wiring.refractory));
    let all = if crowd {
        let log = log.clone();
        Region::crowd("all", wiring.agents, move |cell| Busy::new(cell, None, &log))
            .membrane(membrane)
    } else {
        (0..wiring.agents).fold(Region::agents("all").membrane(membrane), |region, number| {
            region.neuron(&number.to_string(), Busy::new(number, Some(3), &log))
        })
    };
    let all = builder.region(all);
    let sinks = (0..3).fold(Region::agents("sinks"), |region, number| {
        region.neuron(&format!("{number}"), Busy::new(1000 + number, None, &Log::default()))
    });
    let sinks = builder.region(sinks);
    let input = match wiring.inputs {
        0 => Projection::all_to_all(),
        1 => Projection::one_to_one(),
        _ => Projection::pairs(&[(0, 1), (1, 0), (1, 1), (1, 1)], 0.7, Ticks(2)),
    };
    builder.project(beats, all, input.bounds(-1.0, 1.0));
    let within = |&(pre, post, weight, delay): &(u32, u32, f32, u64)| Synapse {
        pre,
        post,
        weight,
        delay: Ticks(delay).into(),
    };
    let within = Projection::synapses(wiring.within.iter().map(within).collect());
    let within = within.bounds(-1.0, 1.0);
    let filter = !Dendrite::kind(SpikeKind::Inhibitory);
    builder.project(all, all, if wiring.filtered { within.dendrite(filter) } else { within });
    builder.project(all, all, Projection::lateral_inhibition().weight(0.05).delay(Ticks(2)));
    builder.project(all, sinks, Projection::one_to_one());
    builder.pace(Pace::Free).workers(workers);
    let mut cortex = builder.build().unwrap();
    for id in [1, 2] {
        inlet.drive(NeuronId::new(id).unwrap(), 1.0, 0, b"").unwrap();
    }
    cortex.run_for(Ticks(40)).unwrap();
    let members = cortex.atlas().members(all).to_vec();
    let potential = |number: u32| match crowd {
        true => cortex.cell_potential(all, number),
        false => cortex.potential(members[number as usize]),
    };
    let name = |name: &str| name.replace("cells[", "").replace(']', "");
    let report = cortex.report();
    let log = std::mem::take(&mut *log.lock().unwrap());
    Outcome {
        log,
        counts: cortex.counts(),
        potentials: (0..wiring.agents).map(|n| potential(n).unwrap().to_bits()).collect(),
        faults: report.faults.iter().map(|f| (f.tick, name(&f.neuron) + &f.message)).collect(),
        synapses: cortex.synapses(),
        digest: cortex.digest(),
    }
}

/// The failures of a tick, whoever is written down first.
fn sorted(mut faults: Vec<(u64, String)>) -> Vec<(u64, String)> {
    faults.sort();
    faults
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_crowd_behaves_bit_for_bit_like_as_many_agents_alone(wiring in wiring()) {
        let (alone, crowd) = (run(&wiring, false, 1), run(&wiring, true, 1));
        prop_assert!(alone.log.len() > 1);
        for (one, other) in alone.log.iter().zip(&crowd.log) {
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(alone.log.len(), crowd.log.len());
        prop_assert_eq!(alone.counts, crowd.counts);
        prop_assert_eq!(alone.potentials, crowd.potentials);
        prop_assert_eq!(sorted(alone.faults), sorted(crowd.faults));
        prop_assert_eq!(alone.synapses, crowd.synapses);
    }

    #[test]
    fn a_crowd_is_the_same_on_any_number_of_workers(wiring in wiring(), workers in 2usize..4) {
        let (one, several) = (run(&wiring, true, 1), run(&wiring, true, workers));
        prop_assert_eq!(one.log, several.log);
        prop_assert_eq!(one.counts, several.counts);
        prop_assert_eq!(one.potentials, several.potentials);
        prop_assert_eq!(one.digest, several.digest);
    }
}

/// Answers whoever speaks to it, cell to cell.
struct Echo;

impl Neuron for Echo {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        if let (Some(cell), b"ping") = (spike.cell(), payload) {
            ctx.fire_to_cell(spike.source()?, cell, b"pong")?;
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// Says `ping` when it fires, and keeps who has answered.
#[derive(Default)]
struct Caller {
    answers: Vec<Option<u32>>,
    me: Option<u32>,
    drawn: u64,
}

impl Neuron for Caller {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        if payload == b"pong" {
            self.answers.push(spike.cell());
        }
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.me = ctx.cell();
        self.drawn = ctx.random();
        ctx.fire(b"ping")?;
        Ok(())
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend(self.drawn.to_le_bytes());
    }
}

#[test]
fn cells_answer_each_other_by_endpoint_and_number() {
    let (mut inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    builder.region(Region::gated("door", gate));
    let callers = builder.region(Region::crowd("callers", 1_000, |_| Caller::default()));
    let echoes = builder.region(Region::crowd("echoes", 3, |_| Echo));
    builder.project(callers, echoes, Projection::all_to_all().weight(0.0));
    builder.project(echoes, callers, Projection::all_to_all().weight(0.0));
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    let id = cortex.atlas().members(callers)[0];
    assert_eq!((cortex.atlas().cells(id), cortex.atlas().len()), (1_000, 3));
    inlet.drive_cell(id, 7, 1.0, 0, b"").unwrap();
    inlet.drive_cell(id, 999, 1.0, 0, b"").unwrap();
    cortex.run_for(Ticks(5)).unwrap();
    let cells = cortex.crowd::<Caller>(callers).unwrap();
    for (number, cell) in (0..).zip(cells) {
        let called = number == 7 || number == 999;
        assert_eq!(cell.me, called.then_some(number));
        assert_eq!(cell.answers.len(), if called { 3 } else { 0 }, "cell {number}");
    }
    assert_eq!(cells[7].answers, [Some(0), Some(1), Some(2)]);
    assert_ne!(cells[7].drawn, cells[999].drawn);
    assert!(cortex.crowd::<Echo>(callers).is_none());
    let counts = cortex.counts();
    assert_eq!((counts.firings, counts.delivered, counts.lost()), (2, 2 + 6 + 6, 0));
}

#[test]
fn a_crowd_meets_agents_gates_and_populations() {
    let (mut inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("door", gate));
    let heard = support::Log::default();
    let exit = builder.region(Region::gated("exit", support::Sink::new(&heard)));
    let crowd = builder.region(Region::crowd("crowd", 20, |_| Caller::default()));
    let echo = builder.region(Region::agents("echo").neuron("one", Echo));
    let cells = neuronbus::population::Cells::lif(Lif::default());
    let plain = builder.region(Region::population("plain", cells, 4));
    builder.project(door, crowd, Projection::all_to_all());
    builder.project(crowd, exit, Projection::all_to_all());
    builder.project(crowd, echo, Projection::pairs(&[(3, 0)], 0.0, Ticks(1)).bounds(-1.0, 1.0));
    builder.project(echo, crowd, Projection::all_to_all().weight(0.0));
    builder.project(crowd, plain, Projection::all_to_all().weight(0.05));
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    inlet.fire(SpikeKind::Excitatory, 0, b"pong").unwrap();
    cortex.run_for(Ticks(6)).unwrap();
    let from: Vec<_> = heard.all().iter().map(|heard| heard.spike.cell().unwrap()).collect();
    assert_eq!(from, (0..20).collect::<Vec<_>>(), "cells come in their order");
    let answers = |cell: usize| cortex.crowd::<Caller>(crowd).unwrap()[cell].answers.len();
    assert_eq!((answers(2), answers(3), answers(4)), (1, 2, 1), "one of them was answered");
    assert_eq!(cortex.counts().firings, 20 + 4, "20 spikes of 0.05 fire every plain cell");
    let graph = cortex.topology();
    let edge = |from: &str, to: &str| {
        let node =
            |path: &str| graph.graph().node_indices().find(|&n| graph.graph()[n].region == path);
        let edge = graph.graph().find_edge(node(from).unwrap(), node(to).unwrap()).unwrap();
        graph.graph()[edge].synapses
    };
    assert_eq!((edge("door", "crowd"), edge("crowd", "echo"), edge("crowd", "exit")), (20, 1, 20));
    assert!(graph.to_dot().contains("cells x 20"));
}

/// One crowd whose first cells were driven, and the digest after a few ticks.
fn digest(seed: u64, driven: u32) -> neuronbus::cortex::Digest {
    let (mut inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    builder.region(Region::gated("door", gate));
    let crowd = builder.region(Region::crowd("crowd", 50, |_| Caller::default()));
    builder.project(crowd, crowd, Projection::random(0.1).weight(0.0));
    builder.seed(seed).pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    let id = cortex.atlas().members(crowd)[0];
    (0..driven).for_each(|cell| inlet.drive_cell(id, cell, 1.0, 0, b"").unwrap());
    cortex.run_for(Ticks(1)).unwrap();
    cortex.digest()
}

#[test]
fn the_digest_knows_every_cell() {
    assert_eq!(digest(1, 3), digest(1, 3));
    assert_ne!(digest(1, 3), digest(1, 4));
    assert_ne!(digest(1, 3), digest(2, 3));
}

#[test]
fn what_a_crowd_cannot_have_is_refused_by_name() {
    let mistakes = |describe: &dyn Fn(&mut neuronbus::cortex::CortexBuilder)| {
        let mut builder = Cortex::builder();
        describe(&mut builder);
        let Err(BuildError { mistakes }) = builder.build() else { return Vec::new() };
        mistakes.iter().map(ToString::to_string).collect()
    };
    let crowd = |path: &str, cells| Region::crowd(path, cells, |_| Echo);
    let within = |projection: Projection| {
        mistakes(&|builder| {
            let crowd = builder.region(crowd("crowd", 9));
            builder.project(crowd, crowd, projection.clone());
        })
    };
    assert_eq!(within(Projection::all_to_all()), [""; 0]);
    let refused = "projection crowd -> crowd: ";
    assert_eq!(
        within(Projection::all_to_all().plasticity(Stdp::default())),
        [format!(
            "{refused}plasticity is refused: one end is a crowd, whose synapses do not learn"
        )]
    );
    assert_eq!(
        within(Projection::all_to_all().lossless()),
        [format!(
            "{refused}losslessness is refused: one end is a crowd, for whose cells no spike waits"
        )]
    );
    assert_eq!(
        within(Projection::pairs(&[(0, 9)], 1.0, Ticks(1))),
        [format!("{refused}synapse 0 -> 9 is refused: there are 9 sources and 9 targets")]
    );
    let found = mistakes(&|builder| {
        builder.region(crowd("none", 0));
        builder.region(crowd("much", 1 << 31));
        builder.region(crowd("both", 3).neuron("more", Echo));
        let membrane = Lif::default().threshold(f32::NAN);
        builder.region(crowd("sick", 3).membrane(membrane));
    });
    assert_eq!(
        found,
        [
            "crowd none: 0 cells are refused: a crowd has 1 to 2^30 cells",
            "crowd much: 2147483648 cells are refused: a crowd has 1 to 2^30 cells",
            "crowd both: a region is a crowd, or it has agents, a template, a gate or a population: not both",
            "membrane of sick:cells: threshold = NaN is refused: it must be a finite number",
        ]
    );
    let grows = mistakes(&|builder| {
        let region = Region::agents("grows").template(9, |_| Box::new(Echo));
        let (grows, crowd) = (builder.region(region), builder.region(crowd("crowd", 9)));
        builder.project(grows, crowd, Projection::all_to_all());
    });
    assert_eq!(
        grows,
        [
            "projection grows -> crowd: a region that grows is refused: the other end is a crowd; name a port of it"
        ]
    );
}

#[test]
fn a_cell_that_is_not_there_is_refused_and_one_that_is_not_reached_is_counted() {
    let refused = support::Log::default();
    let mut builder = Cortex::builder();
    let acts = vec![
        (0, support::Act::DriveCell(support::id(1), 5, 1.0)),
        (0, support::Act::DriveCell(support::id(2), 0, 1.0)),
        (0, support::Act::DriveCell(support::id(1), 4, 1.0)),
    ];
    builder.region(Region::gated("door", support::Acts::new(acts).refused(&refused)));
    let crowd = builder.region(Region::crowd("crowd", 5, |_| {
        FireWith(|ctx: &mut Context<'_>| {
            // Its synapses lead to every cell but itself, and beyond them there is nobody.
            [0, 4, 5, 70_000]
                .into_iter()
                .try_for_each(|cell| ctx.fire_to_cell(ctx.id(), cell, b""))?;
            Ok(())
        })
    }));
    builder.region(Region::agents("alone").neuron("one", Echo));
    builder.project(crowd, crowd, Projection::all_to_all().weight(0.0)).pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(3)).unwrap();
    let cell = |raw, cell| AdmitError::NoSuchCell { target: support::id(raw), cell };
    assert_eq!(refused.all(), [cell(1, 5), cell(2, 0)]);
    let counts = cortex.counts();
    assert_eq!((counts.firings, counts.unrouted, counts.delivered), (1, 3, 2));
}
