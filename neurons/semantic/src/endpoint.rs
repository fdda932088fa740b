//! Vectors from a server: any that speaks `POST /v1/embeddings` as OpenAI does.
//!
//! Asking one takes as long as it takes, so it is used behind an [`EncoderGate`](crate::encoder_gate::EncoderGate),
//! which [`Meaning`](crate::wiring::Meaning) puts in front of every encoder that is not instant. While the server is
//! away its texts are matched by topic alone, which the gate counts as `model-unreachable` and the reader as
//! *degraded*; it is asked again after the breaker's pause.

use neuronbus_rest::{RestClient, RestCounts, RestError, RestSettings};
use serde::Deserialize;
use serde_json::json;

use crate::encoder::{EncodeError, Encoder, Model, check_answer};
use crate::text;

/// Asks a server for vectors.
#[derive(Debug)]
pub struct Endpoint {
    client: RestClient,
    model: Model,
    threshold: f32,
}

/// What the server answers, of which only so much is read.
#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

impl Endpoint {
    /// A server, the name of a model there, and how many numbers its vectors have.
    ///
    /// The weights cannot be seen from here: the model is known by its URL and name.
    ///
    /// # Errors
    /// [`RestError::Settings`].
    pub fn new(settings: RestSettings, model: &str, dimensions: usize) -> Result<Self, RestError> {
        let known_by = format!("{} {model}", settings.base_url);
        let model = Model::new(model, dimensions, known_by.as_bytes());
        let client = RestClient::new(settings)?;
        Ok(Self { client, model, threshold: crate::concept::THRESHOLD })
    }

    /// The similarity from which two short texts mean the same, for this model.
    #[must_use]
    pub fn threshold(self, threshold: f32) -> Self {
        Self { threshold, ..self }
    }

    /// What became of the requests so far.
    #[must_use]
    pub fn counts(&self) -> RestCounts {
        self.client.counts()
    }

    fn failed(&self, reason: impl ToString) -> EncodeError {
        EncodeError::Model { model: self.model.to_string(), reason: reason.to_string() }
    }
}

impl Encoder for Endpoint {
    fn model(&self) -> &Model {
        &self.model
    }

    fn encode_batch(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<(), EncodeError> {
        if texts.is_empty() {
            return Ok(());
        }
        texts.iter().try_for_each(|text| text::check(text))?;
        let body = json!({"model": self.model.name(), "input": texts, "encoding_format": "float"});
        let told = self.client.call("POST", "/v1/embeddings", Some(&body));
        let told = told.map_err(|error| self.failed(error))?;
        let mut items = Answer::deserialize(told).map_err(|error| self.failed(error))?.data;
        // They say which text they are of, and need not come in order.
        items.sort_by_key(|item| item.index);
        if !items.iter().map(|item| item.index).eq(0..texts.len()) {
            let found: Vec<usize> = items.iter().map(|item| item.index).collect();
            return Err(self.failed(format!("{} texts have the vectors {found:?}", texts.len())));
        }
        let mut vectors: Vec<f32> = items.into_iter().flat_map(|item| item.embedding).collect();
        check_answer(&self.model, texts.len(), &mut vectors)?;
        out.extend(vectors);
        Ok(())
    }

    fn threshold(&self) -> f32 {
        self.threshold
    }
}
