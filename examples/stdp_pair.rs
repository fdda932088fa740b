//! The learning curve of a synapse: what one pair of spikes does to a weight, by the time between the two.
//!
//! ```text
//! $ cargo run --example stdp_pair
//! dt/ms     gain
//!   -50  -0.0010              ##|
//!   -40  -0.0016             ###|
//!   -30  -0.0027           #####|
//!   -20  -0.0044       #########|
//!   -10  -0.0073 ###############|
//!     0  +0.0000                |
//!    10  +0.0061                |############
//!    20  +0.0037                |#######
//!    30  +0.0022                |####
//!    40  +0.0014                |###
//!    50  +0.0008                |##
//! ```
//! dt = t_post - t_pre. Positive (the cause comes first) strengthens, negative weakens; both fade with tau = 20 ms.

use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// The weight that a synapse gains when its target fires so many ms after a spike has arrived from its source.
fn gain(dt: i64) -> neuronbus::Result<f32> {
    let (mut inlet, gate) = Inlet::gate(4)?;
    let mut builder = Cortex::builder();
    builder.region(Region::gated("gate", gate));
    let pair = Region::agents("pair").neuron("pre", Relay::default());
    let pair = builder.region(pair.neuron("post", Relay::default()));
    // Silent: it learns without driving its target, so the two spikes are ours alone.
    let synapse = Projection::pairs(&[(0, 1)], 0.5, Ticks(1)).silent();
    builder.project(pair, pair, synapse.plasticity(Stdp::default())).pace(Pace::Free);
    let mut cortex = builder.build()?;
    let pre = cortex.atlas().resolve("pair:pre").expect("it was built");
    let post = cortex.atlas().resolve("pair:post").expect("it was built");

    for tick in 0..160 {
        // The spike from the source needs one tick, which is 1 ms, to arrive in tick 100.
        if tick == 99 {
            inlet.drive(pre, 1.0, 0, b"")?;
        }
        if tick == 100 + dt {
            inlet.drive(post, 1.0, 0, b"")?;
        }
        cortex.tick()?;
    }
    Ok(cortex.weight(pre, post).unwrap_or_default() - 0.5)
}

fn main() -> neuronbus::Result<()> {
    println!("dt/ms     gain");
    for dt in (-50..=50).step_by(10) {
        let gain = gain(dt)?;
        let bar = "#".repeat((gain.abs() * 2000.0).round() as usize);
        let (below, above) = if gain < 0.0 { (bar.as_str(), "") } else { ("", bar.as_str()) };
        println!("{}", format!("{dt:>5} {gain:>+8.4} {below:>15}|{above}").trim_end());
    }
    Ok(())
}
