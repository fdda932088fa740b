//! What every neuron must do, as checks that panic with what went wrong.
//!
//! Used in the tests of a family: the neuron is put into a cortex, fed with the given payloads and with garbage, saved,
//! restored, and compared with itself. Each check can be called alone.
//!
//! ```
//! use neuronbus::{conformance, prelude::*};
//!
//! conformance::neuron(|| Relay::default(), &[b"", b"a reading", &[7; 100]]);
//! ```

use crate::cortex::Cortex;
use crate::gate::{Admissions, Gate, GateError, Outlook};
use crate::id::NeuronId;
use crate::math::random;
use crate::membrane::Lif;
use crate::neuron::{Neuron, Relay};
use crate::pace::Pace;
use crate::projection::Projection;
use crate::region::Region;
use crate::spike::SpikeKind;
use crate::time::{Tick, Ticks};

/// How long a check runs.
const TICKS: u64 = 400;

/// The most spikes that a neuron may send for each that it hears, each firing and each waking, on average.
const SPIKES_EACH: u64 = 64;

/// Bytes of garbage that are tried, by length.
const LENGTHS: [usize; 12] = [0, 1, 3, 4, 8, 17, 46, 47, 64, 255, 1_000, 5_000];

/// Runs every check on neurons that `make` makes, all alike. `payloads` are what it understands.
///
/// # Panics
/// If the neuron does not keep the contract of [`Neuron`].
pub fn neuron<N: Neuron + 'static>(make: impl Fn() -> N, payloads: &[&[u8]]) {
    does_the_same_again(&make, payloads);
    sends_no_more_than_it_is_told(&make, payloads);
    survives_garbage(&make);
    goes_on_from_a_snapshot(&make, payloads);
    refuses_garbage_as_state(&make, payloads);
}

/// With the same input it ends in the same state, and sends the same.
///
/// # Panics
/// If it does not.
pub fn does_the_same_again<N: Neuron + 'static>(make: impl Fn() -> N, payloads: &[&[u8]]) {
    let run = || {
        let mut cortex = stage(make(), &Diet::of(payloads), 0);
        advance(&mut cortex, TICKS);
        (cortex.digest(), cortex.counts())
    };
    assert_eq!(run(), run(), "two runs with the same input differ: what else does it depend on?");
}

/// It does not answer a spike with a flood.
///
/// # Panics
/// If it does.
pub fn sends_no_more_than_it_is_told<N: Neuron + 'static>(
    make: impl Fn() -> N,
    payloads: &[&[u8]],
) {
    let mut cortex = stage(make(), &Diet::of(payloads), 0);
    advance(&mut cortex, TICKS);
    let counts = cortex.counts();
    let reasons = counts.delivered + counts.firings + TICKS;
    assert!(
        counts.fired <= SPIKES_EACH * reasons,
        "{} spikes for {reasons} reasons to send one",
        counts.fired
    );
    assert_eq!(counts.saturated, 0, "it sends more than there is room for");
}

/// Payloads that nobody meant for it neither make it panic nor fail.
///
/// # Panics
/// If they do.
pub fn survives_garbage<N: Neuron + 'static>(make: impl Fn() -> N) {
    let garbage: Vec<Vec<u8>> =
        LENGTHS.iter().flat_map(|&length| (0..3).map(move |round| noise(round, length))).collect();
    let mut cortex = stage(make(), &Diet { payloads: garbage }, 0);
    advance(&mut cortex, TICKS);
}

/// Saved at any time, and restored into another one made as it was, it goes on as if nothing had been between.
///
/// # Panics
/// If it does not, or says that it [forgets](Neuron::forgets) something.
pub fn goes_on_from_a_snapshot<N: Neuron + 'static>(make: impl Fn() -> N, payloads: &[&[u8]]) {
    let diet = Diet::of(payloads);
    let mut whole = stage(make(), &diet, 0);
    advance(&mut whole, TICKS);
    for cut in [0, 1, 7, 50, 137, 300] {
        let mut first = stage(make(), &diet, 0);
        advance(&mut first, cut);
        let bytes = saved(&mut first);
        let mut second = stage(make(), &diet, cut);
        let restored = second.restore(&bytes);
        restored.unwrap_or_else(|error| panic!("saved in tick {cut}, it is refused: {error}"));
        assert_eq!(second.digest(), first.digest(), "restored from tick {cut} it is another one");
        advance(&mut second, TICKS - cut);
        assert_eq!(second.digest(), whole.digest(), "what it does after tick {cut} differs");
        assert_eq!(second.counts(), whole.counts(), "what it sends after tick {cut} differs");
    }
    if let Err(error) = whole.can_be_saved() {
        panic!("{error}");
    }
}

/// Bytes that are no state of it are refused, or taken as one: they never make it panic.
///
/// # Panics
/// If they do.
pub fn refuses_garbage_as_state<N: Neuron + 'static>(make: impl Fn() -> N, payloads: &[&[u8]]) {
    let mut state = Vec::new();
    let mut neuron = make();
    neuron.snapshot(&mut state);
    let mut cortex = stage(make(), &Diet::of(payloads), 0);
    advance(&mut cortex, TICKS / 2);
    // Of both: the state of one that has seen nothing, and states that are long or short.
    for length in LENGTHS {
        let _ = neuron.restore(&noise(9, length));
    }
    for at in 0..state.len() {
        let mut changed = state.clone();
        changed[at] ^= 1 << (random(1, 2, 3, at as u64) % 8);
        let _ = make().restore(&changed);
        let _ = make().restore(&state[..at]);
    }
    let bytes = saved(&mut cortex);
    for round in 0..50 {
        let mut changed = bytes.clone();
        let at = random(5, 6, 7, round) as usize % changed.len();
        changed[at] ^= 0xFF;
        if stage(make(), &Diet::of(payloads), TICKS / 2).restore(&changed).is_err() {
            continue;
        }
        // It took it for a state: it runs with it.
        let mut other = stage(make(), &Diet::of(payloads), TICKS / 2);
        if other.restore(&changed).is_ok() {
            let ran = other.run_for(Ticks(10));
            assert!(ran.is_ok(), "with byte {at} changed: {ran:?}");
        }
    }
}

/// What a neuron is fed with.
struct Diet {
    payloads: Vec<Vec<u8>>,
}

impl Diet {
    fn of(payloads: &[&[u8]]) -> Self {
        let mut payloads: Vec<Vec<u8>> = payloads.iter().map(|bytes| bytes.to_vec()).collect();
        if payloads.is_empty() {
            payloads.push(Vec::new());
        }
        Self { payloads }
    }
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| random(seed, 4, at / 8, 0).to_le_bytes()[at as usize % 8]).collect()
}

/// The gate that feeds: about every third tick something, straight onto the membrane or over synapses.
struct Feeder {
    subject: Option<NeuronId>,
    payloads: Vec<Vec<u8>>,
    next: u64,
}

impl Gate for Feeder {
    fn open(&mut self, link: crate::gate::GateLink) -> Result<(), GateError> {
        self.subject = link.atlas.neuron("subject", "subject");
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let Some(subject) = self.subject else { return Ok(Outlook::Ended) };
        let now = inbound.tick().0;
        while self.next <= now {
            let tick = self.next;
            self.next += 1;
            let drawn = random(21, 22, tick, 0);
            let payload = &self.payloads[(drawn >> 32) as usize % self.payloads.len()];
            let priority = (drawn >> 8) as u8;
            let given = match drawn % 12 {
                0 => inbound.drive(subject, 0.6, priority, payload),
                1 => inbound.drive(subject, 1.5, priority, payload),
                2 => inbound.fire(SpikeKind::Excitatory, priority, payload),
                3 => inbound.fire(SpikeKind::Inhibitory, priority, payload),
                _ => Ok(()),
            };
            given.map_err(|error| GateError::new("feeder", error.to_string()))?;
        }
        Ok(Outlook::At(Tick(self.next)))
    }
}

/// A cortex with one neuron in it, fed from a tick on, and somebody who hears it.
fn stage<N: Neuron + 'static>(neuron: N, diet: &Diet, from: u64) -> Cortex {
    let mut builder = Cortex::builder();
    let region = Region::agents("subject").membrane(Lif::default().refractory(Ticks(2)));
    let subject = builder.region(region.neuron("subject", neuron));
    let ear = builder.region(Region::agents("ear").neuron("ear", Relay::default()));
    let feeder = Feeder { subject: None, payloads: diet.payloads.clone(), next: from };
    let door = builder.region(Region::gated("feeder", feeder));
    let input = Projection::all_to_all().weight(0.7).delay(Ticks(2));
    builder.project(door, subject, input.plasticity(crate::plasticity::Stdp::default()));
    builder.project(subject, ear, Projection::all_to_all().weight(0.5));
    builder.seed(5).pace(Pace::Free).arena(16 << 20);
    builder.build().unwrap_or_else(|error| panic!("it cannot be built: {error}"))
}

#[track_caller]
fn advance(cortex: &mut Cortex, ticks: u64) {
    cortex.run_for(Ticks(ticks)).unwrap_or_else(|error| panic!("it cannot run: {error}"));
    if let Some(fault) = cortex.report().faults.first() {
        panic!("{} failed in tick {}: {}", fault.neuron, fault.tick, fault.message);
    }
}

#[track_caller]
fn saved(cortex: &mut Cortex) -> Vec<u8> {
    let mut bytes = Vec::new();
    cortex.snapshot(&mut bytes).unwrap_or_else(|error| panic!("it cannot be saved: {error}"));
    bytes
}
