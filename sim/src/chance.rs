//! All chance of a simulation: a stream of numbers from its seed.

use neuronbus::math;

#[derive(Debug)]
pub(crate) struct Chance {
    seed: u64,
    draws: u64,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, draws: 0 }
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.draws += 1;
        math::random(self.seed, 1, 0, self.draws)
    }

    /// Below a bound above 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }

    /// One time in so many.
    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
