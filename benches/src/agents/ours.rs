//! Agents of this project.

use neuronbus::inlet::Inlet;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;

use crate::harness::{Sample, Unit, pin};
use crate::memory::Meter;

/// Passes every firing on.
struct Passer;

impl Neuron for Passer {
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(&[])?;
        Ok(())
    }
}

/// Counts what it hears.
#[derive(Debug, Default)]
pub struct Counter(u64);

impl Neuron for Counter {
    fn on_spike(&mut self, _: &Spike, _: &[u8], _: &mut Context<'_>) -> NeuronResult {
        self.0 += 1;
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// Fires once in each tick, from the first spike on.
struct Pacemaker;

impl Neuron for Pacemaker {
    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.on_fire(ctx)
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(&[])?;
        ctx.wake_in(Ticks(1));
        Ok(())
    }
}

/// So many spikes going round a ring of so many agents: each hop is a delivery, a firing, a callback and a new spike.
pub(super) fn ring(neurons: u32, spikes: u32, hops: u64, unit: Unit) -> impl FnMut() -> Sample {
    let build = move || {
        let mut builder = Cortex::builder();
        let region = (0..neurons)
            .fold(Region::agents("ring"), |region, n| region.neuron(&n.to_string(), Passer));
        let region = builder.region(region);
        let pairs: Vec<(u32, u32)> = (0..neurons).map(|n| (n, (n + 1) % neurons)).collect();
        builder.project(region, region, Projection::pairs(&pairs, 1.0, Ticks(1)));
        started(builder, (0..spikes).map(|k| (k * (neurons / spikes)) as u16))
    };
    deliveries(build, u64::from(spikes), hops, unit)
}

/// One agent that fires each tick, so many that hear it.
pub(super) fn fan_out(targets: u32, times: u64) -> impl FnMut() -> Sample {
    let build = move || {
        let mut builder = Cortex::builder();
        let source = builder.region(Region::agents("source").neuron("beat", Pacemaker));
        let region = builder.region(counters(targets));
        builder.project(source, region, Projection::all_to_all().weight(0.001));
        started(builder, [0])
    };
    let targets = u64::from(targets);
    deliveries(build, targets, targets * times, Unit::MillionPerSecond)
}

/// The same with a crowd.
pub(super) fn fan_out_to_crowd(cells: u32, times: u64) -> impl FnMut() -> Sample {
    let build = move || {
        let mut builder = Cortex::builder();
        let source = builder.region(Region::agents("source").neuron("beat", Pacemaker));
        let crowd = builder.region(Region::crowd("targets", cells, |_| Counter::default()));
        builder.project(source, crowd, Projection::all_to_all().weight(0.001));
        started(builder, [0])
    };
    let cells = u64::from(cells);
    deliveries(build, cells, cells * times, Unit::MillionPerSecond)
}

/// Agents on one worker, each of which fires in every tick, and so many on the other that hear it.
pub(super) fn to_other_worker(sources: u32, each: u32, spikes: u64) -> impl FnMut() -> Sample {
    let build = move || {
        pin(0);
        let mut builder = Cortex::builder();
        builder.workers(2).pin_workers(&[0, 1]);
        let beats = (0..sources)
            .fold(Region::agents("sources"), |region, n| region.neuron(&n.to_string(), Pacemaker));
        let from = builder.region(beats.worker(0));
        let to = builder.region(counters(if each == 1 { sources } else { each }).worker(1));
        let rule = if each == 1 { Projection::one_to_one() } else { Projection::all_to_all() };
        builder.project(from, to, rule.weight(0.001).delay(Ticks(64)));
        started(builder, 0..sources as u16)
    };
    deliveries(build, u64::from(sources) * u64::from(each), spikes, Unit::MillionPerSecond)
}

fn counters(count: u32) -> Region {
    (0..count).fold(Region::agents("targets"), |region, n| {
        region.neuron(&n.to_string(), Counter::default())
    })
}

/// Adds agents that do nothing to a cortex while a meter runs; the targets of nobody.
///
/// # Errors
/// If there are more than ids.
pub fn idle_boxed(agents: u32, meter: &mut Meter) -> neuronbus::Result<()> {
    idle(meter, || counters(agents))
}

/// The same with a crowd.
///
/// # Errors
/// If there are too many cells.
pub fn idle_crowd(cells: u32, meter: &mut Meter) -> neuronbus::Result<()> {
    idle(meter, || Region::crowd("targets", cells, |_| Counter::default()))
}

fn idle(meter: &mut Meter, region: impl FnOnce() -> Region) -> neuronbus::Result<()> {
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free);
    meter.start();
    builder.region(region());
    let mut cortex = builder.build()?;
    meter.stop();
    cortex.run_for(Ticks(1))?;
    Ok(())
}

fn started(
    mut builder: neuronbus::cortex::CortexBuilder,
    starts: impl IntoIterator<Item = u16>,
) -> neuronbus::Result<Cortex> {
    let (mut inlet, gate) = Inlet::gate(4096)?;
    builder.region(Region::gated("door", gate));
    builder.pace(Pace::Free);
    let mut cortex = builder.build()?;
    for start in starts {
        inlet.drive(NeuronId::new(start)?, 1.0, 0, &[])?;
    }
    // Long enough for every buffer to have its size.
    cortex.run_for(Ticks(1_000))?;
    Ok(cortex)
}

/// A contestant whose cortex, built when it is first run, delivers so many spikes a round.
fn deliveries(
    build: impl Fn() -> neuronbus::Result<Cortex>,
    per_tick: u64,
    spikes: u64,
    unit: Unit,
) -> impl FnMut() -> Sample {
    let mut cortex = None;
    move || {
        let cortex = cortex.get_or_insert_with(|| build().expect("described correctly"));
        let before = cortex.counts().delivered;
        let began = Stamp::now();
        cortex.run_for(Ticks(spikes / per_tick)).expect("agents that never fail");
        let ns = Stamp::now().ns_since(began) as f64;
        let delivered = (cortex.counts().delivered - before) as f64;
        Sample::from(if unit == Unit::Ns { ns / delivered } else { delivered * 1000.0 / ns })
    }
}
