//! The set of membranes that got input in this tick, taken out in the order of their numbers: ids, or cells of a crowd.
//!
//! Two levels of bits: who fires is asked in canonical order without sorting, and an idle neuron costs one bit.

#[derive(Debug, Default)]
pub(crate) struct Touched {
    bits: Vec<u64>,
    /// One bit for each word of `bits` that is not zero.
    summary: Vec<u64>,
}

impl Touched {
    /// Makes room for numbers below `membranes`.
    pub(crate) fn hold(&mut self, membranes: usize) {
        let words = membranes.div_ceil(64);
        if words > self.bits.len() {
            self.bits.resize(words, 0);
            self.summary.resize(words.div_ceil(64), 0);
        }
    }

    #[inline]
    pub(crate) fn insert(&mut self, number: usize) {
        let word = number / 64;
        self.bits[word] |= 1 << (number % 64);
        self.summary[word / 64] |= 1 << (word % 64);
    }

    /// Takes out the smallest number at or after a position; `walk` moves on, so that a walk costs what it finds.
    ///
    /// What a walk has taken in hand is in the set no more: a walk is gone on with, not begun again.
    #[inline]
    pub(crate) fn pop(&mut self, walk: &mut Walk) -> Option<usize> {
        // bound: every word is taken in hand once
        while walk.bits == 0 {
            self.take_in_hand(walk)?;
        }
        let number = walk.word * 64 + walk.bits.trailing_zeros() as usize;
        walk.bits &= walk.bits - 1;
        Some(number)
    }

    /// Takes out the next word in which there is something.
    fn take_in_hand(&mut self, walk: &mut Walk) -> Option<()> {
        let summary = loop {
            match *self.summary.get(walk.summary)? {
                0 => walk.summary += 1,
                summary => break summary,
            }
        };
        walk.word = walk.summary * 64 + summary.trailing_zeros() as usize;
        self.summary[walk.summary] = summary & (summary - 1);
        walk.bits = std::mem::take(&mut self.bits[walk.word]);
        Some(())
    }
}

/// A walk over a set in the order of its numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Walk {
    summary: usize,
    word: usize,
    /// What is left of the word in hand.
    bits: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_once_each_and_in_order() {
        let mut touched = Touched::default();
        touched.hold(65_535);
        let mut expected = std::collections::BTreeSet::new();
        for call in 0..5_000 {
            let number = (crate::math::random(3, 0, 0, call) % 65_535) as usize;
            touched.insert(number);
            expected.insert(number);
        }
        let mut walk = Walk::default();
        let got: Vec<_> = std::iter::from_fn(|| touched.pop(&mut walk)).collect();
        assert_eq!(got, expected.into_iter().collect::<Vec<_>>());
        assert_eq!(touched.pop(&mut Walk::default()), None);
    }
}
