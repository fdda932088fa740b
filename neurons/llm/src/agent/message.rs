//! The finished message: the body of the event that an agent publishes when an answer has come to its end.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stale::{Staleness, Strategy};
use crate::answer::{Stop, ToolCall, Usage};
use crate::failure::Failure;

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The model stopped by itself.
    Complete(Stop),
    /// It had been overtaken.
    StaleDueTo {
        /// By what.
        staleness: Staleness,
        /// What is done now.
        strategy: Strategy,
    },
    /// An inhibitory spike stopped it.
    Inhibited {
        /// Who fired it, and what it said.
        reason: String,
    },
    /// It took longer than its deadline.
    Timeout,
    /// It was longer than its budget.
    TokenBudgetExceeded,
    /// The model, or the way to it, failed.
    Failed(Failure),
    /// It did not have the shape that was asked for, however often it was asked.
    Misshapen {
        /// What is wrong with it.
        why: String,
    },
}

/// What an agent has said, and what it knew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpokenMessage {
    /// The agent's address.
    pub agent: String,
    /// The number of the request.
    pub request: u32,
    /// What was said; a part if the ending says so.
    pub text: String,
    /// How it ended.
    pub ending: Ending,
    /// Which model said it.
    pub model: String,
    /// What the provider counted, with all repairs; of a part, only what was written, counted in pieces.
    pub usage: Usage,
    /// What that cost.
    pub cost: f64,
    /// BLAKE3 of everything the model was given, as hex: two answers with one digest were asked the same.
    pub context_digest: String,
    /// The last fact that the model was given.
    pub context_sequence: u64,
    /// The last fact that the agent had heard when the answer ended.
    pub seen_sequence: u64,
    /// Set if the answer was stale when it ended, and was finished all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Staleness>,
    /// The ids of the events that it is based on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Facts that found no room in the prompt.
    #[serde(default)]
    pub left_out: usize,
    /// The answer as JSON, if a shape was asked for and it has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Tools that the model asked for and that were passed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// Tools that it asked for and must not or asked for wrongly, with why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_calls: Vec<String>,
}

impl SpokenMessage {
    /// The last word of its topic: `message`, `interrupted` or `failed`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.ending {
            Ending::Complete(_) => "message",
            Ending::Failed(_) | Ending::Misshapen { .. } => "failed",
            _ => "interrupted",
        }
    }
}
