//! What a neuron can do from inside its callbacks.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use neuronbus::arena::ArenaUsage;
use neuronbus::context::Firing;
use neuronbus::gate::{Admissions, Gate, GateError, GateLink, Outlook};
use neuronbus::prelude::*;
use support::{Act, Acts, Heard, Log, Puppet, drive, firing, free, id, listener, no_leak};

/// A cortex of one neuron that is driven by a script and heard by an ear two ticks away.
fn heard_by_an_ear(neuron: Puppet, membrane: Lif, steps: Vec<(u64, Act)>) -> (Cortex, Log<Heard>) {
    let log = Log::default();
    let mut builder = free();
    let from = Region::agents("from").membrane(membrane).neuron("n", neuron);
    let from = builder.region(from);
    let ear = builder.region(Region::agents("to").neuron("ear", listener(&log)));
    builder.project(from, ear, Projection::all_to_all().weight(0.01).delay(Ticks(2)));
    builder.region(Region::gated("door", Acts::new(steps)));
    (builder.build().unwrap(), log)
}

fn words(log: &Log<Heard>) -> Vec<(u64, String)> {
    log.all().into_iter().map(|h| (h.tick, String::from_utf8(h.payload).unwrap())).collect()
}

#[test]
fn a_neuron_can_fire_from_every_callback() {
    let neuron = Puppet::default().on_spike(|_, _, ctx| {
        ctx.fire(b"on spike")?;
        ctx.wake_in(Ticks(4));
        Ok(())
    });
    let neuron = neuron.on_fire(|ctx| Ok(ctx.fire(b"on fire")?));
    let neuron = neuron.on_wake(|ctx| Ok(ctx.fire(b"on wake")?));
    let (mut cortex, log) = heard_by_an_ear(neuron, Lif::default(), vec![(3, drive(id(0), 1.0))]);
    cortex.run_for(Ticks(20)).unwrap();
    let expected =
        [(5, "on spike".to_owned()), (5, "on fire".to_owned()), (9, "on wake".to_owned())];
    assert_eq!(words(&log), expected);
    let all = log.all();
    let numbers: Vec<_> = all.iter().map(|h| (h.spike.sequence(), h.spike.time_ns())).collect();
    assert_eq!(numbers, [(0, 3_000_000), (1, 3_000_000), (2, 7_000_000)]);
    assert!(all.iter().all(|h| h.source() == 0 && h.spike.target().is_none()));
}

#[test]
fn a_spike_says_its_kind_priority_and_target() {
    let neuron = Puppet::default().on_fire(|ctx| {
        let spike = Firing { kind: SpikeKind::Inhibitory, priority: 201, ..Firing::default() };
        ctx.send(Firing { payload: b"say", target: Some(id(1)), ..spike })?;
        ctx.inhibit(id(1))?;
        ctx.modulate(id(1), 0.25)?;
        Ok(ctx.reward(-0.5)?)
    });
    let (mut cortex, log) = heard_by_an_ear(neuron, Lif::default(), vec![(0, drive(id(0), 1.0))]);
    cortex.run_for(Ticks(9)).unwrap();
    let all = log.all();
    let header = |h: &Heard| (h.spike.kind().unwrap(), h.spike.priority(), h.spike.target());
    let expected = [
        (SpikeKind::Inhibitory, 201, Some(id(1))),
        (SpikeKind::Inhibitory, 0, Some(id(1))),
        (SpikeKind::Modulatory, 0, Some(id(1))),
        (SpikeKind::Modulatory, 0, None),
    ];
    assert_eq!(all.iter().map(header).collect::<Vec<_>>(), expected);
    assert_eq!(all[0].payload, b"say");
    assert_eq!(all[2].payload, 0.25_f32.to_le_bytes());
    assert_eq!(all[3].payload, (-0.5_f32).to_le_bytes());
}

#[test]
fn inhibition_subtracts_the_weight_that_excitation_adds() {
    for (kind, expected) in [(SpikeKind::Excitatory, 0.75), (SpikeKind::Inhibitory, 0.25)] {
        let mut builder = free();
        let send = move |ctx: &mut Context<'_>| Ok(ctx.send(Firing { kind, ..Firing::default() })?);
        let from = Region::agents("from").neuron("n", Puppet::default().on_fire(send));
        let from = builder.region(from);
        let to = Region::agents("to").membrane(no_leak(1.0)).neuron("n", Puppet::default());
        let to = builder.region(to);
        builder.project(from, to, Projection::all_to_all().weight(0.25));
        let steps = vec![(0, drive(id(0), 1.0)), (0, drive(id(1), 0.5))];
        builder.region(Region::gated("door", Acts::new(steps)));
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(3)).unwrap();
        assert_eq!(cortex.potential(id(1)), Some(expected), "{kind:?}");
    }
}

#[test]
fn an_inhibitory_projection_turns_the_sign_of_what_travels_over_it() {
    let mut builder = free();
    let from = Region::agents("from").neuron(
        "n",
        Puppet::default().on_fire(|ctx| {
            ctx.fire(b"")?;
            ctx.inhibit(id(1))?;
            Ok(ctx.inhibit(id(1))?)
        }),
    );
    let from = builder.region(from);
    let to = Region::agents("to").membrane(no_leak(1.0)).neuron("n", Puppet::default());
    let to = builder.region(to);
    builder.project(from, to, Projection::all_to_all().weight(0.25).inhibitory());
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(3)).unwrap();
    assert_eq!(cortex.potential(id(1)), Some(0.25), "minus once, plus twice");
}

#[test]
fn a_spike_to_one_target_reaches_that_one_and_without_a_synapse_is_counted() {
    let logs: [Log<Heard>; 3] = Default::default();
    let mut builder = free();
    let from = Puppet::default().on_fire(|ctx| {
        ctx.fire_to(id(2), b"you")?;
        Ok(ctx.fire_to(id(3), b"nobody")?)
    });
    let from = builder.region(Region::agents("from").neuron("n", from));
    let to = Region::agents("to").neuron("a", listener(&logs[0])).neuron("b", listener(&logs[1]));
    let to = builder.region(to);
    builder.region(Region::agents("apart").neuron("c", listener(&logs[2])));
    builder.project(from, to, Projection::all_to_all().weight(0.1));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(5)).unwrap();
    assert_eq!(logs.each_ref().map(Log::len), [0, 1, 0]);
    let report = cortex.report();
    let counts = report.spikes.counts;
    assert_eq!((counts.fired, counts.unrouted, report.spikes.lost), (2, 1, 1));
    assert_eq!(report.spikes.under_way, 0);
}

#[test]
fn a_broadcast_without_any_synapse_is_counted_as_unrouted() {
    let mut builder = free();
    builder.region(Region::agents("n").neuron("n", firing(&[5; 100])));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(5)).unwrap();
    assert_eq!((cortex.counts().fired, cortex.counts().unrouted), (1, 1));
    assert_eq!(cortex.report().spikes.under_way, 0);
}

type Seen = Log<Vec<(u64, String, f32)>>;

/// A neuron that notes its evidence whenever it fires.
fn detective(bound: usize, seen: &Seen) -> Puppet {
    let seen = seen.clone();
    Puppet::default().evidence(bound).on_fire(move |ctx| {
        let evidence = ctx.evidence();
        assert_eq!(evidence.len(), evidence.clone().count());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        seen.push(evidence.map(|e| (e.tick.0, text(e.payload), e.weight)).collect());
        Ok(())
    })
}

fn clue(tick: u64, weight: f32, payload: &str) -> (u64, Act) {
    (tick, Act::Drive(id(0), weight, 0, payload.into()))
}

#[test]
fn evidence_is_what_came_since_the_last_firing_in_order() {
    let seen = Seen::default();
    let steps = vec![
        clue(1, 0.25, "a"),
        clue(3, 0.0, "b"),
        clue(3, 0.5, "c"),
        clue(7, 0.25, "d"),
        clue(8, 1.0, "e"),
    ];
    let (mut cortex, _) = heard_by_an_ear(detective(8, &seen), no_leak(1.0), steps);
    cortex.run_for(Ticks(20)).unwrap();
    let of = |t, p: &str, w| (t, p.to_owned(), w);
    let first = vec![of(1, "a", 0.25), of(3, "b", 0.0), of(3, "c", 0.5), of(7, "d", 0.25)];
    assert_eq!(seen.all(), [first, vec![of(8, "e", 1.0)]], "and it is cleared by firing");
    assert_eq!(cortex.counts().evidence_let_go, 0);
}

#[test]
fn the_oldest_evidence_is_let_go_and_counted() {
    let seen = Seen::default();
    let mut steps: Vec<_> = (0..10).map(|n| clue(n, 0.01, &n.to_string())).collect();
    steps.push(clue(10, 2.0, "last"));
    steps.extend((20..22).map(|n| clue(n, 1.0, &n.to_string())));
    let (mut cortex, _) = heard_by_an_ear(detective(3, &seen), no_leak(1.0), steps);
    cortex.run_for(Ticks(30)).unwrap();
    let names: Vec<Vec<String>> =
        seen.all().into_iter().map(|e| e.into_iter().map(|(_, name, _)| name).collect()).collect();
    assert_eq!(names, [vec!["8", "9", "last"], vec!["20"], vec!["21"]]);
    assert_eq!(cortex.counts().evidence_let_go, 8);
}

#[test]
fn evidence_keeps_large_payloads_after_they_have_left_the_arena() {
    let seen = Seen::default();
    let long = |n: usize| format!("{n}:{}", "x".repeat(60 + 40 * n));
    let mut steps: Vec<_> = (0..7).map(|n| clue(n as u64, 0.1, &long(n))).collect();
    steps.push(clue(9, 1.0, "short"));
    let (mut cortex, _) = heard_by_an_ear(detective(4, &seen), no_leak(1.0), steps);
    cortex.run_for(Ticks(20)).unwrap();
    let names: Vec<_> = seen.all().remove(0).into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(names, [long(4), long(5), long(6), "short".to_owned()]);
}

#[test]
fn a_spike_dropped_in_the_refractory_pause_is_no_evidence() {
    let seen = Seen::default();
    let steps = vec![clue(0, 1.0, "a"), clue(1, 1.0, "dropped"), clue(3, 1.0, "b")];
    let membrane = Lif::default().refractory(Ticks(2));
    let (mut cortex, _) = heard_by_an_ear(detective(4, &seen), membrane, steps);
    cortex.run_for(Ticks(20)).unwrap();
    let names: Vec<_> = seen.all().concat().into_iter().map(|(_, name, _)| name).collect();
    assert_eq!((names, cortex.counts().refractory), (vec!["a".to_owned(), "b".to_owned()], 1));
}

#[test]
fn who_asks_for_no_evidence_gets_none() {
    let seen = Seen::default();
    let steps = vec![clue(0, 0.5, "a"), clue(1, 0.5, "b")];
    let (mut cortex, _) = heard_by_an_ear(detective(0, &seen), no_leak(1.0), steps);
    cortex.run_for(Ticks(5)).unwrap();
    assert_eq!(seen.all(), [vec![]]);
}

#[test]
fn what_a_neuron_integrates_itself_counts_in_the_same_tick() {
    let fired: Log<u64> = Log::default();
    let log = fired.clone();
    let neuron = Puppet::default().on_spike(|_, payload, ctx| {
        ctx.integrate(f32::from(payload[0]) / 4.0);
        ctx.integrate(f32::NAN);
        ctx.integrate(f32::NEG_INFINITY);
        Ok(())
    });
    let neuron = neuron.on_fire(move |ctx| {
        log.push(ctx.tick().0);
        // Dropped: it has just fired.
        ctx.integrate(10.0);
        Ok(())
    });
    let say = |tick, n: u8| (tick, Act::Drive(id(0), 0.0, 0, vec![n]));
    let steps = vec![say(1, 2), say(2, 1), say(2, 1), say(3, 3)];
    let (mut cortex, _) = heard_by_an_ear(neuron, no_leak(1.0), steps);
    cortex.run_for(Ticks(20)).unwrap();
    assert_eq!(fired.all(), [2]);
    assert_eq!(cortex.potential(id(0)), Some(0.75));
}

#[test]
fn a_neuron_is_woken_in_the_order_of_time_and_asking() {
    let woken: Log<(u64, u16)> = Log::default();
    let mut builder = free();
    let sleeper = |spans: &'static [u64]| {
        let log = woken.clone();
        let puppet = Puppet::default().on_spike(move |_, _, ctx| {
            spans.iter().for_each(|&span| ctx.wake_in(Ticks(span)));
            Ok(())
        });
        puppet.on_wake(move |ctx| {
            log.push((ctx.tick().0, ctx.id().raw()));
            Ok(())
        })
    };
    // In a zero span there is no wake in the same tick: at least one tick passes.
    let region = Region::agents("n").neuron("a", sleeper(&[7, 3, 0])).neuron("b", sleeper(&[3, 3]));
    builder.region(region);
    builder.region(Region::gated(
        "door",
        Acts::new(vec![(2, drive(id(1), 0.1)), (2, drive(id(0), 0.1))]),
    ));
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    assert_eq!(woken.all(), [(3, 0), (5, 1), (5, 1), (5, 0), (9, 0)]);
}

#[test]
fn a_span_of_time_is_rounded_to_ticks_and_the_tick_says_its_time() {
    let seen: Log<(u64, u64, Duration)> = Log::default();
    let log = seen.clone();
    let neuron = Puppet::default().on_spike(|_, _, ctx| {
        ctx.wake_in(Duration::from_micros(2_400));
        ctx.wake_in(Duration::from_micros(2_500));
        ctx.wake_in(Duration::from_nanos(1));
        Ok(())
    });
    let neuron = neuron.on_wake(move |ctx| {
        log.push((ctx.tick().0, ctx.time_ns(), ctx.tick_length().as_duration()));
        Ok(())
    });
    let (mut cortex, _) = heard_by_an_ear(neuron, Lif::default(), vec![(0, drive(id(0), 0.1))]);
    cortex.run().unwrap();
    let ms = Duration::from_millis(1);
    assert_eq!(seen.all(), [(1, 1_000_000, ms), (2, 2_000_000, ms), (3, 3_000_000, ms)]);
}

#[test]
fn random_numbers_are_a_function_of_seed_neuron_tick_and_call() {
    let draw = |seed| {
        let drawn: Log<u64> = Log::default();
        let mut builder = free();
        let gambler = || {
            let log = drawn.clone();
            Puppet::default().on_spike(move |_, _, ctx| {
                log.push(ctx.random());
                log.push(ctx.random());
                Ok(())
            })
        };
        builder.region(Region::agents("n").neuron("a", gambler()).neuron("b", gambler()));
        let steps = (0..3).flat_map(|tick| [0, 1].map(|n| (tick, drive(id(n), 0.1)))).collect();
        builder.region(Region::gated("door", Acts::new(steps)));
        builder.seed(seed);
        builder.build().unwrap().run().unwrap();
        drawn.all()
    };
    let seven = draw(7);
    assert_eq!(draw(7), seven);
    let eight = draw(8);
    assert!(seven.iter().zip(&eight).all(|(a, b)| a != b));
    let different: std::collections::BTreeSet<_> = seven.iter().chain(&eight).collect();
    assert_eq!(different.len(), 24, "no number twice, over neurons, ticks and calls");
}

#[test]
fn a_random_number_depends_on_each_of_what_it_is_for() {
    use neuronbus::math::random;
    let base = random(1, 2, 3, 4);
    assert_eq!(random(1, 2, 3, 4), base);
    let others = [random(0, 2, 3, 4), random(1, 0, 3, 4), random(1, 2, 0, 4), random(1, 2, 3, 0)];
    assert!(others.iter().all(|&other| other != base), "{others:?}");
    assert_ne!(random(1, 2, 4, 3), base, "and on which is which");
}

#[test]
fn payloads_arrive_intact_whatever_their_length() {
    let lengths = [0, 1, 45, 46, 47, 48, 63, 64, 65, 1_000, 4_096, 60_000];
    let bytes = |n: usize| (0..n).map(|k| (k * 7 + n) as u8).collect::<Vec<_>>();
    for from in ["on_spike", "on_fire", "on_wake"] {
        let fire_all = move |ctx: &mut Context<'_>| {
            for n in lengths {
                ctx.fire(&bytes(n))?;
            }
            Ok(())
        };
        let neuron = Puppet::default();
        let neuron = match from {
            "on_spike" => neuron.on_spike(move |_, _, ctx| fire_all(ctx)),
            "on_fire" => neuron.on_fire(fire_all),
            _ => neuron.on_wake(fire_all).on_spike(|_, _, ctx| {
                ctx.wake_in(Ticks(1));
                Ok(())
            }),
        };
        let (mut cortex, log) =
            heard_by_an_ear(neuron, Lif::default(), vec![(0, drive(id(0), 1.0))]);
        cortex.run().unwrap();
        let got: Vec<_> = log.all().into_iter().map(|h| h.payload).collect();
        let expected: Vec<_> = lengths.into_iter().map(bytes).collect();
        assert_eq!(got, expected, "{from}");
    }
}

/// A gate that only shows the arena to the test.
#[derive(Default)]
struct Window(Arc<Mutex<Option<GateLink>>>);

impl Gate for Window {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        *self.0.lock().unwrap() = Some(link);
        Ok(())
    }

    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Ended)
    }
}

fn usage(window: &Arc<Mutex<Option<GateLink>>>) -> ArenaUsage {
    window.lock().unwrap().as_ref().unwrap().arena.usage()
}

#[test]
fn the_memory_of_payloads_is_used_again_for_ever() {
    const FIRINGS: u64 = 100_000;
    let window = Arc::default();
    let heard = Arc::new(Mutex::new((0_u64, 0_u64)));
    let mut builder = free();
    let count = heard.clone();
    let ear = Puppet::default().on_spike(move |_, payload, _| {
        let mut heard = count.lock().unwrap();
        let n = u64::from_le_bytes(payload[..8].try_into()?);
        assert_eq!((n, payload.len()), (heard.0, 1024));
        assert!(payload[8..].iter().all(|&byte| byte == n as u8));
        heard.0 += 1;
        heard.1 += payload.len() as u64;
        Ok(())
    });
    let mut sent = 0_u64;
    let speaker = Puppet::default().on_wake(move |ctx| {
        let mut payload = [sent as u8; 1024];
        payload[..8].copy_from_slice(&sent.to_le_bytes());
        ctx.fire(&payload)?;
        sent += 1;
        if sent < FIRINGS {
            ctx.wake_in(Ticks(1));
        }
        Ok(())
    });
    let speaker = speaker.on_spike(|_, _, ctx| {
        ctx.wake_in(Ticks(1));
        Ok(())
    });
    let region = Region::agents("n").neuron("speaker", speaker).neuron("ear", ear);
    let region = builder.region(region);
    builder.project(region, region, Projection::pairs(&[(0, 1)], 0.0, Ticks(20)));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 0.1))])));
    builder.region(Region::gated("window", Window(Arc::clone(&window))));
    builder.arena(1 << 20);
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    assert_eq!(*heard.lock().unwrap(), (FIRINGS, FIRINGS * 1024));
    assert_eq!((cortex.counts().faults, cortex.counts().lost()), (0, 0));
    let usage = usage(&window);
    assert_eq!((usage.blocks, usage.written, usage.refused_full), (0, FIRINGS, 0));
}

#[test]
fn every_way_a_large_payload_can_end_gives_its_memory_back() {
    let window = Arc::default();
    let out = Log::default();
    let mut builder = free();
    let large = &[3; 500];
    let from = builder.region(Region::agents("from").neuron("n", firing(large)));
    let pause = Lif::default().refractory(Ticks(3)).threshold(0.1);
    let to = Region::agents("to").membrane(pause).neuron("tired", Puppet::default());
    let to = to.neuron("broken", Puppet::default().on_spike(|_, _, _| Err(Fault::new("no"))));
    let to = builder.region(to);
    builder.project(from, to, Projection::all_to_all().weight(0.5).lossless());
    builder.project(from, to, Projection::all_to_all().delay(Ticks(3)));
    builder.project(from, to, Projection::all_to_all().dendrite(Dendrite::any(vec![])));
    builder.project(from, to, Projection::all_to_all().silent().plasticity(Stdp::default()));
    let sink = builder.region(Region::gated("sink", support::Sink::new(&out)));
    builder.project(from, sink, Projection::all_to_all());
    let mut steps: Vec<_> = (0..50).map(|tick| (tick, drive(id(0), 1.0))).collect();
    steps.extend((0..50).map(|tick| (tick, Act::Drive(id(1), 0.01, 0, vec![1; 200]))));
    steps.extend((0..50).map(|tick| (tick, Act::Fire(SpikeKind::Excitatory, 0, vec![1; 90]))));
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.region(Region::gated("window", Window(Arc::clone(&window))));
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    let counts = cortex.counts();
    assert!(counts.refractory > 0 && counts.deferred > 0 && counts.filtered > 0);
    assert!(counts.silenced > 0 && counts.unrouted == 50);
    assert_eq!(out.len(), 50);
    let usage = usage(&window);
    assert_eq!((usage.blocks, usage.written), (0, 150));
}

#[test]
fn too_many_spikes_under_way_are_refused_and_counted() {
    let outcomes: Log<Vec<bool>> = Log::default();
    let log = outcomes.clone();
    let mut builder = free();
    let speaker = Puppet::default().on_spike(move |_, _, ctx| {
        log.push((0..4).map(|n| ctx.fire(&[n]).is_ok()).collect());
        Ok(())
    });
    let region = Region::agents("n").neuron("speaker", speaker).neuron("ear", Puppet::default());
    let region = builder.region(region);
    builder.project(region, region, Projection::pairs(&[(0, 1)], 0.0, Ticks(5)));
    let steps = [0, 1, 5, 9].map(|tick| (tick, drive(id(0), 0.1))).to_vec();
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.flight_limit(6);
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    // Four go, then two more fit; in tick 5 the first four arrive before the neuron is called; in tick 9 two are left.
    let four = vec![true; 4];
    let two = vec![true, true, false, false];
    assert_eq!(outcomes.all(), [four.clone(), two, four, two_of_four()]);
    assert_eq!(cortex.counts().saturated, 4);
    assert_eq!(cortex.counts().faults, 0, "an error that the neuron dealt with is no fault");
    assert_eq!(cortex.report().spikes.lost, 4);
}

fn two_of_four() -> Vec<bool> {
    vec![true, true, false, false]
}

#[test]
fn a_neuron_that_cannot_go_on_without_room_becomes_a_fault() {
    let mut builder = free();
    let region = builder.region(Region::agents("n").neuron("n", firing(b"")));
    builder.project(region, region, Projection::all_to_all().autapses(true));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    builder.flight_limit(0);
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    let fault = &cortex.report().faults[0];
    assert_eq!(
        fault.message,
        "no room for another spike: too many are under way, or the arena is full"
    );
}

#[test]
fn a_full_arena_refuses_large_payloads_and_still_takes_small_ones() {
    let outcomes: Log<bool> = Log::default();
    let log = outcomes.clone();
    let mut builder = free();
    let speaker = Puppet::default().on_spike(move |_, payload, ctx| {
        let length = if payload == b"small" { 46 } else { 900 };
        log.push(ctx.fire(&vec![1; length]).is_ok());
        Ok(())
    });
    let region = Region::agents("n").neuron("speaker", speaker).neuron("ear", Puppet::default());
    let region = builder.region(region);
    builder.project(region, region, Projection::pairs(&[(0, 1)], 0.0, Ticks(50)));
    let say = |tick, word: &str| (tick, Act::Drive(id(0), 0.1, 0, word.into()));
    // Sixteen segments of one kilobyte hold one such payload each.
    let mut steps: Vec<_> = (0..18).map(|tick| say(tick, "large")).collect();
    steps.extend([say(20, "small"), say(80, "large")]);
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.arena(16 << 10);
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    let mut expected = vec![true; 16];
    expected.extend([false, false, true, true]);
    assert_eq!(outcomes.all(), expected);
    assert_eq!(cortex.counts().saturated, 2);
}

#[test]
fn the_state_of_a_relay_goes_out_and_comes_back() {
    let mut out = vec![1];
    Puppet::default().snapshot(&mut out);
    assert_eq!(out, [1], "nothing unless it says so");
    assert!(firing(b"").restore(b"").is_ok());
    let fault = firing(b"").restore(b"anything").unwrap_err();
    assert_eq!(fault.message(), "8 bytes of state were saved, and it has no `restore`");
    let mut relay = Relay::default();
    relay.restore(b"kept").unwrap();
    let mut out = Vec::new();
    relay.snapshot(&mut out);
    assert_eq!(out, b"kept");
}

#[test]
fn a_relay_passes_on_what_it_heard_last() {
    let log = Log::default();
    let mut builder = free();
    let region = Region::agents("n").membrane(no_leak(1.0)).neuron("relay", Relay::default());
    let region = builder.region(region.neuron("ear", listener(&log)));
    builder.project(region, region, Projection::pairs(&[(0, 1)], 0.1, Ticks(1)));
    let steps = vec![clue(0, 0.5, "first"), clue(1, 0.5, "second")];
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.build().unwrap().run().unwrap();
    assert_eq!(words(&log), [(2, "second".to_owned())]);
}

#[test]
fn a_neuron_finds_others_by_region_and_capability_while_it_runs() {
    let found: Log<(Vec<u16>, Vec<u16>, String)> = Log::default();
    let log = found.clone();
    let mut builder = free();
    let seeker = Puppet::default().on_spike(move |_, _, ctx| {
        let raw = |ids: &[NeuronId]| ids.iter().map(|id| id.raw()).collect::<Vec<_>>();
        let atlas = ctx.atlas();
        let named = atlas.address(ctx.id());
        log.push((raw(atlas.with_capability("translate")), raw(&atlas.under("lang")), named));
        Ok(())
    });
    builder.region(Region::agents("seek").neuron("er", seeker));
    let translator = || Puppet::default().capability("translate");
    let lang = Region::agents("lang/de").neuron("a", translator()).neuron("b", Puppet::default());
    builder.region(lang);
    let grows = Region::agents("lang/fr").template(4, move |_| Box::new(translator()));
    let grows = builder.region(grows);
    let steps = vec![
        (0, drive(id(0), 0.1)),
        (1, Act::Sprout(grows, "c".to_owned(), 0.1)),
        (1, drive(id(0), 0.1)),
    ];
    builder.region(Region::gated("door", Acts::new(steps)));
    builder.build().unwrap().run().unwrap();
    let me = "seek:er".to_owned();
    assert_eq!(found.all(), [(vec![1], vec![1, 2], me.clone()), (vec![1, 4], vec![1, 2, 4], me)]);
}
