//! Whatever the network, cells of a population fire like agents with the same membranes and synapses.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::time::Duration;

use neuronbus::population::{Cells, Record};
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use proptest::prelude::*;
use support::{Noted, Raster, Script, fired, free, id};

const TICKS: u64 = 80;
const CELLS: u32 = 10;

/// A network and its input: everything in eighths, so that no order of adding up can matter.
#[derive(Debug, Clone)]
struct Net {
    leaks: bool,
    refractory: u64,
    /// pre, post, weight in eighths, delay
    synapses: Vec<(u32, u32, i8, u64)>,
    /// tick, cell, drive in eighths
    input: Vec<(u64, u32, i8)>,
}

fn net() -> impl Strategy<Value = Net> {
    let synapse = (0..CELLS, 0..CELLS, -6i8..=10, 1u64..30);
    let input = (0..TICKS, 0..CELLS, -8i8..=12);
    let synapses = prop::collection::vec(synapse, 0..60);
    (any::<bool>(), 0u64..5, synapses, prop::collection::vec(input, 1..80))
        .prop_map(|(leaks, refractory, synapses, input)| Net { leaks, refractory, synapses, input })
}

impl Net {
    fn membrane(&self) -> Lif {
        // Half of the potential is left after a tick of a millisecond: 1 ms / ln 2.
        let half = Span::Time(Duration::from_nanos(1_442_695));
        let tau = if self.leaks { half } else { Lif::NO_LEAK };
        // No sum of eighths and their halves comes near to it.
        Lif::default().tau(tau).threshold(1.03).refractory(Ticks(self.refractory))
    }

    fn projection(&self) -> Projection {
        let synapse = |&(pre, post, eighths, delay): &(u32, u32, i8, u64)| Synapse {
            pre,
            post,
            weight: f32::from(eighths) / 8.0,
            delay: Ticks(delay).into(),
        };
        Projection::synapses(self.synapses.iter().map(synapse).collect()).bounds(-2.0, 2.0)
    }

    fn as_population(&self) -> (Vec<(u64, u16)>, u64) {
        let mut builder = free();
        let cells = Region::population("cells", Cells::lif(self.membrane()), CELLS);
        let cells = builder.region(cells.record(Record::Spikes));
        // One source for each entry of the input, so that several may reach a cell in a tick.
        let entries = self.input.iter().zip(0..);
        let spikes = entries.clone().map(|(&(tick, _, _), source)| (Tick(tick), source)).collect();
        let sources = self.input.len() as u32;
        let world = builder.region(Region::population("world", Cells::spike_list(spikes), sources));
        let kicks = entries.map(|(&(_, post, eighths), pre)| Synapse {
            pre,
            post,
            weight: f32::from(eighths) / 8.0,
            delay: Ticks(1).into(),
        });
        let kicks = Projection::synapses(kicks.collect()).bounds(-2.0, 2.0);
        builder.project(world, cells, kicks).project(cells, cells, self.projection());
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(TICKS + 1)).unwrap();
        let raster = cortex.recorded(cells).unwrap().iter();
        let delivered = cortex.counts().delivered - u64::from(sources);
        // The sources' spikes take a tick, so all of it happens one tick later.
        (raster.map(|&(tick, cell)| (tick - 1, cell as u16)).collect(), delivered)
    }

    fn as_agents(&self) -> (Vec<(u64, u16)>, u64) {
        let raster = Raster::default();
        let mut builder = free();
        let agents = (0..CELLS)
            .fold(Region::agents("cells").membrane(self.membrane()), |region, cell| {
                region.neuron(&cell.to_string(), Noted(raster.clone()))
            });
        let agents = builder.region(agents);
        builder.project(agents, agents, self.projection());
        let step = |&(tick, cell, eighths): &(u64, u32, i8)| {
            (tick, id(cell as u16), f32::from(eighths) / 8.0)
        };
        let script = Script::new(self.input.iter().map(step).collect());
        builder.region(Region::gated("door", script));
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(TICKS)).unwrap();
        // An agent counts what its pause drops apart; the input is no synapse's.
        let counts = cortex.counts();
        (fired(&raster), counts.delivered - self.input.len() as u64)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cells_fire_when_agents_would_and_hear_as_much(net in net()) {
        let (mut agents, heard) = net.as_agents();
        let (cells, delivered) = net.as_population();
        agents.sort_unstable();
        prop_assert_eq!(cells, agents);
        prop_assert_eq!(delivered, heard);
    }
}
