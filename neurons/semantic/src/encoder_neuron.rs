//! The neuron that reads: texts come in, concepts are driven.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use neuronbus::atlas::Atlas;
use neuronbus::event::EventView;
use neuronbus::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cache::{CacheCounts, EmbeddingCache};
use crate::counts::{COUNTERS, Count, SemanticMeter};
use crate::encoder::Encoder;
use crate::exchange::{Answer, Request};
use crate::lexicon::{Lexicon, Room};
use crate::recognition::Recognition;
use crate::semantic_neuron::Heard;
use crate::text;

/// Texts that may wait for their vectors; a further one is matched by topic only, and counted.
const PENDING: usize = 4096;

/// Finds the text in a payload.
pub trait Reading: Send {
    /// What is to be recognised; `None` if the payload says nothing that could be.
    fn text<'a>(&self, payload: &'a [u8]) -> Option<&'a str>;
}

/// The payload is the text, in UTF-8.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainText;

impl Reading for PlainText {
    fn text<'a>(&self, payload: &'a [u8]) -> Option<&'a str> {
        std::str::from_utf8(payload).ok()
    }
}

/// The payload is a record of an [event](neuronbus::event), and the text is a field of its body where it has one, or
/// else its topic.
#[derive(Debug, Clone, Default)]
pub struct EventText {
    field: Option<String>,
}

impl EventText {
    /// The topic means something.
    #[must_use]
    pub fn topic() -> Self {
        Self::default()
    }

    /// A field of the body does, such as `text`.
    #[must_use]
    pub fn field(name: impl Into<String>) -> Self {
        Self { field: Some(name.into()) }
    }
}

impl Reading for EventText {
    fn text<'a>(&self, payload: &'a [u8]) -> Option<&'a str> {
        let event = EventView::open(payload).ok()?;
        let field = self.field.as_ref().and_then(|name| event.body().get(name)?.text());
        Some(field.unwrap_or_else(|| event.topic()))
    }
}

/// Reads texts and drives the concepts they belong to.
///
/// A text whose vector is at hand drives its concepts in the tick it comes in: from the cache, or from an encoder that
/// is [instant](Encoder::is_instant). Any other is sent to the [gate](crate::encoder_gate::EncoderGate) of the encoder
/// and goes on when its vector comes back; meanwhile the neuron reads on. If it does not come back, the text is matched
/// by topic only, which is counted.
///
/// | hears | does |
/// | --- | --- |
/// | a text | drives every concept it belongs to, with a spike for each |
/// | a vector from the gate | does so for the text that waits for it, and keeps it |
#[derive(Debug)]
pub struct EncoderNeuron<R = PlainText> {
    lexicon: Arc<Lexicon>,
    reading: R,
    /// An encoder that may be asked within a tick.
    instant: Option<Arc<dyn Encoder>>,
    cache: EmbeddingCache,
    meter: Arc<SemanticMeter>,
    /// The region of the concepts, and their ids by position once the run begins.
    region: String,
    concepts: Vec<NeuronId>,
    gate_path: Option<String>,
    gate: Option<NeuronId>,
    pending: BTreeMap<u64, Pending>,
    asked: u64,
    scratch: Scratch,
}

#[derive(Debug)]
struct Pending {
    priority: u8,
    payload: Vec<u8>,
}

/// Buffers that are kept from call to call.
#[derive(Debug, Default)]
struct Scratch {
    words: String,
    vector: Vec<f32>,
    room: Room,
    bytes: Vec<u8>,
}

/// How an [`EncoderNeuron`] keeps vectors.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// How many vectors are kept.
    pub capacity: NonZeroUsize,
    /// Ticks after which a vector is encoded anew; `None` is never.
    pub lifetime: Option<u64>,
}

impl Default for CacheSettings {
    fn default() -> Self {
        const CAPACITY: NonZeroUsize = NonZeroUsize::new(4096).expect("4096 is not 0");
        Self { capacity: CAPACITY, lifetime: None }
    }
}

impl<R: Reading> EncoderNeuron<R> {
    /// A neuron that reads for the concepts of a region. `gate` is the path of the encoder's gate, if it has one.
    pub(crate) fn new(
        lexicon: Arc<Lexicon>,
        encoder: &Arc<dyn Encoder>,
        reading: R,
        cache: CacheSettings,
        (region, gate): (&str, Option<&str>),
    ) -> Self {
        let model = lexicon.model().clone();
        Self {
            lexicon,
            reading,
            instant: encoder.is_instant().then(|| encoder.clone()),
            cache: EmbeddingCache::new(model, cache.capacity, cache.lifetime),
            meter: Arc::default(),
            region: region.to_owned(),
            concepts: Vec::new(),
            gate_path: gate.map(str::to_owned),
            gate: None,
            pending: BTreeMap::new(),
            asked: 0,
            scratch: Scratch::default(),
        }
    }

    pub(crate) fn meter(&self) -> Arc<SemanticMeter> {
        self.meter.clone()
    }

    /// Whether there is a vector for the words in `scratch` now; it is in `scratch` then.
    fn vector_at_hand(&mut self, now: Tick) -> bool {
        let Scratch { words, vector, .. } = &mut self.scratch;
        vector.clear();
        if let Some(kept) = self.cache.get(words, now) {
            vector.extend_from_slice(kept);
            self.meter.count(Count::Hits);
            return true;
        }
        self.meter.count(Count::Misses);
        let Some(encoder) = &self.instant else { return false };
        if encoder.encode_batch(&[words], vector).is_err() {
            vector.clear();
        }
        // Of the lexicon's model and length, or the lexicon could not have been made with it.
        let _ = self.cache.put(words, encoder.model(), vector, now);
        true
    }

    fn ask(&mut self, payload: &[u8], priority: u8, ctx: &mut Context<'_>) {
        let Some(gate) = self.gate.filter(|_| self.pending.len() < PENDING) else {
            return self.degrade(payload, priority, ctx);
        };
        let Scratch { words, bytes, .. } = &mut self.scratch;
        bytes.clear();
        Request { number: self.asked, text: words }.write(bytes);
        let firing = Firing { target: Some(gate), priority, payload: bytes, ..Firing::default() };
        if ctx.send(firing).is_err() {
            self.meter.count(Count::Saturated);
            return self.degrade(payload, priority, ctx);
        }
        self.meter.count(Count::Asked);
        self.pending.insert(self.asked, Pending { priority, payload: payload.to_vec() });
        self.asked += 1;
    }

    fn degrade(&mut self, payload: &[u8], priority: u8, ctx: &mut Context<'_>) {
        self.meter.count(Count::Degraded);
        self.scratch.vector.clear();
        self.recognise(payload, priority, ctx);
    }

    /// Drives the concepts of a text whose words and vector are in `scratch`; without a vector only topics count.
    fn recognise(&mut self, payload: &[u8], priority: u8, ctx: &mut Context<'_>) {
        let Some(topic) = self.reading.text(payload) else { return };
        let Scratch { words, vector, room, bytes } = &mut self.scratch;
        let vector = (!vector.is_empty()).then_some(vector.as_slice());
        if self.lexicon.recognise(topic, words, vector, room).is_err() {
            return self.meter.count(Count::Refused);
        }
        for matched in room.matches() {
            let Some(&target) = self.concepts.get(matched.concept as usize) else { continue };
            let threshold = self.lexicon.threshold(matched.concept);
            let recognition =
                Recognition { score: matched.score, threshold, by: matched.by, about: payload };
            bytes.clear();
            Heard::write(matched.drive, &recognition, bytes);
            let firing =
                Firing { target: Some(target), priority, payload: bytes, ..Firing::default() };
            if ctx.send(firing).is_err() {
                self.meter.count(Count::Saturated);
            }
        }
        self.meter.count(match room.matches() {
            [] => Count::Unrecognised,
            _ => Count::Recognised,
        });
    }

    fn answered(&mut self, payload: &[u8], ctx: &mut Context<'_>) {
        let Some(answer) = Answer::parse(payload) else { return };
        let Some(Pending { priority, payload }) = self.pending.remove(&answer.number) else {
            return;
        };
        let Some(topic) = self.reading.text(&payload) else { return };
        text::spaced_into(topic, &mut self.scratch.words);
        if !answer.vector(self.lexicon.model(), &mut self.scratch.vector) {
            return self.degrade(&payload, priority, ctx);
        }
        let Scratch { words, vector, .. } = &self.scratch;
        // Its model and length were checked above.
        let _ = self.cache.put(words, self.lexicon.model(), vector, ctx.tick());
        self.recognise(&payload, priority, ctx);
    }
}

impl<R: Reading> Neuron for EncoderNeuron<R> {
    fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
        let name = |at: u32| self.lexicon.name(at);
        let find = |at: u32| {
            let found = atlas.neuron(&self.region, name(at));
            found.ok_or_else(|| Fault::new(format!("no concept {:?} in {}", name(at), self.region)))
        };
        self.concepts = (0..self.lexicon.len() as u32).map(find).collect::<Result<_, _>>()?;
        self.gate = self.gate_path.as_ref().and_then(|path| {
            let region = atlas.region(path)?;
            atlas.members(region).first().copied()
        });
        Ok(())
    }

    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        if self.gate.is_some() && spike.source().ok() == self.gate {
            self.answered(payload, ctx);
            return Ok(());
        }
        self.meter.count(Count::Texts);
        let Some(topic) = self.reading.text(payload).filter(|text| text::check(text).is_ok())
        else {
            self.meter.count(Count::Refused);
            return Ok(());
        };
        text::spaced_into(topic, &mut self.scratch.words);
        match self.vector_at_hand(ctx.tick()) {
            true => self.recognise(payload, spike.priority(), ctx),
            false => self.ask(payload, spike.priority(), ctx),
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn card(&self) -> AgentCard {
        let model = self.lexicon.model();
        let what = format!("finds the concepts of texts among {}, by {model}", self.lexicon.len());
        AgentCard::new(what).capability("recognise")
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        let pending = self.pending.iter();
        let kept = self.cache.oldest_first();
        let saved = Saved {
            model: self.lexicon.model().to_string(),
            asked: self.asked,
            cache: self.cache.counts(),
            meter: self.meter.raw(),
            pending: pending.map(|(&n, p)| (n, p.priority, p.payload.clone())).collect(),
            kept: kept.map(|(text, since, v)| (text.into(), since.0, v.into())).collect(),
        };
        // Into memory, and of types that can all be written.
        if let Ok(bytes) = postcard::to_stdvec(&saved) {
            out.extend_from_slice(&bytes);
        }
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let saved: Saved = postcard::from_bytes(bytes)?;
        let model = self.lexicon.model();
        if saved.model != model.to_string() {
            let found = saved.model;
            return Err(Fault::new(format!(
                "the state is of the model {found}, and this is {model}"
            )));
        }
        if saved.kept.iter().any(|(_, _, vector)| vector.len() != model.dimensions()) {
            return Err(Fault::new("the state has a vector of another length"));
        }
        self.asked = saved.asked;
        self.meter.restore(&saved.meter);
        let waits = |(n, priority, payload)| (n, Pending { priority, payload });
        self.pending = saved.pending.into_iter().map(waits).collect();
        let kept = saved.kept.into_iter();
        self.cache.refill(saved.cache, kept.map(|(text, since, v)| (text, Tick(since), v)));
        Ok(())
    }
}

/// The state of an encoder neuron, as it is written.
#[derive(Serialize, Deserialize)]
struct Saved {
    model: String,
    asked: u64,
    cache: CacheCounts,
    meter: [u64; COUNTERS],
    pending: Vec<(u64, u8, Vec<u8>)>,
    /// The least recently used first.
    kept: Vec<(Box<str>, u64, Box<[f32]>)>,
}
