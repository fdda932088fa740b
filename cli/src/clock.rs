//! The clock on the wall: when to draw again, and when the time given by `--for` is over.

use std::time::{Duration, Instant};

/// A moment; cortex time never comes from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Instant);

impl Moment {
    #[expect(clippy::disallowed_methods, reason = "the command shows wall time; no neuron sees it")]
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().0.saturating_duration_since(self.0)
    }

    /// So much later; nothing if the clock does not reach so far.
    pub(crate) fn plus(self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).map(Self)
    }

    /// How long until this moment; zero once it is past.
    pub(crate) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Self::now().0)
    }
}

/// What the wall says, in ns since 1970.
#[expect(clippy::disallowed_methods, reason = "the age of files is wall time")]
pub(crate) fn unix_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
