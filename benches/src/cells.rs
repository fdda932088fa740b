//! What a network's time goes into, measured apart: cells that only leak, deliveries, and what size does to a delivery.

use std::time::Duration;

use neuronbus::pace::Stamp;
use neuronbus::population::{Cells, ExpLif};
use neuronbus::prelude::*;

use crate::harness::{Comparison, Sample, Scale, Target, Unit};
use crate::networks;

const MS: Duration = Duration::from_millis(1);

/// What a contestant counts.
#[derive(Clone, Copy)]
enum Counted {
    Updates,
    Deliveries,
}

/// A contestant that builds its cortex when it is first run, and counts over so many ticks a round; million a second.
fn counted(
    what: Counted,
    ticks: u64,
    build: impl Fn() -> neuronbus::Result<Cortex>,
) -> impl FnMut() -> Sample {
    let mut cortex = None;
    let settled = move || {
        let mut cortex = build()?;
        cortex.run_for(Ticks(ticks / 4))?;
        Ok(cortex)
    };
    move || {
        let settle: &dyn Fn() -> neuronbus::Result<Cortex> = &settled;
        let cortex = cortex.get_or_insert_with(|| settle().expect("described correctly"));
        let before = cortex.counts().delivered;
        let began = Stamp::now();
        cortex.run_for(Ticks(ticks)).expect("cells never fail");
        let ns = Stamp::now().ns_since(began) as f64;
        let count = match what {
            Counted::Updates => cortex.report().cells * ticks,
            Counted::Deliveries => cortex.counts().delivered - before,
        };
        Sample::from(count as f64 * 1000.0 / ns)
    }
}

/// 4,000 cells without a synapse.
fn cells_only(cells: Cells) -> neuronbus::Result<Cortex> {
    let mut builder = Cortex::builder();
    builder.tick_length(MS / 10).pace(Pace::Free);
    builder.region(Region::population("cells", cells, 4_000));
    Ok(builder.build()?)
}

/// Cells that hear nothing.
#[must_use]
pub fn alone(scale: Scale) -> Comparison {
    let ticks = scale.of(200_000, 1_000);
    let lif = || cells_only(Cells::lif(Lif::default().tau(20 * MS)).start_between(0.0, 0.9));
    let exp = || cells_only(Cells::exp_lif(ExpLif::default()).start_between(-60.0, -50.1));
    Comparison::new("Updates of 4,000 cells that hear nothing", Unit::MillionPerSecond)
        .ours("leaky", counted(Counted::Updates, ticks, lif))
        .ours("with two exponential currents", counted(Counted::Updates, ticks, exp))
        .target(Target::at_least(2_000.0))
        .target(Target::at_least(2_000.0).of("with two"))
}

/// 1,000 sources, 10,000 targets that never fire, in-degree 125.
fn driven(plastic: bool) -> neuronbus::Result<Cortex> {
    let mut builder = Cortex::builder();
    builder.tick_length(MS).pace(Pace::Free).seed(1);
    let sources = builder.region(Region::population("sources", Cells::poisson(500.0), 1_000));
    let deaf = Cells::lif(Lif::default().tau(20 * MS).threshold(1e9));
    let targets = builder.region(Region::population("targets", deaf, 10_000));
    let mut projection = Projection::random(0.125).weight(0.1);
    if plastic {
        projection = projection.plasticity(Stdp::default());
    }
    builder.project(sources, targets, projection);
    Ok(builder.build()?)
}

/// Nearly nothing but deliveries.
#[must_use]
pub fn delivery(scale: Scale) -> Comparison {
    let ticks = scale.of(1_000, 20);
    let title = "Deliveries from 1,000 sources at 500 Hz to 10,000 cells, 1.25 million synapses";
    Comparison::new(title, Unit::MillionPerSecond)
        .ours("static", counted(Counted::Deliveries, ticks, || driven(false)))
        .ours("plastic", counted(Counted::Deliveries, ticks, || driven(true)))
        .target(Target::at_least(700.0))
        .target(Target::at_least(150.0).of("plastic"))
}

/// The same network at a hundred times the size.
#[must_use]
pub fn growth(scale: Scale) -> Comparison {
    let ns_an_event = |cells: u32, model_ms: u64| {
        let mut network = None;
        move || {
            let build = || networks::cuba(cells, 1).expect("described correctly");
            let network = network.get_or_insert_with(build);
            let before = network.cortex.counts().delivered;
            let began = Stamp::now();
            network.stretch(model_ms).expect("cells never fail");
            let ns = Stamp::now().ns_since(began) as f64;
            Sample::from(ns / (network.cortex.counts().delivered - before) as f64)
        }
    };
    let large = scale.of(1_000_000, 20_000) as u32;
    Comparison::new("Time a synaptic event takes in CUBA, everything included", Unit::Ns)
        .ours("1,000,000 cells", ns_an_event(large, scale.of(50, 10)))
        .ours("10,000 cells", ns_an_event(10_000, scale.of(2_000, 20)))
        .target(Target::at_most(3.0).times("10,000 cells"))
}
