//! Evidence adds up on a membrane and leaks away; when enough has come together the neuron fires, and is given it.
//!
//! ```text
//! $ cargo run --example evidence
//! spikes     |       |       |     |||
//! potential 00433221115432211154332269!00000
//! alarm after: heat smoke smoke
//! ```
//! One character a tick, the potential in tenths of the threshold: far apart signs are forgotten, close ones fire.

use neuronbus::axon::Tapped;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// Asks for the last three spikes that it integrated before it fired, and names what they carried.
struct Alarm;

impl Neuron for Alarm {
    fn evidence(&self) -> usize {
        3
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let signs: Vec<&[u8]> = ctx.evidence().map(|item| item.payload).collect();
        let signs = signs.join(&b' ');
        Ok(ctx.fire(&signs)?)
    }
}

fn main() -> neuronbus::Result<()> {
    let (mut inlet, gate) = Inlet::gate(16)?;
    let mut builder = Cortex::builder();
    let door = builder.region(Region::gated("sense/door", gate));
    let reflex = Region::agents("reflex").membrane(Lif::default().tau(Ticks(5)));
    let alarm = builder.region(reflex.neuron("alarm", Alarm));
    builder.project(door, alarm, Projection::all_to_all().weight(0.45)).axon(64);
    let mut cortex = builder.build()?;
    let mut tap = cortex.tap().expect("the builder was asked for an axon");
    let alarm = cortex.atlas().resolve("reflex:alarm").expect("it was built");
    let (mut spikes, mut potential) = (String::new(), String::new());
    for tick in 0..32 {
        let heat = [1, 9, 17, 23].contains(&tick);
        let smoke = [24, 25].contains(&tick);
        if heat || smoke {
            inlet.fire(SpikeKind::Excitatory, 0, if heat { b"heat" } else { b"smoke" })?;
        }
        let fired = cortex.tick()?.firings > 0;
        let tenths = cortex.potential(alarm).map_or(0, |potential| (potential * 10.0) as u8);
        spikes.push(if heat || smoke { '|' } else { ' ' });
        potential.push(if fired { '!' } else { char::from(b'0' + tenths) });
    }
    println!("spikes    {}\npotential {potential}", spikes.trim_end());
    while let Tapped::Spike(spike) = tap.poll() {
        if spike.source()? == alarm {
            println!("alarm after: {}", String::from_utf8_lossy(spike.inline()));
        }
    }
    Ok(())
}
