//! In its steady state a tick takes no memory from the allocator.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use neuronbus::axon::Tapped;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// Counts what the thread that asks allocates; other tests run beside on threads of their own.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has nothing to count any more.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> u64 {
    ALLOCATIONS.get()
}

const TICKS: u64 = 10_000;

/// How many allocations so many ticks make after a warm-up.
fn allocations_of(cortex: &mut Cortex, mut before_each: impl FnMut(&mut Cortex)) -> u64 {
    // More than once round the waiting list, so that every part of it has been as full as it gets.
    for _ in 0..2_000 {
        before_each(cortex);
        cortex.tick().unwrap();
    }
    let before = allocations();
    for _ in 0..TICKS {
        before_each(cortex);
        cortex.tick().unwrap();
    }
    allocations() - before
}

/// Fires on every spike, with a payload that may be large.
struct Chatter {
    length: usize,
    evidence: usize,
    buffer: Vec<u8>,
}

impl Chatter {
    fn new(length: usize, evidence: usize) -> Self {
        Self { length, evidence, buffer: vec![1; length] }
    }
}

impl Neuron for Chatter {
    fn on_spike(&mut self, _: &Spike, _: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        self.buffer[0] = ctx.random() as u8;
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(&self.buffer[..self.length])?;
        Ok(())
    }

    fn evidence(&self) -> usize {
        self.evidence
    }
}

/// A ring of neurons that keeps itself going for ever, of several spikes at once.
fn ring(builder: &mut neuronbus::cortex::CortexBuilder, payload: usize, rule: u8) {
    let region = (0..40).fold(Region::agents("ring"), |region, n| {
        region.neuron(&n.to_string(), Chatter::new(payload.max(1), 8))
    });
    let region = builder.region(region.membrane(Lif::default().refractory(Ticks(2))));
    let pairs: Vec<(u32, u32)> = (0..40).map(|n| (n, (n + 1) % 40)).collect();
    builder.project(region, region, Projection::pairs(&pairs, 1.0, Ticks(3)));
    let learning = Projection::all_to_all().weight(0.002).bounds(0.0, 0.004).delay(Ticks(5));
    let learning = match rule {
        0 => learning.plasticity(Stdp::default()),
        _ => learning.plasticity(RewardStdp::default()).dendrite(Dendrite::priority_at_least(0)),
    };
    builder.project(region, region, learning);
}

/// A cortex with a gate through which the ring was set going.
fn going(payload: usize, rule: u8, axon: Option<usize>) -> (Cortex, Inlet) {
    let (mut inlet, gate) = Inlet::gate(256).unwrap();
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free);
    ring(&mut builder, payload, rule);
    builder.region(Region::gated("door", gate));
    if let Some(slots) = axon {
        builder.axon(slots);
    }
    let cortex = builder.build().unwrap();
    for n in [0, 1, 17] {
        inlet.drive(NeuronId::new(n).unwrap(), 1.0, 0, b"go").unwrap();
    }
    (cortex, inlet)
}

fn check(cortex: &mut Cortex, before_each: impl FnMut(&mut Cortex)) {
    let allocations = allocations_of(cortex, before_each);
    let counts = cortex.counts();
    assert!(counts.firings > TICKS / 4, "it was not idle: {counts:?}");
    assert_eq!((counts.faults, counts.saturated), (0, 0));
    assert_eq!(allocations, 0);
}

#[test]
fn the_count_counts() {
    let before = allocations();
    drop(std::hint::black_box(vec![1_u8; 100]));
    assert_eq!(allocations() - before, 1);
}

#[test]
fn agents_with_learning_synapses_and_evidence_allocate_nothing() {
    let (mut cortex, _inlet) = going(20, 0, None);
    check(&mut cortex, |_| ());
}

#[test]
fn reward_learning_behind_a_filter_allocates_nothing() {
    let (mut cortex, _inlet) = going(20, 1, None);
    check(&mut cortex, |_| ());
}

#[test]
fn payloads_in_the_arena_allocate_nothing() {
    let (mut cortex, _inlet) = going(300, 0, None);
    check(&mut cortex, |_| ());
}

#[test]
fn a_gate_that_is_fed_all_the_time_allocates_nothing() {
    let (mut cortex, mut inlet) = going(10, 0, None);
    let mut n = 0;
    check(&mut cortex, |_| {
        n = (n + 7) % 40;
        inlet.drive(NeuronId::new(n).unwrap(), 0.2, n as u8, b"again and again").unwrap();
        inlet.fire(SpikeKind::Excitatory, 3, b"nobody listens").unwrap();
    });
}

#[test]
fn an_axon_with_a_reader_and_a_tap_allocates_nothing() {
    let (mut cortex, _inlet) = going(10, 0, Some(1 << 8));
    let (mut tap, mut reader) = (cortex.tap().unwrap(), cortex.reader().unwrap().unwrap());
    let mut seen = [0_u64; 2];
    check(&mut cortex, |_| {
        while let Tapped::Spike(_) = tap.poll() {
            seen[0] += 1;
        }
        while reader.try_read().is_some() {
            seen[1] += 1;
        }
    });
    assert!(seen[0] > TICKS / 4 && seen[0] == seen[1], "{seen:?}");
}

/// Wakes itself for ever.
struct Clock;

impl Neuron for Clock {
    fn on_spike(&mut self, _: &Spike, _: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        ctx.wake_in(Ticks(1 + ctx.id().index() as u64 % 7));
        Ok(())
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.wake_in(Ticks(1 + ctx.id().index() as u64 % 7));
        ctx.integrate(1.0);
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

#[test]
fn timers_allocate_nothing() {
    let (mut inlet, gate) = Inlet::gate(256).unwrap();
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free);
    let region = (0..60).fold(Region::agents("clocks"), |r, n| r.neuron(&n.to_string(), Clock));
    builder.region(region);
    builder.region(Region::gated("door", gate));
    let mut cortex = builder.build().unwrap();
    for n in 0..60 {
        inlet.drive(NeuronId::new(n).unwrap(), 0.1, 0, b"").unwrap();
    }
    check(&mut cortex, |_| ());
}

/// Takes everything out and forgets it.
struct Drain;

impl neuronbus::gate::Gate for Drain {
    fn admit(
        &mut self,
        _: &mut neuronbus::gate::Admissions<'_>,
    ) -> Result<neuronbus::gate::Outlook, neuronbus::gate::GateError> {
        Ok(neuronbus::gate::Outlook::Ended)
    }
}

#[test]
fn a_gate_that_spikes_leave_through_allocates_nothing() {
    let (mut inlet, gate) = Inlet::gate(256).unwrap();
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free);
    ring(&mut builder, 100, 0);
    builder.region(Region::gated("door", gate));
    let out = builder.region(Region::gated("out", Drain));
    let from = Region::agents("loud").neuron("n", Chatter::new(100, 0));
    let from = builder.region(from);
    builder.project(from, from, Projection::all_to_all().autapses(true));
    builder.project(from, out, Projection::all_to_all());
    let mut cortex = builder.build().unwrap();
    inlet.drive(NeuronId::new(42).unwrap(), 1.0, 0, b"go").unwrap();
    check(&mut cortex, |_| ());
    assert!(cortex.report().gates[1].emitted > TICKS);
}
