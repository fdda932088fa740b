//! What an event is delivered to depends on what it is about and on the situation it occurs in.
//!
//! | neuron or gate | hears or reads | fires or hands out | payload |
//! | --- | --- | --- | --- |
//! | [`BusGate`] | what an [`EventBus`] hands over | each event to [`WorkingMemory`]; deliveries to handlers | event records |
//! | [`WorkingMemory`] | events, and changes of what is known | each event, with what is known in its context | event records |
//! | [`TopicRelay`] | events of its topic | each of them | event records |
//! | [`Subscriber`] | events of the topics that its pattern matches | those that pass its [`Filter`], when enough have | event records |
//!
//! [`event_bus`] adds all of them to a topology; [`Filter::dendrite`] puts a filter onto any synapse.
//!
//! ```
//! use std::sync::mpsc::channel;
//!
//! use neuronbus::event::Event;
//! use neuronbus::prelude::*;
//! use neuronbus_context::{BusSettings, Scope, event_bus};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut builder = Cortex::builder();
//! let (bus, _) = event_bus(&mut builder, "bus", BusSettings::default());
//! let running = builder.build()?.spawn()?;
//!
//! let (sender, received) = channel();
//! let admins = bus.subscribe("door.*").filter("user.role == 'admin' AND priority > 2");
//! let subscription = admins.handler(move |event| {
//!     let _ = sender.send(event.topic().to_owned());
//! })?;
//! bus.set(Scope::User("ada".to_owned()), "user.role", "admin")?;
//!
//! let by_ada = json!({"user": {"id": "ada"}});
//! bus.publish(&Event::new("door.open").priority(1).context(by_ada.clone()))?;
//! bus.publish(&Event::new("door.shut").priority(3).context(json!({"user": {"id": "bob"}})))?;
//! bus.publish(&Event::new("door.lock").priority(3).context(by_ada))?;
//! assert_eq!(received.recv()?, "door.lock");
//! drop(subscription);
//! running.stop();
//! running.join()?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod bus;
pub mod filter;
pub mod scope;
pub mod subscription;
pub mod topic;
pub mod working_memory;

pub use bus::{
    BusGate, BusRegions, BusSettings, BusStats, ContextGuard, EventBus, Subscribe, SubscribeError,
    Subscription, event_bus,
};
pub use filter::{Filter, FilterError, WallClock};
pub use scope::{Change, ChangeError, ContextChange, Scope};
pub use subscription::Subscriber;
pub use topic::TopicRelay;
pub use working_memory::{WorkingMemory, WorkingMemorySettings};
