//! Addresses of the things that send and receive spikes.
//!
//! An id addresses an *endpoint*: an agent, a gate or a whole population. It is 16 bits because it travels in every
//! spike; a cell of a population is named by its endpoint and a 32-bit number, so the ids do not limit the cells.

use std::fmt;

/// Why a number is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The number is the broadcast address.
    #[error("65535 is the broadcast address, not an id")]
    Broadcast,
    /// All 65,535 ids of one cortex are taken.
    #[error("a cortex has at most {limit} {what}, and all are taken")]
    Exhausted {
        /// `neurons` or `regions`.
        what: &'static str,
        /// How many there can be.
        limit: usize,
    },
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u16);

        impl $name {
            /// The most ids of this kind in one cortex; 0xFFFF is kept for broadcast.
            pub const LIMIT: usize = 0xFFFF;

            /// The id with this number.
            ///
            /// # Errors
            /// [`IdError::Broadcast`] for 0xFFFF.
            pub const fn new(raw: u16) -> Result<Self, IdError> {
                if raw == u16::MAX { Err(IdError::Broadcast) } else { Ok(Self(raw)) }
            }

            /// The id at a position of a table.
            ///
            /// # Errors
            /// [`IdError::Exhausted`] at [`Self::LIMIT`] and above.
            pub fn from_index(index: usize) -> Result<Self, IdError> {
                match u16::try_from(index) {
                    Ok(raw) if raw != u16::MAX => Ok(Self(raw)),
                    _ => Err(IdError::Exhausted { what: $what, limit: Self::LIMIT }),
                }
            }

            /// The number that travels in a spike.
            #[must_use]
            pub const fn raw(self) -> u16 {
                self.0
            }

            /// The position of this id in a table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(
    /// Addresses one endpoint of a cortex: an agent, a gate or a population.
    NeuronId,
    "neurons"
);
id!(
    /// Addresses one region of a cortex.
    RegionId,
    "regions"
);
