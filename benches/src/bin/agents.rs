//! Agent to agent through a synapse inside one worker: delivered spikes a second on one core, in several shapes.
//!
//! Every delivered spike passes the dendrite check, adds to a membrane and calls `on_spike`; in the ring every one of
//! them also fires, so each costs a firing, a callback and a new spike.

use neuronbus::inlet::Inlet;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;
use neuronbus_benches::{Options, Table, median};

/// Passes every firing on.
struct Passer;

impl Neuron for Passer {
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(&[])?;
        Ok(())
    }
}

/// Counts what it hears.
struct Counter(u64);

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

/// So many neurons in a ring, so many spikes going round.
fn ring(neurons: u32, spikes: u32) -> neuronbus::Result<Cortex> {
    let mut builder = Cortex::builder();
    let region = (0..neurons)
        .fold(Region::agents("ring"), |region, n| region.neuron(&n.to_string(), Passer));
    let region = builder.region(region);
    let pairs: Vec<(u32, u32)> = (0..neurons).map(|n| (n, (n + 1) % neurons)).collect();
    builder.project(region, region, Projection::pairs(&pairs, 1.0, Ticks(1)));
    let starts = (0..spikes).map(|k| (k * (neurons / spikes)) as u16).collect();
    started(builder, starts)
}

/// One neuron that fires each tick, so many that hear it.
fn fan_out(targets: u32) -> neuronbus::Result<Cortex> {
    let mut builder = Cortex::builder();
    let source = builder.region(Region::agents("source").neuron("beat", Pacemaker));
    let region = (0..targets)
        .fold(Region::agents("targets"), |region, n| region.neuron(&n.to_string(), Counter(0)));
    let region = builder.region(region);
    builder.project(source, region, Projection::all_to_all().weight(0.001));
    started(builder, vec![0])
}

fn started(
    mut builder: neuronbus::cortex::CortexBuilder,
    starts: Vec<u16>,
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

/// Delivered spikes a second over a run of about `spikes` of them.
fn rate(cortex: &mut Cortex, per_tick: u64, spikes: u64) -> neuronbus::Result<f64> {
    let before = cortex.counts().delivered;
    let began = Stamp::now();
    cortex.run_for(Ticks(spikes / per_tick))?;
    let ns = Stamp::now().ns_since(began);
    Ok((cortex.counts().delivered - before) as f64 * 1e9 / ns as f64)
}

fn main() -> neuronbus::Result<()> {
    let options = Options::from_args();
    let spikes = if options.smoke { 100_000 } else { 10_000_000 };
    let mut shapes = vec![
        ("ring of 64, 1 spike", ring(64, 1)?, 1),
        ("ring of 64, 64 spikes", ring(64, 64)?, 64),
        ("ring of 1,000, 1,000 spikes", ring(1_000, 1_000)?, 1_000),
    ];
    for (name, targets) in
        [("1 to 10", 10), ("1 to 100", 100), ("1 to 1,000", 1_000), ("1 to 60,000", 60_000)]
    {
        shapes.push((name, fan_out(targets)?, u64::from(targets)));
    }
    let mut table = Table::new(&["shape", "delivered, million/s", "ns a spike"]);
    let rounds = if options.smoke { 1 } else { 5 };
    let mut rates = vec![Vec::new(); shapes.len()];
    for _ in 0..rounds {
        for (shape, rates) in shapes.iter_mut().zip(&mut rates) {
            rates.push(rate(&mut shape.1, shape.2, spikes)?);
        }
    }
    for ((name, _, _), mut rates) in shapes.into_iter().zip(rates) {
        let rate = median(&mut rates);
        table.row(&[name.to_owned(), format!("{:.1}", rate / 1e6), format!("{:.1}", 1e9 / rate)]);
    }
    options.print("Agent to agent on one core", &table);
    Ok(())
}
