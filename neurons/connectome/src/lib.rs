//! Brain descriptions: a topology in TOML, for what needs no code.
//!
//! A description is read, checked as a whole, and assembled into a [`CortexBuilder`](neuronbus::cortex::CortexBuilder).
//! Every mistake of a file is reported at once, each with its line, its key, what was expected and the nearest name
//! that would have been right. `docs/brains.md` describes every key; `docs/errors.md` lists the codes.
//!
//! ```
//! use neuronbus_connectome::Brain;
//!
//! let mistakes = Brain::parse("[brain]\ntikc = '10 ms'\n", "my.toml").unwrap_err();
//! assert_eq!(
//!     mistakes.mistakes()[1].to_string(),
//!     "my.toml:2:1: B001 unknown key: brain.tikc: expected one of name, tick, pace, seed, arena, axon, \
//!      workers, exchange, found tikc; did you mean \"tick\"?"
//! );
//! ```
//!
//! This is the only library that knows several families: what a region of a description can be is decided here.

#![forbid(unsafe_code)]

mod assemble;
mod brain;
mod concepts;
mod describe;
mod events;
mod files;
mod journal;
mod learning;
mod mistake;
mod population;
mod projection;
pub mod quantity;
mod recall;
mod region;
mod sheet;
mod spelling;
mod table;
mod tract;

pub use assemble::{AssembleError, Assembled, HandlerEnd, Overrides};
pub use brain::{Brain, exchange_named, pace_name, pace_named};
pub use describe::Finding;
// What comes out of an assembled brain, and what may be fed to one.
pub use neuronbus_host::{
    Alert, AlertEvidence, AlertReceiver, Handled, HandlerReceiver, LineSource,
};

pub use concepts::ConceptsPlan;
pub use events::{EventsPlan, HandlerPlan};
pub use journal::JournalPlan;
pub use mistake::{Code, DescriptionErrors, Mistake};
pub use population::PopulationPlan;
pub use projection::ProjectionPlan;
pub use recall::{ContextPlan, MemoryPlan};
pub use region::{Input, LinesPlan, RegionKind, RegionPlan};
pub use tract::TractPlan;
