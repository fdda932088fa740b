//! Handwritten digits without a teacher: a hundred cells compete for pictures, and STDP makes each like those it won.
//!
//! ```text
//! $ cargo run --example digits
//! 300 of digits drawn by this program: no file was found
//! 100 cells, STDP, unsupervised    82.7 %
//! 100 clusters by k-means          100.0 %
//! logistic regression, with labels 100.0 %
//! ```
//! Ink fires early, paper late; the first cell to fire wins. What came before is strengthened, what comes after is
//! weakened, and scaling gives every cell its share. Labels only name cells, and the pictures asked about come last.
//! With the UCI digits (see `Digits::find`), by settings chosen there: 91.5, 95.8 and 95.7 %.

use std::time::Duration;

use neuronbus::plasticity::{Bounds, Pairing, SynapticScaling};
use neuronbus::population::{Cells, ExpLif, Record};
use neuronbus::prelude::*;
use neuronbus::projection::Weights;
use neuronbus_examples::digits::{Digits, SLOT};

const CELLS: u32 = 100;
const EPOCHS: usize = 6;

fn main() -> neuronbus::Result<()> {
    let digits = Digits::find();
    let shown: Vec<_> = (0..EPOCHS).flat_map(|_| &digits.train).chain(&digits.test).collect();
    let spikes = (0..).zip(&shown).flat_map(|(nth, digit)| digit.spikes(nth)).collect();
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free).seed(1).tick_length(Duration::from_micros(100));
    let retina = builder.region(Region::population("retina", Cells::spike_list(spikes), 64));
    let tau = |ms| Span::from(Duration::from_millis(ms));
    let cell = ExpLif { rest: 0.0, reset: 0.0, threshold: 3.0, ..ExpLif::default() };
    let cell = ExpLif { tau_m: tau(10), tau_i: tau(3), refractory: tau(30), ..cell };
    let cells = Region::population("cells", Cells::exp_lif(cell), CELLS).record(Record::Spikes);
    let cells = builder.region(cells);
    let bounds = Bounds::Multiplicative;
    let rule =
        Stdp { a_plus: 0.1, a_minus: 0.1, pairing: Pairing::Nearest, bounds, ..Stdp::default() };
    // A picture takes 60 ms, and each cell is to win one in a hundred.
    let interval = Ticks(digits.train.len() as u64 * SLOT / 4).into();
    let scaling = SynapticScaling { target_hz: 0.01 / 0.06, gain: 0.03, interval };
    let synapses = Projection::all_to_all().weights(Weights::uniform(0.3, 0.7)).plasticity(rule);
    let inhibition = Projection::lateral_inhibition().weight(100.0).bounds(0.0, 100.0);
    builder.project(retina, cells, synapses.scaling(scaling)).project(cells, cells, inhibition);
    let mut cortex = builder.build()?;
    cortex.run_for(Ticks(shown.len() as u64 * SLOT))?;

    let mut won: Vec<Option<u32>> = vec![None; shown.len()];
    for &(tick, cell) in cortex.recorded(cells).unwrap_or_default() {
        won[(tick / SLOT) as usize].get_or_insert(cell);
    }
    let right = digits.right(CELLS as usize, &won);
    println!("{} of {}", digits.test.len(), digits.origin);
    println!("100 cells, STDP, unsupervised    {:.1} %", 100.0 * right);
    println!("100 clusters by k-means          {:.1} %", 100.0 * digits.k_means(100));
    println!("logistic regression, with labels {:.1} %", 100.0 * digits.logistic_regression());
    Ok(())
}
