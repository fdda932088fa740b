//! How an agent that speaks is set up.

use neuronbus::membrane::Lif;
use neuronbus::time::Span;

use super::prompt::{PromptError, PromptTemplate};
use super::stale::Interruption;
use crate::request::{Sampling, Shape, Tool};
use crate::schema::SchemaError;

/// Why an agent cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Its prompt cannot be made.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A schema is none.
    #[error("the schema of {of} is refused {source}")]
    Schema {
        /// The shape or the tool.
        of: String,
        /// What is wrong with it.
        source: SchemaError,
    },
}

/// How an agent asks a model, and when it stops it.
///
/// | field | default | meaning |
/// | --- | --- | --- |
/// | `prompt` | `{evidence}` | what it asks |
/// | `instructions` | none | what the model is told before |
/// | `model` | the gate's | which model answers |
/// | `max_tokens` | 512 | longest answer |
/// | `prompt_tokens` | 4,096 | longest prompt, roughly |
/// | `membrane` | threshold 1, leak 20 ms | when it asks: evidence before acting, cool-down, cost control |
/// | `interruption` | on conflict | when it stops in the middle of a sentence |
/// | `deadline` | none | an answer that takes longer is stopped |
/// | `token_budget` | none | an answer that is longer is stopped |
/// | `remembered` | 32 | facts kept of each kind until they are needed |
/// | `repairs` | 2 | how often an answer of the wrong shape is asked for again |
/// | `topic` | `llm` | topics of its events begin with it |
#[derive(Debug)]
pub struct LlmSettings {
    /// What it asks.
    pub prompt: PromptTemplate,
    /// What the model is told before.
    pub instructions: String,
    /// Which model answers, if not the gate's own.
    pub model: Option<String>,
    /// How words are drawn.
    pub sampling: Sampling,
    /// Longest answer in tokens.
    pub max_tokens: u32,
    /// Longest prompt in tokens, at four characters each.
    pub prompt_tokens: u64,
    /// When it asks.
    pub membrane: Lif,
    /// When it stops in the middle of a sentence.
    pub interruption: Interruption,
    /// Longest time of an answer.
    pub deadline: Option<Span>,
    /// Most pieces of an answer; providers send a token a piece.
    pub token_budget: Option<u64>,
    /// Facts kept of each kind.
    pub remembered: usize,
    /// What the model may ask for.
    pub tools: Vec<Tool>,
    /// The shape of the answer.
    pub shape: Option<Shape>,
    /// How often an answer of the wrong shape is asked for again.
    pub repairs: u32,
    /// The beginning of its topics.
    pub topic: String,
}

impl LlmSettings {
    /// Settings with this prompt, in which `{name}` is a variable.
    ///
    /// # Errors
    /// [`SettingsError`] if the template is refused.
    pub fn new(prompt: &str) -> Result<Self, SettingsError> {
        Ok(Self::with(PromptTemplate::new(prompt)?))
    }

    /// Settings with a template that is made already.
    #[must_use]
    pub fn with(prompt: PromptTemplate) -> Self {
        Self {
            prompt,
            instructions: String::new(),
            model: None,
            sampling: Sampling::default(),
            max_tokens: 512,
            prompt_tokens: 4096,
            membrane: Lif::default(),
            interruption: Interruption::default(),
            deadline: None,
            token_budget: None,
            remembered: 32,
            tools: Vec::new(),
            shape: None,
            repairs: 2,
            topic: "llm".to_owned(),
        }
    }

    /// The same with instructions.
    #[must_use]
    pub fn instructions(mut self, instructions: &str) -> Self {
        instructions.clone_into(&mut self.instructions);
        self
    }

    /// The same with another membrane.
    #[must_use]
    pub fn membrane(mut self, membrane: Lif) -> Self {
        self.membrane = membrane;
        self
    }

    /// The same with another rule of interruption.
    #[must_use]
    pub fn interruption(mut self, interruption: Interruption) -> Self {
        self.interruption = interruption;
        self
    }
}
