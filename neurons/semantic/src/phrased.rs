//! An encoder that reads names inside a sentence.

use std::sync::Arc;

use crate::encoder::{EncodeError, Encoder, Model};

/// Reads every text as part of a sentence, because that is what sentence models were trained on.
///
/// For names of topics, [`Phrased::topics`] tells paraphrases and opposites apart better than the names alone
/// (`docs/learning.md`). It is a model of its own: its vectors do not mix with those of the encoder inside.
#[derive(Debug)]
pub struct Phrased {
    inner: Arc<dyn Encoder>,
    model: Model,
    before: String,
    after: String,
    threshold: f32,
    /// Whether a text is also read by itself.
    also_alone: bool,
}

impl Phrased {
    /// An encoder that puts texts between two pieces of a sentence, and from which cosine on two texts mean the same.
    #[must_use]
    pub fn new(inner: Arc<dyn Encoder>, before: &str, after: &str, threshold: f32) -> Self {
        let of = inner.model();
        let known_by = format!("{}\n{before}\n{after}", of.fingerprint());
        let model =
            Model::new(&format!("{}-phrased", of.name()), of.dimensions(), known_by.as_bytes());
        let (before, after) = (before.to_owned(), after.to_owned());
        Self { inner, model, before, after, threshold, also_alone: false }
    }

    /// Reads each text by itself as well. Vectors are twice as long, and a cosine is the mean of the two: what one
    /// reading takes for alike by accident, the other seldom does.
    #[must_use]
    pub fn and_alone(self) -> Self {
        let of = &self.model;
        let name = format!("{}-and-alone", of.name());
        let known_by = of.fingerprint().to_le_bytes();
        let model = Model::new(&name, 2 * self.inner.model().dimensions(), &known_by);
        let threshold = (self.threshold + self.inner.threshold()) / 2.0;
        Self { model, threshold, also_alone: true, ..self }
    }

    /// For names of topics: `This event means that payment failed.`
    #[must_use]
    pub fn topics(inner: Arc<dyn Encoder>) -> Self {
        Self::new(inner, "This event means that ", ".", TOPICS_THRESHOLD)
    }
}

/// Found on the authored pairs of `docs/learning.md`, by all-MiniLM-L6-v2.
const TOPICS_THRESHOLD: f32 = 0.57;

impl Encoder for Phrased {
    fn model(&self) -> &Model {
        &self.model
    }

    fn encode_batch(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<(), EncodeError> {
        texts.iter().try_for_each(|text| crate::text::check(text))?;
        let sentences: Vec<String> =
            texts.iter().map(|text| format!("{}{text}{}", self.before, self.after)).collect();
        let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
        if !self.also_alone {
            return self.inner.encode_batch(&sentences, out);
        }
        let (mut phrased, mut alone) = (Vec::new(), Vec::new());
        self.inner.encode_batch(&sentences, &mut phrased)?;
        self.inner.encode_batch(texts, &mut alone)?;
        let width = self.inner.model().dimensions();
        for (phrased, alone) in phrased.chunks_exact(width).zip(alone.chunks_exact(width)) {
            // Two vectors of length 1 beside each other have the length of the root of two.
            out.extend(phrased.iter().chain(alone).map(|n| n * std::f32::consts::FRAC_1_SQRT_2));
        }
        Ok(())
    }

    fn threshold(&self) -> f32 {
        self.threshold
    }

    fn is_instant(&self) -> bool {
        self.inner.is_instant()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::dot;
    use crate::static_table::StaticTable;

    #[test]
    fn a_cosine_both_ways_is_the_mean_of_the_two() {
        let alone = StaticTable::bundled();
        let phrased = Phrased::topics(alone.clone());
        let both = Phrased::topics(alone.clone()).and_alone();
        let cosine = |encoder: &dyn Encoder| {
            let vector = |text| encoder.encode(text).expect("it has words");
            dot(&vector("payment failed"), &vector("the card was declined"))
        };
        let mean = (cosine(&*alone) + cosine(&phrased)) / 2.0;
        assert!((cosine(&both) - mean).abs() < 1e-5);
        assert_eq!(both.model().dimensions(), 512);
        assert!(both.model().same(phrased.model()).is_err() && both.is_instant());
    }
}
