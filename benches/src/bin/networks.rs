//! Networks of plain neurons: how many times faster than real time they run on one core.

use std::time::Duration;

use neuronbus::pace::Stamp;
use neuronbus::population::{Cells, ExpLif, Noise, Record};
use neuronbus::prelude::*;
use neuronbus_benches::{Options, Table, median};

const MS: Duration = Duration::from_millis(1);

/// A network and what is known of it.
struct Case {
    name: &'static str,
    cortex: Cortex,
    watched: neuronbus::id::RegionId,
    cells: u32,
    tick: Duration,
    model_ms: u64,
}

/// Vogels and Abbott (2005): 80% excitatory, 80 inputs a cell, exponential currents.
fn cuba(name: &'static str, cells: u32, model_ms: u64) -> neuronbus::Result<Case> {
    let tick = MS / 10;
    let mut builder = Cortex::builder();
    builder.tick_length(tick).pace(Pace::Free).seed(1);
    let kind = || Cells::exp_lif(ExpLif::default()).start_between(-60.0, -50.0);
    let excitatory = Region::population("cuba/e", kind(), cells / 5 * 4).record(Record::Spikes);
    let excitatory = builder.region(excitatory);
    let inhibitory = builder.region(Region::population("cuba/i", kind(), cells / 5));
    let p = 80.0 / f64::from(cells);
    for target in [excitatory, inhibitory] {
        let from_e = Projection::random(p).bounds(0.0, 10.0).weight(1.62).delay(Ticks(8));
        builder.project(excitatory, target, from_e);
        let from_i = Projection::random(p).bounds(0.0, 10.0).weight(9.0).delay(Ticks(8));
        builder.project(inhibitory, target, from_i.inhibitory());
    }
    let cortex = builder.build()?;
    Ok(Case { name, cortex, watched: excitatory, cells: cells / 5 * 4, tick, model_ms })
}

/// Brunel (2000): 12,500 cells, 1,250 inputs each, g 5, eta 2: asynchronous irregular.
fn brunel(model_ms: u64) -> neuronbus::Result<Case> {
    let tick = MS / 10;
    let mut builder = Cortex::builder();
    builder.tick_length(tick).pace(Pace::Free).seed(1);
    let lif = Lif::default().tau(20 * MS).threshold(20.0).refractory(2 * MS);
    let noise = Noise { rate_hz: 20_000.0, size: 0.1 };
    let kind = || Cells::lif(lif).reset(10.0).noise(noise).start_between(0.0, 20.0);
    let excitatory = Region::population("brunel/e", kind(), 10_000).record(Record::Spikes);
    let excitatory = builder.region(excitatory);
    let inhibitory = builder.region(Region::population("brunel/i", kind(), 2_500));
    for target in [excitatory, inhibitory] {
        let base = Projection::random(0.1).bounds(0.0, 1.0).delay(MS * 3 / 2);
        builder.project(excitatory, target, base.clone().weight(0.1));
        builder.project(inhibitory, target, base.weight(0.5).inhibitory());
    }
    let cortex = builder.build()?;
    Ok(Case {
        name: "Brunel AI, 12,500",
        cortex,
        watched: excitatory,
        cells: 10_000,
        tick,
        model_ms,
    })
}

/// 10,000 cells with 100 plastic synapses each.
fn plastic(name: &'static str, tick: Duration, model_ms: u64) -> neuronbus::Result<Case> {
    let mut builder = Cortex::builder();
    builder.tick_length(tick).pace(Pace::Free).seed(1);
    let lif = Lif::default().tau(20 * MS).threshold(20.0).refractory(2 * MS);
    let kind = Cells::lif(lif).noise(Noise { rate_hz: 800.0, size: 1.0 }).start_between(0.0, 20.0);
    let region = builder.region(Region::population("net", kind, 10_000).record(Record::Spikes));
    let rule = Stdp { a_plus: 0.002, a_minus: 0.0024, ..Stdp::default() };
    let synapses = Projection::random(0.01).bounds(0.0, 0.2).weight(0.1).delay(MS);
    builder.project(region, region, synapses.plasticity(rule));
    let cortex = builder.build()?;
    Ok(Case { name, cortex, watched: region, cells: 10_000, tick, model_ms })
}

fn main() -> neuronbus::Result<()> {
    let options = Options::from_args();
    let scale = if options.smoke { 50 } else { 1 };
    let mut cases = vec![
        cuba("CUBA, 4,000", 4_000, 5_000 / scale)?,
        cuba("CUBA, 100,000", 100_000, 500 / scale)?,
        brunel(500 / scale)?,
        plastic("10,000 x 100 STDP, 0.1 ms", MS / 10, 1_000 / scale)?,
        plastic("10,000 x 100 STDP, 1 ms", MS, 2_000 / scale)?,
    ];
    let heads = ["network", "x real time", "rate, Hz", "cell updates/s", "synaptic events/s"];
    let mut table = Table::new(&heads);
    let rounds = if options.smoke { 1 } else { 5 };
    for case in &mut cases {
        let span = Duration::from_millis(case.model_ms);
        // The first stretch is the network finding its rate.
        case.cortex.run_for(span)?;
        let (mut speeds, mut events) = (Vec::new(), Vec::new());
        let before = case.cortex.recorded(case.watched).map_or(0, <[_]>::len);
        for _ in 0..rounds {
            let delivered = case.cortex.counts().delivered;
            let began = Stamp::now();
            case.cortex.run_for(span)?;
            let seconds = Stamp::now().ns_since(began) as f64 * 1e-9;
            speeds.push(span.as_secs_f64() / seconds);
            events.push((case.cortex.counts().delivered - delivered) as f64 / seconds);
        }
        let fired = case.cortex.recorded(case.watched).map_or(0, <[_]>::len) - before;
        let model_seconds = span.as_secs_f64() * f64::from(rounds);
        let speed = median(&mut speeds);
        let ticks_per_second = speed / case.tick.as_secs_f64();
        let all_cells = case.cortex.report().cells as f64;
        table.row(&[
            case.name.to_owned(),
            format!("{speed:.2}"),
            format!("{:.1}", fired as f64 / f64::from(case.cells) / model_seconds),
            format!("{:.2e}", all_cells * ticks_per_second),
            format!("{:.2e}", median(&mut events)),
        ]);
    }
    options.print("Networks of plain neurons, one core", &table);
    Ok(())
}
