//! A spike of two words, and the core's reference.

/// A message small enough to be modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spike([u64; 2]);

impl Spike {
    /// As in the core: what stands where a writer died.
    pub(crate) const VOID: Self = Self::numbered(u64::MAX / 4);

    /// The spike with a number; its second word follows from the first.
    #[must_use]
    pub const fn numbered(number: u64) -> Self {
        Self([number, number + 1000])
    }

    /// Its number.
    ///
    /// # Panics
    /// When its words do not belong together.
    #[must_use]
    pub fn number(self) -> u64 {
        assert_eq!(self.0[1], self.0[0] + 1000, "torn");
        self.0[0]
    }

    /// As in the core.
    pub const TAG_WORD: usize = 0;

    /// As in the core: one word can be all, and here never is.
    pub const SHORT_WORDS: usize = 1;

    /// As in the core: every spike is carried whole here, so that a torn one is seen.
    #[must_use]
    pub const fn is_short(_tag_word: u64) -> bool {
        false
    }

    /// As in the core.
    #[must_use]
    pub const fn to_words(&self) -> [u64; 2] {
        self.0
    }

    /// As in the core.
    #[must_use]
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self(words)
    }
}

/// As in the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArenaRef {
    /// As in the core.
    pub offset: u32,
    /// As in the core.
    pub length: u32,
    /// As in the core.
    pub generation: u32,
    /// As in the core.
    pub segment: u32,
}
