//! all-MiniLM-L6-v2, and models like it, run by a library in pure Rust.
//!
//! A sentence becomes the mean of its tokens' last states, brought to length 1 (Reimers and Gurevych, EMNLP 2019). One
//! text is computed at a time, on one thread: rounding to 8 bits looks at all that is computed together, so that in a
//! batch the vector of a text would depend on its neighbours.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rten::{Model as Graph, ModelOptions, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::encoder::{EncodeError, Encoder, Model, normalise};
use crate::text;
use crate::tokens::{TokenizerError, Tokens};

/// Tokens that the model reads, with the two that open and close a text; what follows is cut off, as its makers do.
pub const TOKEN_LIMIT: usize = 256;

/// Why a model was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The tokenizer is refused.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The model is damaged, or not of the kind that is understood.
    #[error("{}: the model is damaged or of another kind: {reason}", path.display())]
    Model {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A sentence encoder of the BERT kind.
pub struct MiniLm {
    model: Model,
    tokens: Tokens,
    graph: Graph,
    threads: Arc<ThreadPool>,
    open: u32,
    close: u32,
}

impl std::fmt::Debug for MiniLm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MiniLm").field("model", &self.model).finish_non_exhaustive()
    }
}

impl MiniLm {
    /// The model in a directory: `model.onnx` and `tokenizer.json`.
    ///
    /// The model takes `input_ids`, `attention_mask`, and if it likes `position_ids` and `token_type_ids`; its first
    /// result is a state for each token. One sentence is tried out at once.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn open(directory: &Path) -> Result<Self, LoadError> {
        let file = |name: &str| {
            let path = directory.join(name);
            std::fs::read(&path).map_err(|source| LoadError::File { path, source })
        };
        let path = directory.join("model.onnx");
        let refuse = |reason: String| LoadError::Model { path: path.clone(), reason };
        let tokenizer = String::from_utf8(file("tokenizer.json")?)
            .map_err(|error| TokenizerError::Format(error.to_string()))?;
        let tokens = Tokens::parse(&tokenizer)?;
        let special = |token: &str| {
            let id = tokens.id(token);
            id.ok_or_else(|| TokenizerError::Format(format!("it has no token {token}")))
        };
        let (open, close) = (special("[CLS]")?, special("[SEP]")?);
        let bytes = file("model.onnx")?;
        let name = directory.file_name().map_or("minilm".into(), |name| name.to_string_lossy());
        let known_by = *blake3::hash(&bytes).as_bytes();
        // Weights are laid out for the products once, and not anew for each text: that took most of its time.
        let mut options = ModelOptions::with_all_ops();
        let graph = guarded(|| options.prepack_weights(true).load(bytes)).map_err(refuse)?;
        let threads = Arc::new(ThreadPool::with_num_threads(1));
        let model = Model::new(&name, 0, &known_by);
        let mut encoder = Self { model, tokens, graph, threads, open, close };
        let width = encoder.states(&[open, close]).map_err(refuse)?.1;
        encoder.model = Model::new(&name, width, &known_by);
        Ok(encoder)
    }

    /// The last states of some tokens, one after the other, and how many numbers each has.
    fn states(&self, tokens: &[u32]) -> Result<(Vec<f32>, usize), String> {
        let shape = [1, tokens.len()];
        let given = |name: &str| -> Option<NdTensor<i32, 2>> {
            let numbers: Vec<i32> = match name {
                "input_ids" => tokens.iter().map(|&token| token as i32).collect(),
                "attention_mask" => vec![1; tokens.len()],
                "token_type_ids" => vec![0; tokens.len()],
                "position_ids" => (0..tokens.len() as i32).collect(),
                _ => return None,
            };
            Some(NdTensor::from_data(shape, numbers))
        };
        let mut inputs: Vec<(_, ValueOrView)> = Vec::new();
        for &id in self.graph.input_ids() {
            let name = self.graph.node_info(id).and_then(|info| info.name().map(str::to_owned));
            let name = name.unwrap_or_default();
            let tensor = given(&name).ok_or_else(|| format!("its input {name:?} is not known"))?;
            inputs.push((id, tensor.into()));
        }
        let output = *self.graph.output_ids().first().ok_or("it has no result")?;
        let options = RunOptions::default().with_thread_pool(Some(self.threads.clone()));
        let mut values = guarded(|| self.graph.run(inputs, &[output], Some(options)))?;
        let value = values.pop().ok_or("it gave no result")?;
        let states: NdTensor<f32, 3> =
            value.try_into().map_err(|_| "its result is not three-dimensional")?;
        let [texts, found, width] = states.shape();
        if (texts, found) != (1, tokens.len()) || width == 0 {
            return Err(format!("its result has the shape {:?}", states.shape()));
        }
        Ok((states.into_data(), width))
    }

    fn encode_one(&self, text: &str, out: &mut Vec<f32>) -> Result<(), EncodeError> {
        text::check(text)?;
        let name = || self.model.to_string();
        let mut tokens = vec![self.open];
        let told = self.tokens.each(text, |token| {
            if tokens.len() < TOKEN_LIMIT - 1 {
                tokens.push(token);
            }
        });
        told.map_err(|reason| EncodeError::Tokenizer { model: name(), reason })?;
        if tokens[1..].iter().all(|&token| self.tokens.is_unknown(token)) {
            return Err(EncodeError::NothingKnown { model: name() });
        }
        tokens.push(self.close);
        let failed = |reason| EncodeError::Model { model: name(), reason };
        let (states, width) = self.states(&tokens).map_err(failed)?;
        let start = out.len();
        out.resize(start + width, 0.0);
        let sum = &mut out[start..];
        for state in states.chunks_exact(width) {
            sum.iter_mut().zip(state).for_each(|(sum, number)| *sum += number);
        }
        Ok(normalise(sum)?)
    }
}

/// What the library refuses, and what it panics about, as a sentence.
fn guarded<T, E: std::fmt::Display>(work: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    // Unwind safe: what was being worked on is not used afterwards.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err("the inference library panicked".to_owned()),
    }
}

/// Where paraphrases that are found outweigh unrelated names that are taken for one, on all pairs of
/// `docs/learning.md`, names read as words: four of five, and one in thirty.
const THRESHOLD: f32 = 0.35;

impl Encoder for MiniLm {
    fn model(&self) -> &Model {
        &self.model
    }

    fn encode_batch(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<(), EncodeError> {
        texts.iter().try_for_each(|text| self.encode_one(text, out))
    }

    fn threshold(&self) -> f32 {
        THRESHOLD
    }
}
