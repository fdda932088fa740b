//! What an agent that speaks carries from tick to tick; all of it is saved and restored.

use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::sentences::Sentences;
use crate::answer::{ToolCall, Usage};
use crate::request::Message;

/// An answer that is being given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Generation {
    pub(super) number: u32,
    pub(super) digest: String,
    /// What the model was given.
    pub(super) messages: Vec<Message>,
    /// The facts among it.
    pub(super) facts: Vec<Fact>,
    pub(super) left_out: usize,
    pub(super) context_sequence: u64,
    /// What it has said.
    pub(super) text: String,
    pub(super) sentences: Sentences,
    pub(super) pieces: u64,
    /// The tick by which it must have ended.
    pub(super) deadline: Option<u64>,
    /// The tick in which it is looked at again whether it is stale.
    pub(super) look_again: Option<u64>,
    /// How often it was asked for again because of its shape.
    pub(super) repairs: u32,
    /// Of earlier attempts at its shape.
    pub(super) usage: Usage,
    pub(super) cost: f64,
    pub(super) calls: Vec<ToolCall>,
    pub(super) refused_calls: Vec<String>,
    /// The record of the event that made the agent speak.
    pub(super) cause: Vec<u8>,
}

/// What became of an agent's firings; in its snapshot, and with its card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) asked: u64,
    pub(super) completed: u64,
    pub(super) interrupted: u64,
    pub(super) failed: u64,
    /// Firings while it spoke that asked for nothing.
    pub(super) rejected: u64,
    /// Pieces of answers that it no longer waited for.
    pub(super) late: u64,
    /// Facts that found no room until they were needed.
    pub(super) let_go: u64,
    /// What it said and found no room for.
    pub(super) unsent: u64,
}

/// Everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// Facts heard so far.
    pub(super) heard: u64,
    /// Those heard since the last request was made.
    pub(super) waiting: Vec<Fact>,
    /// What came to the other ports.
    pub(super) context: Vec<Fact>,
    pub(super) event_trace: Vec<Fact>,
    pub(super) memories: Vec<Fact>,
    /// The record of the last event heard.
    pub(super) cause: Vec<u8>,
    /// What was said before it was interrupted.
    pub(super) broken_off: Option<String>,
    pub(super) requests: u32,
    pub(super) current: Option<Generation>,
    /// It fired while it spoke, and asks again when it has ended.
    pub(super) queued: bool,
    /// A request found no room and is made in this tick.
    pub(super) again_at: Option<u64>,
    pub(super) tally: Tally,
}

/// Keeps a fact among at most so many, and counts what goes for it.
pub(super) fn keep(facts: &mut Vec<Fact>, fact: Fact, most: usize, let_go: &mut u64) {
    if facts.len() >= most.max(1) {
        facts.remove(0);
        *let_go += 1;
    }
    facts.push(fact);
}
