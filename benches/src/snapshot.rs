//! Snapshots of a large network: how fast its state is copied, within a tick, and written and restored, outside of one.

use std::time::Duration;

use neuronbus::pace::Stamp;
use neuronbus::population::{Cells, Noise};
use neuronbus::prelude::*;
use neuronbus::snapshot::{Capture, Snapshot};

use crate::harness::{Comparison, Sample, Scale, Target, Unit};

/// Synapses of each cell.
const EACH: u32 = 100;

/// So many cells with plastic synapses, run for a while. `NEURONBUS_SNAPSHOT_CELLS` says how many; 1,000,000 need 8 GB.
fn network(scale: Scale) -> impl Fn() -> Cortex {
    let asked = std::env::var("NEURONBUS_SNAPSHOT_CELLS").ok().and_then(|text| text.parse().ok());
    let cells: u32 = asked.unwrap_or(scale.of(100_000, 1_000) as u32);
    move || {
        let mut builder = Cortex::builder();
        let kind = Cells::lif(Lif::default()).noise(Noise { rate_hz: 20.0, size: 0.6 });
        let region = builder.region(Region::population("cells", kind, cells));
        let learns = Projection::random(f64::from(EACH) / f64::from(cells)).weight(0.01);
        builder.project(region, region, learns.plasticity(Stdp::default()).delay(Ticks(2)));
        builder.tick_length(Duration::from_millis(1)).pace(Pace::Free);
        builder.build().expect("it is described correctly")
    }
}

/// A figure in bytes a second, and how long it took.
fn sample(bytes: u64, began: Stamp) -> Sample {
    let seconds = Stamp::now().ns_since(began) as f64 * 1e-9;
    Sample {
        figure: bytes as f64 / seconds * 1e-6,
        beside: vec![("ms", seconds * 1e3), ("MB", bytes as f64 * 1e-6)],
    }
}

/// The state of a network that learns, in bytes a second.
#[must_use]
pub fn states(scale: Scale) -> Comparison {
    let build = network(scale);
    let mut cortex = build();
    cortex.run_for(Ticks(20)).expect("nothing ends it");
    let mut bytes = Vec::new();
    cortex.snapshot(&mut bytes).expect("cells are always saved");
    let place = tempfile::tempdir().expect("there is a place for temporary files");
    let length = bytes.len() as u64;
    let state = bytes.clone();
    let (mut copy, mut sum) = (bytes.clone(), 0);
    let whole = Capture::of(&mut cortex, 0, Vec::new()).expect("cells are always saved");
    let path = whole.write(place.path()).expect("the place can be written to");
    let directory = place.path().to_owned();
    Comparison::new(
        "the state of a network, 100 plastic synapses a cell, in bytes/s",
        Unit::MillionPerSecond,
    )
    .ours("copied between two ticks", move || {
        bytes.clear();
        let began = Stamp::now();
        let info = cortex.snapshot(&mut bytes).expect("cells are always saved");
        sample(info.bytes, began)
    })
    .ours("written and synced, on another thread", move || {
        let began = Stamp::now();
        whole.write(&directory).expect("the place can be written to");
        sample(length, began)
    })
    .ours("read and checked", move || {
        let _keep = &place;
        let began = Stamp::now();
        let found = Snapshot::read(&path).expect("it was written just now");
        sample(found.header.length, began)
    })
    .ours("restored", {
        let state = state.clone();
        move || {
            let mut fresh = build();
            let began = Stamp::now();
            fresh.restore(&state).expect("it is of the same topology");
            sample(length, began)
        }
    })
    .limit("memcpy of as many bytes", move || {
        let began = Stamp::now();
        copy.copy_from_slice(&state);
        let sample = sample(length, began);
        sum += u64::from(copy[copy.len() / 2]);
        std::hint::black_box(sum);
        sample
    })
    .target(Target::at_least(0.5).times("memcpy of as many bytes"))
}
