//! The way out for events: what reaches it is handed to code outside the tick.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use neuronbus::atlas::Atlas;
use neuronbus::cortex::CortexBuilder;
use neuronbus::event::{EventView, Packed};
use neuronbus::gate::{Admissions, Gate, GateAccount, GateError, GateLink, Outbound, Outlook};
use neuronbus::id::RegionId;
use neuronbus::region::Region;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::refusals::{RefusalKind, Refusals};

/// An event that has reached a handler.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Handled {
    /// Path of the handler.
    pub handler: String,
    /// Address of the neuron that fired it, such as `language:payment failed`.
    pub from: String,
    /// Cortex time at which it was fired, in ns.
    pub at_ns: u64,
    /// The event as an object of JSON, with its context and without its embedding.
    pub event: Map<String, Value>,
}

/// Takes events out of the cortex, into a queue of bounded length.
#[derive(Debug)]
pub struct HandlerGate {
    path: String,
    queue: Sender<Handled>,
    atlas: Option<Arc<Atlas>>,
    refusals: Arc<Refusals>,
    taken: u64,
}

/// Where handled events come out; clones share the queue, and any thread may hold one.
#[derive(Debug, Clone)]
pub struct HandlerReceiver {
    queue: Receiver<Handled>,
}

impl HandlerGate {
    /// A gate at `path` whose queue holds up to `bound` events (at least 1); more are counted as refused.
    #[must_use]
    pub fn new(path: &str, bound: usize) -> (Self, HandlerReceiver) {
        let (queue, receiver) = crossbeam_channel::bounded(bound.max(1));
        let (path, refusals) = (path.to_owned(), Arc::default());
        let gate = Self { path, queue, atlas: None, refusals, taken: 0 };
        (gate, HandlerReceiver { queue: receiver })
    }

    fn take(&mut self, out: &Outbound<'_>) {
        let Some(event) = EventView::carried(out.payload) else {
            return self.refusals.count(RefusalKind::NotAnEvent, out.payload);
        };
        let from = match (&self.atlas, out.spike.source()) {
            (Some(atlas), Ok(source)) => atlas.address(source),
            _ => String::new(),
        };
        let (handler, at_ns) = (self.path.clone(), out.spike.time_ns());
        match self.queue.try_send(Handled { handler, from, at_ns, event: told(&event) }) {
            Ok(()) => self.taken += 1,
            Err(_) => self.refusals.count(RefusalKind::HandledFull, event.topic().as_bytes()),
        }
    }
}

/// An event as [`Event::to_json`](neuronbus::event::Event::to_json) writes it, but for its embedding: a vector tells
/// people nothing.
fn told(event: &EventView<'_>) -> Map<String, Value> {
    let value = |packed: Packed<'_>| packed.read().unwrap_or(Value::Null);
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        let is_empty = match &value {
            Value::Null => true,
            Value::Object(parts) => parts.is_empty(),
            _ => false,
        };
        if !is_empty {
            object.insert(name.to_owned(), value);
        }
    };
    put("id", event.id().to_string().into());
    put("time_us", event.time_us().into());
    put("topic", event.topic().into());
    put("key", event.key().into());
    put("parent", event.parent().map(|id| id.to_string()).into());
    put("schema", Some(event.schema()).filter(|&version| version > 0).into());
    put("priority", Some(event.priority()).filter(|&priority| priority > 0).into());
    put("headers", value(event.all_headers()));
    put("context", value(event.context()));
    put("body", value(event.body()));
    object
}

impl Gate for HandlerGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.atlas = Some(link.atlas);
        Ok(())
    }

    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Ended)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        outbound.iter().for_each(|out| self.take(out));
        Ok(outbound.len())
    }

    fn account(&self) -> GateAccount {
        let notes = vec![format!("{}: handled {}", self.path, self.taken)];
        GateAccount { refused: self.refusals.list(), notes, ..GateAccount::default() }
    }
}

impl HandlerReceiver {
    /// The oldest event that nobody has taken yet.
    #[must_use]
    pub fn try_recv(&self) -> Option<Handled> {
        self.queue.try_recv().ok()
    }

    /// All events that nobody has taken yet, oldest first.
    #[must_use]
    pub fn drain(&self) -> Vec<Handled> {
        self.queue.try_iter().collect()
    }
}

/// Adds a way out for events at `path` to a topology; what reaches it comes out of the receiver. A payload that
/// [carries](EventView::carried) no event is counted as refused.
pub fn handler(
    builder: &mut CortexBuilder,
    path: &str,
    bound: usize,
) -> (RegionId, HandlerReceiver) {
    let (gate, receiver) = HandlerGate::new(path, bound);
    (builder.region(Region::gated(path, gate)), receiver)
}
