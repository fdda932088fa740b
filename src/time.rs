//! Cortex time: ticks, spans and the length of a tick.
//!
//! Time is counted, never measured. A duration given by a user becomes a whole number of ticks once, when the
//! topology is built, so that the same topology means the same thing on every machine.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment: the number of a step, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub u64);

/// A number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticks(pub u64);

impl Add<Ticks> for Tick {
    type Output = Tick;
    fn add(self, span: Ticks) -> Tick {
        Tick(self.0.saturating_add(span.0))
    }
}

impl Sub for Tick {
    type Output = Ticks;
    /// How many ticks lie between; 0 when `earlier` is not earlier.
    fn sub(self, earlier: Tick) -> Ticks {
        Ticks(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A span as a user writes it: in ticks, or as a duration that is rounded to ticks when the topology is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// So many steps, whatever their length.
    Ticks(u64),
    /// So much cortex time.
    Time(Duration),
}

impl From<Ticks> for Span {
    fn from(ticks: Ticks) -> Self {
        Span::Ticks(ticks.0)
    }
}

impl From<Duration> for Span {
    fn from(time: Duration) -> Self {
        Span::Time(time)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Span::Ticks(n) => write!(f, "{n} ticks"),
            Span::Time(t) => write!(f, "{t:?}"),
        }
    }
}

/// Why a duration cannot be the length of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tick of {0:?} is refused: it must last between 1 ns and 1 hour")]
pub struct TickLengthError(pub Duration);

/// How much cortex time one step stands for; 1 ns to 1 hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickLength(u64);

impl TickLength {
    /// A tick of this length.
    ///
    /// # Errors
    /// [`TickLengthError`] outside 1 ns to 1 hour.
    pub const fn new(length: Duration) -> Result<Self, TickLengthError> {
        let ns = length.as_nanos();
        if ns == 0 || ns > 3_600_000_000_000 {
            return Err(TickLengthError(length));
        }
        Ok(Self(ns as u64))
    }

    /// Nanoseconds of cortex time in one tick.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The tick's length as a duration.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// A span in whole ticks, rounded to the nearest; a span above zero is at least 1 tick.
    #[must_use]
    pub fn ticks(self, span: Span) -> Ticks {
        match span {
            Span::Ticks(n) => Ticks(n),
            Span::Time(t) if t.is_zero() => Ticks(0),
            Span::Time(t) => {
                let ticks = (t.as_nanos() + u128::from(self.0) / 2) / u128::from(self.0);
                Ticks(u64::try_from(ticks).unwrap_or(u64::MAX).max(1))
            }
        }
    }

    /// A span in ticks without rounding: what a time constant is divided by.
    #[must_use]
    pub fn exact_ticks(self, span: Span) -> f64 {
        match span {
            Span::Ticks(n) => n as f64,
            Span::Time(t) => t.as_nanos() as f64 / self.0 as f64,
        }
    }

    /// The cortex time at which a tick begins, in ns.
    #[must_use]
    pub const fn start_ns(self, tick: Tick) -> u64 {
        tick.0.saturating_mul(self.0)
    }

    /// The tick that a cortex time falls in.
    #[must_use]
    pub const fn tick_at(self, time_ns: u64) -> Tick {
        Tick(time_ns / self.0)
    }

    /// The duration of so many ticks.
    #[must_use]
    pub const fn duration(self, ticks: Ticks) -> Duration {
        Duration::from_nanos(ticks.0.saturating_mul(self.0))
    }
}

impl Default for TickLength {
    /// One millisecond.
    fn default() -> Self {
        Self(1_000_000)
    }
}

/// Whether sequence number `a` was given out before `b`, across the wrap at 2^32.
///
/// Right as long as the two are less than 2^31 apart; RFC 1982 calls this serial number arithmetic.
#[must_use]
pub const fn sequence_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}
