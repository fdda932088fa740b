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
//! - the journal verifies, its sequences have no gap, its times never go back, and its inputs and outputs are the
//!   first of those that the gates let in and out, in their order; nothing that was acknowledged as synced is missing;
//! - its index finds what reading all of it finds;
//! - the cortex, taken up from a snapshot or from the start, stands where one does that was given the same inputs in
//!   the same ticks and never stopped; what went out and is not recorded waits to go out again;
//! - when the disk works again, so does the brain.

mod brain;
mod chance;
mod clients;
mod clock;
mod disk;
mod life;
mod outcome;

pub use disk::Planted;
pub use life::simulate;
pub use outcome::{Failure, Outcome, Tally};
