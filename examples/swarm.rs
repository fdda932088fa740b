//! A hundred neurons in five regions: a wave goes round, and every run with one seed is the same run.
//!
//! ```text
//! $ cargo run --example swarm
//! +.....*.....#.....#.....#.....#.....#.....#.....
//! .+.....+:....*.....*:....*.....*:....*.....*:...
//! ..+......#.....#.....#.....#.....#.....#.....#..
//! ....*.....*.....*.....*.....*.....*.....*.....*.
//! .....*.....*.....*.....*.....*.....*.....*.....*
//! seed 7 once more: same digest true
//! seed 8 instead:   same digest false
//! ```
//! One line a region, one character for 5 ticks: from '.' (below 5 of its 20 neurons fired) to '#' (all).

use neuronbus::axon::Tapped;
use neuronbus::cortex::Digest;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// Pushes the first of five regions in a ring; a picture of what it set off, and the digest of the state at the end.
fn swarm(seed: u64) -> neuronbus::Result<([[u8; 48]; 5], Digest)> {
    let (mut inlet, gate) = Inlet::gate(16)?;
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("door", gate));
    let membrane = Lif::default().refractory(Ticks(8));
    let ring = [0, 1, 2, 3, 4].map(|number| {
        let region = Region::agents(&format!("swarm/{number}")).membrane(membrane);
        let add = |region: Region, n| region.neuron(&format!("drone-{n}"), Relay::default());
        builder.region((0..20).fold(region, add))
    });
    builder.project(door, ring[0], Projection::random(0.5));
    for (here, next) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        builder.project(*here, *next, Projection::random(0.3).weight(0.25).delay(Ticks(6)));
        builder.project(*here, *here, Projection::random(0.1).weight(0.4));
    }
    builder.seed(seed).pace(Pace::Free).axon(1 << 14);
    let mut cortex = builder.build()?;
    let mut tap = cortex.tap().expect("the builder was asked for an axon");
    inlet.fire(SpikeKind::Excitatory, 0, b"")?;
    cortex.run_for(Ticks(240))?;
    let mut picture = [[0; 48]; 5];
    while let Tapped::Spike(spike) = tap.poll() {
        let region = cortex.atlas().region_of(spike.source()?);
        if let Some(line) = ring.iter().position(|&here| Some(here) == region) {
            picture[line][spike.tick(cortex.tick_length()).0 as usize / 5] += 1;
        }
    }
    Ok((picture, cortex.digest()))
}

fn main() -> neuronbus::Result<()> {
    let (picture, digest) = swarm(7)?;
    for line in picture {
        println!("{}", line.map(|n: u8| [".", ":", "+", "*", "#"][n as usize / 5]).concat());
    }
    println!("seed 7 once more: same digest {}", swarm(7)?.1 == digest);
    println!("seed 8 instead:   same digest {}", swarm(8)?.1 == digest);
    Ok(())
}
