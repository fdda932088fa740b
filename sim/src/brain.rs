//! The brain that is run: two ways in, agents that remember, draw random numbers and set timers, synapses that learn,
//! and a way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use neuronbus::cortex::{BuildError, Recording};
use neuronbus::gate::Gate;
use neuronbus::journal::disk::Disk;
use neuronbus::journal::{Level, Options};
use neuronbus::math;
use neuronbus::prelude::*;

use crate::clock;
use crate::disk::Planted;

/// Bytes of a segment: small, so that many are begun.
const SEGMENT: u64 = 16 << 10;

/// Bytes that may wait to be written.
const MEMORY: usize = 1 << 20;

/// Inputs between two marks, and between two snapshots.
const MARKED: u64 = 16;
const KEPT: u64 = 24;

/// How it records, and how far that is brought unasked: nowhere, for the simulator says when.
fn recording(disk: Arc<dyn Disk>) -> Recording {
    let mut recording = Recording::in_directory("simulated").every_records(MARKED, KEPT);
    recording.disk = Some(disk);
    recording.clock = clock::now;
    recording.options = Options {
        level: Level::PageCache,
        segment_bytes: SEGMENT,
        memory_bytes: MEMORY,
        thread: false,
        ..Options::default()
    };
    recording
}

/// The same brain each time, with these gates and a way out; recorded if there is a disk.
pub(crate) fn build<G: Gate + 'static>(
    gates: [G; 2],
    out: impl Gate + 'static,
    disk: Option<Arc<dyn Disk>>,
    planted: Option<Planted>,
) -> Result<Cortex, BuildError> {
    let [left, right] = gates;
    let mut builder = Cortex::builder();
    let left = builder.region(Region::gated("sense/left", left));
    let right = builder.region(Region::gated("sense/right", right));
    let lif = || Lif::default().threshold(0.3);
    let overhears = planted == Some(Planted::UnrecordedInput);
    let ear = || Listener { seen: 0, overhears };
    let ears = Region::agents("sense/ears").membrane(lif());
    let ears = ears.neuron("left", ear()).neuron("right", ear());
    let ears = builder.region(ears);
    let thought = Region::agents("think/thought").membrane(lif()).neuron("one", ear());
    let thought = builder.region(thought);
    let mouth = builder.region(Region::gated("motor/mouth", out));
    builder.project(left, ears, Projection::all_to_all());
    builder.project(right, ears, Projection::all_to_all().weight(0.7));
    builder.project(ears, thought, Projection::all_to_all().plasticity(Stdp::default()));
    builder.project(thought, mouth, Projection::all_to_all());
    builder.pace(Pace::Free).seed(5);
    if let Some(disk) = disk {
        builder.journal(recording(disk));
    }
    builder.build()
}

/// Remembers everything it heard in one number, fires what it drew, and sometimes wakes up later.
#[derive(Debug)]
struct Listener {
    seen: u64,
    /// The planted bug: it listens to something that no journal knows.
    overhears: bool,
}

/// What no journal knows: never twice the same.
static OUTSIDE: AtomicU64 = AtomicU64::new(0);

impl Listener {
    fn take_in(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.seen = math::random(self.seen, u64::from(*byte), 0, 0);
        }
    }
}

impl Neuron for Listener {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let source = spike.source()?.raw().to_le_bytes();
        self.take_in(&source);
        self.take_in(payload);
        if self.seen.is_multiple_of(5) {
            ctx.wake_in(Ticks(1 + self.seen % 7));
        }
        if self.overhears {
            let outside = OUTSIDE.fetch_add(1, Ordering::Relaxed);
            self.take_in(&outside.to_le_bytes());
        }
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let drawn = ctx.random().to_le_bytes();
        self.take_in(&drawn);
        ctx.fire(&drawn)?;
        Ok(())
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(b"awake")?;
        Ok(())
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.seen.to_le_bytes());
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let seen = bytes.try_into().map_err(|_| Fault::new("a listener is 8 bytes"))?;
        self.seen = u64::from_le_bytes(seen);
        Ok(())
    }
}
