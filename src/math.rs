//! Arithmetic that gives the same bits on every machine.
//!
//! The platform's `exp` may differ in its last bit between systems, so decays come from `libm`, which is plain Rust;
//! random numbers are a hash of what they are for, so they depend on no order of execution.

/// `exp(-k / tau)` for whole numbers of ticks k: the leak of a membrane or a trace over a gap.
///
/// Short gaps are read from a table, long ones computed; both give the same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Decay {
    tau_ticks: f64,
    table: Vec<f32>,
}

/// Gaps up to this many ticks are read from the table.
const TABLE_MAX: usize = 4096;

/// After so many time constants nothing remains: exp(-104) is below half of the smallest binary32.
const NOTHING_LEFT: f64 = 104.0;

impl Decay {
    /// A decay with this time constant in ticks; an infinite one never decays.
    ///
    /// # Panics
    /// If `tau_ticks` is not positive; the callers check what users give.
    #[must_use]
    pub fn new(tau_ticks: f64) -> Self {
        assert!(tau_ticks > 0.0, "a time constant is positive, not {tau_ticks}");
        let length = ((tau_ticks * NOTHING_LEFT).min(TABLE_MAX as f64) as usize).max(16);
        Self { tau_ticks, table: (0..length).map(|k| Self::compute(tau_ticks, k as u64)).collect() }
    }

    fn compute(tau_ticks: f64, ticks: u64) -> f32 {
        libm::exp(-(ticks as f64) / tau_ticks) as f32
    }

    /// The factor that remains after a gap of so many ticks.
    #[must_use]
    #[inline]
    pub fn over(&self, ticks: u64) -> f32 {
        match self.table.get(ticks as usize) {
            Some(&factor) => factor,
            None => self.over_long(ticks),
        }
    }

    #[cold]
    fn over_long(&self, ticks: u64) -> f32 {
        if ticks as f64 > self.tau_ticks * NOTHING_LEFT {
            return 0.0;
        }
        Self::compute(self.tau_ticks, ticks)
    }

    /// The time constant, in ticks.
    #[must_use]
    pub fn tau_ticks(&self) -> f64 {
        self.tau_ticks
    }
}

/// A random number that is a function of its four arguments only.
///
/// Each word goes through the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
#[must_use]
pub fn random(seed: u64, stream: u64, tick: u64, call: u64) -> u64 {
    let mut state = mix(seed);
    for word in [stream, tick, call] {
        state = mix(state ^ word);
    }
    state
}

/// A number in `[0, 1)` made of the top 53 bits of a random number.
#[must_use]
pub fn unit(random: u64) -> f64 {
    (random >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A normally distributed number with mean 0 and standard deviation 1, made of random bits (Box and Muller, Ann. Math.
/// Stat. 29, 1958); at most 6.7 away from 0.
pub(crate) fn normal(random: u64) -> f64 {
    const SCALE: f64 = 1.0 / (1u64 << 32) as f64;
    let (radius, angle) = ((random >> 32) as f64, (random as u32) as f64);
    let radius = libm::sqrt(-2.0 * libm::log((radius + 0.5) * SCALE));
    radius * libm::cos(std::f64::consts::TAU * angle * SCALE)
}

/// Where the standard normal distribution reaches a probability of at least 1/2, searched upwards from a place at or
/// below it.
///
/// Newton's method never steps too far there, because the distribution bends down above its middle.
pub(crate) fn normal_quantile_from(p: f64, mut x: f64) -> f64 {
    // bound: each step halves what is missing at least; 64 are more than any binary64 can tell apart.
    for _ in 0..64 {
        let reached = 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
        let density = 0.398_942_280_401_432_7 * libm::exp(-0.5 * x * x);
        let step = (p - reached) / density;
        x += step;
        if step.abs() < 1e-14 {
            break;
        }
    }
    x
}

fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_and_formula_agree_to_the_bit() {
        for tau in [0.5, 20.0, 300.0] {
            let decay = Decay::new(tau);
            for k in (0..40_000).chain([u64::MAX]) {
                let formula = Decay::compute(tau, k);
                assert_eq!(decay.over(k).to_bits(), formula.to_bits(), "tau {tau}, gap {k}");
            }
            assert_eq!(decay.over(0), 1.0);
        }
    }

    #[test]
    fn random_numbers_do_not_repeat_and_fill_the_range() {
        let mut seen = std::collections::BTreeSet::new();
        let mut sum = 0.0;
        for call in 0..10_000 {
            let word = random(7, 3, 11, call);
            assert!(seen.insert(word));
            sum += unit(word);
        }
        assert!((sum / 10_000.0 - 0.5).abs() < 0.02, "mean {}", sum / 10_000.0);
    }
}
