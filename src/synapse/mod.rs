//! Synapses: compressed rows by source, an index by target where they learn.

mod digest;
mod load;
mod plastic;
mod prune;
mod rows;
mod save;
mod scaling;
mod structure;
mod table;

pub use table::Link;
pub(crate) use table::{NewSynapse, Segment, SynapseTable, Tie, links};
