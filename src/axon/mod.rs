//! Rings of spikes between threads and processes: one writer, many ends.
//!
//! A spike is published by filling one slot, which is one cache line, and the last word stored carries a stamp that
//! tells this lap of the ring from the one before. A reader therefore looks at the slot alone: one line crosses from
//! core to core for a spike, and neither side touches a line that the other writes until a lap's worth has gone by.
//!
//! Loss is a property of the end, not of the ring. The writer never passes an [`AxonReader`]: when the slowest one is a
//! whole ring behind, the writer's [`Overflow`] decides. An [`AxonTap`] never holds the writer up; when it is lapped it
//! learns exactly how many spikes it lost. What each end got, lost and still has to read is in [`AxonAccount`].
//!
//! Nothing here allocates, locks or calls the system once the ends are attached, except a wait that parks.

#![forbid(unsafe_code)]

mod account;
mod idle;
mod mapped;
mod meeting;
mod reader;
mod ring;
mod tap;
mod wait;
mod writer;

pub(crate) use idle::Idleness;
pub(crate) use meeting::Meeting;

pub use account::{AxonAccount, EndAccount, EndKind};
pub use reader::AxonReader;
pub use ring::AxonError;
pub use tap::{AxonTap, TapDrain, Tapped};
pub use wait::{Doorbell, WaitStrategy};
pub use writer::{Axon, AxonFull, Outcome, Overflow};

pub(crate) use mapped::Occupant;

use crate::sync::Arc;
use ring::Ring;

/// How many readers an axon has room for unless asked otherwise.
pub const READERS: usize = 16;

/// Attaches ends to an axon whose writer lives elsewhere, and reads its account.
///
/// Cheap to clone, may be used from any thread.
#[derive(Debug, Clone)]
pub struct AxonHub {
    ring: Arc<Ring>,
}

impl AxonHub {
    /// A lossless end that gets what is published from now on.
    ///
    /// # Errors
    /// [`AxonError::ReadersTaken`] when the table of readers is full.
    pub fn reader(&self) -> Result<AxonReader, AxonError> {
        AxonReader::attach(&self.ring)
    }

    /// A lossy end that gets what is published from now on and never holds the writer up.
    #[must_use]
    pub fn tap(&self) -> AxonTap {
        AxonTap::attach(&self.ring)
    }

    /// What became of every spike so far.
    #[must_use]
    pub fn account(&self) -> AxonAccount {
        account::of(&self.ring)
    }

    /// Slots of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// The bell that wakes parked readers; [`Axon::ring`] rings it.
    #[must_use]
    pub fn doorbell(&self) -> &Doorbell {
        &self.ring.bell
    }
}
