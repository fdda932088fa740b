//! What time of day it is, told from cortex time.

/// Where cortex time stands in the days of people.
///
/// A run is a function of its input, so the time of day that a filter sees is counted from the beginning of the run:
/// `begin` is a setting, and the same in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct WallClock {
    /// Seconds since 1970, UTC, at tick 0. Default 0: midnight, a Thursday.
    pub begin: u64,
    /// Seconds by which the time of people is ahead of UTC.
    pub offset: i32,
}

/// A part of the time that a filter can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimePart {
    Hour,
    Minute,
    Second,
    Weekday,
    Unix,
    Elapsed,
}

impl TimePart {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            "second" => Self::Second,
            "weekday" => Self::Weekday,
            "unix" => Self::Unix,
            "elapsed_ms" => Self::Elapsed,
            _ => return None,
        })
    }
}

const DAY: i64 = 86_400;

impl WallClock {
    pub(super) fn part(self, part: TimePart, time_ns: u64) -> i64 {
        let unix = (self.begin + time_ns / 1_000_000_000) as i64;
        let local = unix + i64::from(self.offset);
        let of_day = local.rem_euclid(DAY);
        match part {
            TimePart::Hour => of_day / 3600,
            TimePart::Minute => of_day / 60 % 60,
            TimePart::Second => of_day % 60,
            // The first day of 1970 was a Thursday; Monday is 1 as in ISO 8601.
            TimePart::Weekday => (local.div_euclid(DAY) + 3).rem_euclid(7) + 1,
            TimePart::Unix => unix,
            TimePart::Elapsed => (time_ns / 1_000_000) as i64,
        }
    }
}
