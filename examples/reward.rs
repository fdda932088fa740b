//! Three routes, one of them right: timing marks the synapse in use, reward turns the mark into weight.
//!
//! ```text
//! $ cargo run --example reward
//! after  0:  0 right, road sea air [0.30, 0.30, 0.30]
//! after 15: 11 right, road sea air [0.18, 0.71, 0.26]
//! after 30: 23 right, road sea air [0.14, 0.83, 0.18]
//! after 45: 37 right, road sea air [0.10, 1.00, 0.18]
//! after 60: 52 right, road sea air [0.10, 1.00, 0.18]
//! ```
//!
//! A question pushes all three through plastic synapses, noise pushes one of them a tick, the first to fire is taken.

use neuronbus::axon::Tapped;
use neuronbus::inlet::Inlet;
use neuronbus::math;
use neuronbus::prelude::*;

fn main() -> neuronbus::Result<()> {
    let (mut world, gate) = Inlet::gate(16)?;
    let mut builder = Cortex::builder();
    let gate = builder.region(Region::gated("world", gate));
    let mut routes = Region::agents("routes");
    for name in ["road", "sea", "air"] {
        routes = routes.neuron(name, Relay::default());
    }
    let routes = builder.region(routes);
    let rule = RewardStdp { tau_eligibility: Span::Ticks(50), rate: 5.0, ..Default::default() };
    let asking = Projection::all_to_all().dendrite(Dendrite::kind(SpikeKind::Excitatory));
    builder.project(gate, routes, asking.weight(0.3).plasticity(rule));
    let praising = Projection::all_to_all().dendrite(Dendrite::kind(SpikeKind::Modulatory));
    builder.project(gate, routes, praising).pace(Pace::Free).axon(64);
    let mut cortex = builder.build()?;
    let mut tap = cortex.tap().expect("the builder was asked for an axon");
    let (gate, routes) = (cortex.atlas().members(gate)[0], cortex.atlas().members(routes).to_vec());

    let mut right = 0;
    for question in 0..=60 {
        if question % 15 == 0 {
            let weights: Vec<_> = routes.iter().filter_map(|&to| cortex.weight(gate, to)).collect();
            println!("after {question:>2}: {right:>2} right, road sea air {weights:.2?}");
        }
        world.fire(SpikeKind::Excitatory, 0, b"where to?")?;
        let mut taken = None;
        while taken.is_none() {
            let noise = math::random(1, question, cortex.next_tick().0, 0) as usize % routes.len();
            world.drive(routes[noise], 0.3, 0, b"")?;
            cortex.tick()?;
            while let Tapped::Spike(spike) = tap.poll() {
                taken = taken.or(routes.iter().position(|&route| spike.source() == Ok(route)));
            }
        }
        let praise: f32 = if taken == Some(1) { 1.0 } else { -1.0 };
        right += u32::from(praise > 0.0);
        world.fire(SpikeKind::Modulatory, 0, &praise.to_le_bytes())?;
        cortex.run_for(Ticks(200))?;
    }
    Ok(())
}
