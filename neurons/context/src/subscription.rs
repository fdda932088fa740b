//! A subscription as a neuron: what it lets in, how much of it makes it fire, and what it fires then.
//!
//! Its name is its pattern and a number, `orders.#~3`: topics and subscriptions are joined by their names, whichever of
//! the two comes first. What else it asks for is told to it as JSON when somebody subscribes.

use neuronbus::context::{Context, Firing};
use neuronbus::event::{EventView, TopicPattern};
use neuronbus::neuron::{AgentCard, Fault, Neuron, NeuronResult};
use neuronbus::spike::{Spike, SpikeKind};
use serde::{Deserialize, Serialize};

use crate::filter::{Filter, WallClock};

/// Between the pattern and the number; no topic has it.
const BEFORE_NUMBER: char = '~';

/// The name of the so many-th subscription to a pattern.
#[must_use]
pub fn name_of(pattern: &TopicPattern, number: u32) -> String {
    format!("{pattern}{BEFORE_NUMBER}{number}")
}

/// Whether the subscription of this name is to a topic.
#[must_use]
pub fn is_to(topic: &str, subscription: &str) -> bool {
    let pattern = subscription.rsplit_once(BEFORE_NUMBER).map(|(pattern, _)| pattern);
    pattern.and_then(|pattern| TopicPattern::new(pattern).ok()).is_some_and(|p| p.matches(topic))
}

/// What a subscription asks for beside its pattern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    /// A filter expression; empty: none.
    pub filter: String,
    /// The time of day that it sees at the beginning of the run.
    pub clock: WallClock,
    /// Events of this priority and above.
    pub priority: u8,
    /// So many events make it fire, if no more than half of one has leaked away by then. At 1 it fires for each.
    pub threshold: f32,
}

impl Default for Asked {
    fn default() -> Self {
        Self { filter: String::new(), clock: WallClock::default(), priority: 0, threshold: 1.0 }
    }
}

/// The most events that a subscription keeps until it fires; the oldest are let go, and counted.
pub const PENDING_MAX: usize = 1024;

/// The neuron of a subscription.
///
/// It hears events, and what it is told by whoever subscribes. When it fires, it fires every event that it has kept
/// as a spike of its own, and, where some were let go, an inhibitory spike with their number (u64, little-endian).
#[derive(Debug, Default)]
pub struct Subscriber {
    asked: Option<(Asked, Option<Filter>)>,
    /// Records with their priorities, in the order they were heard.
    pending: Vec<(u8, Vec<u8>)>,
    /// Emptied records, for their memory.
    spare: Vec<Vec<u8>>,
    let_go: u64,
}

impl Subscriber {
    /// A subscription of nobody: it hears and does nothing until it is told.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn told(&mut self, kind: Option<SpikeKind>, payload: &[u8]) -> NeuronResult {
        self.pending.clear();
        self.let_go = 0;
        if kind == Some(SpikeKind::Inhibitory) {
            self.asked = None;
            return Ok(());
        }
        self.asked = Some(Self::compile(serde_json::from_slice(payload)?)?);
        Ok(())
    }

    fn compile(asked: Asked) -> Result<(Asked, Option<Filter>), Fault> {
        let filter = match asked.filter.as_str() {
            "" => None,
            text => Some(Filter::new(text)?.clock(asked.clock)),
        };
        Ok((asked, filter))
    }

    fn keep(&mut self, priority: u8, payload: &[u8]) {
        if self.pending.len() == PENDING_MAX {
            let (_, record) = self.pending.remove(0);
            self.spare.push(record);
            self.let_go += 1;
        }
        let mut record = self.spare.pop().unwrap_or_default();
        record.clear();
        record.extend_from_slice(payload);
        self.pending.push((priority, record));
    }
}

impl Neuron for Subscriber {
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        if payload.first() == Some(&b'{') {
            return self.told(spike.kind().ok(), payload);
        }
        let Some((asked, filter)) = &self.asked else { return Ok(()) };
        if spike.priority() < asked.priority {
            return Ok(());
        }
        if let Some(filter) = filter {
            let passes = EventView::open(payload)
                .is_ok_and(|event| filter.passes(&event, spike.priority(), ctx.time_ns()));
            if !passes {
                return Ok(());
            }
        }
        let threshold = asked.threshold;
        self.keep(spike.priority(), payload);
        // Half an event may have leaked away when the last one comes.
        ctx.integrate(1.0 / (threshold - 0.5).max(0.5));
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        for (priority, record) in self.pending.drain(..) {
            // Saturation is counted by the runtime.
            let _ = ctx.send(Firing { priority, payload: &record, ..Firing::default() });
            self.spare.push(record);
        }
        if self.let_go > 0 {
            let payload = &self.let_go.to_le_bytes();
            let kind = SpikeKind::Inhibitory;
            if ctx.send(Firing { kind, payload, ..Firing::default() }).is_ok() {
                self.let_go = 0;
            }
        }
        Ok(())
    }

    fn card(&self) -> AgentCard {
        AgentCard::new("hands the events that pass to a handler").capability("events/subscription")
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        let asked = self.asked.as_ref().map(|(asked, _)| asked);
        let saved = (asked, &self.pending, self.let_go);
        out.extend_from_slice(&rmp_serde::to_vec_named(&saved).unwrap_or_default());
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        type Saved = (Option<Asked>, Vec<(u8, Vec<u8>)>, u64);
        let (asked, pending, let_go): Saved = rmp_serde::from_slice(bytes)
            .map_err(|error| Fault::new(format!("this is no saved subscription: {error}")))?;
        self.asked = asked.map(Self::compile).transpose()?;
        (self.pending, self.let_go) = (pending, let_go);
        Ok(())
    }
}
