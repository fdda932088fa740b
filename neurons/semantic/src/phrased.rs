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
        Self { inner, model, before, after, threshold }
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
        self.inner.encode_batch(&sentences, out)
    }

    fn threshold(&self) -> f32 {
        self.threshold
    }

    fn is_instant(&self) -> bool {
        self.inner.is_instant()
    }
}
