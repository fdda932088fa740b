//! What the tests of this crate share.
#![allow(dead_code, reason = "each test uses a part")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use neuronbus::prelude::*;
use neuronbus_semantic::encoder::{EncodeError, Model};
use neuronbus_semantic::prelude::*;

/// What a handler was told: its name, the text, and the score.
pub(crate) type Told = Arc<Mutex<Vec<(String, String, f32)>>>;

/// Writes down what it hears.
pub(crate) struct Handler {
    pub(crate) name: &'static str,
    pub(crate) told: Told,
}

impl Neuron for Handler {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let heard = Recognition::parse(payload).ok_or_else(|| Fault::new("no recognition"))?;
        let text = heard.text().unwrap_or("?").to_owned();
        self.told.lock().unwrap().push((self.name.to_owned(), text, heard.score));
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

pub(crate) fn names(told: &Told) -> Vec<(String, String)> {
    told.lock().unwrap().iter().map(|(name, text, _)| (name.clone(), text.clone())).collect()
}

/// An encoder with two dimensions for each word of a short list, which takes as long as it likes.
#[derive(Debug)]
pub(crate) struct Scripted {
    model: Model,
    words: HashMap<&'static str, usize>,
    fails: bool,
}

impl Scripted {
    pub(crate) fn new(words: &[&'static str]) -> Self {
        let known = words.join(" ");
        let model = Model::new("scripted", words.len(), known.as_bytes());
        let words = words.iter().enumerate().map(|(at, &word)| (word, at)).collect();
        Self { model, words, fails: false }
    }

    pub(crate) fn that_fails(self, fails: bool) -> Self {
        Self { fails, ..self }
    }
}

impl Encoder for Scripted {
    fn model(&self) -> &Model {
        &self.model
    }

    fn encode_batch(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<(), EncodeError> {
        for text in texts {
            if self.fails || text.contains("unspeakable") {
                let model = self.model.to_string();
                return Err(EncodeError::Model { model, reason: "it is out of order".to_owned() });
            }
            let mut vector = vec![0.0; self.model.dimensions()];
            text.split(' ')
                .filter_map(|word| self.words.get(word))
                .for_each(|&at| vector[at] += 1.0);
            let length = vector.iter().map(|n| n * n).sum::<f32>().sqrt().max(1e-6);
            out.extend(vector.iter().map(|n| n / length));
        }
        Ok(())
    }
}
