//! Ids of events: UUIDs of version 7, made without a hidden clock or a hidden source of chance.

use std::fmt;

use uuid::{Builder, Uuid};

use crate::math;

/// The id of an event: a UUID of version 7 (RFC 9562), which begins with the time in milliseconds, so that ids sort by
/// time.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// The id with these 16 bytes, in the order of the RFC; `None` if they are no UUID of version 7.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let uuid = Uuid::from_bytes(bytes);
        let known = uuid.get_version_num() == 7 && uuid.get_variant() == uuid::Variant::RFC4122;
        known.then_some(Self(uuid))
    }

    /// Its 16 bytes, in the order of the RFC.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id of a moment in ms since 1970 and 80 bits of chance, of which 74 are used.
    #[must_use]
    pub fn new(unix_ms: u64, chance: [u8; 10]) -> Self {
        Self(Builder::from_unix_timestamp_millis(unix_ms, &chance).into_uuid())
    }

    /// The time it begins with, in ms since 1970.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        let bytes = self.0.as_bytes();
        bytes[..6].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::str::FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uuid: Option<Uuid> = text.parse().ok();
        uuid.and_then(|uuid| Self::from_bytes(uuid.into_bytes()))
            .ok_or_else(|| InvalidEventId(text.to_owned()))
    }
}

/// A text that is no id of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the id of an event: a UUID of version 7")]
pub struct InvalidEventId(String);

/// Makes ids that ascend, from the times it is given and a seed.
#[derive(Debug, Clone)]
pub struct EventIds {
    seed: u64,
    made: u64,
    last_ms: u64,
    /// Ids made in that millisecond: they sort by this number.
    within: u16,
}

/// The 12 bits behind the time are the count within a millisecond.
const WITHIN_MAX: u16 = 0xFFF;

/// Apart from the streams of random numbers that a cortex draws from.
const STREAM: u64 = 0x0065_7665_6E74_6964;

impl EventIds {
    /// A source of ids; two with one seed and one sequence of times make the same ids.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, made: 0, last_ms: 0, within: 0 }
    }

    /// The id of an event of this moment, greater than all made before. A clock that went back, or more than 4,096
    /// ids in a millisecond, moves the time of the id on.
    pub fn next(&mut self, unix_ms: u64) -> EventId {
        if unix_ms > self.last_ms {
            (self.last_ms, self.within) = (unix_ms, 0);
        } else if self.within == WITHIN_MAX {
            (self.last_ms, self.within) = (self.last_ms + 1, 0);
        } else {
            self.within += 1;
        }
        self.made += 1;
        let chance = math::random(self.seed, STREAM, self.last_ms, self.made);
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&self.within.to_be_bytes());
        bytes[2..].copy_from_slice(&chance.to_be_bytes());
        EventId::new(self.last_ms, bytes)
    }
}
