//! The gate of a bus: events, subscriptions and changes of context go in, deliveries come out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender};
use neuronbus::event::{EventView, TopicPattern};
use neuronbus::gate::{
    Admissions, AdmitError, Gate, GateAccount, GateError, GateLink, Outbound, Outlook, Refusal,
};
use neuronbus::id::{NeuronId, RegionId};
use neuronbus::spike::SpikeKind;
use neuronbus::time::Tick;

use super::dispatch::{Dispatcher, Task};
use super::handed::{Handed, Shared, count};
use crate::subscription;

/// What is told comes before the events of its tick.
const FIRST: u8 = 255;

/// Ticks that an event takes from here through working memory, topic and subscription, and back here.
const WAY: u64 = 4;

/// The most that is admitted in one tick: after a pause of the machine, what waits must not fill the arena at once.
const BURST: usize = 256;

/// What tells a subscription that nobody is there any more; its kind says it.
const NOBODY: &[u8] = b"{}";

/// See the module's text; made by [`event_bus`](super::event_bus).
pub struct BusGate {
    pub(super) shared: Arc<Shared>,
    pub(super) from_bus: Receiver<Handed>,
    pub(super) spare: Sender<Vec<u8>>,
    pub(super) topics: RegionId,
    pub(super) subscriptions: RegionId,
    /// The address of working memory.
    pub(super) memory_at: String,
    memory: Option<NeuronId>,
    /// What the cortex had no room for yet, or must wait for what came before it.
    held: Option<Handed>,
    /// When the last event was admitted.
    last_event: Option<u64>,
    /// Whether deliveries wait for the dispatcher.
    behind: bool,
    dispatcher: Option<Dispatcher>,
    /// What the dispatcher had no room for yet.
    tasks: Vec<Task>,
    /// Whose neuron is which.
    neurons: BTreeMap<u64, (NeuronId, TopicPattern)>,
    /// Which subscription a neuron is of, by its position.
    numbers: Vec<Option<u64>>,
    /// Neurons that nobody has any more, and how many there are for each pattern.
    free: BTreeMap<String, Vec<NeuronId>>,
    made: BTreeMap<String, u32>,
    refusals: Vec<Refusal>,
}

impl BusGate {
    pub(super) fn new(
        shared: Arc<Shared>,
        (from_bus, spare): (Receiver<Handed>, Sender<Vec<u8>>),
        (topics, subscriptions): (RegionId, RegionId),
        memory_at: String,
    ) -> Self {
        Self {
            shared,
            from_bus,
            spare,
            topics,
            subscriptions,
            memory_at,
            memory: None,
            held: None,
            last_event: None,
            behind: false,
            dispatcher: None,
            tasks: Vec::new(),
            neurons: BTreeMap::new(),
            numbers: Vec::new(),
            free: BTreeMap::new(),
            made: BTreeMap::new(),
            refusals: Vec::new(),
        }
    }

    /// The tick in which something can be admitted, so that whatever was handed over before it has had its effect.
    fn earliest(&self, handed: &Handed, now: u64) -> u64 {
        let after = |ticks: u64| self.last_event.map_or(now, |event| now.max(event + ticks));
        match handed {
            Handed::Event { .. } => now,
            // Within a tick it comes before all events.
            Handed::Change(_) => after(1),
            Handed::Subscribe { .. } | Handed::Unsubscribe { .. } if self.behind => now + 1,
            Handed::Subscribe { .. } | Handed::Unsubscribe { .. } => after(WAY),
        }
    }

    /// Admits something; nothing has happened if that fails.
    fn admit_one(
        &mut self,
        handed: &Handed,
        inbound: &mut Admissions<'_>,
    ) -> Result<(), AdmitError> {
        match handed {
            Handed::Event { record, priority, stamp } => {
                inbound.stamp(*stamp);
                // It was checked when it was published.
                let Ok(event) = EventView::open(record) else { return Ok(()) };
                let topic = inbound.sprout(self.topics, event.topic())?;
                let target = self.memory.unwrap_or(topic);
                inbound.tell(target, SpikeKind::Excitatory, *priority, record)
            }
            Handed::Change(change) => match self.memory {
                Some(memory) => inbound.tell(memory, SpikeKind::Excitatory, FIRST, change),
                None => Ok(()),
            },
            Handed::Subscribe { number, pattern, asked, .. } => {
                let freed = self.free.get(pattern.as_str()).and_then(|free| free.last());
                let (neuron, is_new) = match freed {
                    Some(&neuron) => (neuron, false),
                    None => {
                        let made = self.made.get(pattern.as_str()).copied().unwrap_or(0);
                        let name = subscription::name_of(pattern, made);
                        (inbound.sprout(self.subscriptions, &name)?, true)
                    }
                };
                inbound.tell(neuron, SpikeKind::Excitatory, FIRST, asked)?;
                self.occupy(*number, neuron, pattern, is_new);
                Ok(())
            }
            Handed::Unsubscribe { number } => {
                let Some((neuron, pattern)) = self.neurons.get(number) else { return Ok(()) };
                inbound.tell(*neuron, SpikeKind::Inhibitory, FIRST, NOBODY)?;
                self.numbers[neuron.index()] = None;
                self.free.entry(pattern.as_str().to_owned()).or_default().push(*neuron);
                self.neurons.remove(number);
                Ok(())
            }
        }
    }

    fn occupy(&mut self, number: u64, neuron: NeuronId, pattern: &TopicPattern, is_new: bool) {
        let name = pattern.as_str().to_owned();
        if is_new {
            *self.made.entry(name).or_insert(0) += 1;
        } else if let Some(free) = self.free.get_mut(&name) {
            free.pop();
        }
        if self.numbers.len() <= neuron.index() {
            self.numbers.resize(neuron.index() + 1, None);
        }
        self.numbers[neuron.index()] = Some(number);
        self.neurons.insert(number, (neuron, pattern.clone()));
    }

    /// What is left to do when something was admitted, or was refused for good.
    fn settle(&mut self, handed: Handed, refused: Option<&AdmitError>) {
        if let Some(error) = refused {
            let kind = match handed {
                Handed::Event { .. } => "event-not-admitted",
                Handed::Change(_) => "change-not-admitted",
                _ => "subscription-not-admitted",
            };
            self.refuse(kind, error.to_string());
        }
        match handed {
            Handed::Event { mut record, .. } => {
                // relaxed: a count that bounds a queue, read by those who fill it.
                self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                record.clear();
                // Where there are enough already, this one is let go.
                let _ = self.spare.try_send(record);
            }
            Handed::Subscribe { number, handler, .. } if refused.is_none() => {
                self.task(Task::Add(number, handler));
            }
            Handed::Unsubscribe { number } => self.task(Task::Remove(number)),
            Handed::Subscribe { .. } | Handed::Change(_) => {}
        }
    }

    fn refuse(&mut self, kind: &str, sample: String) {
        match self.refusals.iter_mut().find(|refusal| refusal.kind == kind) {
            Some(refusal) => refusal.count += 1,
            None => self.refusals.push(Refusal { kind: kind.to_owned(), count: 1, sample }),
        }
    }

    fn task(&mut self, task: Task) {
        self.tasks.push(task);
        self.hand_tasks();
    }

    /// Whether the dispatcher has taken all that waited.
    fn hand_tasks(&mut self) -> bool {
        let Some(dispatcher) = &self.dispatcher else { return true };
        let mut waiting = std::mem::take(&mut self.tasks).into_iter();
        while let Some(task) = waiting.next() {
            if let Err(task) = dispatcher.change(task) {
                self.tasks = std::iter::once(task).chain(waiting).collect();
                return false;
            }
        }
        true
    }
}

impl Gate for BusGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.memory = link.atlas.resolve(&self.memory_at);
        // A second run of the same gate cannot be: a cortex opens each gate once.
        let _ = self.shared.doorbell.set(link.doorbell);
        let path = link.atlas.address(link.id);
        let started = Dispatcher::start(self.shared.clone());
        self.dispatcher = Some(started.map_err(|e| GateError::new(path, e.to_string()))?);
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        let waiting = self.from_bus.len() + usize::from(self.held.is_some());
        // bound: what is handed over meanwhile waits for the next tick, as does what is more than a burst.
        for _ in 0..waiting.min(BURST) {
            let next = self.held.take().or_else(|| self.from_bus.try_recv().ok());
            let Some(handed) = next else { break };
            let now = inbound.tick().0;
            let earliest = self.earliest(&handed, now);
            if earliest > now {
                self.held = Some(handed);
                return Ok(Outlook::At(Tick(earliest)));
            }
            match self.admit_one(&handed, inbound) {
                Ok(()) => {
                    if matches!(handed, Handed::Event { .. }) {
                        self.last_event = Some(now);
                    }
                    self.settle(handed, None);
                }
                // There will be room when what is under way has arrived.
                Err(error) if error.may_pass() => {
                    self.held = Some(handed);
                    return Ok(Outlook::At(Tick(inbound.tick().0 + 1)));
                }
                Err(error) => self.settle(handed, Some(&error)),
            }
        }
        if waiting > BURST {
            Ok(Outlook::At(Tick(inbound.tick().0 + 1)))
        } else {
            Ok(Outlook::Open)
        }
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        self.behind = true;
        if !self.hand_tasks() {
            return Ok(0);
        }
        for (taken, delivery) in outbound.iter().enumerate() {
            let number = delivery.spike.source().ok();
            let number = number.and_then(|from| self.numbers.get(from.index()).copied().flatten());
            let Some(number) = number else {
                count(&self.shared.counts.late, 1);
                continue;
            };
            if delivery.spike.kind() == Ok(SpikeKind::Inhibitory) {
                let let_go = delivery.payload.first_chunk().map_or(0, |n| u64::from_le_bytes(*n));
                count(&self.shared.counts.let_go, let_go);
                continue;
            }
            let room = self.dispatcher.as_ref().is_none_or(|d| d.deliver(number, delivery.payload));
            if !room {
                return Ok(taken);
            }
        }
        self.behind = false;
        Ok(outbound.len())
    }

    fn close(&mut self) {
        // relaxed: see `Shared::is_closed`.
        self.shared.closed.store(true, Ordering::Relaxed);
        let left: Vec<Handed> =
            self.held.take().into_iter().chain(self.from_bus.try_iter()).collect();
        for handed in left {
            if matches!(handed, Handed::Event { .. }) {
                self.refuse("abandoned", "the run ended before it was admitted".to_owned());
            }
        }
        if let Some(mut dispatcher) = self.dispatcher.take() {
            dispatcher.finish();
        }
    }

    fn account(&self) -> GateAccount {
        let counts = &self.shared.counts;
        let numbers = [
            (&counts.turned_away, "events were turned away because the gate was full"),
            (&counts.let_go, "events were let go by subscriptions that kept too many"),
            (&counts.late, "events came for subscriptions that had ended"),
            (&counts.panicked, "events made their handler panic"),
        ];
        // relaxed: counts.
        let numbers = numbers.map(|(counter, what)| (counter.load(Ordering::Relaxed), what));
        let said = numbers.iter().filter(|(number, _)| *number > 0);
        GateAccount {
            axons: Vec::new(),
            refused: self.refusals.clone(),
            notes: said.map(|(number, what)| format!("{number} {what}")).collect(),
        }
    }
}

impl Drop for BusGate {
    /// A cortex that never ran closes no gate, and what is handed over then would be lost in silence.
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for BusGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BusGate")
            .field("subscriptions", &self.neurons.len())
            .finish_non_exhaustive()
    }
}
