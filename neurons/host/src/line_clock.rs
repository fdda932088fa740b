//! Gives each line its cortex time: a function of the input alone.
//!
//! Until a line brings a time of its own, line `n` (from 0, blank ones not counted) is at `n` milliseconds. The first
//! time that a line brings is put where that line would have been, and from then on times count from there; a line
//! without one shares the time of the line before. Time never runs backwards.

use crate::refusals::RefusalKind;

/// How much later than a line without a time of its own the next one is at least.
pub const LINE_NS: u64 = 1_000_000;

const NS_PER_MS: u64 = 1_000_000;

/// The first cortex time that a spike cannot carry.
const END_NS: f64 = 9_223_372_036_854_775_808.0;

/// When a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// Cortex time in ns.
    pub time_ns: u64,
    /// Whether the line's own time was before that of an earlier line, which it was given instead.
    pub backwards: bool,
    /// Whether a later line may have the same time; else it is at least [`LINE_NS`] later.
    pub shared: bool,
}

/// The clock of one stream of lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineClock {
    origin_ms: Option<f64>,
    last_ns: u64,
}

impl LineClock {
    /// Dates line `number`, which brings `time_ms` if it brings a time.
    ///
    /// # Errors
    /// [`RefusalKind::TimeRange`] if the time is 292 years or more after the first; the clock stays as it is.
    pub fn date(&mut self, number: u64, time_ms: Option<f64>) -> Result<Dated, RefusalKind> {
        let time_ns = match (self.origin_ms, time_ms) {
            (None, None) => number.checked_mul(NS_PER_MS).ok_or(RefusalKind::TimeRange)?,
            (Some(_), None) => self.last_ns,
            (origin, Some(time_ms)) => {
                let origin = origin.unwrap_or(time_ms - number as f64);
                // A time before the origin is before everything and is caught below.
                let time_ns = ((time_ms - origin) * NS_PER_MS as f64).round().max(0.0);
                if time_ns >= END_NS {
                    return Err(RefusalKind::TimeRange);
                }
                self.origin_ms = Some(origin);
                if time_ms < origin {
                    return Ok(Dated { time_ns: self.last_ns, backwards: true, shared: true });
                }
                time_ns as u64
            }
        };
        if time_ns >> 63 != 0 {
            return Err(RefusalKind::TimeRange);
        }
        let backwards = time_ns < self.last_ns;
        self.last_ns = self.last_ns.max(time_ns);
        Ok(Dated { time_ns: self.last_ns, backwards, shared: self.origin_ms.is_some() })
    }
}
