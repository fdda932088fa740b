//! Passes over columns that the models share.
//!
//! Each is a plain loop over slices; `pulp` compiles it for the vector width that the machine has. No pass adds along a
//! column, so its width changes no bit of the result.

/// Cells that are handled together: one comparison tells whether any of them fires.
pub(super) const BLOCK: usize = 64;

/// What has decayed below this is zero. Otherwise what has died away would stay among the subnormal numbers for good,
/// and arithmetic with those is tens of times slower.
const NOTHING: f32 = 1e-30;

/// Whether a tick is one of those, few enough to cost nothing, in which the columns are swept.
pub(super) fn is_sweep(now: u64) -> bool {
    now.is_multiple_of(64)
}

/// Puts to rest what has as good as come to rest.
#[inline(always)]
pub(super) fn sweep(values: &mut [f32], rest: f32) {
    values.iter_mut().for_each(|v| *v = if (*v - rest).abs() < NOTHING { rest } else { *v });
}

/// Finds who is at or above a threshold.
#[inline(always)]
pub(super) fn scan(potential: &[f32], threshold: f32, fired: &mut Vec<u32>) {
    for (block, cells) in potential.chunks(BLOCK).enumerate() {
        let any = cells.iter().fold(0u32, |any, &v| any | u32::from(v >= threshold));
        if any != 0 {
            let first = (block * BLOCK) as u32;
            let over = |(cell, &v): (usize, &f32)| (v >= threshold).then_some(first + cell as u32);
            fired.extend(cells.iter().enumerate().filter_map(over));
        }
    }
}
