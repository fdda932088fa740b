//! Two neurons: what comes through a door makes one fire, and that makes the other fire.
//!
//! ```text
//! $ cargo run --example hello
//! tick 0  sense/door:gate      "world"
//! tick 1  sense/ear:left       "world"
//! tick 2  motor/voice:greeter  "hello, world"
//! ```
//!
//! A synapse delivers one tick later at the earliest, so a chain is as long in time as it is in neurons.

use neuronbus::axon::Tapped;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// Greets whomever it has heard of last.
#[derive(Default)]
struct Greeter {
    name: String,
}

impl Neuron for Greeter {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        self.name = String::from_utf8_lossy(payload).into_owned();
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        Ok(ctx.fire(format!("hello, {}", self.name).as_bytes())?)
    }
}

fn main() -> neuronbus::Result<()> {
    let (mut inlet, gate) = Inlet::gate(16)?;
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("sense/door", gate));
    let ear = builder.region(Region::agents("sense/ear").neuron("left", Relay::default()));
    let voice = Region::agents("motor/voice").neuron("greeter", Greeter::default());
    let voice = builder.region(voice);
    builder.project(door, ear, Projection::all_to_all());
    builder.project(ear, voice, Projection::all_to_all()).pace(Pace::Free).axon(16);

    let mut cortex = builder.build()?;
    let mut tap = cortex.tap().expect("the builder was asked for an axon");
    inlet.fire(SpikeKind::Excitatory, 0, b"world")?;
    cortex.run_for(Ticks(10))?;

    while let Tapped::Spike(spike) = tap.poll() {
        let tick = spike.tick(cortex.tick_length());
        let who = cortex.atlas().address(spike.source()?);
        println!("tick {tick}  {who:<20} {:?}", String::from_utf8_lossy(spike.inline()));
    }
    Ok(())
}
