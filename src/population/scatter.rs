//! Delivery: adding a row's weights to its targets.
//!
//! What limits it is where the row and the targets lie: a row of another source is nearly always far away, so rows are
//! asked for some sources ahead, and targets take two bytes where they fit.

use crate::shm::advice::prefetch;

/// How many sources ahead a row is asked for. Fewer leave it too late, more push out what was asked for.
pub(super) const AHEAD: usize = 4;

/// The number of a target cell, as wide as it needs to be.
pub(super) trait Target: Copy {
    fn place(self) -> usize;
}

impl Target for u16 {
    #[inline(always)]
    fn place(self) -> usize {
        usize::from(self)
    }
}

impl Target for u32 {
    #[inline(always)]
    fn place(self) -> usize {
        self as usize
    }
}

/// Adds one weight to every target of a row. `input` has a power of two as its length, so that a target needs no check
/// to stay inside.
///
/// In a row whose targets are all different, four are read before the first is written: the machine need not find out
/// that they are.
#[inline(always)]
pub(super) fn add_equal<T: Target>(row: &[T], weight: f32, input: &mut [f32], distinct: bool) {
    let Some(mask) = input.len().checked_sub(1) else { return };
    let (fours, rest) = if distinct { row.as_chunks::<4>() } else { (&[][..], row) };
    for four in fours {
        let places = four.map(|target| target.place() & mask);
        let sums = places.map(|place| input[place] + weight);
        for (place, sum) in places.into_iter().zip(sums) {
            input[place] = sum;
        }
    }
    for target in rest {
        input[target.place() & mask] += weight;
    }
}

/// Adds to every target of a row its own weight.
#[inline(always)]
pub(super) fn add_each<T: Target>(row: &[T], weights: &[f32], input: &mut [f32], distinct: bool) {
    let Some(mask) = input.len().checked_sub(1) else { return };
    let weights = &weights[..row.len()];
    let (fours, rest) = if distinct { row.as_chunks::<4>() } else { (&[][..], row) };
    let (four_weights, rest_weights) = weights.split_at(fours.len() * 4);
    for (four, weights) in fours.iter().zip(four_weights.as_chunks::<4>().0) {
        let places = four.map(|target| target.place() & mask);
        let mut sums = places.map(|place| input[place]);
        sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
        for (place, sum) in places.into_iter().zip(sums) {
            input[place] = sum;
        }
    }
    for (target, weight) in rest.iter().zip(rest_weights) {
        input[target.place() & mask] += weight;
    }
}

/// Calls for every source that fired, with the rows of the next ones on their way, and where those after them begin.
#[inline(always)]
pub(super) fn ahead<R>(
    fired: &[u32],
    mut far: impl FnMut(u32),
    mut row: impl FnMut(u32) -> R,
    mut ask: impl FnMut(&R),
    mut add: impl FnMut(R),
) {
    fired.iter().take(2 * AHEAD).for_each(|&source| far(source));
    for &source in fired.iter().take(AHEAD) {
        ask(&row(source));
    }
    for (index, &source) in fired.iter().enumerate() {
        if let Some(&later) = fired.get(index + 2 * AHEAD) {
            far(later);
        }
        if let Some(&next) = fired.get(index + AHEAD) {
            ask(&row(next));
        }
        add(row(source));
    }
}

/// Asks for a part of some values.
#[inline(always)]
pub(super) fn ask<T>(values: &[T], row: &std::ops::Range<usize>) {
    if let Some(values) = values.get(row.clone()) {
        prefetch(values);
    }
}
