//! Four ways in which one network can fire: the regimes of Brunel (2000), 12,500 cells with 1,250 inputs each.
//!
//! ```text
//! $ cargo run --example brunel
//! regime                                     rate Hz  CV  synchrony
//! g 3.0 eta 2.0 synchronous regular           335.0  0.00  0.70
//! g 6.0 eta 4.0 synchronous irregular, fast    59.9  0.73  0.93
//! g 5.0 eta 2.0 asynchronous irregular         37.5  0.36  0.47
//! g 4.5 eta 0.9 synchronous irregular, slow     6.1  0.28  1.67
//! ```
//! `g` is inhibition over excitation, `eta` the input from outside over what makes a cell fire. CV is that of a cell's
//! intervals: 0 if it fires like a clock. Synchrony is the CV of spikes in a millisecond: 0 if cells ignore each other.

use neuronbus::population::{Cells, Noise, Record};
use neuronbus::prelude::*;
use neuronbus_examples::statistics::{deviation, intervals, mean};

const MS: std::time::Duration = std::time::Duration::from_millis(1);
const J: f32 = 0.1;

fn main() -> neuronbus::Result<()> {
    println!("regime                                     rate Hz  CV  synchrony");
    for (g, eta, name) in [
        (3.0, 2.0, "synchronous regular"),
        (6.0, 4.0, "synchronous irregular, fast"),
        (5.0, 2.0, "asynchronous irregular"),
        (4.5, 0.9, "synchronous irregular, slow"),
    ] {
        let (rate, cv, synchrony) = fire(g, eta)?;
        println!("g {g:3.1} eta {eta:3.1} {name:28} {rate:6.1} {cv:5.2} {synchrony:5.2}");
    }
    Ok(())
}

/// Rate in Hz, CV of intervals and synchrony of the excitatory cells, in 200 ms.
fn fire(g: f32, eta: f64) -> neuronbus::Result<(f64, f64, f64)> {
    let mut builder = Cortex::builder();
    builder.tick_length(MS / 10).pace(Pace::Free).seed(1);
    let lif = Lif::default().tau(20 * MS).threshold(20.0).refractory(2 * MS);
    let outside = Noise { rate_hz: eta * 10_000.0, size: J };
    let cells = || Cells::lif(lif).reset(10.0).noise(outside);
    let region = Region::population("e", cells(), 10_000);
    let excitatory = builder.region(region.record(Record::Spikes));
    let inhibitory = builder.region(Region::population("i", cells(), 2_500));
    for target in [excitatory, inhibitory] {
        let inputs = |n| Projection::fixed_in_degree(n).bounds(0.0, 1.0).delay(MS * 3 / 2);
        builder.project(excitatory, target, inputs(1_000).weight(J));
        builder.project(inhibitory, target, inputs(250).weight(g * J).inhibitory());
    }
    let mut cortex = builder.build()?;
    cortex.run_for(300 * MS)?;
    let spikes = cortex.recorded(excitatory).unwrap_or_default();
    let late: Vec<(u64, u32)> = spikes.iter().copied().filter(|&(tick, _)| tick >= 1_000).collect();
    let in_ms = |ms: u64| late.iter().filter(|&&(tick, _)| tick / 10 == ms).count() as f64;
    let counts: Vec<f64> = (100..300).map(in_ms).collect();
    let cvs: Vec<f64> = intervals(&late).iter().map(|gaps| deviation(gaps) / mean(gaps)).collect();
    Ok((late.len() as f64 / 2_000.0, mean(&cvs), deviation(&counts) / mean(&counts)))
}
