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

    /// Takes out the smallest number at or after a position; `from` moves on, so that a walk costs what it finds.
    #[inline]
    pub(crate) fn pop(&mut self, from: &mut usize) -> Option<usize> {
        while *from < self.summary.len() {
            let summary = self.summary[*from];
            if summary == 0 {
                *from += 1;
                continue;
            }
            let word = *from * 64 + summary.trailing_zeros() as usize;
            let bits = self.bits[word];
            self.bits[word] = bits & (bits - 1);
            if self.bits[word] == 0 {
                self.summary[*from] = summary & (summary - 1);
            }
            return Some(word * 64 + bits.trailing_zeros() as usize);
        }
        None
    }
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
        let mut from = 0;
        let got: Vec<_> = std::iter::from_fn(|| touched.pop(&mut from)).collect();
        assert_eq!(got, expected.into_iter().collect::<Vec<_>>());
        assert_eq!(touched.pop(&mut 0), None);
    }
}
