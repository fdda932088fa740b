//! A state that was saved and restored goes on as if nothing had been between.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;
mod worlds;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use neuronbus::cortex::SnapshotError;
use neuronbus::gate::{Admissions, AdmitError, Gate, GateError, Outlook};
use neuronbus::id::RegionId;
use neuronbus::neuron::FireWith;
use neuronbus::prelude::*;
use neuronbus::state::first_difference;
use proptest::prelude::*;
use support::{Acts, drive, id};
use worlds::everything::{Busy, all, columns, sample};
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
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

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
            let counts = [second.counts(), whole.counts()].map(|mut counts| {
                // What the cells of a crowd send to nobody is counted by one worker only.
                counts.unrouted = 0;
                counts
            });
            prop_assert_eq!(counts[0], counts[1]);
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

/// Hands in what belongs to tick 3, and holds that tick until it is told to go on.
struct Holding {
    given: bool,
    go: Arc<AtomicBool>,
}

impl Gate for Holding {
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        if inbound.tick().0 < 3 {
            return Ok(Outlook::At(Tick(3)));
        }
        if !std::mem::replace(&mut self.given, true) {
            let refused = |error: AdmitError| GateError::new("holding", error.to_string());
            inbound.drive(id(0), 1.5, 9, &[1; 80]).map_err(refused)?;
            inbound.fire(SpikeKind::Excitatory, 1, &[2; 70]).map_err(refused)?;
        }
        Ok(if self.go.load(Ordering::Relaxed) { Outlook::Ended } else { Outlook::Hold })
    }
}

#[test]
fn what_a_gate_has_handed_in_for_a_tick_that_it_holds_is_part_of_a_state() {
    let build = |given: bool, workers: usize| {
        let go = Arc::new(AtomicBool::new(given));
        let mut builder = Cortex::builder();
        let ear = Region::agents("ear").worker(workers - 1).neuron("n", Relay::default());
        let ear = builder.region(ear);
        let door = builder.region(Region::gated("door", Holding { given, go: go.clone() }));
        let early = Region::agents("early").neuron("n", Busy::default());
        let early = builder.region(early);
        let learns = Projection::all_to_all().weight(0.4).plasticity(Stdp::default());
        builder.project(door, ear, learns).project(ear, door, Projection::all_to_all());
        builder.project(early, door, Projection::all_to_all());
        builder.pace(Pace::Free).workers(workers);
        (builder.build().unwrap(), go)
    };
    for workers in [1, 2] {
        let (held, _) = build(false, workers);
        let running = held.spawn().unwrap();
        // bound: the gate hands in what it has when it is asked for tick 3
        while running.inspect(|cortex| cortex.counts().admitted).unwrap() < 2 {}
        let bytes = running.command(|cortex| {
            let mut bytes = Vec::new();
            cortex.snapshot(&mut bytes).map(|_| bytes)
        });
        let bytes = bytes.unwrap().unwrap();
        let values = |name: &str| {
            columns(&bytes).iter().find(|(.., column, _, _)| column == name).unwrap().3.len()
        };
        assert_eq!((values("admitted.target"), values("sent.flight")), (2, 4), "one each");
        drop(running);
        let (mut cortex, go) = build(false, workers);
        go.store(true, Ordering::Relaxed);
        cortex.run_for(Ticks(60)).unwrap();
        for others in [1, 2] {
            let (mut again, _) = build(true, others);
            again.restore(&bytes).unwrap();
            again.run_for(Ticks(60 - again.next_tick().0)).unwrap();
            assert_eq!(again.counts(), cortex.counts(), "from {workers} to {others}");
            assert_eq!(again.digest(), cortex.digest(), "from {workers} to {others}");
        }
    }
}

#[test]
fn who_cannot_be_saved_is_named_before_it_is_too_late() {
    let mut builder = Cortex::builder();
    let mut count = 0_u8;
    let counting = FireWith(move |ctx: &mut Context<'_>| {
        count = count.wrapping_add(1);
        Ok(ctx.fire(&[count])?)
    });
    let plain = FireWith(|ctx: &mut Context<'_>| Ok(ctx.fire(b"")?));
    let region = Region::agents("glue").neuron("counting", counting).neuron("plain", plain);
    builder.region(region.neuron("relay", Relay::default()));
    /// Writes a state that it does not take back.
    struct Mute(u32);
    impl Neuron for Mute {
        fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
            Ok(())
        }
        fn snapshot(&self, out: &mut Vec<u8>) {
            out.extend(self.0.to_le_bytes());
        }
    }
    builder.region(Region::crowd("crowd", 3, Mute));
    let error = builder.build().unwrap().can_be_saved().unwrap_err().to_string();
    assert_eq!(
        error,
        "4 neurons cannot be saved: glue:counting: a snapshot would forget what its closure has \
         captured; crowd:cells[0]: 4 bytes of state were saved, and it has no `restore`; \
         crowd:cells[1]: 4 bytes of state were saved, and it has no `restore`; \
         crowd:cells[2]: 4 bytes of state were saved, and it has no `restore`"
    );
    sample(0).can_be_saved().unwrap();
}

#[test]
fn a_neuron_whose_restore_is_no_inverse_is_told_so_and_half_a_state_never_runs() {
    /// Keeps less than it wrote.
    #[derive(Default)]
    struct Lossy(Vec<u8>);
    impl Neuron for Lossy {
        fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
            self.0.push(1);
            Ok(())
        }
        fn snapshot(&self, out: &mut Vec<u8>) {
            out.extend(&self.0);
        }
        fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
            self.0 = bytes[..bytes.len() / 2].to_vec();
            Ok(())
        }
    }
    let build = || {
        let mut builder = Cortex::builder();
        builder.region(Region::agents("a").neuron("lossy", Lossy::default()));
        builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 2.0))])));
        builder.pace(Pace::Free);
        builder.build().unwrap()
    };
    let mut cortex = build();
    cortex.run_for(Ticks(3)).unwrap();
    let mut bytes = Vec::new();
    cortex.snapshot(&mut bytes).unwrap();
    let mut other = build();
    let error = other.restore(&bytes).unwrap_err().to_string();
    assert!(
        error.starts_with("neuron a:lossy: it was given 1 bytes of state and restored"),
        "{error}"
    );
    assert!(other.tick().is_err(), "half a state is not run");
}
