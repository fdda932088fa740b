//! Random numbers of populations: a hash of seed, tick and cell, so that they depend on no order of computing.

use crate::math;

/// The key of one tick: everything but the cell.
pub(super) fn key(seed: u64, stream: u64, tick: u64) -> u64 {
    math::random(seed, stream, tick, 0)
}

/// A key of the same tick for another use, independent of the first.
pub(super) fn second_key(seed: u64, stream: u64, tick: u64) -> u64 {
    math::random(seed, stream, tick, 1)
}

/// 32 random bits for a cell, from the key of the tick.
///
/// The 32-bit mixer with constants `0x21f0aaad` and `0xd35a2d97` (Wellons, hash prospector, 2018), keyed before and
/// within; 32-bit steps only, so that the compiler can do many cells at once.
#[inline(always)]
pub(super) fn bits(key: u64, cell: u32) -> u32 {
    let mut x = cell.wrapping_mul(0x9E37_79B9).wrapping_add(key as u32);
    x ^= x >> 16;
    x = x.wrapping_mul(0x21f0_aaad);
    x ^= (key >> 32) as u32;
    x ^= x >> 15;
    x = x.wrapping_mul(0xd35a_2d97);
    x ^ (x >> 15)
}

/// How many of the random bits the quick table looks at.
const QUICK_BITS: u32 = 10;

/// Bits reach this once in two hundred draws.
const RARE: u32 = u32::MAX / 200 * 199;

/// In the quick table: the looked-at bits alone do not decide.
const UNDECIDED: u8 = u8::MAX;

/// How many events of a Poisson process fall into one tick, by inversion of its distribution.
#[derive(Debug, Clone)]
pub(super) struct PoissonTable {
    /// As many of these as the random bits reach is the number of events; what is left out is rarer than 2^-32.
    bounds: Vec<u32>,
    /// The number of events by the top bits, where they decide it: nearly always.
    quick: Vec<u8>,
}

impl PoissonTable {
    /// The table for so many events a tick on average.
    pub(super) fn new(mean: f64) -> Self {
        let mut bounds = Vec::new();
        let mut term = libm::exp(-mean);
        let mut sum = term;
        for k in 1..=4096 {
            let bound = sum * (1u64 << 32) as f64;
            if bound >= f64::from(u32::MAX) || (f64::from(k) > mean && term < 1e-12) {
                break;
            }
            bounds.push(bound as u32);
            term *= mean / f64::from(k);
            sum += term;
        }
        let shift = 32 - QUICK_BITS;
        let slow = |bits: u32| bounds.iter().filter(|&&bound| bits >= bound).count();
        let quick = (0..1u32 << QUICK_BITS).map(|top| {
            let (low, high) = (slow(top << shift), slow(top << shift | ((1 << shift) - 1)));
            if low == high && low < usize::from(UNDECIDED) { low as u8 } else { UNDECIDED }
        });
        Self { quick: quick.collect(), bounds }
    }

    /// What random bits must reach for one event and for a second, if a second is so rare that whole blocks of cells
    /// are without.
    pub(super) fn rare_second(&self) -> Option<(u32, u32)> {
        let first = *self.bounds.first()?;
        let second = self.bounds.get(1).copied().unwrap_or(u32::MAX);
        (second > RARE).then_some((first, second))
    }

    /// The number of events that 32 random bits stand for.
    #[inline(always)]
    pub(super) fn count(&self, bits: u32) -> u32 {
        match self.quick[(bits >> (32 - QUICK_BITS)) as usize] {
            UNDECIDED => self.bounds.iter().map(|&bound| u32::from(bits >= bound)).sum(),
            count => u32::from(count),
        }
    }
}

/// Intervals of equal probability that the normal distribution is cut into.
const INTERVALS: usize = 4096;

/// Normally distributed numbers, by inversion of their distribution: exact at the ends of 4,096 intervals of equal
/// probability, linear in between, and cut off at 4.2 standard deviations.
#[derive(Debug, Clone)]
pub(super) struct NormalTable {
    quantiles: Vec<f32>,
}

impl NormalTable {
    /// The table for mean 0 and this standard deviation.
    pub(super) fn new(sigma: f64) -> Self {
        let half = INTERVALS / 2;
        let mut upper = vec![0.0f64; half + 1];
        for k in 1..=half {
            // The last would be infinite.
            let p = 0.5 + (k as f64).min(half as f64 - 1.0 / 16.0) / INTERVALS as f64;
            upper[k] = math::normal_quantile_from(p, upper[k - 1]);
        }
        // Straight lines within the intervals make the variance a little larger than 1; it is put right.
        let squares = |pair: &[f64]| pair[0] * pair[0] + pair[0] * pair[1] + pair[1] * pair[1];
        let variance = upper.windows(2).map(squares).sum::<f64>() / 3.0 / half as f64;
        let scale = sigma / libm::sqrt(variance);
        let lower = upper[1..].iter().rev().map(|x| -x);
        let quantiles = lower.chain(upper.iter().copied()).map(|x| (x * scale) as f32).collect();
        Self { quantiles }
    }

    /// The number that 32 random bits stand for.
    #[inline(always)]
    pub(super) fn value(&self, bits: u32) -> f32 {
        let interval = (bits >> 20) as usize;
        let within = (bits & 0xF_FFFF) as f32 * (1.0 / 1_048_576.0);
        let (low, high) = (self.quantiles[interval], self.quantiles[interval + 1]);
        low + (high - low) * within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_the_mean_and_variance_of_poisson() {
        for mean in [0.0015, 0.5, 2.0, 11.0] {
            let table = PoissonTable::new(mean);
            let (mut sum, mut squares) = (0.0, 0.0);
            let (cells, ticks) = (1_000u32, 400);
            for tick in 0..ticks {
                let key = key(5, 1, tick);
                for cell in 0..cells {
                    let count = f64::from(table.count(bits(key, cell)));
                    sum += count;
                    squares += count * count;
                }
            }
            let n = f64::from(cells) * ticks as f64;
            let got = sum / n;
            let variance = squares / n - got * got;
            let tolerance = 5.0 * (mean / n).sqrt();
            assert!((got - mean).abs() < tolerance, "mean {got}, not {mean}");
            assert!((variance - mean).abs() < 0.05 * mean + tolerance, "variance {variance}");
        }
    }

    #[test]
    fn normal_numbers_have_mean_variance_and_tails_of_their_distribution() {
        let table = NormalTable::new(2.0);
        let n = 1 << 20;
        let values = (0..n).map(|i| f64::from(table.value((i as u32) << 12 | 0x800)));
        let moment = |k: i32| values.clone().map(|x| (x / 2.0).powi(k)).sum::<f64>() / f64::from(n);
        for (k, expected) in [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)] {
            assert!((moment(k) - expected).abs() < 0.02, "moment {k}: {}", moment(k));
        }
        for (sigmas, share) in [(1.0, 0.158_655), (2.0, 0.022_750), (3.0, 0.001_350)] {
            let above = values.clone().filter(|x| x / 2.0 > sigmas).count() as f64 / f64::from(n);
            assert!((above / share - 1.0).abs() < 0.03, "{above} above {sigmas}, not {share}");
        }
    }
}
