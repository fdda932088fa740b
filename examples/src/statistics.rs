//! A few numbers about spikes, for the examples that print them.

use std::collections::BTreeMap;

/// The mean of some values; not a number if there are none.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of some values.
#[must_use]
pub fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - middle).powi(2)).collect();
    mean(&squares).sqrt()
}

/// The times between the spikes of each cell that has at least three of them, from spikes as (tick, cell) in order.
#[must_use]
pub fn intervals(spikes: &[(u64, u32)]) -> Vec<Vec<f64>> {
    let mut last = BTreeMap::new();
    let mut gaps: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for &(tick, cell) in spikes {
        if let Some(before) = last.insert(cell, tick) {
            gaps.entry(cell).or_default().push((tick - before) as f64);
        }
    }
    gaps.into_values().filter(|gaps| gaps.len() >= 3).collect()
}
