//! Several workers compute what one does, to the bit.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;
mod worlds;

use std::time::Duration;

use neuronbus::id::RegionId;
use neuronbus::plasticity::{ShortTerm, SynapticScaling, TripletStdp};
use neuronbus::population::{Cells, ExpLif, Noise, Record};
use neuronbus::prelude::*;
use proptest::prelude::*;
use worlds::world;

const SPAN: Ticks = Ticks(600);
const TICK: Duration = Duration::from_millis(1);

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agents_do_the_same_on_one_worker_and_on_several(
        world in world(),
        homes in proptest::collection::vec(0..3_usize, 4..8),
        cuts in proptest::collection::vec(1..200_u64, 1..4),
    ) {
        let (mut one, events) = world.build(Pace::Free, TICK);
        one.run_for(SPAN).unwrap();
        let (mut several, seen) = world.build_on(&homes, Pace::Free, TICK);
        for span in cuts {
            several.run_for(Ticks(span.min(SPAN.0 - several.next_tick().0))).unwrap();
        }
        several.run_for(Ticks(SPAN.0 - several.next_tick().0)).unwrap();
        let sorted = |events: &worlds::Events| {
            let mut all = events.all();
            // What agents of one worker do within a tick is in order; that of several is not.
            all.sort_by_key(|&(tick, id, _)| (tick, id));
            all
        };
        prop_assert_eq!(sorted(&seen), sorted(&events));
        prop_assert_eq!(several.counts(), one.counts());
        prop_assert_eq!(several.digest(), one.digest());
    }
}

/// A network of populations, with all that synapses between them can learn.
#[derive(Debug, Clone)]
struct Net {
    cells: u32,
    links: Vec<(u8, u8, u8, u64, f32)>,
    seed: u64,
}

fn net() -> impl Strategy<Value = Net> {
    let link = (0..3_u8, 0..7_u8, 0..4_u8, 1..30_u64, 0.05..0.6_f32);
    (3..200_u32, proptest::collection::vec(link, 1..7), any::<u64>())
        .prop_map(|(cells, links, seed)| Net { cells, links, seed })
}

impl Net {
    fn build(&self, workers: usize) -> (Cortex, Vec<RegionId>) {
        let mut builder = Cortex::builder();
        let noise = Noise { rate_hz: 60.0, size: 0.9 };
        let lif = Cells::lif(Lif::default().refractory(Ticks(3))).noise(noise);
        let exp = ExpLif { rest: -48.0, ..ExpLif::default() };
        let kinds = [
            Region::population("a", lif, self.cells),
            Region::population("b", Cells::exp_lif(exp).start_between(-60.0, -50.0), self.cells),
            Region::population("c", Cells::poisson(40.0), self.cells / 2 + 1),
        ];
        let regions: Vec<RegionId> =
            kinds.into_iter().map(|region| builder.region(region.record(Record::Spikes))).collect();
        for &(from, rule, shape, delay, weight) in &self.links {
            let to = usize::from(rule + shape) % 2;
            let projection = match shape {
                0 => Projection::random(0.2),
                1 => Projection::fixed_in_degree(2).autapses(true),
                2 => Projection::all_to_all(),
                _ => Projection::one_to_one(),
            };
            let projection = projection.bounds(0.0, 1.0).weight(weight).delay(Ticks(delay));
            let projection = match rule {
                1 => projection.plasticity(Stdp { a_plus: 0.05, ..Stdp::default() }),
                2 => projection.plasticity(TripletStdp::default()),
                3 => projection.short_term(ShortTerm::default()),
                4 => projection.scaling(SynapticScaling {
                    interval: Ticks(50).into(),
                    ..SynapticScaling::default()
                }),
                5 => projection.inhibitory(),
                6 => projection.plasticity(Stdp::default()).short_term(ShortTerm::default()),
                _ => projection,
            };
            builder.project(regions[usize::from(from)], regions[to], projection);
        }
        // A population that an agent hears stays whole, and its volleys cross.
        let ear = Region::agents("ear").worker(workers - 1).neuron("ear", Relay::default());
        let ear = builder.region(ear);
        let heard = Region::population("heard", Cells::poisson(30.0), 20).worker(0);
        let heard = builder.region(heard);
        builder.project(heard, ear, Projection::all_to_all().weight(0.2).delay(Ticks(7)));
        builder.seed(self.seed).pace(Pace::Free).workers(workers);
        (builder.build().unwrap(), regions)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn populations_do_the_same_on_one_worker_and_cut_into_slices(net in net()) {
        let (mut one, regions) = net.build(1);
        one.run_for(Ticks(300)).unwrap();
        for workers in 2..=3 {
            let (mut several, _) = net.build(workers);
            several.run_for(Ticks(120)).unwrap();
            several.run_for(Ticks(180)).unwrap();
            for &region in &regions {
                prop_assert_eq!(several.recorded(region), one.recorded(region));
                prop_assert_eq!(several.cell_potential(region, 1), one.cell_potential(region, 1));
            }
            prop_assert_eq!(several.counts(), one.counts());
            prop_assert_eq!(several.synapses(), one.synapses());
            prop_assert_eq!(several.digest(), one.digest());
        }
    }
}

#[test]
fn spikes_that_reach_nobody_are_counted_the_same_on_any_number_of_workers() {
    let counts = |workers: usize, connect: fn() -> Projection| {
        let passing = || support::firing(b"x");
        let mut builder = Cortex::builder();
        let home = |n: usize| n % workers;
        let agents = (0..8).fold(Region::agents("agents").worker(home(1)), |region, n| {
            region.neuron(&n.to_string(), passing())
        });
        let agents = builder.region(agents);
        let from = Region::crowd("from", 9, move |_| passing()).worker(home(0));
        let from = builder.region(from);
        let few = builder.region(Region::crowd("few", 4, move |_| passing()).worker(home(1)));
        let third = builder.region(Region::crowd("third", 2, move |_| passing()).worker(home(2)));
        let (mut inlet, gate) = neuronbus::inlet::Inlet::gate(64).unwrap();
        builder.region(Region::gated("door", gate));
        builder.project(from, few, connect()).project(from, third, connect());
        builder.project(agents, from, connect()).project(agents, third, connect());
        builder.workers(workers).pace(Pace::Free);
        let mut cortex = builder.build().unwrap();
        for n in 0..8 {
            let agent = cortex.atlas().neuron("agents", &n.to_string()).unwrap();
            inlet.drive(agent, 2.0, 0, b"").unwrap();
        }
        let crowd = cortex.atlas().members(from)[0];
        (0..9).for_each(|cell| inlet.drive_cell(crowd, cell, 2.0, 0, b"").unwrap());
        cortex.run_for(Ticks(20)).unwrap();
        cortex.counts()
    };
    for connect in [Projection::one_to_one, || Projection::random(0.15)] {
        let one = counts(1, connect);
        assert!(one.unrouted > 0 && one.delivered > 17, "{one:?}");
        assert_eq!((counts(2, connect), counts(3, connect)), (one, one));
    }
}

/// Fires five times on every spike.
struct Chatter;

impl Neuron for Chatter {
    fn on_spike(&mut self, _: &Spike, _: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        for _ in 0..5 {
            let _ = ctx.fire(&[]);
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

#[test]
fn a_limit_that_is_met_on_several_workers_is_said_to_change_the_result() {
    let notes = |workers, limit| {
        let mut builder = Cortex::builder();
        let regions: Vec<RegionId> = (0..workers)
            .map(|worker| {
                let region = Region::agents(&format!("r{worker}")).worker(worker);
                builder.region(region.neuron("a", Chatter).neuron("b", Relay::default()))
            })
            .collect();
        for &region in &regions {
            let own = Projection::pairs(&[(0, 1)], 0.001, Ticks(4));
            builder.project(region, region, own);
        }
        let (mut inlet, gate) = neuronbus::inlet::Inlet::gate(8).unwrap();
        builder.region(Region::gated("door", gate));
        builder.workers(workers).pace(Pace::Free).flight_limit(limit);
        let mut cortex = builder.build().unwrap();
        for worker in 0..workers {
            let chatter = cortex.atlas().neuron(&format!("r{worker}"), "a").unwrap();
            inlet.drive(chatter, 0.0, 0, &[]).unwrap();
        }
        cortex.run_for(Ticks(20)).unwrap();
        (cortex.counts().saturated > 0, cortex.report().notes)
    };
    assert_eq!(notes(2, 1000), (false, vec![]));
    assert_eq!(notes(1, 3), (true, vec![]), "one worker has one limit");
    let (met, said) = notes(2, 3);
    assert!(met && said.len() == 1 && said[0].contains("2 workers"), "{said:?}");
}

#[test]
fn a_region_can_be_given_to_a_worker_and_what_cannot_be_is_refused() {
    let refused = |workers, region: Region| {
        let mut builder = Cortex::builder();
        builder.region(region);
        builder.workers(workers);
        builder.build().unwrap_err().to_string()
    };
    let agents = || Region::agents("a").neuron("n", Relay::default());
    let message = refused(2, agents().worker(2));
    assert_eq!(message, "region a cannot be on worker 2: there are fewer workers");
    let (_inlet, gate) = neuronbus::inlet::Inlet::gate(8).unwrap();
    let message = refused(2, Region::gated("door", gate).worker(1));
    assert_eq!(message, "region door cannot be on worker 1: gates are with worker 0");
    for workers in [0, 65] {
        let message = refused(workers, agents());
        assert_eq!(message, format!("{workers} workers are refused: a cortex has 1 to 64"));
    }
}

#[test]
fn a_worker_that_falls_stops_the_run_with_its_reason_and_nothing_hangs() {
    let mut builder = Cortex::builder();
    let sender = support::firing(b"x");
    let (mut inlet, gate) = neuronbus::inlet::Inlet::gate(8).unwrap();
    builder.region(Region::gated("door", gate));
    let from = builder.region(Region::agents("from").worker(0).neuron("a", sender));
    let to = builder.region(Region::agents("to").worker(1).neuron("b", Relay::default()));
    let third = builder.region(Region::agents("third").worker(2).neuron("c", Relay::default()));
    // A filter is the user's code on the path of the runtime: its panic is the worker's.
    let filter = Dendrite::closure(|_, _| panic!("the filter is broken"));
    builder.project(from, to, Projection::all_to_all().dendrite(filter));
    builder.project(from, third, Projection::all_to_all());
    builder.workers(3).pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    let target = cortex.atlas().neuron("from", "a").unwrap();
    inlet.drive(target, 2.0, 0, b"").unwrap();
    drop(inlet);
    let error = cortex.run().unwrap_err().to_string();
    assert!(error.starts_with("worker 1 fell: panicked: the filter is broken"), "{error}");
    assert!(matches!(cortex.run(), Err(neuronbus::cortex::RunError::Closed)));
}

#[test]
fn a_running_cortex_of_several_workers_is_inspected_between_two_ticks() {
    let mut builder = Cortex::builder();
    let a = builder.region(Region::agents("a").worker(0).neuron("n", Relay::default()));
    let b = builder.region(Region::agents("b").worker(1).neuron("n", Relay::default()));
    let (mut inlet, gate) = neuronbus::inlet::Inlet::gate(8).unwrap();
    builder.region(Region::gated("door", gate));
    let circle = Projection::all_to_all().delay(Ticks(3));
    builder.project(a, b, circle.clone()).project(b, a, circle).workers(2).pace(Pace::Free);
    let cortex = builder.build().unwrap();
    let target = cortex.atlas().neuron("b", "n").unwrap();
    let running = cortex.spawn().unwrap();
    inlet.drive(target, 2.0, 0, b"around").unwrap();
    drop(inlet);
    let looks: Vec<u64> =
        (0..20).map(|_| running.inspect(|cortex| cortex.counts().firings).unwrap()).collect();
    assert!(looks.is_sorted());
    running.stop();
    let (cortex, _) = running.join().unwrap();
    let report = cortex.report();
    assert_eq!(report.workers.len(), 2);
    let firings: Vec<u64> = report.workers.iter().map(|worker| worker.firings).collect();
    assert_eq!(firings.iter().sum::<u64>(), cortex.counts().firings);
    assert!(firings[0].abs_diff(firings[1]) <= 1, "it goes round and round: {firings:?}");
}

#[test]
fn a_panic_on_the_first_worker_reaches_the_caller_and_the_others_end() {
    let mut builder = Cortex::builder();
    let from = builder.region(Region::agents("from").worker(1).neuron("a", support::firing(b"x")));
    let to = builder.region(Region::agents("to").worker(0).neuron("b", Relay::default()));
    let filter = Dendrite::closure(|_, _| panic!("the filter is broken"));
    builder.project(from, to, Projection::all_to_all().dendrite(filter));
    let (mut inlet, gate) = neuronbus::inlet::Inlet::gate(8).unwrap();
    builder.region(Region::gated("door", gate));
    builder.workers(2).pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    let target = cortex.atlas().neuron("from", "a").unwrap();
    inlet.drive(target, 2.0, 0, b"").unwrap();
    drop(inlet);
    let run = std::panic::AssertUnwindSafe(|| cortex.run().map(|report| report.ticks));
    let panic = std::panic::catch_unwind(run).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the filter is broken"));
    assert!(cortex.run().is_err(), "its workers are gone");
    // Dropping it waits for their threads.
    drop(cortex);
}

#[test]
fn a_tick_in_which_the_first_of_several_workers_has_no_part_is_timed() {
    let mut builder = Cortex::builder();
    builder.region(Region::agents("a").worker(1).neuron("n", Relay::default()));
    let drives = (0..3).map(|n| (n * 4, support::id(0), 0.1)).collect();
    builder.region(Region::gated("door", support::Script::new(drives)));
    builder.workers(2).pace(Pace::OnDemand).tick_length(TICK);
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    let report = cortex.report();
    assert_eq!((report.spikes.counts.delivered, report.latency_ns.tick.count), (3, 3));
}
