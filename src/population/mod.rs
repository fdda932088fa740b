//! Populations: many plain neurons held as arrays.
//!
//! A cell of a population has no code and no name; it is a position in columns of state. One tick of a population is
//! four passes over those columns: *advance* (leak, currents, noise), *deliver* (arriving spikes add to the columns),
//! *hold* (cells in their refractory pause are put back), *scan* (who is at or above the threshold fires). Spikes are
//! lists of positions, kept as long as the longest delay, and a synapse acts in the tick its spike arrives in: a sum
//! always runs in the order of (tick fired, source), whoever computes it.
//!
//! ```
//! use neuronbus::prelude::*;
//! use neuronbus::population::{Cells, Record};
//! use std::time::Duration;
//!
//! # fn main() -> neuronbus::Result<()> {
//! let mut builder = Cortex::builder();
//! builder.tick_length(Duration::from_micros(100)).pace(Pace::Free).seed(1);
//! let noise = builder.region(Region::population("noise", Cells::poisson(50.0), 100));
//! let cells = Cells::lif(Lif::default().refractory(Duration::from_millis(2)));
//! let net = builder.region(Region::population("net", cells, 1_000).record(Record::Spikes));
//! builder.project(noise, net, Projection::random(0.1).weight(0.3).delay(Duration::from_millis(1)));
//! let mut cortex = builder.build()?;
//! cortex.run_for(Duration::from_millis(100))?;
//! let spikes = cortex.recorded(net).expect("it is a population that records");
//! assert!(!spikes.is_empty());
//! # Ok(())
//! # }
//! ```

mod cells;
mod columns;
mod error;
mod incoming;
mod learning;
mod memory;
mod monitor;
mod network;
mod noise;
mod passes;
mod rows;
mod scatter;
mod structure;
mod timing;
mod traces;

pub use cells::{AdaptiveLif, Cells, ExpLif, Izhikevich, Noise};
pub use error::PopulationError;
pub(crate) use memory::is_room_for;
pub use monitor::Record;
pub(crate) use network::{Bundle, Network, PopulationEnd};
pub(crate) use rows::{Plan, Table, listed};
