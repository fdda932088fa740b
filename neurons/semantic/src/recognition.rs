//! What a concept says when it fires: how sure it is, and about what.

use crate::lexicon::Means;

const HEAD: usize = 12;

/// A text that was recognised, as it travels in a spike.
///
/// ```text
/// offset size field
/// 0      4    score       f32  cosine with the nearest exemplar, 1 for a topic
/// 4      4    threshold   f32  from where on the concept fires
/// 8      1    means            0 by topic, 1 by meaning
/// 9      3    0
/// 12     ..   what was recognised: the payload that came in, byte for byte
/// ```
///
/// Little endian. Handlers read it with [`Recognition::parse`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recognition<'a> {
    /// Cosine with the nearest exemplar; 1 for a topic.
    pub score: f32,
    /// From where on the concept fires.
    pub threshold: f32,
    /// How the text found the concept.
    pub by: Means,
    /// What was recognised, as it came in.
    pub about: &'a [u8],
}

impl<'a> Recognition<'a> {
    /// Reads what a concept fired; `None` for anything else.
    #[must_use]
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (head, about) = payload.split_first_chunk::<HEAD>()?;
        let number = |at: usize| head[at..].first_chunk().map(|bytes| f32::from_le_bytes(*bytes));
        let by = match head[8..] {
            [0, 0, 0, 0] => Means::Topic,
            [1, 0, 0, 0] => Means::Meaning,
            _ => return None,
        };
        let (score, threshold) = (number(0)?, number(4)?);
        (score.is_finite() && threshold.is_finite()).then_some(Self { score, threshold, by, about })
    }

    /// Appends the bytes that [`parse`](Self::parse) reads.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.score.to_le_bytes());
        out.extend_from_slice(&self.threshold.to_le_bytes());
        out.extend_from_slice(&[u8::from(self.by == Means::Meaning), 0, 0, 0]);
        out.extend_from_slice(self.about);
    }

    /// The text that was recognised, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.about).ok()
    }
}
