//! A memory in Qdrant, over its REST interface.
//!
//! | what | where |
//! | --- | --- |
//! | an event | a point of the collection: its id, its vector, and a payload with `event_id`, `topic`, `timestamp`, `context`, `data`, `importance`, `model`, and the `record` itself in hexadecimal |
//! | a link | a point of the collection with `_links` behind its name; its vector says nothing |
//!
//! Collections are made when they are needed, with cosine as distance. A call waits for the server, so this belongs
//! behind a gate or into a tool; the neuron `Hippocampus` keeps an [`EmbeddedMemory`](crate::EmbeddedMemory), because
//! a tick waits for nobody. A server that is away is given up for a while (`neuronbus-rest`), and every call says so.

use neuronbus::event::{EventId, TopicPattern};
use neuronbus_nearest::SignIndex;
use neuronbus_rest::{RestClient, RestCounts, RestError, RestSettings};
use serde_json::{Value, json};

use crate::embedded::Saved;
use crate::memory::{Engram, Found, Links, Memory, MemoryError, Query};

/// The collection that the first design names.
pub const COLLECTION: &str = "neurobus_events";

/// Points that are read at once.
const PAGE: usize = 256;

/// Remembers in a Qdrant server.
#[derive(Debug)]
pub struct QdrantMemory {
    client: RestClient,
    collection: String,
    /// The model and the length of the vectors that are there; asked for when it is needed first.
    held: Option<(String, usize)>,
}

fn failed(error: RestError) -> MemoryError {
    MemoryError::Store(error.to_string())
}

fn odd(answer: &Value) -> MemoryError {
    let shown: String = answer.to_string().chars().take(200).collect();
    MemoryError::Store(format!("Qdrant answered something else than was asked for: {shown}"))
}

/// What is not there is `None`.
fn found(told: Result<Value, RestError>) -> Result<Option<Value>, MemoryError> {
    match told {
        Ok(mut answer) => Ok(Some(answer["result"].take())),
        Err(RestError::Status { status: 404, .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn id_of(value: &Value) -> Option<EventId> {
    value.as_str()?.parse().ok()
}

impl QdrantMemory {
    /// A memory in a collection of a server, such as `http://localhost:6333`; a key goes into the header `api-key`.
    ///
    /// # Errors
    /// [`MemoryError::Store`] for a URL that cannot be used. The server is not asked yet.
    pub fn new(settings: RestSettings, collection: &str) -> Result<Self, MemoryError> {
        let client = RestClient::new(settings).map_err(failed)?;
        Ok(Self { client, collection: collection.to_owned(), held: None })
    }

    /// What became of the requests so far.
    #[must_use]
    pub fn counts(&self) -> RestCounts {
        self.client.counts()
    }

    fn events(&self) -> String {
        format!("/collections/{}", self.collection)
    }

    fn link_points(&self) -> String {
        format!("/collections/{}_links", self.collection)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Option<Value>, MemoryError> {
        found(self.client.call(method, path, Some(body)))
    }

    /// Makes a collection unless it is there.
    fn make(&self, path: &str, size: usize) -> Result<(), MemoryError> {
        if found(self.client.call("GET", path, None))?.is_some() {
            return Ok(());
        }
        let body = json!({"vectors": {"size": size, "distance": "Cosine"}});
        self.call("PUT", path, &body).map(|_| ())
    }

    /// All points of a collection that pass a filter, page by page.
    fn scroll(&self, path: &str, filter: &Value) -> Result<Vec<Value>, MemoryError> {
        let (mut points, mut offset) = (Vec::new(), Value::Null);
        loop {
            let body = json!({"limit": PAGE, "offset": offset, "filter": filter,
                "with_payload": true, "with_vector": false});
            let Some(mut page) = self.call("POST", &format!("{path}/points/scroll"), &body)? else {
                return Ok(points);
            };
            let Value::Array(found) = page["points"].take() else { return Err(odd(&page)) };
            points.extend(found);
            offset = page["next_page_offset"].take();
            if offset.is_null() {
                return Ok(points);
            }
        }
    }

    /// The model whose vectors are there, and their length.
    fn held(&mut self) -> Result<Option<(String, usize)>, MemoryError> {
        if self.held.is_none() {
            let body = json!({"limit": 1, "with_payload": ["model"], "with_vector": true});
            let path = format!("{}/points/scroll", self.events());
            let first = self.call("POST", &path, &body)?.map(|mut page| page["points"][0].take());
            self.held = first.filter(|point| !point.is_null()).and_then(|point| {
                let model = point["payload"]["model"].as_str()?.to_owned();
                Some((model, point["vector"].as_array()?.len()))
            });
        }
        Ok(self.held.clone())
    }

    fn fits(&mut self, model: &str, dimensions: usize) -> Result<(), MemoryError> {
        match self.held()? {
            Some((expected, _)) if expected != model => {
                Err(MemoryError::Model { found: model.to_owned(), expected })
            }
            Some((_, expected)) if expected != dimensions => {
                Err(MemoryError::Dimensions { found: dimensions, expected })
            }
            _ => Ok(()),
        }
    }

    fn topic(&self, point: &Value) -> Option<String> {
        Some(point["payload"]["topic"].as_str()?.to_owned())
    }

    fn engram(point: &Value) -> Option<Engram> {
        let payload = &point["payload"];
        let record = unhex(payload["record"].as_str()?)?;
        // Written from an f32, so nothing is lost.
        Some(Engram { record, importance: payload["importance"].as_f64()? as f32 })
    }

    /// Events and links, as an embedded memory saves them.
    fn everything(&self) -> Result<Saved, MemoryError> {
        let mut engrams = Vec::new();
        for point in self.scroll(&self.events(), &Value::Null)? {
            let id = id_of(&point["id"]).ok_or_else(|| odd(&point))?;
            let engram = Self::engram(&point).ok_or_else(|| odd(&point))?;
            engrams.push((id, (engram.record, engram.importance)));
        }
        engrams.sort_by_key(|(id, _)| *id);
        let mut links = Vec::new();
        for point in self.scroll(&self.link_points(), &Value::Null)? {
            let end = |key: &str| id_of(&point["payload"][key]).ok_or_else(|| odd(&point));
            links.push((end("from")?, end("to")?));
        }
        links.sort_unstable();
        Ok(Saved { engrams: engrams.into_iter().map(|(_, engram)| engram).collect(), links })
    }

    fn remove_collections(&mut self) -> Result<(), MemoryError> {
        self.held = None;
        for path in [self.events(), self.link_points()] {
            found(self.client.call("DELETE", &path, None))?;
        }
        Ok(())
    }
}

/// A number for a link, the same whenever it is made.
fn link_id(from: EventId, to: EventId) -> String {
    let word = |id: EventId, at: usize| {
        id.as_bytes()[at..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    };
    let [a, b, c, d] = [word(from, 0), word(from, 8), word(to, 0), word(to, 8)];
    let [high, low] = [neuronbus::math::random(a, b, c, d), neuronbus::math::random(d, c, b, a)];
    let text = format!("{high:016x}{low:016x}");
    // Qdrant takes numbers of 64 bits and UUIDs.
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

impl Memory for QdrantMemory {
    fn store(&mut self, engram: &Engram) -> Result<(), MemoryError> {
        let event = engram.event()?;
        let id = event.id();
        if !(0.0..=1.0).contains(&engram.importance) {
            return Err(MemoryError::Importance(engram.importance));
        }
        let embedding = event.embedding().ok_or(MemoryError::NoEmbedding(id))?;
        self.fits(embedding.model, embedding.dimensions())?;
        let vector: Vec<f32> = embedding.values().collect();
        if !SignIndex::has_direction(&vector) {
            return Err(MemoryError::Direction);
        }
        self.make(&self.events(), vector.len())?;
        let read = |what: neuronbus::event::Packed<'_>| what.read::<Value>().unwrap_or_default();
        let payload = json!({
            "event_id": id.to_string(),
            "topic": event.topic(),
            "timestamp": event.time_us(),
            "context": read(event.context()),
            "data": read(event.body()),
            "importance": engram.importance,
            "model": embedding.model,
            "record": hex(&engram.record),
        });
        let point = json!({"id": id.to_string(), "vector": vector, "payload": payload});
        let path = format!("{}/points?wait=true", self.events());
        self.call("PUT", &path, &json!({"points": [point]}))?;
        self.held = Some((embedding.model.to_owned(), vector.len()));
        Ok(())
    }

    fn search(&mut self, query: &Query<'_>) -> Result<Vec<Found>, MemoryError> {
        self.fits(query.model, query.vector.len())?;
        if !query.vector.iter().all(|value| value.is_finite()) {
            return Err(MemoryError::Direction);
        }
        if query.k == 0 || !SignIndex::has_direction(query.vector) {
            return Ok(Vec::new());
        }
        let limit = if query.topics.is_some() { PAGE.max(query.k) } else { query.k };
        let path = format!("{}/points/query", self.events());
        let (mut hits, mut offset) = (Vec::new(), 0);
        // bound: a page that is not full is the last.
        loop {
            let body = json!({"query": query.vector, "limit": limit, "offset": offset,
                "with_payload": ["topic"]});
            let Some(mut page) = self.call("POST", &path, &body)? else { break };
            let Value::Array(points) = page["points"].take() else { return Err(odd(&page)) };
            let count = points.len();
            for point in points {
                let topic = self.topic(&point).ok_or_else(|| odd(&point))?;
                let id = id_of(&point["id"]).ok_or_else(|| odd(&point))?;
                let score = point["score"].as_f64().ok_or_else(|| odd(&point))? as f32;
                if query.topics.is_none_or(|topics: &TopicPattern| topics.matches(&topic)) {
                    hits.push(Found { id, score });
                }
            }
            offset += count;
            if hits.len() >= query.k || count < limit {
                break;
            }
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        hits.truncate(query.k);
        Ok(hits)
    }

    fn get(&mut self, id: EventId) -> Result<Option<Engram>, MemoryError> {
        let path = format!("{}/points/{id}", self.events());
        match found(self.client.call("GET", &path, None))? {
            None => Ok(None),
            Some(point) => Self::engram(&point).map(Some).ok_or_else(|| odd(&point)),
        }
    }

    fn link(&mut self, event: EventId, memory: EventId) -> Result<(), MemoryError> {
        self.make(&self.link_points(), 1)?;
        let ends = json!({"from": event.to_string(), "to": memory.to_string()});
        let point = json!({"id": link_id(event, memory), "vector": [1.0], "payload": ends});
        let path = format!("{}/points?wait=true", self.link_points());
        self.call("PUT", &path, &json!({"points": [point]})).map(|_| ())
    }

    fn links(&mut self, id: EventId) -> Result<Links, MemoryError> {
        let ends = |with: &str, wanted: &str| -> Result<Vec<EventId>, MemoryError> {
            let filter = json!({"must": [{"key": with, "match": {"value": id.to_string()}}]});
            let points = self.scroll(&self.link_points(), &filter)?;
            let end = |point: &Value| id_of(&point["payload"][wanted]).ok_or_else(|| odd(point));
            let mut ends = points.iter().map(end).collect::<Result<Vec<_>, _>>()?;
            ends.sort_unstable();
            Ok(ends)
        };
        Ok(Links { to: ends("from", "to")?, from: ends("to", "from")? })
    }

    fn forget(&mut self, id: EventId) -> Result<bool, MemoryError> {
        let was_there = self.get(id)?.is_some();
        let end = |key: &str| json!({"key": key, "match": {"value": id.to_string()}});
        let links = json!({"filter": {"should": [end("from"), end("to")]}});
        self.call("POST", &format!("{}/points/delete?wait=true", self.link_points()), &links)?;
        let path = format!("{}/points/delete?wait=true", self.events());
        self.call("POST", &path, &json!({"points": [id.to_string()]}))?;
        // Vectors of another model may come when none is left.
        if was_there && self.count()? == 0 {
            self.held = None;
            found(self.client.call("DELETE", &self.events(), None))?;
        }
        Ok(was_there)
    }

    fn count(&mut self) -> Result<usize, MemoryError> {
        let path = format!("{}/points/count", self.events());
        match self.call("POST", &path, &json!({"exact": true}))? {
            None => Ok(0),
            Some(told) => {
                told["count"].as_u64().map(|count| count as usize).ok_or_else(|| odd(&told))
            }
        }
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, MemoryError> {
        let saved = self.everything()?;
        rmp_serde::to_vec_named(&saved).map_err(|error| MemoryError::Store(error.to_string()))
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), MemoryError> {
        // Read and checked by a memory of this process first: what is there is only taken away for what is whole.
        let mut whole = crate::EmbeddedMemory::new();
        whole.restore(bytes)?;
        let saved: Saved = rmp_serde::from_slice(bytes)
            .map_err(|error| MemoryError::Snapshot(error.to_string()))?;
        self.remove_collections()?;
        for (record, importance) in saved.engrams {
            self.store(&Engram { record, importance })?;
        }
        saved.links.into_iter().try_for_each(|(from, to)| self.link(from, to))
    }
}
