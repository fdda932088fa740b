//! A ready-made door for events: any number of threads publish, and a gate hands the records in.
//!
//! ```
//! use neuronbus::event::{Event, EventView};
//! use neuronbus::prelude::*;
//! use neuronbus::publisher::Publisher;
//! use serde_json::json;
//!
//! # fn main() -> neuronbus::Result<()> {
//! struct Greeter(Vec<String>);
//!
//! impl Neuron for Greeter {
//!     fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
//!         let event = EventView::open(payload)?;
//!         self.0.push(event.key().unwrap_or("somebody").to_owned());
//!         Ok(())
//!     }
//!
//!     fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
//!         assert_eq!(self.0, ["ada"]);
//!         Ok(())
//!     }
//! }
//!
//! let (publisher, gate) = Publisher::gate(64, 7);
//! let mut builder = Cortex::builder();
//! let door = builder.region(Region::gated("events", gate));
//! let greeter = builder.region(Region::agents("greeter").neuron("hello", Greeter(Vec::new())));
//! builder.project(door, greeter, Projection::all_to_all()).pace(Pace::Free);
//! let mut cortex = builder.build()?;
//!
//! publisher.publish(&Event::new("user.login").key("ada").body(json!({"from": "home"})))?;
//! cortex.run_for(Ticks(4))?;
//! assert_eq!(cortex.counts().firings, 1);
//! # Ok(())
//! # }
//! ```

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::axon::Doorbell;
use crate::event::{Event, EventError, EventId, EventIds, EventView, RecordError};
use crate::gate::{
    Admissions, AdmitError, Gate, GateAccount, GateError, GateLink, Outlook, Refusal,
};
use crate::id::RegionId;
use crate::pace::{self, Stamp};
use crate::spike::SpikeKind;

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The event is refused.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The bytes are no record of an event.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// As many events as the gate may hold wait for the cortex.
    #[error("{0} events wait for the cortex, and no more may: publish again later")]
    Full(usize),
    /// The run has ended.
    #[error("the gate behind the publisher is closed")]
    Closed,
}

/// A record on its way from a publisher's thread to the gate.
#[derive(Debug)]
struct Handed {
    record: Vec<u8>,
    priority: u8,
    stamp: Stamp,
}

#[derive(Debug, Default)]
struct Shared {
    doorbell: OnceLock<Arc<Doorbell>>,
    closed: AtomicBool,
    published: AtomicU64,
    refused_full: AtomicU64,
}

/// Publishes events into a cortex; clones publish through the same gate, from any thread.
///
/// An event is checked, gets its id and time, and waits in order for the gate. When it is full, the publisher is told.
#[derive(Debug, Clone)]
pub struct Publisher {
    to_gate: Sender<Handed>,
    spare: Receiver<Vec<u8>>,
    ids: Arc<Mutex<EventIds>>,
    shared: Arc<Shared>,
}

/// The receiving side, to be put into a region with [`Region::gated`](crate::region::Region::gated).
#[derive(Debug)]
pub struct PublisherGate {
    from_publishers: Receiver<Handed>,
    spare: Sender<Vec<u8>>,
    shared: Arc<Shared>,
    /// What the cortex had no room for yet.
    held: Option<Handed>,
    topics: Option<RegionId>,
    refusals: Vec<Refusal>,
}

impl Publisher {
    /// A publisher whose gate holds up to `bound` events, and that gate. Ids are made from `seed`.
    ///
    /// The gate fires every record over its own synapses, unless it is told to go [by topic](PublisherGate::by_topic).
    #[must_use]
    pub fn gate(bound: usize, seed: u64) -> (Publisher, PublisherGate) {
        let (to_gate, from_publishers) = bounded(bound.max(1));
        let (give_back, spare) = bounded(bound.max(1));
        let shared = Arc::new(Shared::default());
        let ids = Arc::new(Mutex::new(EventIds::new(seed)));
        let gate = PublisherGate {
            from_publishers,
            spare: give_back,
            shared: shared.clone(),
            held: None,
            topics: None,
            refusals: Vec::new(),
        };
        (Publisher { to_gate, spare, ids, shared }, gate)
    }

    /// Publishes an event, and says which id it has. Its time is that of the machine's clock, unless it has one.
    ///
    /// # Errors
    /// [`PublishError`]; nothing was published.
    pub fn publish(&self, event: &Event) -> Result<EventId, PublishError> {
        let mut record = self.spare.try_recv().unwrap_or_default();
        let now_us = pace::unix_us();
        // A thread that panicked holding it has at worst used up an id.
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let id = event.encode(&mut ids, now_us, &mut record)?;
        // Still under the lock: the order of ids is the order of admission.
        self.hand_over(record, event.has_priority())?;
        drop(ids);
        Ok(id)
    }

    /// Publishes a record that was encoded elsewhere, after checking all of it.
    ///
    /// # Errors
    /// [`PublishError`]; nothing was published.
    pub fn publish_record(&self, record: &[u8]) -> Result<EventId, PublishError> {
        let view = EventView::parse(record)?;
        let mut copy = self.spare.try_recv().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(record);
        self.hand_over(copy, view.priority())?;
        Ok(view.id())
    }

    fn hand_over(&self, record: Vec<u8>, priority: u8) -> Result<(), PublishError> {
        // relaxed: a late answer only lets one more event in, which the gate counts as abandoned.
        if self.shared.closed.load(Ordering::Relaxed) {
            return Err(PublishError::Closed);
        }
        let handed = Handed { record, priority, stamp: Stamp::now() };
        self.to_gate.try_send(handed).map_err(|error| match error {
            TrySendError::Full(_) => {
                // relaxed: a count.
                self.shared.refused_full.fetch_add(1, Ordering::Relaxed);
                PublishError::Full(self.to_gate.capacity().unwrap_or(0))
            }
            TrySendError::Disconnected(_) => PublishError::Closed,
        })?;
        // relaxed: a count.
        self.shared.published.fetch_add(1, Ordering::Relaxed);
        if let Some(doorbell) = self.shared.doorbell.get() {
            doorbell.ring();
        }
        Ok(())
    }

    /// How many events the gate was given.
    #[must_use]
    pub fn published(&self) -> u64 {
        // relaxed: a count.
        self.shared.published.load(Ordering::Relaxed)
    }

    /// How many were turned away because the gate was full.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        // relaxed: a count.
        self.shared.refused_full.load(Ordering::Relaxed)
    }

    /// How many wait for the cortex.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.to_gate.len()
    }
}

impl PublisherGate {
    /// Hands each event to the neuron of its topic in this region, which sprouts on first sight.
    #[must_use]
    pub fn by_topic(mut self, topics: RegionId) -> Self {
        self.topics = Some(topics);
        self
    }

    fn admit_one(&self, handed: &Handed, inbound: &mut Admissions<'_>) -> Result<(), AdmitError> {
        let Handed { record, priority, stamp } = handed;
        inbound.stamp(*stamp);
        let topic = self.topics.and_then(|region| Some((region, EventView::open(record).ok()?)));
        match topic {
            Some((region, event)) => {
                let neuron = inbound.sprout(region, event.topic())?;
                inbound.drive(neuron, 1.0, *priority, record)
            }
            None => inbound.fire(SpikeKind::Excitatory, *priority, record),
        }
    }

    fn refuse(&mut self, kind: &str, sample: impl FnOnce() -> String) {
        match self.refusals.iter_mut().find(|refusal| refusal.kind == kind) {
            Some(refusal) => refusal.count += 1,
            None => {
                self.refusals.push(Refusal { kind: kind.to_owned(), count: 1, sample: sample() });
            }
        }
    }

    fn give_back(&self, mut record: Vec<u8>) {
        record.clear();
        // Where there are enough already, this one is let go.
        let _ = self.spare.try_send(record);
    }
}

/// The most that is admitted in one tick: after a pause of the machine, what waits must not fill the arena at once.
const BURST: usize = 256;

impl Gate for PublisherGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        // A second run of the same gate cannot be: a cortex opens each gate once.
        let _ = self.shared.doorbell.set(link.doorbell);
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let waiting = self.from_publishers.len() + usize::from(self.held.is_some());
        // bound: what is published meanwhile waits for the next tick, as does what is more than a burst.
        for _ in 0..waiting.min(BURST) {
            let next = self.held.take().or_else(|| self.from_publishers.try_recv().ok());
            let Some(handed) = next else { break };
            match self.admit_one(&handed, inbound) {
                Ok(()) => self.give_back(handed.record),
                // There will be room when what is under way has arrived.
                Err(error) if error.may_pass() => {
                    self.held = Some(handed);
                    return Ok(Outlook::At(crate::time::Tick(inbound.tick().0 + 1)));
                }
                Err(error) => {
                    self.refuse("not-admitted", || error.to_string());
                    self.give_back(handed.record);
                }
            }
        }
        if waiting > BURST {
            Ok(Outlook::At(crate::time::Tick(inbound.tick().0 + 1)))
        } else {
            Ok(Outlook::Open)
        }
    }

    fn close(&mut self) {
        // relaxed: see `hand_over`.
        self.shared.closed.store(true, Ordering::Relaxed);
        let left =
            self.from_publishers.try_iter().count() + usize::from(self.held.take().is_some());
        for _ in 0..left {
            self.refuse("abandoned", || "the run ended before it was admitted".to_owned());
        }
    }

    fn account(&self) -> GateAccount {
        let notes = match self.shared.refused_full.load(Ordering::Relaxed) {
            // relaxed: a count.
            0 => Vec::new(),
            full => vec![format!("{full} events were turned away because the gate was full")],
        };
        GateAccount { axons: Vec::new(), refused: self.refusals.clone(), notes }
    }
}

impl Drop for PublisherGate {
    /// A cortex that never ran closes no gate, and what is published then would be lost in silence.
    fn drop(&mut self) {
        self.close();
    }
}
