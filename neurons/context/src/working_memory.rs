//! Working memory: what is known now, merged under the context of each event that passes.
//!
//! One neuron holds it. Changes reach it as admissions and are ordered with the events: an event that was published
//! after a change passes under it. What it fires is the event with the merged context in its record, so whoever handles
//! the event reads what was known at that moment, without a lock and without asking back.

use std::collections::BTreeMap;

use neuronbus::context::{Context, Firing};
use neuronbus::event::{EventView, Packed, merge};
use neuronbus::id::RegionId;
use neuronbus::neuron::{AgentCard, Fault, Neuron, NeuronResult};
use neuronbus::spike::Spike;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::scope::{Change, ChangeError, ContextChange, Scope};

/// Bytes that one scope may hold.
pub const SCOPE_MAX: usize = 1 << 18;

const EMPTY: [u8; 1] = [0x80];

/// What one scope holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Held {
    base: Map<String, Value>,
    layers: BTreeMap<u64, Map<String, Value>>,
    /// All of it merged and packed, for events.
    #[serde(skip)]
    packed: Vec<u8>,
    /// When it was changed last, counted in changes.
    changed: u64,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.base.is_empty() && self.layers.is_empty()
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Merge(object) => merge_into(&mut self.base, object),
            Change::Remove(path) => remove(&mut self.base, &path),
            Change::Clear => self.base.clear(),
            Change::Lay { layer, over } => {
                self.layers.insert(layer, over);
            }
            Change::Lift { layer } => {
                self.layers.remove(&layer);
            }
        }
    }

    /// Packs it anew, unless that would be too much.
    fn pack(&mut self) -> Result<(), ChangeError> {
        let mut all = self.base.clone();
        self.layers.values().for_each(|over| merge_into(&mut all, over.clone()));
        let packed = rmp_serde::to_vec_named(&all)
            .map_err(|error| ChangeError::Malformed(error.to_string()))?;
        if packed.len() > SCOPE_MAX {
            return Err(ChangeError::Full(packed.len()));
        }
        self.packed = packed;
        Ok(())
    }
}

fn merge_into(low: &mut Map<String, Value>, high: Map<String, Value>) {
    for (key, value) in high {
        match (low.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge_into(below, above),
            (_, value) => {
                low.insert(key, value);
            }
        }
    }
}

fn remove(object: &mut Map<String, Value>, path: &str) {
    match path.split_once('.') {
        None => {
            object.remove(path);
        }
        Some((first, rest)) => {
            if let Some(Value::Object(within)) = object.get_mut(first) {
                remove(within, rest);
            }
        }
    }
}

/// How many sessions and users are known at most; those whose last change is longest ago are forgotten first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkingMemorySettings {
    /// Sessions and users together. Default 10,000.
    pub scopes: usize,
}

impl Default for WorkingMemorySettings {
    fn default() -> Self {
        Self { scopes: 10_000 }
    }
}

/// The neuron that knows; see the module's text.
#[derive(Debug, Default)]
pub struct WorkingMemory {
    settings: WorkingMemorySettings,
    scopes: BTreeMap<Scope, Held>,
    /// Sessions and users by their last change.
    by_change: BTreeMap<u64, Scope>,
    changes: u64,
    forgotten: u64,
    refused: u64,
    /// Where events go on: to the neuron of their topic, or over all synapses.
    topics: Option<RegionId>,
    merged: [Vec<u8>; 2],
    record: Vec<u8>,
}

/// What a snapshot holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    scopes: Vec<(Scope, Held)>,
    changes: u64,
    forgotten: u64,
    refused: u64,
}

impl WorkingMemory {
    /// A memory that knows nothing, and fires what it hears over all of its synapses.
    #[must_use]
    pub fn new(settings: WorkingMemorySettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Fires each event at the neuron of its topic in this region only.
    #[must_use]
    pub fn by_topic(mut self, topics: RegionId) -> Self {
        self.topics = Some(topics);
        self
    }

    /// Changes what is known.
    ///
    /// # Errors
    /// [`ChangeError::Full`]; what is known is as it was.
    pub fn apply(&mut self, change: ContextChange) -> Result<(), ChangeError> {
        let ContextChange { scope, change } = change;
        let mut held = self.scopes.get(&scope).cloned().unwrap_or_default();
        let before = held.changed;
        held.apply(change);
        held.pack()?;
        self.changes += 1;
        held.changed = self.changes;
        self.by_change.remove(&before);
        if held.is_empty() {
            self.scopes.remove(&scope);
            return Ok(());
        }
        if scope != Scope::Global {
            self.by_change.insert(held.changed, scope.clone());
        }
        self.scopes.insert(scope, held);
        // bound: one was added at most.
        while self.by_change.len() > self.settings.scopes {
            let Some((_, oldest)) = self.by_change.pop_first() else { break };
            self.scopes.remove(&oldest);
            self.forgotten += 1;
        }
        Ok(())
    }

    /// What is known for an event, with its own context on top, packed.
    pub fn context_of(&mut self, event: &EventView<'_>) -> &[u8] {
        let context = event.context();
        let id = |of: &str| {
            let id = context.get(of).and_then(|of| of.get("id")).and_then(Packed::text);
            id.or_else(|| event.header(of)).map(str::to_owned)
        };
        let keys =
            [Some(Scope::Global), id("session").map(Scope::Session), id("user").map(Scope::User)];
        let known = keys.into_iter().flatten().filter_map(|scope| self.scopes.get(&scope));
        let [all, next] = &mut self.merged;
        all.clear();
        all.extend_from_slice(&EMPTY);
        let mut add = |high: &[u8]| {
            next.clear();
            if let (Some(low), Some(high)) = (Packed::new(all), Packed::new(high)) {
                merge(low, high, next);
            }
            std::mem::swap(all, next);
        };
        known.for_each(|held| add(&held.packed));
        add(context.bytes());
        &self.merged[0]
    }

    fn pass_on(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) {
        let Ok(event) = EventView::open(payload) else {
            self.refused += 1;
            return;
        };
        let target = match self.topics {
            None => None,
            // The door makes the topic's neuron before it hands the event in.
            Some(region) => match ctx.atlas().neuron_in(region, event.topic()) {
                None => return self.refused += 1,
                found => found,
            },
        };
        let mut record = std::mem::take(&mut self.record);
        let payload = if self.scopes.is_empty() {
            payload
        } else {
            self.context_of(&event);
            let merged = Packed::new(&self.merged[0]).unwrap_or_else(|| event.context());
            event.rewrite(merged, None, &mut record);
            &record
        };
        let firing = Firing { priority: spike.priority(), target, payload, ..Firing::default() };
        // Saturation is counted by the runtime; what is known must not go with it.
        let _ = ctx.send(firing);
        self.record = record;
    }
}

impl Neuron for WorkingMemory {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        if payload.first() == Some(&b'{') {
            // A change that is refused leaves what is known as it was, and is counted.
            let applied = ContextChange::decode(payload).and_then(|change| self.apply(change));
            self.refused += u64::from(applied.is_err());
        } else {
            self.pass_on(spike, payload, ctx);
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn card(&self) -> AgentCard {
        AgentCard::new("merges what is known under the context of each event")
            .capability("context/working-memory")
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        let scopes = self.scopes.iter().map(|(scope, held)| (scope.clone(), held.clone()));
        let (changes, forgotten, refused) = (self.changes, self.forgotten, self.refused);
        let saved = Saved { scopes: scopes.collect(), changes, forgotten, refused };
        // Its keys are texts and its numbers those of JSON.
        out.extend_from_slice(&serde_json::to_vec(&saved).unwrap_or_default());
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let saved: Saved = serde_json::from_slice(bytes)
            .map_err(|error| Fault::new(format!("this is no saved working memory: {error}")))?;
        let mut scopes = BTreeMap::new();
        let mut by_change = BTreeMap::new();
        for (scope, mut held) in saved.scopes {
            held.pack()?;
            if scope != Scope::Global {
                by_change.insert(held.changed, scope.clone());
            }
            scopes.insert(scope, held);
        }
        (self.scopes, self.by_change) = (scopes, by_change);
        self.changes = saved.changes;
        (self.forgotten, self.refused) = (saved.forgotten, saved.refused);
        Ok(())
    }
}
