//! Three agents hear of every job; the one with the most evidence fires first and inhibits the others.
//!
//! ```text
//! $ cargo run --example winner_takes_all
//! make soup        taken by the cook after 3 looks
//! fetch leeks      taken by the driver after 3 looks
//! water the leeks  taken by the gardener after 4 looks
//! ```
//!
//! Exactly one takes a job and nobody decides which: lateral inhibition is one projection from a region to itself.

use neuronbus::axon::Tapped;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// How much evidence each agent finds in a job, each time it looks at it.
const JOBS: [(&str, [(&str, f32); 3]); 3] = [
    ("make soup", [("cook", 0.5), ("driver", 0.1), ("gardener", 0.2)]),
    ("fetch leeks", [("cook", 0.2), ("driver", 0.4), ("gardener", 0.3)]),
    ("water the leeks", [("cook", 0.1), ("driver", 0.0), ("gardener", 0.3)]),
];

fn main() -> neuronbus::Result<()> {
    let (mut inlet, gate) = Inlet::gate(64)?;
    let mut builder = Cortex::builder();
    builder.region(Region::gated("sense/jobs", gate));
    let mut agents = Region::agents("agents").membrane(Lif::default().refractory(Ticks(50)));
    for (name, _) in JOBS[0].1 {
        agents = agents.neuron(name, Relay::default());
    }
    let agents = builder.region(agents);
    let keep_down = Projection::lateral_inhibition().bounds(0.0, 5.0).weight(5.0);
    builder.project(agents, agents, keep_down).pace(Pace::Free).axon(64);
    let mut cortex = builder.build()?;
    let mut tap = cortex.tap().expect("the builder was asked for an axon");

    for (job, finds) in JOBS {
        let began = cortex.next_tick();
        for _look in 0..10 {
            for (name, evidence) in finds {
                let agent = cortex.atlas().neuron("agents", name).expect("it was built");
                inlet.drive(agent, evidence, 0, job.as_bytes())?;
            }
            cortex.tick()?;
        }
        while let Tapped::Spike(spike) = tap.poll() {
            let winner = cortex.atlas().name(spike.source()?);
            let looks = (spike.tick(cortex.tick_length()) - began).0 + 1;
            println!("{job:<16} taken by the {winner} after {looks} looks");
        }
        cortex.run_for(Ticks(200))?;
    }
    Ok(())
}
