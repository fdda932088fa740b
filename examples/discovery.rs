//! Neurons are found by what they can do, by the region they live in, or by name; each is an index, not a search.
//! ```text
//! $ cargo run --example discovery
//! 3 of 5 are under office
//! translate/fr > gate > iris > chloe
//! translate/de > gate > iris > anna
//! translate/el > gate
//! ```

use neuronbus::axon::Tapped;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// Does one thing, as its card says, and passes everything else on to the first who can do it.
struct Clerk(&'static str);

impl Neuron for Clerk {
    fn card(&self) -> AgentCard {
        AgentCard::new("does one thing").capability(self.0)
    }

    fn on_spike(&mut self, _: &Spike, wanted: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        match ctx.atlas().with_capability(std::str::from_utf8(wanted)?).first() {
            Some(&able) if able != ctx.id() => ctx.fire_to(able, wanted)?,
            Some(_) => ctx.fire(b"done")?,
            None => {} // Nobody can.
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

fn main() -> neuronbus::Result<()> {
    let (mut inlet, gate) = Inlet::gate(16)?;
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("door", gate));
    let desk = builder.region(Region::agents("office/front").neuron("iris", Clerk("greet")));
    let rooms = Region::agents("office/back").neuron("anna", Clerk("translate/de"));
    let rooms = builder.region(rooms.neuron("chloe", Clerk("translate/fr")));
    builder.region(Region::agents("officer").neuron("max", Clerk("arrest")));
    builder.project(door, desk, Projection::all_to_all()).pace(Pace::Free);
    builder.project(desk, rooms, Projection::all_to_all()).axon(16);
    let mut cortex = builder.build()?;
    let mut tap = cortex.tap().expect("the builder was asked for an axon");
    println!("{} of 5 are under office", cortex.atlas().under("office").len());
    for wanted in ["translate/fr", "translate/de", "translate/el"] {
        inlet.fire(SpikeKind::Excitatory, 0, wanted.as_bytes())?;
        cortex.run_for(Ticks(5))?;
        print!("{wanted}");
        while let Tapped::Spike(spike) = tap.poll() {
            print!(" > {}", cortex.atlas().name(spike.source()?));
        }
        println!();
    }
    Ok(())
}
