//! The hippocampus: remembers the events that pass, and lets each pass on with what it reminds of.
//!
//! ```text
//! events --> hippocampus --> the same events, with what is related in their context
//!              |  ^
//!       store  v  |  search
//!            memories: short-term, then long-term, or forgotten
//! ```
//!
//! What an event reminds of stands in its context when it is fired on, at `memory`:
//!
//! ```json
//! {"related": [{"id": "...", "topic": "door.open", "score": 0.83, "time_us": 0, "body": {}}], "context": {}}
//! ```
//!
//! `context` is the contexts of all related memories merged, the most similar on top. The event is then remembered
//! itself, and linked to what it reminded of.
//!
//! An event of the topic [`RECALL`] asks: its body has `text` and `k`. The answer is an event of the topic
//! [`RECALLED`] that it caused, whose body has the same list at `memories`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use neuronbus::context::{Context, Firing};
use neuronbus::event::{EventId, EventView, Packed, merge};
use neuronbus::math::Decay;
use neuronbus::neuron::{AgentCard, Fault, Neuron, NeuronResult};
use neuronbus::spike::Spike;
use neuronbus::time::{Span, TickLength};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::embedded::EmbeddedMemory;
use crate::memory::{Engram, Found, Links, Memory, MemoryError, Query};
use crate::meter::{Count, MemoryMeter};
use crate::tiers::{Fading, Tiers};

/// The topic of events that ask for memories.
pub const RECALL: &str = "memory.recall";

/// The topic of events that answer them.
pub const RECALLED: &str = "memory.recalled";

/// The most memories that one event may ask for.
pub const K_MAX: usize = 100;

/// Turns texts into vectors within a tick: a function of the text alone, and quick.
pub trait Encode: Send {
    /// The identity of the model.
    fn model(&self) -> &str;
    /// Appends the vector of a text; false if it has none.
    fn encode(&mut self, text: &str, out: &mut Vec<f32>) -> bool;
}

/// A model's identity, and a closure that encodes.
impl<F: FnMut(&str, &mut Vec<f32>) -> bool + Send> Encode for (String, F) {
    fn model(&self) -> &str {
        &self.0
    }

    fn encode(&mut self, text: &str, out: &mut Vec<f32>) -> bool {
        self.1(text, out)
    }
}

/// What is remembered, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct HippocampusSettings {
    /// Whether the events that pass are remembered. Default true.
    pub stores: bool,
    /// Less important ones are not. An event says how important it is, from 0 to 1, at `importance` in its context or
    /// body; otherwise its priority says so. Default 0.
    pub importance_at_least: f32,
    /// How many memories an event is given, at most. Default 3.
    pub related: usize,
    /// How similar they must be. Default 0.5.
    pub score_at_least: f32,
    /// After how long a short-term memory has 37% of its strength, which begins with its importance and is renewed by
    /// recalls. Default 1 h.
    pub short_term: Span,
    /// The same for a long-term memory. Default 90 days.
    pub long_term: Span,
    /// How often memories are looked at. Default 1 min.
    pub interval: Span,
    /// Strength from which on a memory becomes a long-term one. Default 0.3.
    pub keep: f32,
    /// Strength below which it is forgotten. Default 0.05.
    pub forget: f32,
    /// How many are remembered; the weakest make room. Default 10,000.
    pub bound: usize,
}

impl Default for HippocampusSettings {
    fn default() -> Self {
        let seconds = |seconds| Span::from(Duration::from_secs(seconds));
        Self {
            stores: true,
            importance_at_least: 0.0,
            related: 3,
            score_at_least: 0.5,
            short_term: seconds(3_600),
            long_term: seconds(90 * 86_400),
            interval: seconds(60),
            keep: 0.3,
            forget: 0.05,
            bound: 10_000,
        }
    }
}

/// The neuron; see the module's text.
pub struct Hippocampus {
    settings: HippocampusSettings,
    encoder: Option<Box<dyn Encode>>,
    memory: EmbeddedMemory,
    tiers: Tiers,
    fading: Option<Fading>,
    /// Whether the next interval is asked for.
    waking: bool,
    meter: Arc<MemoryMeter>,
    /// What vectors found since the memory changed last, by their bytes.
    recent: BTreeMap<Vec<u8>, Vec<Found>>,
    vector: Vec<f32>,
    record: Vec<u8>,
}

/// Vectors whose finds are kept.
const RECENT_MAX: usize = 4096;

/// What a snapshot holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    memory: Vec<u8>,
    tiers: Tiers,
    waking: bool,
}

impl Hippocampus {
    /// A hippocampus that remembers nothing yet. Without an encoder it knows only vectors that events bring.
    #[must_use]
    pub fn new(settings: HippocampusSettings) -> Self {
        Self {
            settings,
            encoder: None,
            memory: EmbeddedMemory::new(),
            tiers: Tiers::default(),
            fading: None,
            waking: false,
            meter: Arc::default(),
            recent: BTreeMap::new(),
            vector: Vec::new(),
            record: Vec::new(),
        }
    }

    /// With an encoder for events that bring no vector, and for recalls by text.
    #[must_use]
    pub fn encoder(mut self, encoder: impl Encode + 'static) -> Self {
        self.encoder = Some(Box::new(encoder));
        self
    }

    /// Beginning with memories that are there already: as long-term ones.
    ///
    /// # Errors
    /// [`MemoryError`] for one that is refused.
    pub fn remembering(
        mut self,
        engrams: impl IntoIterator<Item = Engram>,
    ) -> Result<Self, MemoryError> {
        for engram in engrams {
            self.memory.store(&engram)?;
            self.tiers.add(engram.event()?.id(), engram.importance, 0);
        }
        Ok(self)
    }

    /// The counts, to be kept before it goes into a topology.
    #[must_use]
    pub fn meter(&self) -> Arc<MemoryMeter> {
        self.meter.clone()
    }

    /// What it remembers.
    #[must_use]
    pub fn memory(&self) -> &EmbeddedMemory {
        &self.memory
    }

    /// Whether an event is remembered for long; `None` if it is not remembered.
    #[must_use]
    pub fn is_long_term(&self, id: EventId) -> Option<bool> {
        self.tiers.get(id).map(|trace| trace.long)
    }

    /// The contexts of what an event reminded of, merged, the most recent on top.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn related_context(&mut self, id: EventId) -> Result<Map<String, Value>, MemoryError> {
        let Links { to, .. } = self.memory.links(id)?;
        Ok(self.merged_context(to.into_iter()))
    }

    /// The contexts of memories merged, the last on top.
    fn merged_context(&self, ids: impl Iterator<Item = EventId>) -> Map<String, Value> {
        let mut all = vec![0x80];
        for id in ids {
            let event = self.memory.find(id).and_then(|engram| engram.event().ok());
            let Some(event) = event else { continue };
            let mut next = Vec::new();
            if let Some(low) = Packed::new(&all) {
                merge(low, event.context(), &mut next);
                all = next;
            }
        }
        let value = Packed::new(&all).and_then(|all| all.read().ok());
        let mut context = match value {
            Some(Value::Object(context)) => context,
            _ => Map::new(),
        };
        // What those were reminded of is their matter.
        context.remove("memory");
        context
    }

    /// Puts the vector of an event, or of a text, into `self.vector`; which model it is of.
    fn embed(&mut self, event: &EventView<'_>, text: Option<&str>) -> Option<String> {
        self.vector.clear();
        if let Some(embedding) = event.embedding() {
            self.vector.extend(embedding.values());
            return Some(embedding.model.to_owned());
        }
        let encoder = self.encoder.as_mut()?;
        let said = event.body().get("text").and_then(Packed::text);
        let words = || event.topic().replace(['.', '_', '-', '/', ':'], " ");
        let text = text.or(said).map_or_else(words, str::to_owned);
        encoder.encode(&text, &mut self.vector).then(|| encoder.model().to_owned())
    }

    /// What is similar to `self.vector`, or where there is none or it is of another model, what has the same topic.
    fn search(&mut self, model: Option<&str>, event: &EventView<'_>, k: usize) -> Vec<Found> {
        let by_meaning = model.and_then(|model| {
            let mut key: Vec<u8> = self.vector.iter().flat_map(|v| v.to_le_bytes()).collect();
            key.extend_from_slice(&(k as u32).to_le_bytes());
            if let Some(found) = self.recent.get(&key) {
                return Some(found.clone());
            }
            let query = Query { model, vector: &self.vector, k, topics: None };
            let found = self.memory.search(&query).ok()?;
            if self.recent.len() >= RECENT_MAX {
                self.recent.clear();
            }
            self.recent.insert(key, found.clone());
            Some(found)
        });
        let (what, mut found) = match by_meaning {
            Some(found) => (Count::Recalled, found),
            None => {
                let same = self.memory.iter().filter(|(_, engram)| {
                    engram.event().is_ok_and(|other| other.topic() == event.topic())
                });
                let same: Vec<_> = same.map(|(id, _)| Found { id, score: 1.0 }).collect();
                (Count::Exact, same.into_iter().rev().take(k).collect())
            }
        };
        self.meter.count(what);
        let least = self.settings.score_at_least;
        found.retain(|found| found.score >= least && found.id != event.id());
        found
    }

    /// What memories say, as JSON.
    fn told(&self, found: &[Found]) -> Value {
        let tell = |found: &Found| {
            let event = self.memory.find(found.id)?.event().ok()?;
            let body: Value = event.body().read().ok()?;
            Some(json!({
                "id": found.id.to_string(), "topic": event.topic(), "score": found.score,
                "time_us": event.time_us(), "body": body,
            }))
        };
        found.iter().filter_map(tell).collect()
    }

    /// The times of the settings in ticks, once they are known.
    fn fading(&mut self, length: TickLength) -> Fading {
        let settings = &self.settings;
        let decay = |span: Span| Decay::new(length.ticks(span).0.max(1) as f64);
        self.fading
            .get_or_insert_with(|| Fading {
                decays: [decay(settings.short_term), decay(settings.long_term)],
                keep: settings.keep,
                forget: settings.forget,
                age: length.ticks(settings.interval).0.max(1),
            })
            .clone()
    }

    fn answer(&mut self, event: &EventView<'_>, ctx: &mut Context<'_>) -> NeuronResult {
        let text = event.body().get("text").and_then(Packed::text);
        let k = event.body().get("k").and_then(|k| k.read::<usize>().ok());
        let k = k.unwrap_or(self.settings.related).min(K_MAX);
        let model = self.embed(event, text);
        let found = self.search(model.as_deref(), event, k);
        self.strengthen(&found, ctx);
        let answer = event.causes(RECALLED).body(json!({"memories": self.told(&found)}));
        // Saturation is counted by the runtime.
        if ctx.publish(&answer).is_err() {
            self.meter.count(Count::Refused);
        }
        Ok(())
    }

    fn strengthen(&mut self, found: &[Found], ctx: &Context<'_>) {
        let (now, fading) = (ctx.tick().0, self.fading(ctx.tick_length()));
        found.iter().for_each(|found| self.tiers.touch(found.id, now, &fading));
    }

    fn pass_on(&mut self, event: &EventView<'_>, priority: u8, ctx: &mut Context<'_>) {
        let model = self.embed(event, None);
        let k = self.settings.related;
        let mut found = self.search(model.as_deref(), event, k + 1);
        found.truncate(k);
        self.strengthen(&found, ctx);
        let embedding = model.as_deref().map(|model| (model, self.vector.as_slice()));
        let mut record = std::mem::take(&mut self.record);
        let mut context = Vec::new();
        if found.is_empty() {
            context.extend_from_slice(event.context().bytes());
        } else {
            let related = self.told(&found);
            let merged = self.merged_context(found.iter().rev().map(|found| found.id));
            let memory = json!({"memory": {"related": related, "context": merged}});
            let memory = rmp_serde::to_vec_named(&memory).unwrap_or_default();
            match Packed::new(&memory) {
                Some(memory) => merge(event.context(), memory, &mut context),
                None => context.extend_from_slice(event.context().bytes()),
            }
        }
        let merged = Packed::new(&context).unwrap_or_else(|| event.context());
        event.rewrite(merged, embedding, &mut record);
        // Saturation is counted by the runtime; what is remembered must not go with it.
        let _ = ctx.send(Firing { priority, payload: &record, ..Firing::default() });
        if self.settings.stores && embedding.is_some() {
            // Remembered without what it reminded of, which is linked.
            event.rewrite(event.context(), embedding, &mut record);
            self.remember(&record, priority, &found, ctx);
        }
        self.record = record;
    }

    fn remember(&mut self, record: &[u8], priority: u8, found: &[Found], ctx: &mut Context<'_>) {
        let Ok(event) = EventView::open(record) else { return };
        let importance = importance(&event, priority);
        if importance < self.settings.importance_at_least {
            return;
        }
        let id = event.id();
        let engram = Engram { record: record.to_vec(), importance };
        if self.memory.store(&engram).is_err() {
            self.meter.count(Count::Refused);
            return;
        }
        let now = ctx.tick().0;
        self.recent.clear();
        self.tiers.add(id, importance, now);
        self.meter.count(Count::Stored);
        for found in found {
            // A memory without a file refuses no link.
            let _ = self.memory.link(id, found.id);
        }
        let fading = self.fading(ctx.tick_length());
        // bound: one was added.
        while self.tiers.len() > self.settings.bound {
            let Some(weakest) = self.tiers.weakest(now, &fading) else { break };
            self.let_go(weakest);
            self.meter.count(Count::Crowded);
        }
        if !self.waking {
            self.waking = true;
            ctx.wake_in(self.settings.interval);
        }
    }

    fn let_go(&mut self, id: EventId) {
        self.tiers.remove(id);
        self.recent.clear();
        // A memory without a file forgets whatever it is asked to.
        let _ = self.memory.forget(id);
    }
}

/// How important an event says that it is.
fn importance(event: &EventView<'_>, priority: u8) -> f32 {
    let of = |value: Packed<'_>| value.get("importance").and_then(|value| value.read().ok());
    let said: Option<f32> = of(event.context()).or_else(|| of(event.body()));
    said.filter(|said| said.is_finite()).unwrap_or(f32::from(priority) / 255.0).clamp(0.0, 1.0)
}

impl Neuron for Hippocampus {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        match EventView::carried(payload) {
            None => self.meter.count(Count::Refused),
            Some(event) if event.topic() == RECALL => return self.answer(&event, ctx),
            Some(event) => self.pass_on(&event, spike.priority(), ctx),
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let fading = self.fading(ctx.tick_length());
        let interval = self.tiers.end_interval(ctx.tick().0, &fading);
        for _ in 0..interval.consolidated {
            self.meter.count(Count::Consolidated);
        }
        for id in interval.faded {
            self.let_go(id);
            self.meter.count(Count::Forgotten);
        }
        self.waking = self.tiers.len() > 0;
        if self.waking {
            ctx.wake_in(self.settings.interval);
        }
        Ok(())
    }

    fn card(&self) -> AgentCard {
        AgentCard::new("remembers events, and gives each what it reminds of")
            .capability("memory/recall")
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        let (tiers, waking) = (self.tiers.clone(), self.waking);
        let saved = Saved { memory: self.memory.saved(), tiers, waking };
        // It holds texts, numbers and bytes.
        out.extend_from_slice(&rmp_serde::to_vec_named(&saved).unwrap_or_default());
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let saved: Saved = rmp_serde::from_slice(bytes)
            .map_err(|error| Fault::new(format!("this is no saved hippocampus: {error}")))?;
        self.memory.restore(&saved.memory)?;
        (self.tiers, self.waking) = (saved.tiers, saved.waking);
        self.recent.clear();
        Ok(())
    }
}

impl fmt::Debug for Hippocampus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hippocampus").field("memories", &self.tiers.len()).finish_non_exhaustive()
    }
}
