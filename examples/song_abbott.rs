//! Competition for one cell: a thousand inputs fire by chance, and a rule likes causes (Song and Abbott, 2000).
//!
//! ```text
//! $ cargo run --example song_abbott
//! w / w_max  inputs
//! 0.0 to 0.2    448 ########################################################
//! 0.2 to 0.4    138 #################
//! 0.4 to 0.6    121 ###############
//! 0.6 to 0.8     91 ###########
//! 0.8 to 1.0    202 #########################
//! 12.8 Hz from   0 to 100 s
//!  5.1 Hz from 300 to 400 s
//! ```
//! Who happens to fire before the cell gets stronger, and so fires before it more often. Weights that began
//! evenly spread part into losers and winners, and the cell calms down.

use std::time::Duration;

use neuronbus::math;
use neuronbus::population::{Cells, Record};
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;

const INPUTS: u32 = 1_000;
const W_MAX: f32 = 0.008;

fn main() -> neuronbus::Result<()> {
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free).seed(1);
    let inputs = builder.region(Region::population("inputs", Cells::poisson(15.0), INPUTS));
    let membrane = Lif::default().refractory(Ticks(2));
    let cell = Region::population("cell", Cells::lif(membrane), 1).record(Record::Spikes);
    let cell = builder.region(cell);
    let synapses = (0..INPUTS).map(|pre| {
        let weight = W_MAX * math::unit(math::random(1, 0, u64::from(pre), 0)) as f32;
        Synapse { pre, post: 0, weight, delay: Ticks(1).into() }
    });
    let rule = Stdp { a_plus: 0.01 * W_MAX, a_minus: 0.0105 * W_MAX, ..Stdp::default() };
    let synapses = Projection::synapses(synapses.collect()).bounds(0.0, W_MAX);
    builder.project(inputs, cell, synapses.plasticity(rule));
    let mut cortex = builder.build()?;
    cortex.run_for(Duration::from_secs(400))?;

    let mut bins = [0; 5];
    cortex.each_synapse(inputs, cell, |_, _, weight, _| {
        bins[((weight / W_MAX * 5.0) as usize).min(4)] += 1;
    });
    println!("w / w_max  inputs");
    for (bin, count) in bins.into_iter().enumerate() {
        let low = bin as f32 / 5.0;
        println!("{low:.1} to {:.1} {count:>6} {}", low + 0.2, "#".repeat(count / 8));
    }
    for from in [0, 300] {
        let spikes = cortex.recorded(cell).unwrap_or_default();
        let fired = spikes.iter().filter(|&&(ms, _)| ms / 100_000 == from / 100).count();
        println!("{:>4.1} Hz from {from:>3} to {} s", fired as f64 / 100.0, from + 100);
    }
    Ok(())
}
