//! Networks of plain neurons: how many times faster than real time they run.
//!
//! `simulators/run.sh` runs the same networks in other simulators.

use std::time::Duration;

use neuronbus::cortex::CortexBuilder;
use neuronbus::pace::Stamp;
use neuronbus::population::{Cells, ExpLif, Noise, Record};
use neuronbus::prelude::*;

use crate::harness::pin;
use crate::harness::{Comparison, Sample, Scale, Target, Unit};

const MS: Duration = Duration::from_millis(1);

/// A network that is run in stretches.
pub(crate) struct Network {
    pub(crate) cortex: Cortex,
    watched: neuronbus::id::RegionId,
    /// How many cells the watched region has.
    cells: u32,
    tick: Duration,
}

impl Network {
    /// Runs so much of model time.
    pub(crate) fn stretch(&mut self, model_ms: u64) -> neuronbus::Result<Sample> {
        let span = Duration::from_millis(model_ms);
        let fired = |cortex: &Cortex, region| cortex.recorded(region).map_or(0, <[_]>::len);
        let (fired_before, before) = (fired(&self.cortex, self.watched), self.cortex.counts());
        let began = Stamp::now();
        self.cortex.run_for(span)?;
        let seconds = Stamp::now().ns_since(began) as f64 * 1e-9;
        let spikes = (fired(&self.cortex, self.watched) - fired_before) as f64;
        let events = (self.cortex.counts().delivered - before.delivered) as f64;
        let ticks = span.as_secs_f64() / self.tick.as_secs_f64();
        let beside = vec![
            ("rate, Hz", spikes / f64::from(self.cells) / span.as_secs_f64()),
            ("cell updates/s", self.cortex.report().cells as f64 * ticks / seconds),
            ("events/s", events / seconds),
        ];
        Ok(Sample { figure: span.as_secs_f64() / seconds, beside })
    }
}

/// A contestant that builds its network when it is first run, lets it find its rate, and then runs a stretch a round.
fn stretches(
    model_ms: u64,
    workers: usize,
    build: impl Fn(usize) -> neuronbus::Result<Network>,
) -> impl FnMut() -> Sample {
    let mut network = None;
    move || {
        let mut run = || {
            if network.is_none() {
                network.insert(build(workers)?).stretch(model_ms)?;
            }
            network.as_mut().expect("built above").stretch(model_ms)
        };
        let sample: neuronbus::Result<Sample> = run();
        sample.expect("the network is described correctly")
    }
}

/// So many workers, each on a core of its own, whatever was measured on this thread before.
fn spread(builder: &mut CortexBuilder, workers: usize) {
    pin(0);
    let cores: Vec<usize> = (0..workers).collect();
    builder.workers(workers).pin_workers(&cores);
}

/// Vogels and Abbott (2005), the size of the paper.
#[must_use]
pub fn cuba_4000(scale: Scale) -> Comparison {
    Comparison::new("CUBA (Vogels and Abbott 2005), 4,000 cells, 0.1 ms", Unit::RealTime)
        .ours("1 worker", stretches(scale.of(5_000, 100), 1, |workers| cuba(4_000, workers)))
        .ours("2 workers", stretches(scale.of(5_000, 100), 2, |workers| cuba(4_000, workers)))
        .target(Target::at_least(55.0))
        .target(Target::at_least(1.0).of("2 workers").times("1 worker"))
}

/// The same with more cells and as many inputs each.
#[must_use]
pub fn cuba_100000(scale: Scale) -> Comparison {
    Comparison::new("CUBA, 100,000 cells, 80 inputs each, 0.1 ms", Unit::RealTime)
        .ours("1 worker", stretches(scale.of(500, 10), 1, |workers| cuba(100_000, workers)))
        .ours("2 workers", stretches(scale.of(500, 10), 2, |workers| cuba(100_000, workers)))
        .target(Target::at_least(1.7))
        .target(Target::at_least(1.65).of("2 workers").times("1 worker"))
}

/// Brunel (2000), asynchronous irregular.
#[must_use]
pub fn brunel_12500(scale: Scale) -> Comparison {
    let title = "Brunel (2000), g 5, eta 2: 12,500 cells, 1,250 inputs each, 0.1 ms";
    Comparison::new(title, Unit::RealTime)
        .ours("1 worker", stretches(scale.of(500, 10), 1, brunel))
        .ours("2 workers", stretches(scale.of(500, 10), 2, brunel))
        .target(Target::at_least(1.1))
        .target(Target::at_least(1.65).of("2 workers").times("1 worker"))
}

/// A million plastic synapses at a fine tick.
#[must_use]
pub fn plastic_fine(scale: Scale) -> Comparison {
    Comparison::new("10,000 cells with 100 STDP synapses each, 0.1 ms", Unit::RealTime)
        .ours("1 worker", stretches(scale.of(1_000, 20), 1, |workers| plastic(MS / 10, workers)))
        .ours("2 workers", stretches(scale.of(1_000, 20), 2, |workers| plastic(MS / 10, workers)))
        .target(Target::at_least(5.0))
}

/// A million plastic synapses at a coarse tick.
#[must_use]
pub fn plastic_coarse(scale: Scale) -> Comparison {
    Comparison::new("10,000 cells with 100 STDP synapses each, 1 ms", Unit::RealTime)
        .ours("1 worker", stretches(scale.of(2_000, 20), 1, |workers| plastic(MS, workers)))
        .ours("2 workers", stretches(scale.of(2_000, 20), 2, |workers| plastic(MS, workers)))
        .target(Target::at_least(9.0))
}

/// 80% excitatory, 80 inputs a cell, exponential currents.
pub(crate) fn cuba(cells: u32, workers: usize) -> neuronbus::Result<Network> {
    let tick = MS / 10;
    let mut builder = Cortex::builder();
    builder.tick_length(tick).pace(Pace::Free).seed(1);
    spread(&mut builder, workers);
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
    Ok(Network { cortex, watched: excitatory, cells: cells / 5 * 4, tick })
}

fn brunel(workers: usize) -> neuronbus::Result<Network> {
    let tick = MS / 10;
    let mut builder = Cortex::builder();
    builder.tick_length(tick).pace(Pace::Free).seed(1);
    spread(&mut builder, workers);
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
    Ok(Network { cortex: builder.build()?, watched: excitatory, cells: 10_000, tick })
}

/// 10,000 cells with 100 plastic synapses each.
fn plastic(tick: Duration, workers: usize) -> neuronbus::Result<Network> {
    let mut builder = Cortex::builder();
    builder.tick_length(tick).pace(Pace::Free).seed(1);
    spread(&mut builder, workers);
    let lif = Lif::default().tau(20 * MS).threshold(20.0).refractory(2 * MS);
    let kind = Cells::lif(lif).noise(Noise { rate_hz: 800.0, size: 1.0 }).start_between(0.0, 20.0);
    let region = builder.region(Region::population("net", kind, 10_000).record(Record::Spikes));
    let rule = Stdp { a_plus: 0.002, a_minus: 0.0024, ..Stdp::default() };
    let synapses = Projection::random(0.01).bounds(0.0, 0.2).weight(0.1).delay(MS);
    builder.project(region, region, synapses.plasticity(rule));
    Ok(Network { cortex: builder.build()?, watched: region, cells: 10_000, tick })
}
