//! What an agent has heard: events and plain texts, in one form.

use neuronbus::atlas::Atlas;
use neuronbus::event::EventView;
use neuronbus::spike::Spike;
use neuronbus::time::Tick;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that an agent has heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Counts what this agent has heard, from 1: what it could not hear has no number, and makes nothing stale.
    pub sequence: u64,
    /// When it was heard.
    pub tick: u64,
    /// The address of who fired it.
    pub from: String,
    /// The event's topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The text, or the event's body: as it is if it is a text, and otherwise as JSON.
    pub text: String,
    /// The event's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The event's embedding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embedding: Vec<f32>,
}

/// Longest text kept of one fact, in bytes.
const TEXT_MOST: usize = 64 << 10;

impl Fact {
    /// Reads a spike: an event if its payload carries one, and otherwise text.
    pub(crate) fn read(
        sequence: u64,
        tick: Tick,
        spike: &Spike,
        payload: &[u8],
        atlas: &Atlas,
    ) -> Self {
        let from = spike.source().map(|source| atlas.address(source)).unwrap_or_default();
        let mut fact = Self {
            sequence,
            tick: tick.0,
            from,
            topic: None,
            key: None,
            text: String::new(),
            event: None,
            embedding: Vec::new(),
        };
        match event_in(payload) {
            Some(view) => {
                fact.topic = Some(view.topic().to_owned());
                fact.key = view.key().map(str::to_owned);
                fact.event = Some(view.id().to_string());
                fact.text = match view.body().read::<Value>() {
                    Ok(Value::String(text)) => text,
                    Ok(Value::Null) | Err(_) => String::new(),
                    Ok(body) => body.to_string(),
                };
                if let Some(embedding) = view.embedding() {
                    fact.embedding = embedding.values().collect();
                }
            }
            None => fact.text = String::from_utf8_lossy(payload).into_owned(),
        }
        truncate(&mut fact.text, TEXT_MOST);
        fact
    }

    /// What it is about: its key, or else its topic.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.key.as_deref().or(self.topic.as_deref())
    }
}

/// The event that a payload carries, perhaps behind the head of a neuron that has recognised it; checked, because
/// anybody may have written it.
pub(crate) fn event_in(payload: &[u8]) -> Option<EventView<'_>> {
    let carried = EventView::carried(payload)?;
    EventView::parse(carried.record()).ok()
}

/// Cuts a text at a character at or before so many bytes.
pub(crate) fn truncate(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
    }
}
