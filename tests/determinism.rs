//! A run is a function of its seed and its admissions: whatever the pace, however it is cut into calls.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;
mod worlds;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use neuronbus::cortex::Digest;
use neuronbus::gate::{Admissions, Gate, GateError, GateLink, Outlook};
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use proptest::prelude::*;
use support::{Act, Acts, Puppet, drive, free, id};
use worlds::world;

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
