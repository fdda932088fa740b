//! An event bus as a topology, and a handle to it for code outside the tick.
//!
//! ```text
//! publish --> door --> context: working memory --> topics: one neuron each
//!                                                     |  by name: patterns match topics
//!                                                     v
//! handlers <-- door <-- subscriptions: filter, priority, threshold
//! ```
//!
//! A topic gets its neuron with its first event, a subscription when somebody subscribes; a synapse joins the two where
//! the pattern matches, whichever comes first. So an event costs as many synapses as there are subscriptions to its
//! topic, whatever else is subscribed to. Handlers run in order on one thread of the gate's.

mod dispatch;
mod error;
mod gate;
mod handed;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crossbeam_channel::{bounded, unbounded};
use neuronbus::cortex::CortexBuilder;
use neuronbus::event::{Event, EventId, EventIds, EventView, TopicPattern};
use neuronbus::id::RegionId;
use neuronbus::membrane::Lif;
use neuronbus::pace::{self, Stamp};
use neuronbus::projection::Projection;
use neuronbus::publisher::PublishError;
use neuronbus::region::Region;
use neuronbus::time::Span;
use serde_json::{Map, Value};

pub use self::error::SubscribeError;
pub use self::gate::BusGate;
use self::handed::{Counts, Handed, Handler, Shared, count};
use crate::filter::{Filter, WallClock};
use crate::scope::{Change, ChangeError, ContextChange, Scope, at_path};
use crate::subscription::{Asked, PENDING_MAX, Subscriber, is_to};
use crate::topic::TopicRelay;
use crate::working_memory::{WorkingMemory, WorkingMemorySettings};

/// How a bus is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BusSettings {
    /// Topics that get a neuron; events of further ones are refused and counted. Default 4,096.
    pub topics: usize,
    /// Subscriptions at one time. Default 16,384.
    pub subscriptions: usize,
    /// Events that may wait for the cortex before publishers are turned away. Default 65,536.
    pub bound: usize,
    /// Of the ids of events. Default 0.
    pub seed: u64,
    /// The time of day at tick 0, for filters. Default [`WallClock::default`].
    pub clock: WallClock,
    /// After how long an event counts 37% towards a subscription's threshold. Default 1 s.
    pub window: Span,
    /// How much is known.
    pub memory: WorkingMemorySettings,
}

impl Default for BusSettings {
    fn default() -> Self {
        Self {
            topics: 4_096,
            subscriptions: 16_384,
            bound: 65_536,
            seed: 0,
            clock: WallClock::default(),
            window: std::time::Duration::from_secs(1).into(),
            memory: WorkingMemorySettings::default(),
        }
    }
}

/// The regions of a bus, for those who connect more to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusRegions {
    /// One neuron a topic, named as the topic; each fires the events of its topic.
    pub topics: RegionId,
    /// One neuron a subscription.
    pub subscriptions: RegionId,
    /// Working memory.
    pub memory: RegionId,
    /// The gate.
    pub door: RegionId,
}

/// Adds a bus to a topology, at `path/topics`, `path/subscriptions`, `path/context` and `path/door`.
pub fn event_bus(
    builder: &mut CortexBuilder,
    path: &str,
    settings: BusSettings,
) -> (EventBus, BusRegions) {
    let at = |part: &str| format!("{path}/{part}");
    let topics = Region::agents(&at("topics"));
    let topics = builder.region(topics.template(settings.topics, |_| Box::new(TopicRelay)));
    let subscriptions = Region::agents(&at("subscriptions"))
        .membrane(Lif::default().tau(settings.window))
        .template(settings.subscriptions, |_| Box::new(Subscriber::new()));
    let subscriptions = builder.region(subscriptions);
    let memory = WorkingMemory::new(settings.memory).by_topic(topics);
    let memory = builder.region(Region::agents(&at("context")).neuron("memory", memory));

    let (to_gate, from_bus) = unbounded();
    let (give_back, spare) = bounded(settings.bound.clamp(1, 1 << 16));
    let shared = Arc::new(Shared {
        to_gate,
        spare,
        ids: Mutex::new(EventIds::new(settings.seed)),
        doorbell: OnceLock::new(),
        closed: AtomicBool::new(false),
        waiting: AtomicUsize::new(0),
        bound: settings.bound,
        numbers: AtomicU64::new(0),
        counts: Counts::default(),
    });
    let ends = (from_bus, give_back);
    let memory_at = format!("{}:memory", at("context"));
    let gate = BusGate::new(shared.clone(), ends, (topics, subscriptions), memory_at);
    let door = builder.region(Region::gated(&at("door"), gate));

    // Neurons of a bus add to their own membranes what they have looked at; what arrives drives nothing by itself.
    builder.project(memory, topics, Projection::all_to_all().weight(0.0));
    builder.project(topics, subscriptions, Projection::by_name(is_to).weight(0.0));
    builder.project(subscriptions, door, Projection::all_to_all());
    let bus = EventBus { shared, clock: settings.clock };
    (bus, BusRegions { topics, subscriptions, memory, door })
}

/// The handle to a bus: publishes, subscribes, changes what is known. Clones are handles to the same bus, on any
/// thread.
#[derive(Clone)]
pub struct EventBus {
    shared: Arc<Shared>,
    clock: WallClock,
}

impl EventBus {
    /// Publishes an event, and says which id it has; its time is that of the machine's clock, unless it has one.
    ///
    /// # Errors
    /// [`PublishError`] if it is refused or if too many wait; nothing was published.
    pub fn publish(&self, event: &Event) -> Result<EventId, PublishError> {
        let shared = &*self.shared;
        // relaxed: a count that bounds a queue; threads at one time may exceed it by their number.
        if shared.waiting.load(Ordering::Relaxed) >= shared.bound {
            count(&shared.counts.turned_away, 1);
            return Err(PublishError::Full(shared.bound));
        }
        let mut record = shared.spare.try_recv().unwrap_or_default();
        // A thread that panicked holding it has at worst used up an id.
        let mut ids = shared.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let id = event.encode(&mut ids, pace::unix_us(), &mut record)?;
        let handed = Handed::Event { record, priority: event.has_priority(), stamp: Stamp::now() };
        // relaxed: see above.
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        // Still under the lock: the order of ids is the order of admission.
        if !shared.hand(handed) {
            // relaxed: see above.
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(PublishError::Closed);
        }
        drop(ids);
        count(&shared.counts.published, 1);
        Ok(id)
    }

    /// Begins a subscription to the topics of a pattern: `orders.*.paid`, `orders.#`.
    pub fn subscribe(&self, pattern: &str) -> Subscribe<'_> {
        let asked = Asked { clock: self.clock, ..Asked::default() };
        Subscribe { bus: self, pattern: pattern.to_owned(), asked }
    }

    /// Merges an object over what is known in a scope.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing changed.
    pub fn know(&self, scope: Scope, object: Map<String, Value>) -> Result<(), ChangeError> {
        self.change(scope, Change::Merge(object))
    }

    /// Sets one value at a dotted path of what is known in a scope.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing changed.
    pub fn set(
        &self,
        scope: Scope,
        path: &str,
        value: impl Into<Value>,
    ) -> Result<(), ChangeError> {
        self.change(scope, Change::Merge(at_path(path, value.into())?))
    }

    /// Forgets what is at a dotted path of a scope.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing changed.
    pub fn forget(&self, scope: Scope, path: &str) -> Result<(), ChangeError> {
        self.change(scope, Change::Remove(path.to_owned()))
    }

    /// Lays an object over what is known in a scope for as long as the guard lives: dropping it, by a panic too,
    /// restores what is below, with all that changed there meanwhile.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing changed.
    pub fn scoped(
        &self,
        scope: Scope,
        over: Map<String, Value>,
    ) -> Result<ContextGuard, ChangeError> {
        // relaxed: a number that nobody else gets.
        let layer = self.shared.numbers.fetch_add(1, Ordering::Relaxed);
        self.change(scope.clone(), Change::Lay { layer, over })?;
        Ok(ContextGuard { shared: self.shared.clone(), scope, layer })
    }

    fn change(&self, scope: Scope, change: Change) -> Result<(), ChangeError> {
        let bytes = ContextChange { scope, change }.encode()?;
        // A bus whose run has ended knows nothing any more.
        self.shared.hand(Handed::Change(bytes));
        Ok(())
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> BusStats {
        let counts = &self.shared.counts;
        // relaxed: counts.
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BusStats {
            published: of(&counts.published),
            turned_away: of(&counts.turned_away),
            // relaxed: a count.
            waiting: self.shared.waiting.load(Ordering::Relaxed) as u64,
            handled: of(&counts.handled),
            panicked: of(&counts.panicked),
            late: of(&counts.late),
            let_go: of(&counts.let_go),
        }
    }
}

impl std::fmt::Debug for EventBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EventBus").field(&self.stats()).finish()
    }
}

/// Counts of a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct BusStats {
    /// Events that were taken.
    pub published: u64,
    /// Events that were turned away because too many waited.
    pub turned_away: u64,
    /// Events that wait for the cortex.
    pub waiting: u64,
    /// Calls of handlers that returned.
    pub handled: u64,
    /// Calls of handlers that panicked.
    pub panicked: u64,
    /// Events for subscriptions that had ended.
    pub late: u64,
    /// Events that subscriptions with a threshold let go because they kept too many.
    pub let_go: u64,
}

/// A subscription that is being described; [`handler`](Self::handler) makes it.
#[derive(Debug, Clone)]
#[must_use]
pub struct Subscribe<'a> {
    bus: &'a EventBus,
    pattern: String,
    asked: Asked,
}

impl Subscribe<'_> {
    /// Only events that pass this [filter](crate::filter).
    pub fn filter(mut self, expression: &str) -> Self {
        expression.clone_into(&mut self.asked.filter);
        self
    }

    /// Only events of this priority and above.
    pub fn priority_at_least(mut self, priority: u8) -> Self {
        self.asked.priority = priority;
        self
    }

    /// So many events make it fire, if no more than half of one has leaked away by then
    /// ([`window`](BusSettings::window)); then the handler gets all of them.
    pub fn threshold(mut self, events: f32) -> Self {
        self.asked.threshold = events;
        self
    }

    /// Subscribes: `handler` is called with each event, in order, until the guard is dropped.
    ///
    /// # Errors
    /// [`SubscribeError`] for a pattern, a filter or a threshold that is refused; nothing was subscribed.
    pub fn handler(
        self,
        handler: impl FnMut(&EventView<'_>) + Send + 'static,
    ) -> Result<Subscription, SubscribeError> {
        let pattern = TopicPattern::new(&self.pattern)?;
        if !self.asked.filter.is_empty() {
            Filter::new(&self.asked.filter)?;
        }
        let threshold = self.asked.threshold;
        if !(1.0..=PENDING_MAX as f32).contains(&threshold) {
            return Err(SubscribeError::Threshold(threshold));
        }
        let shared = self.bus.shared.clone();
        // relaxed: a number that nobody else gets.
        let number = shared.numbers.fetch_add(1, Ordering::Relaxed);
        // All its fields are numbers and texts.
        let asked = serde_json::to_vec(&self.asked).unwrap_or_default();
        let handler: Handler = Box::new(handler);
        if !shared.hand(Handed::Subscribe { number, pattern, asked, handler }) {
            return Err(SubscribeError::Closed);
        }
        Ok(Subscription { shared, number })
    }
}

/// A subscription; dropping it unsubscribes.
#[must_use = "dropping it unsubscribes"]
pub struct Subscription {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Where the run has ended there is nothing to unsubscribe from.
        self.shared.hand(Handed::Unsubscribe { number: self.number });
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subscription({})", self.number)
    }
}

/// What was laid over a scope; dropping it lifts it.
#[must_use = "dropping it restores what was known before"]
pub struct ContextGuard {
    shared: Arc<Shared>,
    scope: Scope,
    layer: u64,
}

impl Drop for ContextGuard {
    fn drop(&mut self) {
        let change = Change::Lift { layer: self.layer };
        // An id that was accepted is accepted again; where the run has ended nothing is known any more.
        if let Ok(bytes) = (ContextChange { scope: self.scope.clone(), change }).encode() {
            self.shared.hand(Handed::Change(bytes));
        }
    }
}

impl std::fmt::Debug for ContextGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContextGuard({:?}, {})", self.scope, self.layer)
    }
}
