//! Dendrites: a spike that a filter does not let through has not arrived.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use neuronbus::context::Firing;
use neuronbus::dendrite::Filter;
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use proptest::prelude::*;
use support::{Acts, Heard, Log, Puppet, drive, free, id, listener};

/// What a spike looks like to a filter.
#[derive(Debug, Clone, PartialEq)]
struct Letter {
    kind: SpikeKind,
    priority: u8,
    payload: Vec<u8>,
}

fn letters() -> Vec<Letter> {
    let kinds = [SpikeKind::Excitatory, SpikeKind::Inhibitory, SpikeKind::Modulatory];
    let payloads: [&[u8]; 4] = [b"", b"topic/a", b"topic/b", &[b't'; 70]];
    let mut letters = Vec::new();
    for kind in kinds {
        for priority in [0, 99, 100, 255] {
            for payload in payloads {
                letters.push(Letter { kind, priority, payload: payload.to_vec() });
            }
        }
    }
    letters
}

/// Which letters pass a filter, sent one by one as broadcasts and then to one target alone.
fn passed(filter: Dendrite) -> Vec<Letter> {
    let both = [false, true].map(|addressed| passed_when(filter.clone(), addressed));
    assert_eq!(both[0], both[1], "a filter works on addressed spikes as on others");
    both.into_iter().next().unwrap()
}

fn passed_when(filter: Dendrite, addressed: bool) -> Vec<Letter> {
    let log: Log<Heard> = Log::default();
    let mut builder = free();
    let sender = Puppet::default().on_fire(move |ctx| {
        for Letter { kind, priority, payload } in letters() {
            let target = addressed.then_some(id(1));
            ctx.send(Firing { kind, priority, target, payload: &payload, ..Firing::default() })?;
        }
        Ok(())
    });
    let from = builder.region(Region::agents("from").neuron("n", sender));
    let ear = Lif::default().threshold(1_000.0);
    let ear = builder.region(Region::agents("to").membrane(ear).neuron("ear", listener(&log)));
    builder.project(from, ear, Projection::all_to_all().dendrite(filter));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    let counts = cortex.counts();
    let heard = log.all();
    assert_eq!(counts.filtered, (letters().len() - heard.len()) as u64);
    assert_eq!(counts.delivered, heard.len() as u64 + 1, "the drive is the one");
    let letter = |h: Heard| Letter {
        kind: h.spike.kind().unwrap(),
        priority: h.spike.priority(),
        payload: h.payload,
    };
    heard.into_iter().map(letter).collect()
}

fn expected(keep: impl Fn(&Letter) -> bool) -> Vec<Letter> {
    letters().into_iter().filter(|letter| keep(letter)).collect()
}

#[test]
fn a_kind_filter_lets_its_kind_through() {
    for kind in [SpikeKind::Excitatory, SpikeKind::Inhibitory, SpikeKind::Modulatory] {
        assert_eq!(passed(Dendrite::kind(kind)), expected(|l| l.kind == kind));
    }
}

#[test]
fn a_priority_filter_lets_its_priority_and_higher_through() {
    assert_eq!(passed(Dendrite::priority_at_least(100)), expected(|l| l.priority >= 100));
    assert_eq!(passed(Dendrite::priority_at_least(0)), letters());
    assert_eq!(passed(Dendrite::priority_at_least(255)), expected(|l| l.priority == 255));
}

#[test]
fn a_prefix_filter_looks_at_payloads_wherever_they_lie() {
    assert_eq!(passed(Dendrite::payload_prefix(b"")), letters());
    let topic = passed(Dendrite::payload_prefix(b"topic/"));
    assert_eq!(topic, expected(|l| l.payload.starts_with(b"topic/")));
    assert_eq!(passed(Dendrite::payload_prefix(b"topic/a")).len(), topic.len() / 2);
    assert_eq!(passed(Dendrite::payload_prefix(b"topic/a longer")), []);
    let long = [b't'; 60];
    assert_eq!(passed(Dendrite::payload_prefix(&long)), expected(|l| l.payload.len() == 70));
}

#[test]
fn a_closure_and_a_type_of_ones_own_decide_by_what_they_see() {
    struct Odd(usize);
    impl Filter for Odd {
        fn passes(&self, spike: &Spike, payload: &[u8]) -> bool {
            (payload.len() + spike.priority() as usize) % 2 == self.0
        }
    }
    let odd = expected(|l| (l.payload.len() + l.priority as usize) % 2 == 1);
    assert_eq!(passed(Dendrite::custom(Odd(1))), odd);
    let closure =
        |spike: &Spike, payload: &[u8]| (payload.len() + spike.priority() as usize) % 2 == 1;
    assert_eq!(passed(Dendrite::closure(closure)), odd);
}

#[test]
fn all_any_and_not_combine() {
    let inhibitory = || Dendrite::kind(SpikeKind::Inhibitory);
    let urgent = || Dendrite::priority_at_least(100);
    let topic = || Dendrite::payload_prefix(b"topic/");
    let is = |l: &Letter| {
        (l.kind == SpikeKind::Inhibitory, l.priority >= 100, l.payload.starts_with(b"topic/"))
    };
    assert_eq!(
        passed(Dendrite::all(vec![inhibitory(), urgent(), topic()])),
        expected(|l| is(l) == (true, true, true))
    );
    assert_eq!(
        passed(Dendrite::any(vec![inhibitory(), urgent(), topic()])),
        expected(|l| is(l) != (false, false, false))
    );
    assert_eq!(passed(!inhibitory()), expected(|l| !is(l).0));
    assert_eq!(passed(!!inhibitory()), expected(|l| is(l).0));
    assert_eq!(passed(Dendrite::all(vec![])), letters());
    assert_eq!(passed(Dendrite::any(vec![])), []);
    let nested = !Dendrite::any(vec![Dendrite::all(vec![inhibitory(), !urgent()]), topic()]);
    assert_eq!(passed(nested), expected(|l| !((is(l).0 && !is(l).1) || is(l).2)));
}

#[test]
fn a_filter_is_asked_once_for_a_spike_and_row_and_before_the_neuron_hears() {
    let asked = Arc::new(AtomicU64::new(0));
    let order = Arc::new(Mutex::new(Vec::new()));
    let (count, first, then) = (asked.clone(), order.clone(), order.clone());
    let filter = Dendrite::closure(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        first.lock().unwrap().push("filter");
        true
    });
    let mut builder = free();
    let ear = move || {
        let then = then.clone();
        Puppet::default().on_spike(move |_, _, _| {
            then.lock().unwrap().push("ear");
            Ok(())
        })
    };
    let from = builder.region(Region::agents("from").neuron("n", support::firing(b"")));
    let to = (0..3).fold(Region::agents("to"), |r, n| r.neuron(&n.to_string(), ear()));
    let to = builder.region(to);
    builder.project(from, to, Projection::all_to_all().weight(0.1).dendrite(filter));
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    builder.build().unwrap().run().unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(*order.lock().unwrap(), ["filter", "ear", "ear", "ear"]);
}

#[test]
fn a_filter_prints_what_it_lets_through() {
    let filter = Dendrite::any(vec![
        Dendrite::kind(SpikeKind::Inhibitory),
        !Dendrite::all(vec![Dendrite::priority_at_least(7), Dendrite::payload_prefix(b"a\n")]),
        Dendrite::closure(|_, _| true),
    ]);
    let expected = r#"any [kind Inhibitory, not all [priority >= 7, prefix "a\\n"], custom]"#;
    assert_eq!(format!("{filter:?}"), expected);
}

fn rule(k: usize) -> Option<Dendrite> {
    match k {
        0 => None,
        1 => Some(Dendrite::priority_at_least(128)),
        2 => Some(!Dendrite::kind(SpikeKind::Inhibitory)),
        _ => Some(Dendrite::payload_prefix(&[1])),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_filtered_spike_changes_no_weight_and_those_that_pass_change_it_as_if_alone(
        spikes in proptest::collection::vec((0..100_u64, any::<u8>(), any::<bool>(), 0..3_u8), 1..40),
        posts in proptest::collection::vec(0..100_u64, 1..20),
        filter in 1..4_usize,
        reward: bool,
    ) {
        let passes = |spike: &(u64, u8, bool, u8)| match filter {
            1 => spike.1 >= 128,
            2 => !spike.2,
            _ => spike.3 == 1,
        };
        let run = |dendrite: Option<Dendrite>, spikes: Vec<(u64, u8, bool, u8)>| {
            let mut builder = free();
            let deaf = Lif::default().threshold(100.0);
            let to = builder.region(Region::agents("to").membrane(deaf).neuron("n", Puppet::default()));
            let mut steps: Vec<_> = posts.iter().map(|&tick| (tick, drive(id(0), 1_000.0))).collect();
            for (tick, priority, inhibitory, first) in spikes {
                let kind = if inhibitory { SpikeKind::Inhibitory } else { SpikeKind::Excitatory };
                steps.push((tick, support::Act::Fire(kind, priority, vec![first])));
            }
            let door = builder.region(Region::gated("door", Acts::new(steps)));
            let list = vec![Synapse { pre: 0, post: 0, weight: 0.5, delay: Ticks(3).into() }];
            let projection = Projection::synapses(list);
            let projection = if reward {
                projection.plasticity(RewardStdp::default())
            } else {
                projection.plasticity(Stdp::default())
            };
            let projection = match dendrite {
                Some(dendrite) => projection.dendrite(dendrite),
                None => projection,
            };
            builder.project(door, to, projection);
            let praise = support::Act::Fire(SpikeKind::Modulatory, 0, 1_f32.to_le_bytes().to_vec());
            let praise = builder.region(Region::gated("praise", Acts::new(vec![(110, praise)])));
            builder.project(praise, to, Projection::all_to_all());
            let mut cortex = builder.build().unwrap();
            cortex.run().unwrap();
            (cortex.weight(id(1), id(0)).unwrap().to_bits(), cortex.counts())
        };
        let (weight, counts) = run(rule(filter), spikes.clone());
        let kept: Vec<_> = spikes.iter().copied().filter(passes).collect();
        let gone = (spikes.len() - kept.len()) as u64;
        let (reference, others) = run(None, kept);
        prop_assert_eq!(weight, reference);
        prop_assert_eq!(counts.filtered, gone);
        prop_assert_eq!(counts.delivered, others.delivered);
    }
}
