//! The bytes of an event, behind the reference into the arena that its spike carries.

use super::error::RecordError;
use super::packed::Packed;
use super::{Embedding, Event, EventId};

/// Bytes of the longest record.
pub const RECORD_MAX: usize = 1 << 24;

/// The version that is written.
pub const RECORD_VERSION: u8 = 1;

const MAGIC: [u8; 4] = *b"NBEV";
const HEADER: usize = 72;

/// Bytes that may stand before a record that a payload carries.
const HEAD_MAX: usize = 64;

/// Where a number stands in the header.
mod at {
    pub(super) const VERSION: usize = 4;
    pub(super) const PRIORITY: usize = 5;
    pub(super) const ID: usize = 8;
    pub(super) const PARENT: usize = 24;
    pub(super) const TIME: usize = 40;
    pub(super) const SCHEMA: usize = 48;
    pub(super) const TOPIC: usize = 52;
    pub(super) const KEY: usize = 54;
    pub(super) const PARTS: usize = 56;
}

/// An event read where its record lies; nothing is allocated.
///
/// ```text
/// offset size field
/// 0      4    magic      "NBEV"
/// 4      1    version    1; others are refused
/// 5      1    priority   0 to 255
/// 6      2    zero
/// 8      16   id         UUID of version 7, in the order of RFC 9562
/// 24     16   parent     the same, or zeros: none
/// 40     8    time       u64  microseconds since 1970 by the clock that dated it
/// 48     4    schema     u32  version of the body's schema
/// 52     2    topic      u16  bytes
/// 54     2    key        u16  bytes, 0: none
/// 56     4    headers    u32  bytes
/// 60     4    context    u32  bytes
/// 64     4    body       u32  bytes
/// 68     4    embedding  u32  bytes, 0: none
/// 72     ...  topic, key: UTF-8; headers: MessagePack, text to text; context: an object; body: any value; embedding
/// ```
///
/// An embedding is the length of its model's identity (u16), the number of its dimensions (u16), the identity (UTF-8),
/// and the numbers (f32). Numbers are little-endian.
#[derive(Clone, Copy, PartialEq)]
pub struct EventView<'a> {
    record: &'a [u8],
    topic: &'a str,
    key: Option<&'a str>,
    headers: Packed<'a>,
    context: Packed<'a>,
    body: Packed<'a>,
    embedding: Option<EmbeddingView<'a>>,
}

/// An embedding read where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbeddingView<'a> {
    /// Which model made it; vectors of different models have nothing to say to each other.
    pub model: &'a str,
    numbers: &'a [u8],
}

impl<'a> EmbeddingView<'a> {
    /// How many numbers it has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.numbers.len() / 4
    }

    /// Its numbers.
    pub fn values(&self) -> impl ExactSizeIterator<Item = f32> + use<'a> {
        let chunks = self.numbers.chunks_exact(4);
        chunks.map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (model, rest) = bytes.split_first_chunk::<2>()?;
        let (dimensions, rest) = rest.split_first_chunk::<2>()?;
        let (model, numbers) = rest.split_at_checked(u16::from_le_bytes(*model).into())?;
        let model = std::str::from_utf8(model).ok()?;
        let view = Self { model, numbers };
        let dimensions = usize::from(u16::from_le_bytes(*dimensions));
        let sound = numbers.len() == 4 * dimensions
            && (1..=Embedding::DIMENSIONS_MAX).contains(&dimensions);
        sound.then_some(view)
    }
}

fn u16_at(record: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([record[at], record[at + 1]]))
}

fn u32_at(record: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}

fn id_at(record: &[u8], at: usize) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&record[at..at + 16]);
    bytes
}

/// The parts behind the header, in their order.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take(&mut self, bytes: usize) -> &'a [u8] {
        // That all parts together are as long as the record was seen before.
        let (part, rest) = self.0.split_at(bytes);
        self.0 = rest;
        part
    }

    fn text(&mut self, bytes: usize, name: &'static str) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.take(bytes)).map_err(|_| RecordError::Part(name))
    }
}

impl<'a> EventView<'a> {
    /// Reads a record, and checks all of it: for bytes from elsewhere.
    ///
    /// # Errors
    /// [`RecordError`] says what is wrong; any bytes are refused or read.
    pub fn parse(record: &'a [u8]) -> Result<Self, RecordError> {
        let view = Self::open(record)?;
        view.check()?;
        Ok(view)
    }

    /// Reads a record that was checked where it came in. It looks at the header and the lengths only; what is malformed
    /// behind them reads as nothing.
    ///
    /// # Errors
    /// [`RecordError`] says what is wrong.
    pub fn open(record: &'a [u8]) -> Result<Self, RecordError> {
        let found = record.len();
        let header = record.get(..HEADER).ok_or(RecordError::Short { needed: HEADER, found })?;
        if header[..4] != MAGIC {
            return Err(RecordError::Magic);
        }
        if header[at::VERSION] != RECORD_VERSION {
            let found = header[at::VERSION];
            return Err(RecordError::Version { found, known: RECORD_VERSION });
        }
        let (topic, key) = (u16_at(header, at::TOPIC), u16_at(header, at::KEY));
        let [headers, context, body, embedding] =
            [0, 4, 8, 12].map(|part| u32_at(header, at::PARTS + part));
        let parts = u64::from(headers) + u64::from(context) + u64::from(body);
        let needed = (HEADER + topic + key) as u64 + parts + u64::from(embedding);
        let needed = usize::try_from(needed).unwrap_or(usize::MAX);
        if needed > found {
            return Err(RecordError::Short { needed, found });
        }
        if needed < found {
            return Err(RecordError::Long(found - needed));
        }
        let mut rest = Parts(&record[HEADER..]);
        let topic = rest.text(topic, "topic")?;
        let key = rest.text(key, "key")?;
        let mut packed = |bytes: u32| Packed::trusted(rest.take(bytes as usize));
        let (headers, context, body) = (packed(headers), packed(context), packed(body));
        let embedding = EmbeddingView::parse(rest.take(embedding as usize));
        let key = (!key.is_empty()).then_some(key);
        Ok(Self { record, topic, key, headers, context, body, embedding })
    }

    /// The event that a payload carries: it is its record, or ends with it behind a head of at most 64 bytes, as when a
    /// neuron says how sure it is about an event that it passes on.
    #[must_use]
    pub fn carried(payload: &'a [u8]) -> Option<Self> {
        let heads = (0..=HEAD_MAX).step_by(4);
        let begins = |&head: &usize| payload.get(head..head + 4) == Some(&MAGIC);
        heads.take_while(|head| head + HEADER <= payload.len()).filter(begins).find_map(|head| {
            // Its lengths must add up to the end of the payload, so what only looks like one is not taken for it.
            Self::open(&payload[head..]).ok()
        })
    }

    /// Whether everything is as [`Event::check`] would have it.
    fn check(&self) -> Result<(), RecordError> {
        let part = |sound: bool, name| if sound { Ok(()) } else { Err(RecordError::Part(name)) };
        let (id, parent) = (id_at(self.record, at::ID), id_at(self.record, at::PARENT));
        part(self.record[6..8] == [0, 0], "reserved bytes")?;
        part(EventId::from_bytes(id).is_some(), "id")?;
        part(parent == [0; 16] || EventId::from_bytes(parent).is_some(), "parent")?;
        part(super::topic::check_topic(self.topic).is_ok(), "topic")?;
        part(self.key.is_none_or(|key| key.len() <= super::KEY_MAX), "key")?;
        let is_object = |packed: Packed<'_>| packed.is_map() && packed.is_sound();
        part(is_object(self.headers), "headers")?;
        part(self.headers.entries().all(|(_, value)| value.text().is_some()), "headers")?;
        part(is_object(self.context), "context")?;
        part(self.body.is_sound(), "body")?;
        let embedding = u32_at(self.record, at::PARTS + 12);
        let numbers = self.embedding.is_none_or(|view| view.values().all(f32::is_finite));
        part((embedding == 0) == self.embedding.is_none() && numbers, "embedding")?;
        part(self.record.len() <= RECORD_MAX, "length")
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> EventId {
        // It was checked; a version that is not 7 would have been refused.
        EventId::from_bytes(id_at(self.record, at::ID)).unwrap_or_else(|| EventId::new(0, [0; 10]))
    }

    /// The event that caused it.
    #[must_use]
    pub fn parent(&self) -> Option<EventId> {
        EventId::from_bytes(id_at(self.record, at::PARENT))
    }

    /// When it was published, in microseconds since 1970 by the clock that dated it.
    #[must_use]
    pub fn time_us(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.record[at::TIME..at::TIME + 8]);
        u64::from_le_bytes(bytes)
    }

    /// Its priority, 0 to 255.
    #[must_use]
    pub fn priority(&self) -> u8 {
        self.record[at::PRIORITY]
    }

    /// The version of its body's schema.
    #[must_use]
    pub fn schema(&self) -> u32 {
        u32_at(self.record, at::SCHEMA)
    }

    /// Its topic.
    #[must_use]
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// What it is about, such as the number of an order.
    #[must_use]
    pub fn key(&self) -> Option<&'a str> {
        self.key
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.text()
    }

    /// Its headers, in the order of their names.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.headers.entries().filter_map(|(name, value)| Some((name, value.text()?)))
    }

    /// Its headers, as an object of texts.
    #[must_use]
    pub fn all_headers(&self) -> Packed<'a> {
        self.headers
    }

    /// The situation it occurs in, an object.
    #[must_use]
    pub fn context(&self) -> Packed<'a> {
        self.context
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> Packed<'a> {
        self.body
    }

    /// What it means to a model.
    #[must_use]
    pub fn embedding(&self) -> Option<EmbeddingView<'a>> {
        self.embedding
    }

    /// The bytes of the record.
    #[must_use]
    pub fn record(&self) -> &'a [u8] {
        self.record
    }

    /// The event of the record, in memory of its own.
    #[must_use]
    pub fn to_event(&self) -> Event {
        // What was checked reads as JSON; numbers that JSON has no word for become null.
        let value = |packed: Packed<'_>| packed.read().unwrap_or(serde_json::Value::Null);
        Event {
            id: Some(self.id()),
            time_us: Some(self.time_us()),
            not_before_us: 0,
            topic: self.topic.to_owned(),
            key: self.key.map(str::to_owned),
            headers: self
                .headers()
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .collect(),
            context: match value(self.context) {
                serde_json::Value::Object(context) => context,
                _ => serde_json::Map::new(),
            },
            body: value(self.body),
            parent: self.parent(),
            schema: self.schema(),
            priority: self.priority(),
            embedding: self.embedding.map(|view| Embedding {
                model: view.model.to_owned(),
                values: view.values().collect(),
            }),
            flaw: None,
        }
    }

    /// An event of this topic that this one caused: it has this one as its parent, its key, its context, its priority,
    /// and is dated no earlier.
    #[must_use]
    pub fn causes(&self, topic: impl Into<String>) -> Event {
        let cause = self.to_event();
        let mut event = Event::new(topic);
        event.parent = Some(self.id());
        event.not_before_us = self.time_us();
        (event.key, event.context, event.priority) = (cause.key, cause.context, cause.priority);
        event
    }

    /// Writes the record with another context, and maybe an embedding; all else is kept.
    pub fn rewrite(
        &self,
        context: Packed<'_>,
        embedding: Option<(&str, &[f32])>,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        out.extend_from_slice(&self.record[..HEADER]);
        out.extend_from_slice(self.topic.as_bytes());
        out.extend_from_slice(self.key.unwrap_or("").as_bytes());
        for part in [self.headers, context, self.body] {
            out.extend_from_slice(part.bytes());
        }
        let before = out.len();
        match (embedding, self.embedding) {
            (Some((model, values)), _) => write_embedding(model, values.iter().copied(), out),
            (None, Some(old)) => write_embedding(old.model, old.values(), out),
            (None, None) => {}
        }
        let lengths = [(4, context.bytes().len()), (12, out.len() - before)];
        for (part, length) in lengths {
            write_length(out, at::PARTS + part, length);
        }
    }
}

impl std::fmt::Debug for EventView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "event {} of {} ({} bytes)", self.id(), self.topic, self.record.len())
    }
}

/// Lengths fit: a record of 2^24 bytes and more is refused.
fn write_length(record: &mut [u8], at: usize, length: usize) {
    record[at..at + 4].copy_from_slice(&(length as u32).to_le_bytes());
}

fn write_embedding(model: &str, values: impl ExactSizeIterator<Item = f32>, out: &mut Vec<u8>) {
    // Both were checked, or come from a record: they fit.
    out.extend_from_slice(&(model.len() as u16).to_le_bytes());
    out.extend_from_slice(&(values.len() as u16).to_le_bytes());
    out.extend_from_slice(model.as_bytes());
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a value in MessagePack.
fn write_packed(value: &impl serde::Serialize, out: &mut Vec<u8>) {
    // A value of JSON has nothing that MessagePack lacks, and a vector takes what is written into it.
    let _ = rmp_serde::encode::write_named(out, value);
}

/// Writes the record of an event that was checked and has an id and a time.
pub(super) fn write(event: &Event, id: EventId, time_us: u64, out: &mut Vec<u8>) {
    out.clear();
    out.resize(HEADER, 0);
    out.extend_from_slice(event.topic.as_bytes());
    let key = event.key.as_deref().unwrap_or("");
    out.extend_from_slice(key.as_bytes());
    let mut ends = [out.len(); 5];
    write_packed(&event.headers, out);
    ends[1] = out.len();
    write_packed(&event.context, out);
    ends[2] = out.len();
    write_packed(&event.body, out);
    ends[3] = out.len();
    if let Some(Embedding { model, values }) = &event.embedding {
        write_embedding(model, values.iter().copied(), out);
    }
    ends[4] = out.len();
    out[..4].copy_from_slice(&MAGIC);
    out[at::VERSION] = RECORD_VERSION;
    out[at::PRIORITY] = event.priority;
    out[at::ID..at::ID + 16].copy_from_slice(id.as_bytes());
    if let Some(parent) = event.parent {
        out[at::PARENT..at::PARENT + 16].copy_from_slice(parent.as_bytes());
    }
    out[at::TIME..at::TIME + 8].copy_from_slice(&time_us.to_le_bytes());
    out[at::SCHEMA..at::SCHEMA + 4].copy_from_slice(&event.schema.to_le_bytes());
    // Topic and key were checked: they have at most 256 bytes.
    out[at::TOPIC..at::TOPIC + 2].copy_from_slice(&(event.topic.len() as u16).to_le_bytes());
    out[at::KEY..at::KEY + 2].copy_from_slice(&(key.len() as u16).to_le_bytes());
    for (part, pair) in ends.windows(2).enumerate() {
        write_length(out, at::PARTS + 4 * part, pair[1] - pair[0]);
    }
}
