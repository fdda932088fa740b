//! A spiking agent runtime with learning topology.
//!
//! Agents are neurons: evidence adds up on a membrane, leaks away, crosses a threshold and fires, then pauses. Messages
//! are spikes of 64 bytes. Connections are synapses whose weights learn from the order of spikes and from reward. All
//! of the outside comes in through gates, so a run is a function of its input.
//!
//! ```
//! use neuronbus::prelude::*;
//! use std::time::Duration;
//!
//! /// Says so when enough evidence has come together.
//! struct Alarm;
//!
//! impl Neuron for Alarm {
//!     fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
//!         println!("alarm at tick {}, after {} spikes", ctx.tick(), ctx.evidence().len());
//!         Ok(())
//!     }
//!
//!     fn evidence(&self) -> usize {
//!         16
//!     }
//! }
//!
//! # fn main() -> neuronbus::Result<()> {
//! let (mut inlet, gate) = neuronbus::inlet::Inlet::gate(64)?;
//! let mut builder = Cortex::builder();
//! let sense = builder.region(Region::gated("sense/door", gate));
//! let alarm = Region::agents("reflex/alarm").membrane(Lif::default().tau(Duration::from_secs(1)));
//! let alarm = builder.region(alarm.neuron("bell", Alarm));
//! // Three spikes within a second or so make it fire; two do not.
//! builder.project(sense, alarm, Projection::all_to_all().weight(0.4)).pace(Pace::Free);
//!
//! let mut cortex = builder.build()?;
//! for _ in 0..3 {
//!     inlet.fire(SpikeKind::Excitatory, 0, b"smoke")?;
//! }
//! cortex.run_for(Ticks(10))?;
//! assert_eq!(cortex.counts().firings, 1);
//! # Ok(())
//! # }
//! ```
//!
//! Start reading at [`neuron::Neuron`], [`cortex::Cortex`] and [`gate::Gate`].

/// The README's programs, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The program of the tour, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/time-travel.md")]
struct TimeTravel;

mod admission;
pub mod arena;
pub mod atlas;
pub mod axon;
pub mod brain;
pub mod cause;
pub mod conformance;
pub mod context;
pub mod cortex;
pub mod crowd;
pub mod dendrite;
pub mod error;
pub mod event;
pub mod evidence;
mod flight;
pub mod gate;
pub mod id;
pub mod inlet;
pub mod journal;
pub mod journal_gate;
pub mod math;
pub mod membrane;
pub mod neuron;
pub mod pace;
pub mod plasticity;
pub mod population;
pub mod prelude;
pub mod projection;
pub mod publisher;
pub mod recorded;
pub mod region;
mod shm;
pub mod snapshot;
pub mod spike;
pub mod state;
pub mod synapse;
mod sync;
pub mod time;
mod timers;
pub mod topology;
mod touched;
pub mod transport;

pub use error::{Error, Result};
