//! Traces and stocks as columns of a state.

use std::io;

use super::short_term::Stock;
use super::trace::Trace;
use crate::state::{Section, StateError, StateWriter};

/// No tick that has not begun has left anything behind.
const PAST: &str = "it must lie before the tick that comes next";

/// Traces, one column a field.
#[derive(Debug, Default)]
pub(crate) struct TraceColumns {
    value: Vec<f32>,
    before: Vec<f32>,
    last: Vec<u64>,
}

impl TraceColumns {
    pub(crate) fn push(&mut self, trace: &Trace) {
        let &Trace { value, before, last } = trace;
        self.value.push(value);
        self.before.push(before);
        self.last.push(last);
    }

    pub(crate) fn write(&self, name: &str, out: &mut StateWriter<'_>) -> io::Result<()> {
        out.column(&format!("{name}.value"), &self.value)?;
        out.column(&format!("{name}.before"), &self.before)?;
        out.column(&format!("{name}.last"), &self.last)
    }

    /// Reads so many traces of a run whose last tick was `now`.
    pub(crate) fn read(
        section: &Section<'_>,
        name: &str,
        count: usize,
        now: u64,
    ) -> Result<Self, StateError> {
        Ok(Self {
            value: section.values(&format!("{name}.value"), count)?,
            before: section.values(&format!("{name}.before"), count)?,
            last: section.up_to(&format!("{name}.last"), count, now, PAST)?,
        })
    }

    /// The trace at a place below their number.
    pub(crate) fn get(&self, index: usize) -> Trace {
        Trace { value: self.value[index], before: self.before[index], last: self.last[index] }
    }
}

/// Stocks, one column a field.
#[derive(Debug, Default)]
pub(crate) struct StockColumns {
    used: Vec<f32>,
    left: Vec<f32>,
    last: Vec<u64>,
}

impl StockColumns {
    pub(crate) fn push(&mut self, stock: &Stock) {
        let &Stock { used, left, last } = stock;
        self.used.push(used);
        self.left.push(left);
        self.last.push(last);
    }

    pub(crate) fn write(&self, name: &str, out: &mut StateWriter<'_>) -> io::Result<()> {
        out.column(&format!("{name}.used"), &self.used)?;
        out.column(&format!("{name}.left"), &self.left)?;
        out.column(&format!("{name}.last"), &self.last)
    }

    /// Reads so many stocks of a run whose last tick was `now`.
    pub(crate) fn read(
        section: &Section<'_>,
        name: &str,
        count: usize,
        now: u64,
    ) -> Result<Self, StateError> {
        Ok(Self {
            used: section.values(&format!("{name}.used"), count)?,
            left: section.values(&format!("{name}.left"), count)?,
            last: section.up_to(&format!("{name}.last"), count, now, PAST)?,
        })
    }

    /// The stock at a place below their number.
    pub(crate) fn get(&self, index: usize) -> Stock {
        Stock { used: self.used[index], left: self.left[index], last: self.last[index] }
    }
}
