//! A brain is run, hit and started again; what happens follows from one seed.
//!
//! ```text
//! clients (lose, repeat, swap) -> gates -> cortex -> journal -> disk in memory (forgets, tears, fills up, fails)
//!         ^                                  |
//!         +---- what was not acknowledged <--+-- crash, loss of power, orderly end --> started again, on the same disk
//! ```
//!
//! After each start, and at the end:
//!
//! - the journal verifies, its sequences have no gap, and its inputs are the first of those that the gates admitted, in
//!   their order; nothing that was acknowledged as synced is missing;
//! - the cortex stands where one does that was given the same inputs in the same ticks and never stopped;
//! - when the disk works again, so does the brain.

mod brain;
mod chance;
mod clients;
mod disk;
mod life;

pub use disk::Planted;
pub use life::{Failure, Outcome, Tally, simulate};
