//! What is behind a gate: something that answers requests, piece by piece, and stops when it is dropped.

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::answer::{Stop, ToolCall, Usage};
use crate::failure::{Failure, FailureKind};
use crate::request::Request;

/// Work that is under way; dropping it ends it.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Its name at the provider.
    pub name: String,
    /// Who owns or made it, as the provider says.
    pub owner: Option<String>,
    /// How many tokens a conversation may have, where that is known.
    pub context_tokens: Option<u64>,
}

/// Where the pieces of an answer go.
pub trait Sink: Send {
    /// Some text. Waits while the cortex has not caught up, so that nothing queues without bound.
    fn text(&mut self, text: String) -> Pending<'_, ()>;

    /// A tool is asked for.
    fn tool_call(&mut self, call: ToolCall) -> Pending<'_, ()>;
}

/// Something that answers requests: a server, a model in this process, a script.
///
/// Called on the thread of a gate, inside a tokio runtime. Retries, limits, budgets and the circuit breaker are the
/// gate's; a provider makes one attempt. Every implementation must pass [`conformance`].
pub trait Provider: Send + Sync + 'static {
    /// The model that answers where a request names none.
    fn model(&self) -> &str;

    /// Answers a request, piece by piece. Dropping the future closes whatever is open for it.
    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        sink: &'a mut dyn Sink,
    ) -> Pending<'a, (Stop, Usage)>;

    /// Asks whether the key is accepted, without spending anything.
    fn validate_api_key(&self) -> Pending<'_, ()>;

    /// What the provider says about its model.
    fn get_model_info(&self) -> Pending<'_, ModelInfo>;
}

/// Waits on this thread for something that a provider was asked.
///
/// ```no_run
/// use neuronbus_llm::{HttpProvider, HttpSettings, Protocol, Provider, wait_for};
///
/// let provider = HttpProvider::new(HttpSettings::new(Protocol::Ollama, "http://localhost:11434", "llama3.2"))?;
/// wait_for(provider.validate_api_key())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What the work failed with.
pub fn wait_for<T>(work: Pending<'_, T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(FailureKind::Connection, error.to_string()))?;
    runtime.block_on(work)
}

/// Collects an answer.
#[derive(Debug, Default)]
pub struct Collected {
    /// The texts, one by one.
    pub texts: Vec<String>,
    /// The tool calls.
    pub calls: Vec<ToolCall>,
}

impl Sink for Collected {
    fn text(&mut self, text: String) -> Pending<'_, ()> {
        self.texts.push(text);
        Box::pin(std::future::ready(Ok(())))
    }

    fn tool_call(&mut self, call: ToolCall) -> Pending<'_, ()> {
        self.calls.push(call);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Checks that a provider keeps the contract.
///
/// # Panics
/// With the sentence that does not hold.
pub fn conformance(provider: &dyn Provider, request: &Request) {
    assert!(!provider.model().is_empty(), "a provider names its model");
    let info = wait_for(provider.get_model_info()).expect("a provider knows its model");
    assert!(!info.name.is_empty(), "a model has a name");
    wait_for(provider.validate_api_key()).expect("the key is accepted");
    let mut answer = Collected::default();
    let (_, usage) =
        wait_for(provider.invoke(request, &mut answer)).expect("a request is answered");
    assert!(!answer.texts.is_empty(), "an answer has text");
    assert!(answer.texts.iter().all(|text| !text.is_empty()), "no piece of text is empty");
    assert!(usage.output > 0, "what was written is counted");
}
