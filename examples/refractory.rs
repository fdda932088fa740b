//! After firing, a neuron pauses. What reaches it meanwhile is dropped and counted, or waits where that is asked for.
//!
//! ```text
//! $ cargo run --example refractory
//! dropping .1...1........  0 waits, 6 dropped
//! lossless .1...4...3....  6 waits, 0 dropped
//! ```
//!
//! One character a tick: how many pages the printer took. This is back-pressure and batching without a queue to size.

use neuronbus::axon::Tapped;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// Prints all pages that have come together as one job.
struct Printer;

impl Neuron for Printer {
    fn evidence(&self) -> usize {
        9
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        Ok(ctx.fire(&[b'0' + ctx.evidence().len() as u8])?)
    }
}

/// Sends eight pages, one a tick, to a printer that is busy for three ticks after each job.
fn print(projection: Projection) -> neuronbus::Result<String> {
    let (mut inlet, gate) = Inlet::gate(16)?;
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("sense/pages", gate));
    let busy = Lif::default().refractory(Ticks(3));
    let printer = Region::agents("motor").membrane(busy).neuron("printer", Printer);
    let printer = builder.region(printer);
    builder.project(door, printer, projection).axon(64);
    let mut cortex = builder.build()?;
    let mut tap = cortex.tap().expect("the builder was asked for an axon");

    let mut jobs = String::new();
    for tick in 0..14 {
        if tick < 8 {
            inlet.fire(SpikeKind::Excitatory, 0, &[])?;
        }
        let fired = cortex.tick()?.firings > 0;
        while let Tapped::Spike(spike) = tap.poll() {
            jobs.extend(spike.inline().first().map(|&pages| char::from(pages)));
        }
        jobs.extend((!fired).then_some('.'));
    }
    let counts = cortex.counts();
    Ok(format!("{jobs}  {} waits, {} dropped", counts.deferred, counts.refractory))
}

fn main() -> neuronbus::Result<()> {
    println!("dropping {}", print(Projection::all_to_all())?);
    println!("lossless {}", print(Projection::all_to_all().lossless())?);
    Ok(())
}
