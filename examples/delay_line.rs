//! Where does a sound come from? Two delay lines and five coincidence detectors tell (L. A. Jeffress, 1948).
//!
//! ```text
//! $ cargo run --example delay_line
//! left ear -4 ticks late: far left
//! left ear -2 ticks late: left
//! left ear  0 ticks late: ahead
//! left ear  2 ticks late: right
//! left ear  4 ticks late: far right
//! ```
//!
//! A synapse's delay is conduction time. Detector k hears the left ear after 1 + k ticks and the right one after 5 - k,
//! so it gets both at once only when the sound reached the left ear 4 - 2k ticks after the right one.

use neuronbus::axon::Tapped;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;

/// Each detector names the direction that it stands for.
const DETECTORS: [&str; 5] = ["far right", "right", "ahead", "left", "far left"];

fn main() -> neuronbus::Result<()> {
    let (mut inlet, gate) = Inlet::gate(16)?;
    let mut builder = Cortex::builder();
    builder.region(Region::gated("sense/air", gate));
    let ears = Region::agents("ears").neuron("left", Relay::default());
    let ears = builder.region(ears.neuron("right", Relay::default()));
    // It forgets within a tick, so half a spike more than a tick ago is no coincidence.
    let mut direction = Region::agents("direction").membrane(Lif::default().tau(Ticks(1)));
    for name in DETECTORS {
        direction = direction.neuron(name, Relay::default());
    }
    let direction = builder.region(direction);
    let lines = (0..5).flat_map(|k| {
        let line = |pre, delay| Synapse { pre, post: k, weight: 0.6, delay: Span::Ticks(delay) };
        [line(0, 1 + u64::from(k)), line(1, 5 - u64::from(k))]
    });
    builder.project(ears, direction, Projection::synapses(lines.collect()));
    builder.pace(Pace::Free).axon(64);
    let mut cortex = builder.build()?;
    let mut tap = cortex.tap().expect("the builder was asked for an axon");

    for late in [-4i64, -2, 0, 2, 4] {
        let (first, second) = if late < 0 { ("left", "right") } else { ("right", "left") };
        for (ear, wait) in [(first, late.unsigned_abs()), (second, 20)] {
            let ear = cortex.atlas().neuron("ears", ear).expect("it was built");
            inlet.drive(ear, 1.0, 0, b"")?;
            cortex.run_for(Ticks(wait))?;
        }
        while let Tapped::Spike(spike) = tap.poll() {
            let detector = spike.source()?;
            if cortex.atlas().region_of(detector) == Some(direction) {
                println!("left ear {late:>2} ticks late: {}", cortex.atlas().name(detector));
            }
        }
    }
    Ok(())
}
