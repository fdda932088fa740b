//! How long to wait before the next attempt: twice as long each time up to a bound, and not all at the same moment.

use std::time::Duration;

/// Capped exponential delays with jitter.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    seed: u64,
    attempt: u32,
    draws: u64,
}

impl Backoff {
    /// Delays around `first` (at least 1 ms), then around twice as much, up to `most`; the same for the same seed.
    #[must_use]
    pub fn new(first: Duration, most: Duration, seed: u64) -> Self {
        let first = first.max(Duration::from_millis(1));
        Self { first, most: most.max(first), seed, attempt: 0, draws: 0 }
    }

    /// The next delay: between half of its turn's bound and all of it.
    pub fn next_delay(&mut self) -> Duration {
        let bound = self.first.saturating_mul(1 << self.attempt.min(20)).min(self.most);
        self.attempt += 1;
        self.draws += 1;
        let half = bound / 2;
        let share = neuronbus::math::random(self.seed, 0, self.draws, 0) >> 32;
        half + half.mul_f64(share as f64 / f64::from(u32::MAX))
    }

    /// An attempt has succeeded.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_within_their_bounds_and_differ_between_seeds() {
        let (first, most) = (Duration::from_millis(10), Duration::from_millis(500));
        let delays = |seed| {
            let mut backoff = Backoff::new(first, most, seed);
            (0..40).map(|_| backoff.next_delay()).collect::<Vec<_>>()
        };
        let one = delays(1);
        for (turn, delay) in one.iter().enumerate() {
            let bound = first.saturating_mul(1 << turn.min(20)).min(most);
            assert!(bound / 2 <= *delay && *delay <= bound, "turn {turn}: {delay:?}");
        }
        assert_eq!(one, delays(1));
        assert_ne!(one, delays(2));
        let mut backoff = Backoff::new(first, most, 3);
        (0..9).for_each(|_| _ = backoff.next_delay());
        backoff.reset();
        assert!(backoff.next_delay() <= first);
    }
}
