//! A model in this process: a file of weights (GGUF, of the llama family), read and run without a server or a network.
//!
//! ```text
//! gate's thread                          the model's thread
//! invoke --- request -------------------> prompt, 16 tokens at a time
//!        <-- text (one piece waits) ----- one token at a time
//! drop   --- nobody receives -----------> looked for before each step: it computes at most one token more
//! ```
//!
//! Requests are answered one after the other. What a message says can never be read as one of the marks that part the
//! messages of a conversation: both are turned into tokens apart ([`speech`]).

mod error;
mod speech;
mod stops;
mod weights;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as threads;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

pub use error::LocalError;

use crate::answer::{Stop, Usage};
use crate::failure::{Failure, FailureKind};
use crate::provider::{ModelInfo, Pending, Provider, Sink};
use crate::request::Request;
use worker::{Job, Said, Worker};

/// Pieces that the model may be ahead of the gate.
const AHEAD: usize = 1;

/// A model in this process.
///
/// ```no_run
/// use neuronbus::prelude::*;
/// use neuronbus_llm::{Limits, LlmGate, LocalModel};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = LocalModel::load("SmolLM2-135M-Instruct.Q4_1.gguf")?;
/// let mut builder = Cortex::builder();
/// builder.region(Region::gated("models/local", LlmGate::new("models/local", model, Limits::default())));
/// # Ok(())
/// # }
/// ```
///
/// | asked for | does |
/// | --- | --- |
/// | no temperature, or 0 | takes the most likely token |
/// | a temperature, a seed | draws; the same seed and request give the same answer, without a seed it is 0 |
/// | stop sequences | ends before the first of them |
/// | tools, a shape | refuses: it could not keep to them |
///
/// The library computes on as many threads as there are cores, which wait for each other without sleeping. Where the
/// cores have other work, as beside a cortex of several workers, `CANDLE_NUM_THREADS=1` in the environment is faster.
#[derive(Debug)]
pub struct LocalModel {
    info: ModelInfo,
    computed: Arc<AtomicU64>,
    jobs: Option<threads::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl LocalModel {
    /// Reads a file of weights, which takes some seconds for a small model, and starts the model's thread.
    ///
    /// # Errors
    /// [`LocalError`] if the file cannot be read, or holds no model that is known here.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LocalError> {
        let worker = Worker::load(path.as_ref())?;
        let (info, computed) = (worker.info(), worker.computed());
        let (jobs, inbox) = threads::channel();
        let builder = std::thread::Builder::new().name("neuronbus-model".to_owned());
        let thread = builder.spawn(move || worker.serve(&inbox)).map_err(LocalError::Thread)?;
        Ok(Self { info, computed, jobs: Some(jobs), thread: Some(thread) })
    }

    /// How many tokens it has computed, of prompts and of answers, whether or not anybody heard them.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    async fn answer(
        &self,
        request: &Request,
        sink: &mut dyn Sink,
    ) -> Result<(Stop, Usage), Failure> {
        self.check(request)?;
        let gone = || Failure::new(FailureKind::Server, "the thread of the model has ended");
        let (said, mut pieces) = mpsc::channel(AHEAD);
        let job = Job { request: request.clone(), said };
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        while let Some(piece) = pieces.recv().await {
            match piece {
                Said::Text(text) => sink.text(text).await?,
                Said::End(outcome) => return outcome,
            }
        }
        Err(gone())
    }

    fn check(&self, request: &Request) -> Result<(), Failure> {
        let refuse = |kind, message: String| Err(Failure::new(kind, message));
        if let Some(model) = request.model.as_ref().filter(|model| **model != self.info.name) {
            let message = format!("{model:?} is not here, but {:?}", self.info.name);
            return refuse(FailureKind::Rejected, message);
        }
        let what = match (&request.shape, &request.tools[..]) {
            (Some(_), _) => "shapes of answers",
            (None, [_, ..]) => "tools",
            _ => return Ok(()),
        };
        refuse(FailureKind::Unsupported, format!("a model in this process has no {what}"))
    }
}

impl Provider for LocalModel {
    fn model(&self) -> &str {
        &self.info.name
    }

    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        sink: &'a mut dyn Sink,
    ) -> Pending<'a, (Stop, Usage)> {
        Box::pin(self.answer(request, sink))
    }

    fn validate_api_key(&self) -> Pending<'_, ()> {
        // There is none.
        Box::pin(std::future::ready(Ok(())))
    }

    fn get_model_info(&self) -> Pending<'_, ModelInfo> {
        Box::pin(std::future::ready(Ok(self.info.clone())))
    }
}

impl Drop for LocalModel {
    fn drop(&mut self) {
        // Its thread ends when nobody can ask it anything.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; a drop has nobody to tell.
            _ = thread.join();
        }
    }
}
