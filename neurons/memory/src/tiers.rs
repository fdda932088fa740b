//! How long what is remembered: strength that fades with cortex time, and what becomes of it at intervals.

use std::collections::BTreeMap;

use neuronbus::event::EventId;
use neuronbus::math::Decay;
use serde::{Deserialize, Serialize};

/// How memories fade. Times are in ticks.
#[derive(Debug, Clone)]
pub(crate) struct Fading {
    /// Of short-term and of long-term memories.
    pub(crate) decays: [Decay; 2],
    /// From here on a short-term memory becomes a long-term one.
    pub(crate) keep: f32,
    /// Below this it is forgotten.
    pub(crate) forget: f32,
    /// A memory is at least so old before either.
    pub(crate) age: u64,
}

/// What is known about how firmly an event is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trace {
    stored: u64,
    /// At `touched`.
    strength: f32,
    touched: u64,
    recalls: u32,
    pub(crate) long: bool,
}

/// The traces of all that is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tiers(BTreeMap<EventId, Trace>);

/// What a recall adds to a memory's strength, as a part of what it lacks of full strength.
const RECALL_ADDS: f32 = 0.3;

impl Trace {
    fn strength(&self, now: u64, fading: &Fading) -> f32 {
        let decay = &fading.decays[usize::from(self.long)];
        self.strength * decay.over(now.saturating_sub(self.touched))
    }
}

/// What happened at the end of an interval.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) consolidated: usize,
    pub(crate) faded: Vec<EventId>,
}

impl Tiers {
    pub(crate) fn add(&mut self, id: EventId, importance: f32, now: u64) {
        let new =
            Trace { stored: now, strength: importance, touched: now, recalls: 0, long: false };
        self.0.insert(id, new);
    }

    pub(crate) fn get(&self, id: EventId) -> Option<&Trace> {
        self.0.get(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// It was recalled: it gets stronger.
    pub(crate) fn touch(&mut self, id: EventId, now: u64, fading: &Fading) {
        if let Some(trace) = self.0.get_mut(&id) {
            let strength = trace.strength(now, fading);
            trace.strength = strength + RECALL_ADDS * (1.0 - strength);
            trace.touched = now;
            trace.recalls = trace.recalls.saturating_add(1);
        }
    }

    pub(crate) fn remove(&mut self, id: EventId) {
        self.0.remove(&id);
    }

    /// The weakest, of equally weak ones the oldest.
    pub(crate) fn weakest(&self, now: u64, fading: &Fading) -> Option<EventId> {
        let strengths = self.0.iter().map(|(&id, trace)| (trace.strength(now, fading), id));
        strengths.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, id)| id)
    }

    /// Looks at all: what is strong becomes long-term, what is weak goes.
    pub(crate) fn end_interval(&mut self, now: u64, fading: &Fading) -> Interval {
        let mut interval = Interval::default();
        for (&id, trace) in &mut self.0 {
            if now.saturating_sub(trace.stored) < fading.age {
                continue;
            }
            let strength = trace.strength(now, fading);
            if strength < fading.forget {
                interval.faded.push(id);
            } else if !trace.long && strength >= fading.keep {
                *trace = Trace { strength, touched: now, long: true, ..*trace };
                interval.consolidated += 1;
            }
        }
        for id in &interval.faded {
            self.0.remove(id);
        }
        interval
    }
}
