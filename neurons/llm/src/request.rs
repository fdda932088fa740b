//! What an agent asks of a model: the payload of the spike that reaches the gate, as JSON.
//!
//! ```text
//! excitatory  {"number": 3, "messages": [{"role": "user", "content": ".."}], ..}     ask
//! inhibitory  nothing                                                                cancel everything of the sender
//! inhibitory  {"number": 3, "reason": ".."}                                          cancel one request of the sender
//! ```

use serde::{Deserialize, Serialize};

/// Who speaks a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions of the one who set the agent up.
    System,
    /// The other side.
    User,
    /// The model itself, earlier.
    Assistant,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name, as the model writes it.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: serde_json::Value,
}

/// A shape that the answer must have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Its name, for the model.
    pub name: String,
    /// JSON Schema of the answer.
    pub schema: serde_json::Value,
}

/// How a model draws its words; what is not set is left to the provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 takes the most likely token; no unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// The same seed and request give the same answer where the provider keeps its word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The answer ends before one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

/// A request to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Counts the requests of one agent: everything that comes back carries it, and what carries another is late.
    pub number: u32,
    /// The agent's address, for budgets and reports.
    #[serde(default)]
    pub agent: String,
    /// The model, if not the gate's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The conversation; system messages first.
    pub messages: Vec<Message>,
    /// The answer ends after so many tokens.
    pub max_tokens: u32,
    /// How words are drawn.
    #[serde(default)]
    pub sampling: Sampling,
    /// What the model may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// The shape of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

impl Request {
    /// A request of one user message, with up to 512 tokens of answer.
    #[must_use]
    pub fn of(text: impl Into<String>) -> Self {
        Self {
            number: 0,
            agent: String::new(),
            model: None,
            messages: vec![Message { role: Role::User, content: text.into() }],
            max_tokens: 512,
            sampling: Sampling::default(),
            tools: Vec::new(),
            shape: None,
        }
    }

    /// The instructions, joined, and the messages that follow them.
    #[must_use]
    pub fn split_instructions(&self) -> (String, Vec<&Message>) {
        let (system, rest): (Vec<_>, Vec<_>) =
            self.messages.iter().partition(|message| message.role == Role::System);
        let system: Vec<&str> = system.iter().map(|message| message.content.as_str()).collect();
        (system.join("\n\n"), rest)
    }

    /// Roughly how many tokens it holds, at four characters each; providers count exactly, afterwards.
    #[must_use]
    pub fn estimated_tokens(&self) -> u64 {
        self.messages.iter().map(|message| estimate_tokens(&message.content)).sum()
    }
}

/// Roughly how many tokens a text is, at four characters each and never 0 for a text.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}

/// Which request is to stop, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The request's number.
    pub number: u32,
    /// Why, for people and for the record.
    pub reason: String,
}
