//! Events as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Embedding, Event, EventError, EventId};

/// The object, in the order in which its parts are written.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<EventId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_us: Option<u64>,
    topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<EventId>,
    #[serde(default, skip_serializing_if = "is_zero")]
    schema: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    priority: u8,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    context: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    body: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    embedding: Option<Embedding>,
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

impl Event {
    /// The event of a JSON object, checked.
    ///
    /// # Errors
    /// [`EventError::Json`] with line and column, or what [`check`](Self::check) refuses.
    pub fn from_json(text: &str) -> Result<Self, EventError> {
        let written: Written =
            serde_json::from_str(text).map_err(|error| EventError::Json(error.to_string()))?;
        // An id is a UUID of any version to the reader, of version 7 to us.
        for id in [written.id, written.parent].into_iter().flatten() {
            if EventId::from_bytes(*id.as_bytes()).is_none() {
                return Err(EventError::Json(format!("{id} is no UUID of version 7")));
            }
        }
        let event = Self {
            id: written.id,
            time_us: written.time_us,
            not_before_us: 0,
            topic: written.topic,
            key: written.key,
            headers: written.headers,
            context: written.context,
            body: written.body,
            parent: written.parent,
            schema: written.schema,
            priority: written.priority,
            embedding: written.embedding,
            flaw: None,
        };
        event.check()?;
        Ok(event)
    }

    /// The event as one line of JSON, without what it does not have.
    #[must_use]
    pub fn to_json(&self) -> String {
        let written = Written {
            id: self.id,
            time_us: self.time_us,
            topic: self.topic.clone(),
            key: self.key.clone(),
            parent: self.parent,
            schema: self.schema,
            priority: self.priority,
            headers: self.headers.clone(),
            context: self.context.clone(),
            body: self.body.clone(),
            embedding: self.embedding.clone(),
        };
        // Its keys are texts, and its numbers those of JSON.
        serde_json::to_string(&written).unwrap_or_default()
    }
}
