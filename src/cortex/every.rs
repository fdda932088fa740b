//! How often something is done that takes time.

use std::time::Duration;

use crate::pace::Stamp;

/// How often something is done that takes time: after so many inputs, or after a time in which there were any, but then
/// never so often that it takes more than a fiftieth of all time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every {
    /// After this time.
    pub time: Duration,
    /// After so many inputs.
    pub records: u64,
}

impl Every {
    /// Not at all.
    pub const NEVER: Self = Self { time: Duration::MAX, records: u64::MAX };
}

/// How much of all time a mark or a snapshot may take: one part in so many.
const SHARE: u64 = 50;

/// When something was done last, and what it took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    at: Stamp,
    took_ns: u64,
    pub(super) records: u64,
}

impl Done {
    pub(super) fn now(records: u64, began: Stamp) -> Self {
        let at = Stamp::now();
        Self { at, took_ns: at.ns_since(began), records }
    }

    pub(super) fn is_due(&self, every: &Every, records: u64) -> bool {
        let news = records - self.records;
        if news == 0 || news >= every.records {
            return news > 0;
        }
        let passed = Stamp::now().ns_since(self.at);
        u128::from(passed) >= every.time.as_nanos() && passed >= self.took_ns.saturating_mul(SHARE)
    }
}
