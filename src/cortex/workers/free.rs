//! Workers that run freely: each computes its own ticks at its own speed, and waits for nobody.
//!
//! Before a tick a worker takes in what the others have published by then, as if it had been fired in the tick before.
//! A worker with nothing to do before then moves on to the sender's time, so an idle receiver hears in the tick in
//! which it would in lockstep.
//!
//! ```text
//! worker 0   | take in | compute t | publish | take in | compute t + 1 | publish | ...
//! worker 1   | take in | compute u | publish | take in | compute u + 7 | ...
//! to rest    | go on to the tick asked for | end mark | take in until all have ended: T is the latest of their ticks
//!            | compute up to T             | end mark | take in until all have ended: nothing is on its way any more
//! ```
//!
//! Who waits for others goes on taking in, so that nobody's axon stays full. Large payloads are lent from an arena of
//! their own: how long they lie there depends on the others, and what depends on them must not change what is computed.

use super::mark::{Claim, Mark};
use super::port::{Fallen, Port};
use super::span::Beat;
use super::strait::Strait;
use crate::brain::Trace;
use crate::cortex::crowds;
use crate::cortex::wheel::Arrival;
use crate::cortex::worker::{Admitted, Worker};
use crate::id::NeuronId;
use crate::recorded::Recorded;
use crate::spike::{BROADCAST, NO_CELL, Spike};
use crate::time::Tick;

/// Slots of another worker that are taken in for one tick. A worker that is slower than another one gets on, and what
/// it has not taken in holds the other one up once the axon is full.
const LOOK_MAX: u64 = 1 << 10;

/// When a worker takes in what others have fired.
#[derive(Debug, Clone, Copy)]
pub(in crate::cortex) struct When {
    /// The earliest tick in which any of it can arrive.
    pub(in crate::cortex) tick: u64,
    /// The next tick in which the worker has something else to compute: it does not go beyond.
    pub(in crate::cortex) due: u64,
}

impl When {
    /// A tick, and no other.
    pub(in crate::cortex) fn just(tick: u64) -> Self {
        Self { tick, due: tick }
    }

    /// What could arrive in a tick by the sender's time is heard: the receiver moves on to then, if it can.
    fn move_on(&mut self, soonest: u64) -> u64 {
        self.tick = self.tick.max(soonest.min(self.due));
        self.tick
    }
}

/// Writes down what a worker takes in.
pub(in crate::cortex) trait Book {
    fn note(&mut self, heard: &Recorded<'_>);
}

impl Port {
    pub(super) fn free(&mut self) -> &mut Strait {
        self.strait.as_mut().expect("a port is given what it takes before its worker runs freely")
    }
}

impl Worker {
    /// Takes in what others have published by now, of each at most so much as a tick can bear. `None` if nothing was
    /// for this worker, or else the tick that it goes on with.
    pub(in crate::cortex) fn take_in(
        &mut self,
        port: &mut Port,
        mut when: When,
        book: &mut dyn Book,
    ) -> Option<u64> {
        let (mut heard, before) = (false, port.traffic.read);
        for other in 0..port.others() {
            let there = port.published(other);
            for _ in 0..there.min(LOOK_MAX) {
                // What a worker publishes behind its end belongs to what comes then.
                if port.free().has_ended(other) {
                    break;
                }
                let Some(slot) = port.front(other) else { break };
                heard |= self.take(port, other, &slot, &mut when, book);
                port.pass(other);
            }
            if there > LOOK_MAX {
                // The rest is there already: nobody else rings for it.
                port.free().bell().ring();
            }
        }
        let read = port.traffic.read - before;
        if read > 0 {
            port.free().idleness.has_taken(read);
        }
        heard.then_some(when.tick)
    }

    /// Takes one slot in; whether it was for this worker.
    fn take(
        &mut self,
        port: &mut Port,
        other: usize,
        slot: &Spike,
        when: &mut When,
        book: &mut dyn Book,
    ) -> bool {
        let (worker, from) = (self.crossing.index, port.free().number_of(other));
        match Mark::from_slot(slot) {
            Some(Mark::EpochEnd(claim)) => port.free().end(other, claim.computed),
            Some(Mark::Rest { to }) => port.free().rest = Some(to),
            Some(Mark::Admit { drive }) => port.free().drive = Some(drive),
            Some(Mark::Span { .. } | Mark::Mail { .. }) => {}
            Some(Mark::Cells { .. }) if self.network.is_empty() => {}
            Some(Mark::Cells { tick, population, cells, count }) => {
                let tick = when.move_on(tick + 1);
                let fired = &cells[..usize::from(count)];
                let cells = bytemuck::cast_slice(fired);
                book.note(&Recorded::Cells { worker, from, tick, population, cells });
                self.hear_cells(tick, population, fired);
                return true;
            }
            None => {
                // Gates are asked by the first worker, and by nobody else.
                let drive = if from == 0 { port.free().drive.take() } else { None };
                if !self.is_for_here(slot, drive.is_some()) {
                    return false;
                }
                let fired = slot.time_ns() / self.services.tick_length.as_nanos();
                // What a gate drives it drives in the very tick.
                let tick = when.move_on(fired + u64::from(drive.is_none()));
                let mut copied = std::mem::take(&mut self.crossing.payload);
                copied.clear();
                if let Some(block) = slot.arena_ref() {
                    // It is lent until this slot has been passed.
                    let _ = port.arena(other).read_into(block, &mut copied);
                }
                let (spike, payload) = (*slot, &copied[..]);
                book.note(&Recorded::Heard { worker, from, tick, drive, spike, payload });
                when.due = when.due.min(self.hear_spike(tick, drive, spike, payload));
                self.crossing.payload = copied;
                return true;
            }
        }
        false
    }

    /// Whether anything here hears a spike of another worker.
    fn is_for_here(&self, spike: &Spike, driven: bool) -> bool {
        match (spike.target(), spike.source()) {
            (Some(target), _) if driven => self.crossing.is_here(target),
            (Some(target), Ok(_)) => self.crossing.is_here(target),
            (None, Ok(source)) => !self.table.segments_of(source).is_empty(),
            _ => false,
        }
    }

    /// Cells of another worker fire, as in the tick before this worker's next one.
    pub(in crate::cortex) fn hear_cells(&mut self, next: u64, population: u16, cells: &[u32]) {
        self.network.fired_late(population, next.wrapping_sub(1), cells);
    }

    /// A spike of another worker sets out to what is here, as if it had been fired in the tick before this worker's
    /// next one; or it is put onto a membrane in that tick. Returns the first tick in which it arrives.
    pub(in crate::cortex) fn hear_spike(
        &mut self,
        next: u64,
        drive: Option<f32>,
        spike: Spike,
        payload: &[u8],
    ) -> u64 {
        let date = if drive.is_some() { next } else { next.saturating_sub(1) };
        let time = self.services.tick_length.start_ns(Tick(date));
        let spike = spike.stamped(time, spike.sequence());
        match (drive, spike.target(), spike.source()) {
            (Some(drive), Some(target), _) => {
                let Some(spike) = self.with_payload(spike, payload) else { return u64::MAX };
                self.admitted.push(Admitted { spike, target, drive });
                next
            }
            (None, _, Ok(source)) => self.set_in(next, source, spike, payload),
            _ => u64::MAX,
        }
    }

    /// A spike of another worker sets out to the segments here.
    fn set_in(&mut self, next: u64, source: NeuronId, spike: Spike, payload: &[u8]) -> u64 {
        let only = spike.target().map_or(BROADCAST, NeuronId::raw);
        let cell = spike.cell().unwrap_or(NO_CELL);
        let reaches = |worker: &Self, &id: &u32| {
            let Self { table, crowds, .. } = worker;
            crowds::reaches((table, crowds), &table.segments[id as usize], cell, &spike)
        };
        if !self.table.segments_of(source).iter().any(|id| reaches(self, id)) {
            self.counts.unrouted += u64::from(spike.target().is_some());
            return u64::MAX;
        }
        let Some(spike) = self.with_payload(spike, payload) else { return u64::MAX };
        let (flight, place) = self.services.flights.place();
        *place = spike;
        let (mut arrivals, mut soonest) = (0, u64::MAX);
        for index in 0..self.table.segments_of(source).len() {
            let segment = self.table.segments_of(source)[index];
            if !reaches(self, &segment) {
                continue;
            }
            // A delay is one tick at least, and counts from the tick before the next.
            let due = next + u64::from(self.table.segments[segment as usize].delay) - 1;
            self.wheel.push(due, Arrival { segment, flight, only, deferred: false });
            (arrivals, soonest) = (arrivals + 1, soonest.min(due));
        }
        self.services.flights.depart(flight, arrivals, &self.services.arena);
        soonest
    }

    /// The spike with its payload where this worker has its own; `None`, and counted, if there is no room.
    fn with_payload(&mut self, spike: Spike, payload: &[u8]) -> Option<Spike> {
        if spike.arena_ref().is_none() {
            return Some(spike);
        }
        let placed = self.services.arena.write(payload);
        self.services.saturated += u64::from(placed.is_err());
        placed.ok().map(|block| spike.moved_to(block))
    }

    /// Publishes what others are to hear of the tick before `next`, taking in what they have published where it has to
    /// wait for room.
    pub(in crate::cortex) fn send_off(
        &mut self,
        port: &mut Port,
        next: u64,
        book: &mut dyn Book,
    ) -> Result<(), Fallen> {
        if self.crossing.outbound.is_empty() {
            return Ok(());
        }
        let mut slots = std::mem::take(&mut self.crossing.outbound);
        let mut sent = 0;
        for index in 0..slots.len() {
            let Some(block) = slots[index].arena_ref() else { continue };
            let mut payload = std::mem::take(&mut self.crossing.payload);
            payload.clear();
            // This worker holds it since it was fired.
            let _ = self.services.arena.read_into(block, &mut payload);
            // bound: the arena for lending is as large as the one that the payloads of a tick lie in, and empties
            let block = loop {
                if let Ok(block) = port.free().lending.write(&payload) {
                    break block;
                }
                self.publish_freely(port, &slots[sent..index], next, book)?;
                sent = index;
                self.make_way(port, next, book)?;
            };
            self.crossing.payload = payload;
            let position = port.progress().0 + (index - sent) as u64;
            port.free().lend(position, block);
            slots[index] = slots[index].moved_to(block);
        }
        self.publish_freely(port, &slots[sent..], next, book)?;
        slots.clear();
        self.crossing.outbound = slots;
        self.forget_lent();
        Ok(())
    }

    /// What others were to hear is not sent: they are told by records.
    pub(in crate::cortex) fn send_nothing(&mut self) {
        self.crossing.outbound.clear();
        self.forget_lent();
    }

    fn forget_lent(&mut self) {
        for block in self.crossing.lent.drain(..) {
            // A block that is already gone needs no giving back.
            let _ = self.services.arena.release(block);
        }
    }

    fn publish_freely(
        &mut self,
        port: &mut Port,
        slots: &[Spike],
        next: u64,
        book: &mut dyn Book,
    ) -> Result<(), Fallen> {
        let mut left = slots;
        port.free().idleness.will_publish(slots.len());
        // bound: every other worker takes in, or has fallen
        while !left.is_empty() {
            left = &left[port.offer(left)..];
            port.wake();
            if !left.is_empty() {
                self.make_way(port, next, book)?;
            }
        }
        if port.free().has_lent() {
            let passed = port.progress().1;
            port.free().take_back_lent(passed);
        }
        Ok(())
    }

    /// Waits a moment for others to take in, and takes in what they wait with.
    fn make_way(&mut self, port: &mut Port, next: u64, book: &mut dyn Book) -> Result<(), Fallen> {
        port.stands()?;
        self.take_in(port, When::just(next), book);
        let passed = port.progress().1;
        port.free().take_back_lent(passed);
        std::thread::yield_now();
        Ok(())
    }

    /// Asks the others, as the first worker, to come to a tick and then to rest.
    pub(in crate::cortex) fn ask_for_rest(
        &mut self,
        port: &mut Port,
        (next, to): (u64, u64),
        book: &mut dyn Book,
    ) -> Result<(), Fallen> {
        self.publish_freely(port, &[Mark::Rest { to }.to_slot()], next, book)
    }

    /// Comes to the same tick as all others, and says which; nothing is on its way between them then.
    pub(in crate::cortex) fn come_to_rest(
        &mut self,
        port: &mut Port,
        (mut next, to): (u64, u64),
        mut trace: Option<&mut Trace>,
        beat: &mut impl Beat,
        book: &mut dyn Book,
    ) -> Result<u64, Fallen> {
        let latest = self.end_with_others(port, (next, next.max(to)), book)?;
        while let Some(due) = self.next_due(next).filter(|&due| due < latest) {
            self.tick(due, trace.as_deref_mut(), beat);
            next = due + 1;
            self.send_off(port, next, book)?;
        }
        self.end_with_others(port, (latest, latest), book)?;
        Ok(latest)
    }

    /// Says that this worker has come to a tick and publishes nothing more, and takes in until all others have said so.
    /// Returns the latest of these ticks.
    fn end_with_others(
        &mut self,
        port: &mut Port,
        (next, tick): (u64, u64),
        book: &mut dyn Book,
    ) -> Result<u64, Fallen> {
        let end = Claim { due: 0, computed: tick, ticks: 0, halt: false, counted: [0; 3] };
        self.publish_freely(port, &[Mark::EpochEnd(end).to_slot()], next, book)?;
        port.traffic.epochs += 1;
        // bound: every worker ends when it is asked to, or falls
        loop {
            let (bell, wait) = (port.free().bell().clone(), port.free().wait);
            let seen = bell.count();
            self.take_in(port, When::just(next), book);
            if let Some(latest) = port.free().take_ends() {
                return Ok(latest.max(tick));
            }
            port.stands()?;
            bell.wait(seen, wait, None);
        }
    }
}
