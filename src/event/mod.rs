//! Events: what a spike stands for when there is more to say than fits into it.
//!
//! An event has a topic, a body and the situation it occurs in. Its spike carries a reference to one *record*, whose
//! bytes are drawn at [`EventView`]. Whoever hears the spike is given the record as the payload and reads it where it
//! lies.
//!
//! Events enter through a [`Publisher`](crate::publisher::Publisher), which fills in id and time outside the tick, and
//! are fired within by [`Context::publish`](crate::context::Context::publish), which takes both from the tick: replay
//! makes the same ids.
//!
//! ```
//! use neuronbus::event::{Event, EventIds, EventView};
//! use serde_json::json;
//!
//! # fn main() -> neuronbus::Result<()> {
//! let event = Event::new("user.login").key("ada").body(json!({"device": {"trusted": true}}));
//! let mut record = Vec::new();
//! event.encode(&mut EventIds::new(1), 1_700_000_000_000_000, &mut record)?;
//!
//! let heard = EventView::parse(&record)?;
//! assert_eq!(heard.topic(), "user.login");
//! assert_eq!(heard.id().unix_ms(), 1_700_000_000_000);
//! let trusted = heard.body().get("device").and_then(|device| device.get("trusted"));
//! assert_eq!(trusted.map(|value| value.read()), Some(Ok(true)));
//! # Ok(())
//! # }
//! ```

mod correlation;
mod error;
mod id;
mod json;
mod packed;
mod record;
mod topic;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use self::correlation::{CORRELATION_HEADER, Correlation};
pub use self::error::{EventError, RecordError};
pub use self::id::{EventId, EventIds, InvalidEventId};
pub use self::packed::{DEPTH_MAX, Entries, Packed, PackedError, Scalar, merge};
pub use self::record::{EmbeddingView, EventView, RECORD_MAX, RECORD_VERSION};
pub use self::topic::{PatternError, TOPIC_MAX, TopicFlaw, TopicPattern, check_topic};

/// Bytes of the longest key.
pub const KEY_MAX: usize = 256;

/// The most headers of one event.
pub const HEADERS_MAX: usize = 64;

const HEADER_NAME_MAX: usize = 256;
const HEADER_VALUE_MAX: usize = 4096;

/// A vector, and the model whose space it lies in.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// The model's identity, such as its name and the hash of its weights; 1 to 256 bytes.
    pub model: String,
    /// Its numbers, all finite.
    pub values: Vec<f32>,
}

impl Embedding {
    /// The most numbers of one embedding.
    pub const DIMENSIONS_MAX: usize = 8192;

    fn check(&self) -> Result<(), EventError> {
        let refused = match self {
            _ if !(1..=256).contains(&self.model.len()) => {
                "its model has no name of 1 to 256 bytes"
            }
            _ if self.values.is_empty() => "it has no numbers",
            _ if self.values.len() > Self::DIMENSIONS_MAX => "it has more than 8192 numbers",
            _ if !self.values.iter().all(|value| value.is_finite()) => {
                "one of its numbers is not finite"
            }
            _ => return Ok(()),
        };
        Err(EventError::Embedding(refused))
    }
}

/// Something that happened, to be published.
///
/// Its parts are checked when it is published or encoded. In JSON it is an object with the same names; only `topic` is
/// required.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    id: Option<EventId>,
    time_us: Option<u64>,
    /// It is dated no earlier: the time of what caused it.
    not_before_us: u64,
    topic: String,
    key: Option<String>,
    headers: BTreeMap<String, String>,
    context: Map<String, Value>,
    body: Value,
    parent: Option<EventId>,
    schema: u32,
    priority: u8,
    embedding: Option<Embedding>,
    /// What was refused when it was put in, and is said when the event is published.
    flaw: Option<EventError>,
}

impl Event {
    /// An event of this topic, without a body.
    #[must_use]
    pub fn new(topic: impl Into<String>) -> Self {
        Self { topic: topic.into(), ..Self::default() }
    }

    /// With this body: `json!({..})`, or any value that becomes one.
    #[must_use]
    pub fn body(mut self, body: impl Into<Value>) -> Self {
        self.body = body.into();
        self
    }

    /// With a body of one's own type.
    #[must_use]
    pub fn body_of(mut self, body: &impl serde::Serialize) -> Self {
        match serde_json::to_value(body) {
            Ok(body) => self.body = body,
            Err(error) => self.flaw = Some(EventError::Body(error.to_string())),
        }
        self
    }

    /// With a key: what it is about.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// With this context, an object: `json!({"user": {"role": "admin"}})`.
    #[must_use]
    pub fn context(mut self, context: impl Into<Value>) -> Self {
        match context.into() {
            Value::Object(context) => self.context = context,
            Value::Null => self.context = Map::new(),
            other => self.flaw = Some(EventError::Context(kind_of(&other))),
        }
        self
    }

    /// With this priority.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// With this version of the body's schema.
    #[must_use]
    pub fn schema(mut self, version: u32) -> Self {
        self.schema = version;
        self
    }

    /// With the event that caused it; see also [`EventView::causes`].
    #[must_use]
    pub fn parent(mut self, parent: EventId) -> Self {
        self.parent = Some(parent);
        self
    }

    /// With what it means to a model.
    #[must_use]
    pub fn embedding(mut self, embedding: Embedding) -> Self {
        self.embedding = Some(embedding);
        self
    }

    /// With an id that it has already, as when it comes from elsewhere.
    #[must_use]
    pub fn id(mut self, id: EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// With a time that it has already, in microseconds since 1970.
    #[must_use]
    pub fn time_us(mut self, time_us: u64) -> Self {
        self.time_us = Some(time_us);
        self
    }

    /// Its topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The priority it is sent with.
    #[must_use]
    pub fn has_priority(&self) -> u8 {
        self.priority
    }

    /// The time that it has already, in microseconds since 1970.
    #[must_use]
    pub fn has_time_us(&self) -> Option<u64> {
        self.time_us
    }

    /// Whether it can be published.
    ///
    /// # Errors
    /// The first thing that is refused.
    pub fn check(&self) -> Result<(), EventError> {
        if let Some(flaw) = &self.flaw {
            return Err(flaw.clone());
        }
        check_topic(&self.topic)
            .map_err(|flaw| EventError::Topic { topic: self.topic.clone(), flaw })?;
        if let Some(key) = &self.key
            && !(1..=KEY_MAX).contains(&key.len())
        {
            return Err(EventError::Key(key.len()));
        }
        if self.headers.len() > HEADERS_MAX {
            return Err(EventError::Headers(self.headers.len()));
        }
        let refused = |(name, value): &(&String, &String)| {
            !(1..=HEADER_NAME_MAX).contains(&name.len()) || value.len() > HEADER_VALUE_MAX
        };
        if let Some((name, _)) = self.headers.iter().find(refused) {
            return Err(EventError::Header(name.clone()));
        }
        if !self.context.values().all(|value| is_shallow(value, 1)) {
            return Err(EventError::Depth { part: "context" });
        }
        if !is_shallow(&self.body, 0) {
            return Err(EventError::Depth { part: "body" });
        }
        self.embedding.as_ref().map_or(Ok(()), Embedding::check)
    }

    /// Checks it, gives it an id and a time where it has none, and writes its record.
    ///
    /// # Errors
    /// [`EventError`]; what was written then is no record.
    pub fn encode(
        &self,
        ids: &mut EventIds,
        now_us: u64,
        out: &mut Vec<u8>,
    ) -> Result<EventId, EventError> {
        self.check()?;
        let time = self.time_us.unwrap_or_else(|| now_us.max(self.not_before_us));
        let id = self.id.unwrap_or_else(|| ids.next(time / 1000));
        self.encode_as(id, time, out)
    }

    /// Checks it and writes its record with this id, unless it has one. `chance` is asked for what the id needs.
    pub(crate) fn encode_within(
        &self,
        now_us: u64,
        mut chance: impl FnMut() -> u64,
        out: &mut Vec<u8>,
    ) -> Result<EventId, EventError> {
        self.check()?;
        let time = self.time_us.unwrap_or_else(|| now_us.max(self.not_before_us));
        let id = self.id.unwrap_or_else(|| {
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&chance().to_le_bytes());
            bytes[8..].copy_from_slice(&chance().to_le_bytes()[..2]);
            EventId::new(time / 1000, bytes)
        });
        self.encode_as(id, time, out)
    }

    fn encode_as(&self, id: EventId, time: u64, out: &mut Vec<u8>) -> Result<EventId, EventError> {
        record::write(self, id, time, out);
        if out.len() > RECORD_MAX { Err(EventError::TooLarge(out.len())) } else { Ok(id) }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Whether a value that is nested so deeply already goes no deeper than a record may.
fn is_shallow(value: &Value, depth: usize) -> bool {
    let within = |part: &Value| depth < DEPTH_MAX && is_shallow(part, depth + 1);
    match value {
        Value::Array(parts) => parts.iter().all(within),
        Value::Object(parts) => parts.values().all(within),
        _ => true,
    }
}
