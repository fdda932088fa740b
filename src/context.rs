//! What a neuron can do from inside a callback.

use std::sync::Arc;

use crate::arena::Arena;
use crate::atlas::Atlas;
use crate::cause::Tracer;
use crate::event::{Event, EventError, EventId};
use crate::evidence::{Evidence, EvidenceRing};
use crate::flight::{self, Flights};
use crate::id::NeuronId;
use crate::membrane::Soma;
use crate::spike::{BROADCAST, Cells, Header, NO_CELL, Spike, SpikeKind, VOLLEY_MAX};
use crate::time::{Span, Tick, TickLength};
use crate::timers::Timers;
use crate::touched::Touched;

/// No room for another spike: the flight limit is reached or the arena is full. Counted; the spike was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room for another spike: too many are under way, or the arena is full")]
#[must_use]
pub struct Saturated;

/// Why an event was not fired.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The event is refused.
    #[error(transparent)]
    Event(#[from] EventError),
    /// There was no room for its spike.
    #[error(transparent)]
    Saturated(#[from] Saturated),
}

/// A spike to be sent, in full; `..Default::default()` fills in what is usual.
#[derive(Debug, Clone, Copy)]
pub struct Firing<'a> {
    /// What it does where it arrives.
    pub kind: SpikeKind,
    /// 0 to 255; filters and tiers look at it.
    pub priority: u8,
    /// One target that this neuron has a synapse onto, or `None` for all of them.
    pub target: Option<NeuronId>,
    /// One cell of the target, if that is a [crowd](crate::crowd), or `None` for all of them.
    pub cell: Option<u32>,
    /// What it carries; above 46 bytes, or 36 from or to a cell, it travels through the arena.
    pub payload: &'a [u8],
}

impl Default for Firing<'_> {
    fn default() -> Self {
        Self { kind: SpikeKind::Excitatory, priority: 0, target: None, cell: None, payload: &[] }
    }
}

/// A spike that was fired in this tick.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) source: NeuronId,
    /// Which cell of the source, or [`NO_CELL`].
    pub(crate) cell: u32,
    /// One target, or [`BROADCAST`].
    pub(crate) target: u16,
    pub(crate) flight: u32,
}

impl Sent {
    /// Spikes of one tick go out in this order; those of one cell in the order of their sequence.
    #[inline]
    pub(crate) fn order(&self) -> u64 {
        u64::from(self.source.raw()) << 32 | u64::from(self.cell)
    }
}

/// What callbacks share: where their effects go.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) now: u64,
    pub(crate) tick_length: TickLength,
    pub(crate) seed: u64,
    /// Every spike under way.
    pub(crate) flights: Flights,
    /// Fired in this tick, in the order of the calls.
    pub(crate) outbox: Vec<Sent>,
    /// Neurons whose membrane got input in this tick.
    pub(crate) touched: Touched,
    /// Who is to be woken when.
    pub(crate) timers: Timers,
    pub(crate) arena: Arc<Arena>,
    /// Spikes that may still be sent before senders feel it.
    pub(crate) room: usize,
    pub(crate) saturated: u64,
    pub(crate) evidence_let_go: u64,
    /// Writes down who fires and why, if somebody asked.
    pub(crate) tracer: Option<Box<Tracer>>,
}

impl Services {
    pub(crate) fn new(tick_length: TickLength, seed: u64, arena: Arc<Arena>) -> Self {
        Self {
            now: 0,
            tick_length,
            seed,
            flights: Flights::default(),
            outbox: Vec::new(),
            touched: Touched::default(),
            timers: Timers::default(),
            arena,
            room: 0,
            saturated: 0,
            evidence_let_go: 0,
            tracer: None,
        }
    }

    /// Puts a spike into the outbox, its payload inline or in the arena.
    ///
    /// Inlined always: what the caller says as a constant, as nearly all do, need not be passed and asked for.
    #[inline(always)]
    pub(crate) fn send(
        &mut self,
        (source, cell): (NeuronId, u32),
        sequence: &mut u32,
        firing: Firing<'_>,
    ) -> Result<(), Saturated> {
        if self.room == 0 {
            return self.saturate();
        }
        let header = Header {
            time_ns: self.tick_length.start_ns(Tick(self.now)),
            sequence: *sequence,
            source,
            target: firing.target.map_or(BROADCAST, NeuronId::raw),
            kind: firing.kind,
            priority: firing.priority,
        };
        let between = cell != NO_CELL || firing.cell.is_some();
        let cells = between.then(|| Cells { from: cell, to: firing.cell.unwrap_or(NO_CELL) });
        let (flight, spike) = self.flights.place();
        if flight::write(spike, &header, cells, firing.payload, &self.arena).is_err() {
            self.flights.give_back(flight);
            return self.saturate();
        }
        self.room -= 1;
        self.outbox.push(Sent { source, cell, target: header.target, flight });
        if self.tracer.is_some() {
            self.trace(flight, firing.payload);
        }
        *sequence = sequence.wrapping_add(1);
        Ok(())
    }

    /// Puts the cells of a population that fired together into the outbox, as volleys.
    pub(crate) fn send_volleys(&mut self, source: NeuronId, sequence: &mut u32, cells: &[u32]) {
        for cells in cells.chunks(VOLLEY_MAX) {
            if self.room == 0 {
                self.saturated += 1;
                continue;
            }
            let spike = Spike::new(source, SpikeKind::Excitatory);
            let time = self.tick_length.start_ns(Tick(self.now));
            // A chunk is never longer than a volley.
            let Ok(spike) = spike.stamped(time, *sequence).with_volley(cells) else { continue };
            let (flight, place) = self.flights.place();
            *place = spike;
            self.room -= 1;
            self.outbox.push(Sent { source, cell: NO_CELL, target: BROADCAST, flight });
            self.trace(flight, &[]);
            *sequence = sequence.wrapping_add(1);
        }
    }

    /// A neuron hears a spike, for who traces causes.
    #[inline]
    pub(crate) fn hears(&mut self, target: NeuronId, spike: &Spike) {
        if let Some(tracer) = &mut self.tracer {
            tracer.hears(target, spike);
        }
    }

    /// A membrane fires, for who traces causes.
    #[inline]
    pub(crate) fn fires(&mut self, id: NeuronId) {
        if let Some(tracer) = &mut self.tracer {
            tracer.fires(id);
        }
    }

    #[cold]
    fn trace(&mut self, flight: u32, payload: &[u8]) {
        if let Some(tracer) = &mut self.tracer {
            tracer.sent(self.flights.spike(flight), payload);
        }
    }

    #[cold]
    fn saturate<T>(&mut self) -> Result<T, Saturated> {
        self.saturated += 1;
        Err(Saturated)
    }
}

/// What a neuron can do from inside a callback; it lasts as long as the call.
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) services: &'a mut Services,
    pub(crate) atlas: &'a Atlas,
    pub(crate) id: NeuronId,
    /// Which cell of a crowd is called, or [`NO_CELL`].
    pub(crate) cell: u32,
    pub(crate) soma: &'a mut Soma,
    pub(crate) evidence: Option<&'a EvidenceRing>,
    /// Whether the callback has added to the membrane.
    pub(crate) integrated: bool,
}

impl Context<'_> {
    /// The tick that is being computed.
    #[must_use]
    pub fn tick(&self) -> Tick {
        Tick(self.services.now)
    }

    /// Cortex time of one tick.
    #[must_use]
    pub fn tick_length(&self) -> TickLength {
        self.services.tick_length
    }

    /// Cortex time of this tick, in ns.
    #[must_use]
    pub fn time_ns(&self) -> u64 {
        self.services.tick_length.start_ns(self.tick())
    }

    /// The neuron that is being called; the cells of a [crowd](crate::crowd) share one.
    #[must_use]
    pub fn id(&self) -> NeuronId {
        self.id
    }

    /// Which cell of a [crowd](crate::crowd) is being called; `None` for an agent that stands alone.
    #[must_use]
    pub fn cell(&self) -> Option<u32> {
        (self.cell != NO_CELL).then_some(self.cell)
    }

    /// Sends a spike over every synapse of this neuron.
    ///
    /// # Errors
    /// [`Saturated`]; counted, nothing was sent.
    #[doc(alias = "broadcast")]
    #[inline]
    pub fn fire(&mut self, payload: &[u8]) -> Result<(), Saturated> {
        self.send(Firing { payload, ..Firing::default() })
    }

    /// Sends a spike to one neuron that this one has a synapse onto. Without such a synapse it is counted as unrouted.
    ///
    /// # Errors
    /// [`Saturated`]; counted, nothing was sent.
    pub fn fire_to(&mut self, target: NeuronId, payload: &[u8]) -> Result<(), Saturated> {
        self.send(Firing { target: Some(target), payload, ..Firing::default() })
    }

    /// Sends a spike to one cell of a [crowd](crate::crowd) that this neuron has a synapse onto. Without such a synapse
    /// it is counted as unrouted.
    ///
    /// # Errors
    /// [`Saturated`]; counted, nothing was sent.
    pub fn fire_to_cell(
        &mut self,
        target: NeuronId,
        cell: u32,
        payload: &[u8],
    ) -> Result<(), Saturated> {
        let cell = Some(cell);
        self.send(Firing { target: Some(target), cell, payload, ..Firing::default() })
    }

    /// Sends an inhibitory spike to one neuron that this one has a synapse onto; to a gate it means: cancel.
    ///
    /// # Errors
    /// [`Saturated`]; counted, nothing was sent.
    pub fn inhibit(&mut self, target: NeuronId) -> Result<(), Saturated> {
        self.send(Firing { kind: SpikeKind::Inhibitory, target: Some(target), ..Firing::default() })
    }

    /// Rewards (or, below zero, punishes) the eligible synapses onto one neuron that this one has a synapse onto.
    ///
    /// # Errors
    /// [`Saturated`]; counted, nothing was sent.
    pub fn modulate(&mut self, target: NeuronId, amount: f32) -> Result<(), Saturated> {
        self.send(Firing {
            kind: SpikeKind::Modulatory,
            target: Some(target),
            payload: &amount.to_le_bytes(),
            ..Firing::default()
        })
    }

    /// Rewards the eligible synapses onto every neuron that this one has a synapse onto.
    ///
    /// # Errors
    /// [`Saturated`]; counted, nothing was sent.
    #[doc(alias = "dopamine")]
    pub fn reward(&mut self, amount: f32) -> Result<(), Saturated> {
        self.send(Firing {
            kind: SpikeKind::Modulatory,
            payload: &amount.to_le_bytes(),
            ..Firing::default()
        })
    }

    /// Sends a spike with everything said.
    ///
    /// # Errors
    /// [`Saturated`]; counted, nothing was sent.
    #[inline]
    pub fn send(&mut self, firing: Firing<'_>) -> Result<(), Saturated> {
        self.services.send((self.id, self.cell), &mut self.soma.sequence, firing)
    }

    /// Fires an event over every synapse of this neuron, with the event's priority.
    ///
    /// Its time is cortex time, or that of the event that [caused](crate::event::EventView::causes) it if that is
    /// later; its id is made from that and [`random`](Self::random) numbers.
    ///
    /// # Errors
    /// [`PublishError`]; nothing was sent.
    pub fn publish(&mut self, event: &Event) -> Result<EventId, PublishError> {
        let mut record = Vec::new();
        let now_us = self.time_ns() / 1000;
        let id = event.encode_within(now_us, || self.random(), &mut record)?;
        let priority = event.has_priority();
        self.send(Firing { priority, payload: &record, ..Firing::default() })?;
        Ok(id)
    }

    /// Adds to this neuron's own membrane in this tick: evidence that code has found rather than a synapse brought.
    ///
    /// In `on_spike` and `on_wake` it counts for this tick's threshold; in `on_fire`, or during the refractory pause,
    /// it is dropped. A number that is not finite is dropped too.
    pub fn integrate(&mut self, drive: f32) {
        let now = self.services.now;
        if drive.is_finite() && now >= self.soma.ready {
            self.soma.add(drive);
            self.services.touched.insert(self.id.index());
            self.integrated = true;
        }
    }

    /// Asks for [`Neuron::on_wake`](crate::neuron::Neuron::on_wake) after a span of cortex time, at least one tick.
    pub fn wake_in(&mut self, after: impl Into<Span>) {
        let ticks = self.services.tick_length.ticks(after.into()).0.max(1);
        let (now, who) = (self.services.now, (self.id, self.cell));
        match ticks {
            1 => self.services.timers.set_next(now, who),
            _ => self.services.timers.set(now.saturating_add(ticks), who),
        }
    }

    /// A random number: the same in every run with the same seed and input.
    pub fn random(&mut self) -> u64 {
        self.soma.draws += 1;
        // Agents draw from streams below 2^16, populations from those with bit 32 or 33, cells from those with bit 63.
        let stream = match self.cell() {
            Some(cell) => 1 << 63 | u64::from(self.id.raw()) << 32 | u64::from(cell),
            None => u64::from(self.id.raw()),
        };
        crate::math::random(self.services.seed, stream, self.services.now, self.soma.draws)
    }

    /// The spikes integrated since the last firing, oldest first, as many as
    /// [`Neuron::evidence`](crate::neuron::Neuron::evidence) asked for.
    #[must_use]
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence::new(self.evidence)
    }

    /// Who is there: names, regions, capabilities.
    #[must_use]
    pub fn atlas(&self) -> &Atlas {
        self.atlas
    }
}
