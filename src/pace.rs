//! Pacing: when the next tick runs. What it computes does not depend on it.
//!
//! This is the only place of the runtime that reads a clock; what is read decides when a tick begins and fills the
//! latency figures, and reaches no neuron.

use std::sync::LazyLock;
use std::time::Duration;

use crate::time::TickLength;

/// When ticks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// As fast as possible: simulation, files, replay.
    Free,
    /// One tick per tick length; a late tick is counted, never skipped.
    RealTime,
    /// Tick follows tick while there is work; with nothing due the worker waits, and on input time jumps to now.
    #[default]
    OnDemand,
}

static CLOCK: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);

/// A moment of the machine's clock; for latency figures and pacing only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    /// Now; about 10 ns.
    #[must_use]
    #[inline]
    pub fn now() -> Self {
        Self(CLOCK.raw())
    }

    /// The stamp as a number below 2^63, to travel in a spike between a gate's threads.
    #[must_use]
    pub fn raw(self) -> u64 {
        self.0 & (u64::MAX >> 1)
    }

    /// A stamp from the number that [`Stamp::raw`] gave.
    #[must_use]
    pub fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// How long after another stamp this one was taken, in ns; 0 if it was not.
    #[must_use]
    #[inline]
    pub fn ns_since(self, earlier: Stamp) -> u64 {
        if self.0 <= earlier.0 { 0 } else { CLOCK.delta_as_nanos(earlier.0, self.0) }
    }
}

/// Nanoseconds since 1970 by the machine's clock, which may be set back: for the journal.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub(crate) fn unix_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // A clock before 1970 is wrong anyway.
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Microseconds since 1970 by the machine's clock, which may be set back: for what enters through gates.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub fn unix_us() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // A clock that is before 1970 reads as 1970.
    since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Relates ticks to the machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pacer {
    length: TickLength,
    start: Stamp,
    start_tick: u64,
}

impl Pacer {
    /// `tick` begins now.
    pub(crate) fn begin(length: TickLength, tick: u64) -> Self {
        Self { length, start: Stamp::now(), start_tick: tick }
    }

    /// The tick that the clock is in.
    pub(crate) fn elapsed_tick(&self) -> u64 {
        self.tick_at(Stamp::now())
    }

    /// The tick that the clock was in when a stamp was taken.
    pub(crate) fn tick_at(&self, moment: Stamp) -> u64 {
        self.start_tick + moment.ns_since(self.start) / self.length.as_nanos()
    }

    /// How long until a tick begins by the clock; zero if it has begun.
    pub(crate) fn until(&self, tick: u64) -> Duration {
        let ticks = tick.saturating_sub(self.start_tick);
        let due = ticks.saturating_mul(self.length.as_nanos());
        Duration::from_nanos(due.saturating_sub(Stamp::now().ns_since(self.start)))
    }
}
