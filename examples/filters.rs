//! A synapse can refuse spikes: by kind, by priority, by how the payload begins, or by a closure. What is refused has
//! not arrived: it drives nobody and teaches nothing.
//!
//! ```text
//! $ cargo run --example filters
//! temp 20   10 > gate > calm > exciting > temp
//! temp 95  200 > gate > exciting > temp > hot
//! dog       10 > gate > calm
//! ```

use neuronbus::axon::Tapped;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus::spike::SpikeKind::{Excitatory, Inhibitory};

/// Repeats what it hears at once, whether or not its membrane fires.
struct Echo;

impl Neuron for Echo {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        Ok(ctx.fire(payload)?)
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

fn main() -> neuronbus::Result<()> {
    let (mut inlet, gate) = Inlet::gate(16)?;
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("door", gate));
    let temp = Dendrite::payload_prefix(b"temp");
    let hot = Dendrite::closure(|_, payload| payload > b"temp 50".as_slice());
    for (name, filter) in [
        ("calm", !Dendrite::priority_at_least(128)),
        ("exciting", Dendrite::kind(Excitatory)),
        ("temp", temp.clone()),
        ("hot", Dendrite::all(vec![temp, hot])),
    ] {
        let ear = builder.region(Region::agents(name).neuron(name, Echo));
        builder.project(door, ear, Projection::all_to_all().dendrite(filter));
    }
    builder.pace(Pace::Free).axon(64);
    let mut cortex = builder.build()?;
    let mut tap = cortex.tap().expect("the builder was asked for an axon");

    let news = [(Excitatory, 10, "temp 20"), (Excitatory, 200, "temp 95"), (Inhibitory, 10, "dog")];
    for (kind, priority, payload) in news {
        inlet.fire(kind, priority, payload.as_bytes())?;
        cortex.run_for(Ticks(5))?;
        print!("{payload:<8} {priority:>3}");
        while let Tapped::Spike(spike) = tap.poll() {
            print!(" > {}", cortex.atlas().name(spike.source()?));
        }
        println!();
    }
    Ok(())
}
