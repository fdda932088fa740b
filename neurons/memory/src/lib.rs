//! Memory for a cortex: events are remembered by what they mean, and recalled as spikes.
//!
//! | neuron | hears | fires | payload |
//! | --- | --- | --- | --- |
//! | [`Hippocampus`] | events | each event, with what it reminds of in its context | event records |
//! | | an event of topic [`memory.recall`](hippocampus::RECALL) | an event of topic [`memory.recalled`](hippocampus::RECALLED) | event records |
//!
//! Whatever remembers is a [`Memory`]: [`EmbeddedMemory`] needs no server; all pass the same [`conformance`] suite.
//!
//! ```
//! use neuronbus::event::{Embedding, Event};
//! use neuronbus_memory::{EmbeddedMemory, Engram, Memory, Query};
//! # use neuronbus::event::EventIds;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut ids = EventIds::new(0);
//! let mut memory = EmbeddedMemory::new();
//! for (topic, vector) in [("door.open", [1.0, 0.1]), ("door.shut", [0.9, 0.3]), ("rain", [0.0, 1.0])] {
//!     let embedding = Embedding { model: "tiny".to_owned(), values: vector.to_vec() };
//!     let mut record = Vec::new();
//!     Event::new(topic).embedding(embedding).encode(&mut ids, 0, &mut record)?;
//!     memory.store(&Engram { record, importance: 0.5 })?;
//! }
//! let found = memory.search(&Query { model: "tiny", vector: &[1.0, 0.2], k: 2, topics: None })?;
//! let nearest = memory.get(found[0].id)?.expect("it was found just now");
//! assert_eq!(nearest.event()?.topic(), "door.open");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod conformance;
pub mod embedded;
pub mod hippocampus;
pub mod memory;
pub mod meter;
#[cfg(feature = "qdrant")]
pub mod qdrant;
mod tiers;

pub use embedded::EmbeddedMemory;
pub use hippocampus::{Encode, Hippocampus, HippocampusSettings};
pub use memory::{Engram, Found, Links, Memory, MemoryError, Query};
pub use meter::{MemoryCounts, MemoryMeter};
pub use neuronbus_nearest::SignIndex;
