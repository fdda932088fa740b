//! Sense organs for a cortex: this machine's signals, followed logs and streams of lines become spikes; a reflex turns
//! what gathers into alerts.
//!
//! | neuron or gate | hears or reads | fires or hands out | payload |
//! | --- | --- | --- | --- |
//! | [`HostGate`] | `/proc`, `/sys`, followed logs, once a period | each reading to its sense | [`sense`], [`line_payload`] |
//! | [`SenseNeuron`] | readings of one signal | when the signal leaves its own running band | [`sense`] |
//! | [`LineGate`] | standard input, a file, any reader | each line to its topic | [`line_payload`] |
//! | [`TopicNeuron`] | lines of one topic | for each line | [`line_payload`] |
//! | [`Reflex`] | whatever is wired to it | when enough gathers | an [`Alert`] as JSON |
//! | [`AlertGate`] | alerts | into an [`AlertReceiver`] | |
//! | [`EventGate`] | events as lines of JSON | each event over its own synapses | event records |
//! | [`HandlerGate`] | events | into a [`HandlerReceiver`] | |
//!
//! Six functions add them to a topology: [`host()`], [`lines()`], [`reflex()`], [`alerts()`], [`events()`] and
//! [`handler()`].
//!
//! ```
//! use neuronbus::prelude::*;
//! use neuronbus_host::{LineSettings, LineSource, lines};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let log: &[u8] = b"{\"topic\":\"door.open\"}\n{\"topic\":\"light.on\"}\n{\"topic\":\"door.open\"}\n";
//! let source = LineSource::Reader(Box::new(log));
//! let mut builder = Cortex::builder();
//! let region = lines(&mut builder, "senses/lines", LineSettings { source, ..Default::default() });
//! builder.pace(Pace::Free);
//! let mut cortex = builder.build()?;
//! cortex.run()?;
//! assert_eq!(cortex.atlas().members(region.topics).len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! Everything slow or uncertain happens on the gates' own threads. A stream of lines is dated by its own content, so
//! the same stream gives the same run; a machine is not, so its readings are dated by when they are admitted.

#![forbid(unsafe_code)]

pub mod alerts;
pub mod band;
pub mod event_gate;
mod event_intake;
pub mod event_lines;
mod feed;
pub mod follow;
pub mod handler;
pub mod host;
pub mod host_gate;
mod input;
pub mod intake;
pub mod kind;
pub mod line_clock;
pub mod line_gate;
mod line_group;
pub mod line_payload;
pub mod line_record;
pub mod lines;
pub mod miner;
pub mod proc;
pub mod reflex;
pub mod refusals;
pub mod roster;
pub mod sense;
pub mod severity;
pub mod split;
pub mod template;
pub mod topic;
mod watch;

pub use alerts::{Alert, AlertEvidence, AlertGate, AlertReceiver, alerts};
pub use band::{Band, BandError, BandSettings};
pub use event_gate::EventGate;
pub use event_lines::{EventSettings, events};
pub use feed::Entry;
pub use handler::{Handled, HandlerGate, HandlerReceiver, handler};
pub use host::{HostRegion, HostSettings, HostSettingsError, host};
pub use host_gate::HostGate;
pub use intake::{LineFormat, LineIntake, UnknownFormat};
pub use kind::{SenseKind, UnknownSense};
pub use line_gate::LineGate;
pub use line_payload::{LinePayload, NUMBERS_MAX};
pub use lines::{LineRegion, LineSettings, LineSettingsError, LineSource, lines};
pub use reflex::{Reflex, ReflexSettings, reflex};
pub use sense::{SenseNeuron, SenseReport};
pub use topic::TopicNeuron;
