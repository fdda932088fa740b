//! The thread of a model: takes requests one after the other, and computes token by token while somebody listens.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as threads;

use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use candle_transformers::generation::LogitsProcessor;
use candle_transformers::models::quantized_llama::{MAX_SEQ_LEN, ModelWeights};
use tokio::sync::mpsc;

use super::error::LocalError;
use super::speech::Speech;
use super::stops::{Cut, Stops};
use crate::answer::{Stop, Usage};
use crate::failure::{Failure, FailureKind};
use crate::provider::ModelInfo;
use crate::request::Request;

/// Tokens of a prompt that are computed together: a cancelled request is noticed between two such steps.
const TOGETHER: usize = 16;

/// A request, and who listens to the answer.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) said: mpsc::Sender<Said>,
}

/// A piece of an answer.
pub(super) enum Said {
    Text(String),
    End(Result<(Stop, Usage), Failure>),
}

/// Why an answer is not finished.
enum Broken {
    /// Nobody listens any more.
    Cancelled,
    Failed(Failure),
}

impl From<candle_core::Error> for Broken {
    fn from(error: candle_core::Error) -> Self {
        Self::Failed(Failure::new(FailureKind::Server, format!("the model failed: {error}")))
    }
}

/// The weights, and how they read and speak.
pub(super) struct Worker {
    name: String,
    weights: ModelWeights,
    speech: Speech,
    /// Tokens of a conversation with its answer.
    room: usize,
    computed: Arc<AtomicU64>,
}

impl Worker {
    pub(super) fn load(path: &Path) -> Result<Self, LocalError> {
        let file = |source| LocalError::File { path: path.to_owned(), source };
        let weights = |error: candle_core::Error| LocalError::Weights {
            path: path.to_owned(),
            why: error.to_string(),
        };
        let mut reader = BufReader::new(File::open(path).map_err(file)?);
        let mut head = Content::read(&mut reader).map_err(weights)?;
        let named = head.metadata.get("general.name").and_then(|name| name.to_string().ok());
        let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = named.cloned().unwrap_or_else(stem);
        let known = head.metadata.get("llama.context_length").and_then(|room| room.to_u32().ok());
        let room = known.map_or(MAX_SEQ_LEN, |room| (room as usize).min(MAX_SEQ_LEN));
        let speech = Speech::of(&mut head).map_err(|(what, why)| LocalError::Speech {
            path: path.to_owned(),
            what,
            why,
        })?;
        let weights = super::weights::read(&mut reader).map_err(weights)?;
        Ok(Self { name, weights, speech, room, computed: Arc::default() })
    }

    pub(super) fn info(&self) -> ModelInfo {
        let context_tokens = Some(self.room as u64);
        ModelInfo { name: self.name.clone(), owner: None, context_tokens }
    }

    /// Counts the tokens that are computed.
    pub(super) fn computed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.computed)
    }

    /// Answers until nobody can ask any more.
    pub(super) fn serve(mut self, jobs: &threads::Receiver<Job>) {
        while let Ok(Job { request, said }) = jobs.recv() {
            let outcome = match self.answer(&request, &said) {
                Ok(answer) => Ok(answer),
                Err(Broken::Failed(failure)) => Err(failure),
                Err(Broken::Cancelled) => continue,
            };
            // Refused only where nobody listens any more.
            _ = said.blocking_send(Said::End(outcome));
        }
    }

    fn answer(
        &mut self,
        request: &Request,
        said: &mpsc::Sender<Said>,
    ) -> Result<(Stop, Usage), Broken> {
        let prompt = self.prompt(request)?;
        let most = (request.max_tokens as usize).min(self.room - prompt.len());
        let mut usage = Usage { input: prompt.len() as u64, cached: 0, output: 0 };
        let mut logits = self.read(&prompt, said)?;
        let sampling = &request.sampling;
        let temperature = sampling.temperature.filter(|&heat| heat > 0.0).map(f64::from);
        let mut draw = LogitsProcessor::new(sampling.seed.unwrap_or(0), temperature, None);
        let speech = &self.speech;
        let (mut speak, mut stops) = (speech.speak(), Stops::new(&sampling.stop));
        let say = |text: String| match text.is_empty() {
            true => Ok(()),
            false => said.blocking_send(Said::Text(text)).map_err(|_| Broken::Cancelled),
        };
        let stop = loop {
            if usage.output == most as u64 {
                break Stop::MaxTokens;
            }
            let token = draw.sample(&logits)?;
            usage.output += 1;
            if speech.is_end(token) {
                break Stop::End;
            }
            let text = speak(token).map_err(|why| Failure::new(FailureKind::Server, why));
            match stops.feed(&text.map_err(Broken::Failed)?.unwrap_or_default()) {
                Cut::Say(text) => say(text)?,
                Cut::Stop(text) => {
                    say(text)?;
                    return Ok((Stop::StopSequence, usage));
                }
            }
            if said.is_closed() {
                return Err(Broken::Cancelled);
            }
            // Nobody would read what follows the last one.
            if usage.output < most as u64 {
                let at = prompt.len() + usage.output as usize - 1;
                logits = step(&mut self.weights, &self.computed, &[token], at)?;
            }
        };
        say(stops.finish())?;
        Ok((stop, usage))
    }

    fn prompt(&self, request: &Request) -> Result<Vec<u32>, Broken> {
        let reject = |why| Broken::Failed(Failure::new(FailureKind::Rejected, why));
        let prompt = self.speech.prompt(&request.messages).map_err(reject)?;
        match prompt.len() {
            // A template may have something to say even where nobody else has.
            length if length == 0 || request.messages.is_empty() => {
                Err(reject("a conversation without a message is refused".to_owned()))
            }
            length if length >= self.room => Err(reject(format!(
                "a prompt of {length} tokens is refused: the model holds {}",
                self.room
            ))),
            _ => Ok(prompt),
        }
    }

    /// Computes a prompt, and what may follow it.
    fn read(&mut self, prompt: &[u32], said: &mpsc::Sender<Said>) -> Result<Tensor, Broken> {
        self.weights.clear_kv_cache();
        // The library keeps a mask for each place and length of a step above one token, for ever: with steps of one
        // length there are few.
        let (even, rest) = prompt.split_at(prompt.len() - prompt.len() % TOGETHER);
        let (mut at, mut logits) = (0, None);
        for tokens in even.chunks(TOGETHER).chain(rest.chunks(1)) {
            if said.is_closed() {
                return Err(Broken::Cancelled);
            }
            logits = Some(step(&mut self.weights, &self.computed, tokens, at)?);
            at += tokens.len();
        }
        logits.ok_or(Broken::Cancelled)
    }
}

/// Computes some tokens at a place; what may follow the last of them.
fn step(
    weights: &mut ModelWeights,
    computed: &AtomicU64,
    tokens: &[u32],
    at: usize,
) -> candle_core::Result<Tensor> {
    // A count for reports: it orders nothing.
    computed.fetch_add(tokens.len() as u64, Ordering::Relaxed);
    let input = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
    weights.forward(&input, at)?.squeeze(0)
}
