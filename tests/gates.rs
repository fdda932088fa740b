//! Gates: what they admit is dated and ordered, time waits for what is on its way, and a broken one stops nobody.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::sync::mpsc::{channel, sync_channel};

use neuronbus::cortex::{Digest, Ended, RunError};
use neuronbus::gate::{AdmitError, Gate, GateError, GateLink, Outbound, Outlook};
use neuronbus::inlet::{Inlet, InletError};
use neuronbus::prelude::*;
use proptest::prelude::*;
use support::{
    Act, Acts, Door, Fed, Heard, Log, Puppet, Raster, Says, Sink, drive, fire, fired, free, id,
    listener,
};

#[test]
fn admissions_of_a_tick_come_by_tier_then_gate_then_sequence() {
    let log: Log<Heard> = Log::default();
    let mut builder = free();
    builder.region(Region::agents("n").neuron("ear", listener(&log)));
    let act = |priority, word: &str| (3, Act::Drive(id(0), 0.0, priority, word.into()));
    let first =
        vec![act(0, "first/a"), act(255, "first/b"), act(64, "first/c"), act(31, "first/d")];
    let second = vec![act(255, "second/a"), act(0, "second/b"), act(70, "second/c")];
    builder.region(Region::gated("door/first", Acts::new(first)));
    builder.region(Region::gated("door/second", Acts::new(second)));
    builder.build().unwrap().run_for(Ticks(10)).unwrap();
    let order: Vec<_> =
        log.all().iter().map(|h| String::from_utf8(h.payload.clone()).unwrap()).collect();
    // 31 and 0 are one tier, 64 and 70 another: within a tier the priority does not count.
    let expected = ["first/b", "second/a", "first/c", "second/c", "first/a", "first/d", "second/b"];
    assert_eq!(order, expected);
}

#[test]
fn a_drive_counts_in_its_tick_and_a_spike_of_the_gate_travels_over_its_synapses() {
    let log: Log<Heard> = Log::default();
    let raster = Raster::default();
    let mut builder = free();
    let region = Region::agents("n").membrane(support::no_leak(1.0));
    let region = region.neuron("driven", support::Noted(raster.clone()));
    let targets = builder.region(region.neuron("ear", listener(&log)));
    let steps = vec![(4, drive(id(0), 1.0)), (6, fire(b"over the synapse"))];
    let door = builder.region(Region::gated("door", Acts::new(steps)));
    builder.project(door, targets, Projection::all_to_all().weight(0.5).delay(Ticks(3)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(9)).unwrap();
    assert_eq!((fired(&raster), log.len()), (vec![(4, 0)], 0), "nothing arrives before its delay");
    cortex.run_for(Ticks(20)).unwrap();
    let heard = log.all();
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].tick, heard[0].source(), &heard[0].payload[..]),
        (9, 2, &b"over the synapse"[..])
    );
    assert_eq!(heard[0].spike.time_ns(), 6_000_000, "dated with the tick it was fired in");
    let counts = cortex.counts();
    assert_eq!((counts.admitted, counts.fired), (2, 2), "one drive; the gate and the neuron fired");
}

#[test]
fn a_gate_numbers_what_it_admits() {
    let log: Log<Heard> = Log::default();
    let mut builder = free();
    builder.region(Region::agents("n").neuron("ear", listener(&log)));
    let steps = (0..5).map(|tick| (tick / 2, drive(id(0), 0.0))).collect();
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.build().unwrap().run_for(Ticks(10)).unwrap();
    let numbers: Vec<_> = log.all().iter().map(|h| h.spike.sequence()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

#[test]
fn ticks_in_which_nothing_is_due_are_jumped_over() {
    let raster = Raster::default();
    let mut builder = free();
    builder.region(Region::agents("n").neuron("n", support::Noted(raster.clone())));
    let far = 1_000_000_000_000;
    let steps = vec![(far, drive(id(0), 1.0)), (2 * far, drive(id(0), 1.0))];
    builder.region(Region::gated("door", Acts::new(steps)));
    let mut cortex = builder.build().unwrap();
    let report = cortex.run().unwrap();
    assert_eq!(fired(&raster), [(far, 0), (2 * far, 0)]);
    assert_eq!((report.ticks, report.next_tick, report.ended), (2, 2 * far + 1, Ended::Idle));
}

#[test]
fn a_run_for_a_span_ends_at_its_last_tick_even_when_nothing_happens() {
    let mut builder = free();
    builder.region(Region::gated("door", Acts::new(vec![(50, fire(b""))])));
    let mut cortex = builder.build().unwrap();
    for (span, next, ticks) in [(50, 50, 0), (1, 51, 1), (9, 60, 0)] {
        let report = cortex.run_for(Ticks(span)).unwrap();
        assert_eq!((report.next_tick, report.ticks, report.ended), (next, ticks, Ended::Span));
    }
}

/// A network with delays, learning and randomness, driven by one gate while another has a script of its own.
fn network(gate: impl Gate + 'static, pace: Pace) -> (Cortex, Log<(u64, u16, u64)>) {
    let log: Log<(u64, u16, u64)> = Log::default();
    let mut builder = Cortex::builder();
    let region =
        (0..6).fold(Region::agents("n").membrane(Lif::default().threshold(0.6)), |region, n| {
            let log = log.clone();
            let puppet = Puppet::default().on_fire(move |ctx| {
                let drawn = ctx.random();
                log.push((ctx.tick().0, ctx.id().raw(), drawn));
                Ok(ctx.fire(&drawn.to_le_bytes())?)
            });
            region.neuron(&n.to_string(), puppet)
        });
    let region = builder.region(region.template(20, {
        let log = log.clone();
        move |name| {
            let (name, log) = (name.len() as u64, log.clone());
            Box::new(Puppet::default().on_fire(move |ctx| {
                log.push((ctx.tick().0, ctx.id().raw(), name));
                Ok(ctx.fire(&[])?)
            }))
        }
    }));
    let rule = Stdp::default();
    builder.project(
        region,
        region,
        Projection::random(0.6).weight(0.3).delay(Ticks(7)).plasticity(rule),
    );
    let own = (0..30).map(|k| (3 + 11 * k, drive(id((k % 6) as u16), 0.5))).collect();
    builder.region(Region::gated("door/fed", gate));
    builder.region(Region::gated("door/own", Acts::new(own)));
    builder.seed(5).pace(pace).tick_length(std::time::Duration::from_micros(10));
    (builder.build().unwrap(), log)
}

type Outcome = (Digest, Vec<(u64, u16, u64)>);

fn outcome(gate: impl Gate + 'static, pace: Pace) -> Outcome {
    let (mut cortex, log) = network(gate, pace);
    let report = cortex.run().unwrap();
    assert_eq!(report.ended, Ended::Idle);
    (cortex.digest(), log.all())
}

/// The outcome when another thread feeds the gate in batches of these sizes, and dawdles in between.
fn outcome_fed(steps: &[(u64, Act)], batches: &[(usize, u32)], says: Says, pace: Pace) -> Outcome {
    let (send, feed) = channel();
    let (link, linked) = channel();
    let (steps, batches) = (steps.to_vec(), batches.to_vec());
    let thread = std::thread::spawn(move || {
        let link: GateLink = linked.recv().unwrap();
        let mut steps = steps.into_iter();
        for &(size, pauses) in batches.iter().cycle() {
            let batch: Vec<_> = steps.by_ref().take(size).collect();
            if batch.is_empty() {
                break;
            }
            for step in batch {
                send.send(step).unwrap();
            }
            link.doorbell.ring();
            for _ in 0..pauses {
                std::thread::yield_now();
            }
        }
        drop(send);
        link.doorbell.ring();
    });
    let outcome = outcome(Fed::new(feed, link, says), pace);
    thread.join().unwrap();
    outcome
}

fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let region = neuronbus::id::RegionId::new(0).unwrap();
    let act = prop_oneof![
        4 => (0..6_u16, 0.1..0.7_f32).prop_map(|(n, weight)| drive(id(n), weight)),
        1 => (0..10_usize).prop_map(move |n| Act::Sprout(region, "x".repeat(n + 1), 0.5)),
    ];
    proptest::collection::vec((0..9_u64, act), 1..60).prop_map(|gaps| {
        let mut tick = 0;
        let dated = gaps.into_iter().map(|(gap, act)| {
            tick += gap;
            (tick, act)
        });
        dated.collect()
    })
}

fn says() -> impl Strategy<Value = Says> {
    proptest::sample::select(vec![Says::Wait, Says::NotBefore, Says::After])
}

/// Who says that the next belongs to a later tick has one in each.
fn keep_promise(steps: &mut Vec<(u64, Act)>, says: Says) {
    if says == Says::After {
        steps.dedup_by_key(|&mut (tick, _)| tick);
    }
}

fn batches() -> impl Strategy<Value = Vec<(usize, u32)>> {
    proptest::collection::vec((1..7_usize, 0..40_u32), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn what_a_thread_hands_in_late_gives_the_same_result_as_if_it_had_been_there(
        mut steps in acts(),
        batches in batches(),
        says in says(),
    ) {
        keep_promise(&mut steps, says);
        let at_once = outcome(Acts::new(steps.clone()), Pace::Free);
        let fed = outcome_fed(&steps, &batches, says, Pace::Free);
        prop_assert_eq!(at_once, fed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn the_clock_does_not_pass_what_is_on_its_way_under_any_pace(
        mut steps in acts(),
        batches in batches(),
        says in says(),
        on_demand: bool,
    ) {
        let pace = if on_demand { Pace::OnDemand } else { Pace::RealTime };
        keep_promise(&mut steps, says);
        let at_once = outcome(Acts::new(steps.clone()), Pace::Free);
        let fed = outcome_fed(&steps, &batches, says, pace);
        prop_assert_eq!(at_once, fed);
    }
}

#[test]
fn time_may_reach_and_not_pass_the_tick_that_a_gate_knows_about() {
    let log: Log<u64> = Log::default();
    let mut builder = free();
    let seen = log.clone();
    let clock = Puppet::default().on_wake(move |ctx| {
        seen.push(ctx.tick().0);
        ctx.wake_in(Ticks(1));
        Ok(())
    });
    let clock = clock.on_spike(|_, _, ctx| {
        ctx.wake_in(Ticks(1));
        Ok(())
    });
    builder.region(Region::agents("n").neuron("clock", clock));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 0.1))])));
    let doors = Log::default();
    let door = Door::new("door", &doors, |_| Ok(Outlook::After(Tick(6))));
    builder.region(Region::gated("slow", door));
    let running = builder.build().unwrap().spawn().unwrap();
    // Nothing will ever ring: time stands still after tick 6, and a command still gets through.
    while running.inspect(|cortex| cortex.next_tick()).unwrap() < Tick(7) {}
    for _ in 0..100 {
        assert_eq!(running.inspect(|cortex| cortex.next_tick()).unwrap(), Tick(7));
    }
    running.stop();
    let (cortex, report) = running.join().unwrap();
    assert_eq!(report.ended, Ended::Stopped);
    drop(cortex);
    assert_eq!(log.all()[..6], [1, 2, 3, 4, 5, 6]);
}

#[test]
fn what_was_handed_in_while_another_gate_held_time_is_not_lost_when_the_run_is_stopped() {
    let log: Log<Heard> = Log::default();
    let mut builder = free();
    builder.region(Region::agents("n").neuron("ear", listener(&log)));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 0.1))])));
    let doors = Log::default();
    builder.region(Region::gated("slow", Door::new("slow", &doors, |_| Ok(Outlook::Hold))));
    let running = builder.build().unwrap().spawn().unwrap();
    while running.inspect(|cortex| cortex.counts().admitted).unwrap() == 0 {}
    running.stop();
    let (mut cortex, _) = running.join().unwrap();
    assert_eq!((log.len(), cortex.next_tick()), (0, Tick(0)), "it is held");
    cortex.close();
    assert_eq!((log.len(), cortex.counts().delivered), (1, 1));
}

#[test]
fn a_span_ends_without_waiting_for_a_gate_that_knows_nothing_comes_before() {
    let mut builder = free();
    let doors = Log::default();
    let door = Door::new("door", &doors, |_| Ok(Outlook::After(Tick(1_000))));
    builder.region(Region::gated("slow", door));
    let mut cortex = builder.build().unwrap();
    let report = cortex.run_for(Ticks(500)).unwrap();
    assert_eq!((report.ended, report.next_tick), (Ended::Span, 500));
}

#[test]
fn a_run_ends_when_every_gate_has_ended_and_nothing_is_due() {
    let raster = Raster::default();
    let mut builder = free();
    let region = Region::agents("n").neuron("a", support::Noted(raster.clone()));
    let region = builder.region(region.neuron("b", support::Noted(raster.clone())));
    builder.project(region, region, Projection::pairs(&[(0, 1)], 1.0, Ticks(40)));
    builder.region(Region::gated("door", Acts::new(vec![(2, drive(id(0), 1.0))])));
    let report = builder.build().unwrap().run().unwrap();
    assert_eq!(fired(&raster), [(2, 0), (42, 1)], "what is under way is waited for");
    assert_eq!(report.ended, Ended::Idle);
}

#[test]
fn a_gate_that_takes_fewer_than_it_is_offered_gets_the_others_after_the_next_tick() {
    let log: Log<Heard> = Log::default();
    let mut builder = free();
    let burst = Puppet::default().on_fire(|ctx| {
        for n in 0..5_u8 {
            ctx.fire(&[n])?;
        }
        Ok(ctx.fire(&[7; 100])?)
    });
    let from = builder.region(Region::agents("n").neuron("burst", burst));
    let out = builder.region(Region::gated("out", Sink::new(&log).at_most(2)));
    builder.project(from, out, Projection::all_to_all());
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    let mut cortex = builder.build().unwrap();
    for expected in [0, 2, 4, 6, 6] {
        cortex.tick().unwrap();
        assert_eq!(log.len(), expected);
    }
    let heard = log.all();
    let payloads: Vec<_> = heard.iter().map(|h| h.payload.clone()).collect();
    assert_eq!(payloads, [vec![0], vec![1], vec![2], vec![3], vec![4], vec![7; 100]]);
    assert!(heard.iter().all(|h| h.tick == 1), "the tick in which it reached the gate");
    let report = cortex.report();
    assert_eq!((report.gates[0].emitted, report.spikes.under_way), (6, 0));
}

#[test]
fn what_a_gate_has_not_taken_when_the_run_ends_is_counted_as_abandoned() {
    let log: Log<Heard> = Log::default();
    let mut builder = free();
    let from = builder.region(Region::agents("n").neuron("n", support::firing(b"x")));
    let out = builder.region(Region::gated("out", Sink::new(&log).at_most(0)));
    builder.project(from, out, Projection::all_to_all());
    let steps = (0..3).map(|tick| (tick, drive(id(0), 1.0))).collect();
    builder.region(Region::gated("door", Acts::new(steps)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(10)).unwrap();
    cortex.close();
    let report = cortex.report();
    assert_eq!((report.gates[0].emitted, report.gates[0].abandoned), (0, 3));
    assert_eq!(report.spikes.under_way, 0);
}

#[test]
fn a_gate_that_fails_to_admit_is_named_and_the_run_goes_on() {
    let raster = Raster::default();
    let mut builder = free();
    builder.region(Region::agents("n").neuron("n", support::Noted(raster.clone())));
    let doors = Log::default();
    let broken = Door::new("line/in", &doors, |inbound| match inbound.tick() {
        Tick(..2) => Ok(Outlook::At(Tick(2))),
        tick => Err(GateError::new("line/in", format!("line {tick} is cut"))),
    });
    builder.region(Region::gated("line/in", broken));
    let steps = (0..5).map(|tick| (tick, drive(id(0), 1.0))).collect();
    builder.region(Region::gated("door", Acts::new(steps)));
    let mut cortex = builder.build().unwrap();
    let report = cortex.run().unwrap();
    assert_eq!(report.ended, Ended::Idle, "a gate that failed has ended");
    assert_eq!(fired(&raster).len(), 5);
    let gates = cortex.report().gates;
    let failed: Vec<_> = gates.iter().map(|gate| gate.failed.as_deref()).collect();
    assert_eq!(failed, [Some("gate line/in: line 2 is cut"), None]);
}

#[test]
fn a_gate_that_fails_to_emit_is_named_and_what_comes_later_is_counted() {
    struct Cut(u32);
    impl Gate for Cut {
        fn admit(&mut self, _: &mut neuronbus::gate::Admissions<'_>) -> Result<Outlook, GateError> {
            Ok(Outlook::Open)
        }

        fn emit(&mut self, _: &[Outbound<'_>]) -> Result<usize, GateError> {
            self.0 += 1;
            assert_eq!(self.0, 1, "a gate that failed is not called again");
            Err(GateError::new("out", "broken pipe"))
        }
    }
    let mut builder = free();
    let from = builder.region(Region::agents("n").neuron("n", support::firing(b"x")));
    let out = builder.region(Region::gated("out", Cut(0)));
    builder.project(from, out, Projection::all_to_all());
    let steps = (0..4).map(|tick| (tick, drive(id(0), 1.0))).collect();
    builder.region(Region::gated("door", Acts::new(steps)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(10)).unwrap();
    let gate = &cortex.report().gates[0];
    assert_eq!(gate.failed.as_deref(), Some("gate out: broken pipe"));
    assert_eq!((gate.emitted, gate.abandoned), (0, 4));
}

#[test]
fn a_gate_that_cannot_be_opened_starts_nothing_and_closes_those_before_it() {
    let doors: Log<String> = Log::default();
    let mut builder = free();
    let started = doors.clone();
    let neuron = Puppet::default().on_start(move |_| {
        started.push("neuron started".to_owned());
        Ok(())
    });
    builder.region(Region::agents("n").neuron("n", neuron));
    builder.region(Region::gated("a", Door::ended("a", &doors)));
    builder.region(Region::gated("b", Door::ended("b", &doors).broken()));
    builder.region(Region::gated("c", Door::ended("c", &doors)));
    let mut cortex = builder.build().unwrap();
    let error = cortex.run_for(Ticks(5)).unwrap_err();
    assert_eq!(error.to_string(), "gate b: no such device");
    assert!(matches!(cortex.run_for(Ticks(5)), Err(RunError::Closed)));
    assert!(matches!(cortex.tick(), Err(RunError::Closed)));
    drop(cortex);
    assert_eq!(doors.all(), ["a opened", "a closed"]);
}

#[test]
fn gates_are_opened_once_and_closed_once_at_the_end() {
    let doors: Log<String> = Log::default();
    let mut builder = free();
    builder.region(Region::gated("a", Door::ended("a", &doors)));
    let mut cortex = builder.build().unwrap();
    for _ in 0..3 {
        cortex.run_for(Ticks(2)).unwrap();
        cortex.tick().unwrap();
    }
    assert_eq!(doors.all(), ["a opened"]);
    cortex.close();
    cortex.close();
    assert!(matches!(cortex.run(), Err(RunError::Closed)));
    drop(cortex);
    assert_eq!(doors.all(), ["a opened", "a closed"]);
}

#[test]
fn what_makes_no_sense_is_refused_where_it_enters_and_changes_nothing() {
    let refused: Log<AdmitError> = Log::default();
    let digest = |steps: Vec<(u64, Act)>| {
        let mut builder = free();
        let region = builder.region(Region::agents("n").neuron("n", support::firing(b"")));
        builder.region(Region::gated("door", Acts::new(steps).refused(&refused)));
        builder.project(region, region, Projection::all_to_all().autapses(true).weight(0.1));
        builder.arena(16 << 10);
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(5)).unwrap();
        assert_eq!((cortex.counts().admitted, cortex.counts().delivered), (0, 0));
        cortex.digest()
    };
    let untouched = digest(Vec::new());
    let steps = vec![
        (0, drive(id(9), 0.5)),
        (0, drive(id(1), 0.5)),
        (0, drive(id(0), f32::NAN)),
        (0, drive(id(0), f32::INFINITY)),
        (0, drive(id(0), f32::NEG_INFINITY)),
        (0, Act::Sprout(neuronbus::id::RegionId::new(0).unwrap(), "new".to_owned(), 1.0)),
        (0, Act::Sprout(neuronbus::id::RegionId::new(7).unwrap(), "new".to_owned(), 1.0)),
        (0, Act::Drive(id(0), 0.5, 0, vec![0; 20_000])),
        (0, Act::Fire(SpikeKind::Excitatory, 0, vec![0; 20_000])),
    ];
    assert_eq!(digest(steps), untouched);
    let said: Vec<_> = refused.all().iter().map(ToString::to_string).collect();
    let expected = [
        "neuron 9 does not exist",
        "neuron 1 does not exist",
        "a drive of NaN is refused: it must be a finite number",
        "a drive of inf is refused: it must be a finite number",
        "a drive of -inf is refused: it must be a finite number",
        "region n has no template, so no neuron can be added while it runs",
        "region  has no template, so no neuron can be added while it runs",
        "a block of 20000 bytes is refused: this arena takes at most 1008",
        "no room for another spike: too many are under way, or the arena is full",
    ];
    assert_eq!(said, expected);
}

fn heard_through(inlet_slots: usize) -> (Inlet, Cortex, Log<Heard>) {
    let log: Log<Heard> = Log::default();
    let (inlet, gate) = Inlet::gate(inlet_slots).unwrap();
    let mut builder = free();
    let ear = builder.region(Region::agents("n").neuron("ear", listener(&log)));
    let door = builder.region(Region::gated("door", gate));
    builder.project(door, ear, Projection::all_to_all().weight(0.1));
    (inlet, builder.build().unwrap(), log)
}

#[test]
fn an_inlet_hands_in_spikes_in_the_order_they_were_sent() {
    let (mut inlet, mut cortex, log) = heard_through(64);
    for n in 0..10_u8 {
        inlet.fire(SpikeKind::Inhibitory, 200, &[n]).unwrap();
        inlet.drive(id(0), 0.25, 3, &[100 + n]).unwrap();
    }
    cortex.run_for(Ticks(5)).unwrap();
    let (driven, fired): (Vec<_>, Vec<_>) =
        log.all().into_iter().partition(|h| h.payload[0] >= 100);
    assert_eq!(
        driven.iter().map(|h| h.payload[0] - 100).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
    assert_eq!(fired.iter().map(|h| h.payload[0]).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert!(driven.iter().all(|h| (h.tick, h.spike.priority()) == (0, 3)));
    assert!(fired.iter().all(|h| (h.tick, h.spike.priority()) == (1, 200)));
    assert!(fired.iter().all(|h| h.spike.kind() == Ok(SpikeKind::Inhibitory)));
}

#[test]
fn an_inlet_refuses_when_it_is_full_when_the_payload_is_too_long_and_when_the_run_has_ended() {
    let (mut inlet, mut cortex, log) = heard_through(4);
    for _ in 0..4 {
        inlet.fire(SpikeKind::Excitatory, 0, b"in").unwrap();
    }
    assert_eq!(inlet.fire(SpikeKind::Excitatory, 0, b"in"), Err(InletError::Full));
    cortex.run_for(Ticks(2)).unwrap();
    inlet.drive(id(0), 0.0, 0, &[1; 42]).unwrap();
    let long = inlet.drive(id(0), 0.0, 0, &[1; 43]).unwrap_err();
    assert!(matches!(long, InletError::Spike(_)), "{long:?}");
    cortex.run_for(Ticks(2)).unwrap();
    assert_eq!(log.len(), 5);
    cortex.close();
    assert_eq!(inlet.fire(SpikeKind::Excitatory, 0, b"late"), Err(InletError::Closed));
    let account = inlet.account();
    assert_eq!((account.published, account.deferred), (5, 1));
}

#[test]
fn an_inlet_whose_cortex_never_ran_is_closed_when_the_cortex_is_gone() {
    let (mut inlet, cortex, _) = heard_through(4);
    inlet.fire(SpikeKind::Excitatory, 0, b"in").unwrap();
    drop(cortex);
    assert_eq!(inlet.fire(SpikeKind::Excitatory, 0, b"in"), Err(InletError::Closed));
}

#[test]
fn an_inlet_counts_what_the_cortex_did_not_admit_and_shows_the_first() {
    let (mut inlet, mut cortex, _) = heard_through(16);
    inlet.drive(id(40), 1.0, 0, b"").unwrap();
    inlet.drive(id(0), f32::NAN, 0, b"").unwrap();
    inlet.drive(id(0), 0.5, 0, b"").unwrap();
    cortex.run_for(Ticks(2)).unwrap();
    let refused = &cortex.report().gates[0].account.refused;
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].count, refused[0].sample.as_str()), (2, "neuron 40 does not exist"));
    assert_eq!(cortex.counts().admitted, 1);
}

#[test]
fn closing_lets_spikes_under_way_arrive_and_admits_nothing_more() {
    let log: Log<Heard> = Log::default();
    let mut builder = free();
    let ear = builder.region(Region::agents("n").neuron("ear", listener(&log)));
    let steps = vec![(0, fire(b"a")), (1, fire(b"b")), (3, fire(b"never"))];
    let door = builder.region(Region::gated("door", Acts::new(steps)));
    builder.project(door, ear, Projection::all_to_all().weight(0.1).delay(Ticks(50)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(2)).unwrap();
    assert_eq!(log.len(), 0);
    cortex.close();
    let ticks: Vec<_> = log.all().iter().map(|h| h.tick).collect();
    assert_eq!(ticks, [50, 51]);
    assert_eq!(cortex.report().spikes.under_way, 0);
}

#[test]
fn closing_a_cycle_that_never_rests_ends() {
    let raster = Raster::default();
    let mut builder = free();
    let ring = Region::agents("ring").neuron("a", support::Noted(raster.clone()));
    let ring = builder.region(ring.neuron("b", support::Noted(raster.clone())));
    builder.project(ring, ring, Projection::all_to_all().delay(Ticks(3)));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(100)).unwrap();
    cortex.close();
    let last = fired(&raster).last().unwrap().0;
    assert!((99..=105).contains(&last), "one delay more, not for ever: {last}");
}

#[test]
fn a_spawned_cortex_answers_takes_commands_and_gives_itself_back() {
    let (mut inlet, gate) = Inlet::gate(1024).unwrap();
    let raster = Raster::default();
    let mut builder = free();
    builder.region(Region::agents("n").neuron("n", support::Noted(raster.clone())));
    builder.region(Region::gated("door", gate));
    let running = builder.build().unwrap().spawn().unwrap();
    inlet.drive(id(0), 1.0, 0, b"").unwrap();
    while running.inspect(|cortex| cortex.counts().firings).unwrap() == 0 {}
    let names = running.inspect(|cortex| cortex.atlas().address(id(0))).unwrap();
    assert_eq!(names, "n:n");
    let pruned = running.command(|cortex| cortex.prune(0.5).unwrap()).unwrap();
    assert_eq!((pruned, running.is_finished()), (0, false));
    running.stop();
    let (cortex, report) = running.join().unwrap();
    assert_eq!((report.ended, report.ended.was_asked()), (Ended::Stopped, true));
    assert_eq!((cortex.counts().firings, fired(&raster).len()), (1, 1));
    drop(cortex);
    assert_eq!(inlet.drive(id(0), 1.0, 0, b""), Err(InletError::Closed));
}

fn waiting(pace: Pace) -> (Inlet, Cortex) {
    let (inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    builder.region(Region::gated("door", gate));
    // A tick of an hour: whoever waits for the next one waits too long.
    builder.pace(pace).tick_length(std::time::Duration::from_secs(3600));
    (inlet, builder.build().unwrap())
}

#[test]
fn a_command_and_a_stop_reach_a_cortex_that_waits_whatever_the_pace() {
    for pace in [Pace::Free, Pace::OnDemand, Pace::RealTime] {
        let (_inlet, cortex) = waiting(pace);
        let running = cortex.spawn().unwrap();
        // Often enough that some of them fall between the worker's last look and its sleep.
        for n in 0..20_000 {
            assert_eq!(running.command(move |_| n).unwrap(), n, "{pace:?}");
        }
        running.stop();
        assert_eq!(running.join().unwrap().1.ended, Ended::Stopped, "{pace:?}");
    }
}

#[test]
fn a_stop_from_another_thread_is_never_slept_through() {
    for round in 0..2_000 {
        let pace = [Pace::Free, Pace::OnDemand, Pace::RealTime][round % 3];
        let (_inlet, mut cortex) = waiting(pace);
        let stopper = cortex.stopper();
        let (ready, go) = sync_channel(0);
        let thread = std::thread::spawn(move || {
            go.recv().unwrap();
            stopper.stop();
        });
        ready.send(()).unwrap();
        assert_eq!(cortex.run().unwrap().ended, Ended::Stopped);
        thread.join().unwrap();
    }
}

#[test]
fn dropping_the_handle_stops_the_run_and_closes_the_gates() {
    let (mut inlet, cortex) = waiting(Pace::OnDemand);
    drop(cortex.spawn().unwrap());
    assert_eq!(inlet.fire(SpikeKind::Excitatory, 0, b""), Err(InletError::Closed));
}

#[test]
fn a_handle_says_that_a_run_has_ended_by_itself() {
    let mut builder = free();
    builder.region(Region::gated("door", Acts::new(vec![(10, fire(b""))])));
    let running = builder.build().unwrap().spawn().unwrap();
    while !running.is_finished() {
        std::thread::yield_now();
    }
    assert!(matches!(running.inspect(|_| ()), Err(RunError::Gone)));
    assert_eq!(running.join().unwrap().1.ended, Ended::Idle);
}

#[test]
fn a_gate_that_cannot_be_opened_is_an_error_of_spawn() {
    let doors = Log::default();
    let mut builder = free();
    builder.region(Region::gated("b", Door::ended("b", &doors).broken()));
    assert!(matches!(builder.build().unwrap().spawn(), Err(RunError::Gate(_))));
}
