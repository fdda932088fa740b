//! The clock that records are dated by: it goes on with each tick, and jumps.

use std::cell::Cell;

thread_local! {
    /// One simulation runs on one thread.
    static NOW_NS: Cell<u64> = const { Cell::new(0) };
}

/// 2023-11-14, where simulations begin.
const BEGIN_NS: u64 = 1_700_000_000_000_000_000;

pub(crate) fn now() -> u64 {
    NOW_NS.get()
}

pub(crate) fn begin() {
    NOW_NS.set(BEGIN_NS);
}

/// Sets the clock forward, or back.
pub(crate) fn shift(ns: i64) {
    NOW_NS.set(NOW_NS.get().saturating_add_signed(ns));
}
