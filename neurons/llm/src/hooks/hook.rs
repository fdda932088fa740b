//! A hook: when it runs, what it asks, and what becomes of the answer.

use std::fmt;
use std::sync::Arc;

use neuronbus::event::EventView;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::trigger::Trigger;
use crate::agent::PromptTemplate;
use crate::answer::{Finish, Usage};

/// What a model made of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Reasoning {
    /// The answer.
    pub text: String,
    /// How it ended, and what it cost.
    pub finish: Finish,
}

/// What a hook publishes: an event that the triggering one caused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HookEvent {
    /// Its topic.
    pub topic: String,
    /// Its body.
    pub body: Value,
}

impl HookEvent {
    /// An event of this topic and body.
    #[must_use]
    pub fn new(topic: impl Into<String>, body: impl Into<Value>) -> Self {
        Self { topic: topic.into(), body: body.into() }
    }
}

type Handler = dyn Fn(&EventView<'_>, &Reasoning) -> Option<HookEvent> + Send + Sync;

/// A hook.
///
/// | field | default | meaning |
/// | --- | --- | --- |
/// | `model` | the gate's | which model answers |
/// | `max_tokens` | 512 | longest answer |
/// | `prompt_tokens` | 2,048 | longest prompt, roughly |
/// | `depth` | 1 | how often it may stand in the chain of hooks that led to an event |
#[derive(Clone)]
pub struct Hook {
    pub(super) name: String,
    pub(super) trigger: Trigger,
    pub(super) prompt: Arc<PromptTemplate>,
    pub(super) handler: Arc<Handler>,
    /// Which model answers, if not the gate's own.
    pub model: Option<String>,
    /// Longest answer in tokens.
    pub max_tokens: u32,
    /// Longest prompt in tokens, at four characters each.
    pub prompt_tokens: u64,
    /// How often it may stand in the chain of hooks that led to an event: with 1 it never hears itself.
    pub depth: u32,
}

impl Hook {
    /// A hook of this name: what `handler` makes of the event and the answer is published.
    pub fn new(
        name: &str,
        trigger: Trigger,
        prompt: PromptTemplate,
        handler: impl Fn(&EventView<'_>, &Reasoning) -> Option<HookEvent> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            trigger,
            prompt: Arc::new(prompt),
            handler: Arc::new(handler),
            model: None,
            max_tokens: 512,
            prompt_tokens: 2048,
            depth: 1,
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("name", &self.name)
            .field("trigger", &self.trigger)
            .finish_non_exhaustive()
    }
}

/// What became of the events that a hook was shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct HookStatistics {
    /// Events that matched while it was enabled.
    pub matched: u64,
    /// Requests made.
    pub asked: u64,
    /// Answers that came to their end.
    pub answered: u64,
    /// Events published.
    pub published: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Events that it would have triggered by its own output once too often.
    pub loops: u64,
    /// Tokens of all answers.
    pub usage: Usage,
    /// What they cost.
    pub cost: f64,
    /// Cortex time from event to answer, in ticks, of all answers together.
    pub ticks: u64,
}
