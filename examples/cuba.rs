//! A network of 4,000 plain neurons that keeps itself alive: the benchmark of Vogels and Abbott (2005), "CUBA".
//!
//! ```text
//! $ cargo run --example cuba
//! 319625 synapses
//! every 400th cell for 600 ms, a column for 10 ms
//!     0 |...........|...|..|..|.....|.....|...|........|......|....|
//!   400 .....|...|....|..................|.....|...|....|...|.......
//!   800 ..|...............................|.................|.......
//!  1200 ..............................|.........|...|...............
//!  1600 ............................................................
//!  2000 ............................................................
//!  2400 ......................|......|.....|..............|.........
//!  2800 |.........................................................|.
//! 5.8 Hz a cell
//! ```
//! Four of five cells excite, the others inhibit, each pair is connected with a chance of 2%. Nothing drives it from
//! outside: cells rest above their threshold, and inhibition makes them fire irregularly. Told a file, it draws all.

use std::time::Duration;

use neuronbus::population::{Cells, ExpLif, Record};
use neuronbus::prelude::*;
use neuronbus_examples::plot;

const MS: Duration = Duration::from_millis(1);
const EXCITATORY: u32 = 3_200;

fn main() -> neuronbus::Result<()> {
    let mut builder = Cortex::builder();
    builder.tick_length(MS / 10).pace(Pace::Free).seed(1);
    let cells = Cells::exp_lif(ExpLif::default()).start_between(-60.0, -50.0);
    let excitatory = Region::population("excitatory", cells.clone(), EXCITATORY);
    let excitatory = builder.region(excitatory.record(Record::Spikes));
    let inhibitory = builder.region(Region::population("inhibitory", cells, 800));
    for target in [excitatory, inhibitory] {
        let synapses = Projection::random(0.02).bounds(0.0, 10.0).delay(MS * 4 / 5);
        builder.project(excitatory, target, synapses.clone().weight(1.62));
        builder.project(inhibitory, target, synapses.weight(9.0).inhibitory());
    }
    let mut cortex = builder.build()?;
    println!("{} synapses", cortex.synapses());
    cortex.run_for(700 * MS)?;

    let spikes = cortex.recorded(excitatory).unwrap_or_default();
    let late: Vec<(u64, u32)> = spikes.iter().copied().filter(|&(tick, _)| tick >= 1_000).collect();
    println!("every 400th cell for 600 ms, a column for 10 ms");
    for cell in (0..EXCITATORY).step_by(400) {
        let fired = |column: u64| late.iter().any(|&(t, c)| c == cell && t / 100 == 10 + column);
        let row: String = (0..60).map(|column| if fired(column) { '|' } else { '.' }).collect();
        println!("{cell:>5} {row}");
    }
    println!("{:.1} Hz a cell", late.len() as f64 / f64::from(EXCITATORY) / 0.6);
    if let Some(path) = std::env::args().nth(1) {
        let dots = late.iter().map(|&(tick, cell)| (tick as f64 / 10.0, cell));
        plot::raster(path.as_ref(), (100.0, 700.0), EXCITATORY, dots)?;
    }
    Ok(())
}
