//! What goes from worker to worker, on the worker's side.
//!
//! The order in which spikes arrive is that of the full key (tick fired, source, sequence), whoever fired them. So what
//! this worker sends itself beyond the end of the epoch is held until the others' is there too, and then both go under
//! way in one order. A spike that waits out a refractory pause was put off while its tick was routed, before anybody
//! fired in it.

use std::sync::Arc;

use super::mark::Mark;
use super::port::Port;
use crate::arena::Arena;
use crate::cortex::crowds::reaches;
use crate::cortex::wheel::{Arrival, Wheel};
use crate::cortex::worker::Worker;
use crate::id::{NeuronId, RegionId};
use crate::spike::{ArenaRef, BROADCAST, NO_CELL, Spike};

/// The most workers of a cortex.
pub(in crate::cortex) const WORKERS_MAX: usize = 64;

/// When in its tick an arrival was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cortex) enum Phase {
    /// While spikes were routed: it waits for the end of a pause.
    Route,
    /// When spikes were published.
    Publish,
}

/// An arrival that waits for the end of the epoch.
#[derive(Debug, Clone, Copy)]
struct Held {
    fired: u64,
    phase: Phase,
    source: u16,
    due: u64,
    arrival: Arrival,
}

impl Held {
    fn key(&self) -> (u64, Phase, u16) {
        (self.fired, self.phase, self.source)
    }
}

/// What a worker knows of the others, and keeps for them.
#[derive(Debug)]
pub(in crate::cortex) struct Crossing {
    /// Which worker this is.
    pub(in crate::cortex) index: u8,
    /// Arrivals from this tick on are held; never, where there is one worker only.
    horizon: u64,
    /// Whose each region is.
    regions: Arc<[u8]>,
    /// Whose each neuron is.
    homes: Vec<u8>,
    /// The shortest delay with which each neuron is heard by other workers; 0 where none hears it.
    reach: Vec<u32>,
    /// Crowds of which others hear only some cells: which, a bit for each. In order of ids.
    partly: Vec<(NeuronId, Box<[u64]>)>,
    held: Vec<Held>,
    /// What the others sent, by worker, while it is put in order.
    foreign: Vec<Vec<Held>>,
    /// What the others are to get at the end of the epoch.
    pub(super) outbound: Vec<Spike>,
    /// The first tick in which something of `held` or `outbound` can arrive.
    soonest: u64,
    /// Payloads that the others copy: of this epoch, and of the one before.
    pub(super) lent: Vec<ArenaRef>,
    lent_before: Vec<ArenaRef>,
    /// A large payload on its way from another worker's arena to this one's.
    pub(super) payload: Vec<u8>,
}

impl Crossing {
    /// Of one worker, given whose each region is.
    pub(in crate::cortex) fn new(index: u8, regions: Arc<[u8]>) -> Self {
        Self {
            index,
            horizon: u64::MAX,
            regions,
            homes: Vec::new(),
            reach: Vec::new(),
            partly: Vec::new(),
            held: Vec::new(),
            foreign: Vec::new(),
            outbound: Vec::new(),
            soonest: u64::MAX,
            lent: Vec::new(),
            lent_before: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// Whose a region is.
    pub(in crate::cortex) fn home_of_region(&self, region: RegionId) -> u8 {
        self.regions.get(region.index()).copied().unwrap_or(0)
    }

    /// Makes room for so many neurons more.
    pub(in crate::cortex) fn reserve(&mut self, neurons: usize) {
        self.homes.reserve(neurons);
        self.reach.reserve(neurons);
    }

    /// A neuron has been added, and belongs to a worker.
    pub(in crate::cortex) fn add_neuron(&mut self, home: u8) {
        self.homes.push(home);
        self.reach.push(0);
    }

    /// Whether a neuron belongs to this worker.
    #[inline]
    pub(in crate::cortex) fn is_here(&self, id: NeuronId) -> bool {
        self.homes[id.index()] == self.index
    }

    /// Whose neuron it is.
    pub(in crate::cortex) fn home(&self, id: NeuronId) -> u8 {
        self.homes[id.index()]
    }

    /// A synapse of another worker hears a neuron, or all cells of a crowd.
    pub(in crate::cortex) fn heard_elsewhere(&mut self, source: NeuronId, delay: u32) {
        self.partly.retain(|&(crowd, _)| crowd != source);
        self.reach_out(source, delay);
    }

    /// Synapses of another worker hear these cells of a crowd.
    pub(in crate::cortex) fn cells_heard_elsewhere(
        &mut self,
        source: NeuronId,
        delay: u32,
        heard: &[bool],
    ) {
        if heard.iter().all(|&heard| heard) {
            return self.heard_elsewhere(source, delay);
        }
        match self.partly.binary_search_by_key(&source, |&(crowd, _)| crowd) {
            // All of its cells are heard already.
            Err(_) if self.reach[source.index()] != 0 => {}
            found => {
                let at = found.unwrap_or_else(|at| {
                    let bits = vec![0; heard.len().div_ceil(64)].into();
                    self.partly.insert(at, (source, bits));
                    at
                });
                let bits = &mut self.partly[at].1;
                let cells = heard.iter().enumerate().filter(|&(_, &heard)| heard);
                cells.for_each(|(cell, _)| bits[cell / 64] |= 1 << (cell % 64));
            }
        }
        self.reach_out(source, delay);
    }

    fn reach_out(&mut self, source: NeuronId, delay: u32) {
        let reach = &mut self.reach[source.index()];
        *reach = if *reach == 0 { delay } else { delay.min(*reach) };
    }

    /// Whether a spike of this neuron or cell, for all or for one, is for other workers too.
    #[inline]
    pub(in crate::cortex) fn goes_elsewhere(
        &self,
        source: NeuronId,
        cell: u32,
        target: u16,
    ) -> bool {
        if target == BROADCAST {
            return self.reach[source.index()] != 0 && self.is_heard(source, cell);
        }
        self.homes.get(usize::from(target)).is_some_and(|&home| home != self.index)
    }

    /// Whether others hear this cell of a crowd of which they hear any.
    #[inline]
    fn is_heard(&self, source: NeuronId, cell: u32) -> bool {
        if cell == NO_CELL || self.partly.is_empty() {
            return true;
        }
        let found = self.partly.binary_search_by_key(&source, |&(crowd, _)| crowd);
        found.map_or(true, |at| self.partly[at].1[cell as usize / 64] >> (cell % 64) & 1 != 0)
    }

    /// An epoch begins: what arrives from its end on is held.
    pub(super) fn begin_epoch(&mut self, end: u64) {
        self.horizon = end;
    }

    /// There is one order again: nothing is held.
    pub(super) fn end_span(&mut self) {
        self.horizon = u64::MAX;
    }

    /// The first tick in which something can arrive that no wheel knows of yet.
    pub(super) fn soonest(&self) -> u64 {
        self.soonest
    }

    /// A spike is on its way to a segment here: at once if it arrives within the epoch.
    #[inline]
    pub(in crate::cortex) fn set_out(
        &mut self,
        wheel: &mut Wheel,
        (now, due): (u64, u64),
        arrival: Arrival,
        (phase, source): (Phase, NeuronId),
    ) {
        if due < self.horizon {
            wheel.push(due, arrival);
        } else {
            self.soonest = self.soonest.min(due);
            self.held.push(Held { fired: now, phase, source: source.raw(), due, arrival });
        }
    }

    /// What the others are to get, and the mark that ends the epoch behind it.
    pub(super) fn publish(&mut self, port: &mut Port, end: Mark) -> Result<(), super::Fallen> {
        self.outbound.push(end.to_slot());
        let published = port.publish(&self.outbound);
        port.wake();
        self.outbound.clear();
        published
    }
}

impl Worker {
    /// How many neurons, gates and populations belong to this worker.
    pub(in crate::cortex) fn neurons_here(&self) -> usize {
        self.crossing.homes.iter().filter(|&&home| home == self.crossing.index).count()
    }

    /// A spike is for other workers.
    pub(in crate::cortex) fn send_elsewhere(&mut self, source: NeuronId, flight: u32) {
        let spike = self.services.flights.spike(flight);
        let crossing = &mut self.crossing;
        if let Some(block) = spike.arena_ref()
            && self.services.arena.retain(block).is_ok()
        {
            crossing.lent.push(block);
        }
        crossing.outbound.push(*spike);
        let delay = u64::from(crossing.reach[source.index()].max(1));
        crossing.soonest = crossing.soonest.min(self.services.now + delay);
    }

    /// The cells that fired in this tick, for the workers that hear them.
    pub(in crate::cortex) fn send_cells_elsewhere(&mut self) {
        let now = self.services.now;
        for (population, cells) in self.network.fired_for_others(now) {
            let marks = Mark::cells(now, population, cells).map(Mark::to_slot);
            self.crossing.outbound.extend(marks);
        }
    }

    /// A gate puts a spike straight onto a membrane of another worker.
    pub(in crate::cortex) fn admit_elsewhere(&mut self, spike: Spike, drive: f32) {
        self.crossing.lent.extend(spike.arena_ref());
        self.crossing.outbound.extend([Mark::Admit { drive }.to_slot(), spike]);
    }

    /// Something lies in the mailboxes of the others, and belongs before what is admitted from now on.
    pub(in crate::cortex) fn announce_mail(&mut self) {
        self.crossing.outbound.push(Mark::Mail { tick: self.services.now }.to_slot());
    }

    /// What was admitted for other workers goes out before the span that it belongs to.
    pub(in crate::cortex) fn publish_admitted(
        &mut self,
        port: &mut Port,
    ) -> Result<(), super::Fallen> {
        let published = port.publish(&self.crossing.outbound);
        self.crossing.outbound.clear();
        published
    }

    /// Everybody's epoch has been read: it goes under way in one order.
    pub(super) fn integrate(&mut self, port: &mut Port) {
        let mut foreign = std::mem::take(&mut self.crossing.foreign);
        foreign.resize_with(port.others(), Vec::new);
        for (other, list) in foreign.iter_mut().enumerate() {
            let mut epoch = port.take_epoch(other);
            for slot in epoch.drain(..) {
                match Mark::from_slot(&slot) {
                    Some(Mark::Cells { tick, population, cells, count }) => {
                        let cells = &cells[..usize::from(count)];
                        self.network.fired_elsewhere(population, tick, cells);
                    }
                    Some(_) => {}
                    None => self.receive(port.arena(other), slot, list),
                }
            }
            port.give_back(other, epoch);
        }
        self.put_in_order(&mut foreign);
        self.crossing.foreign = foreign;
        self.crossing.soonest = u64::MAX;
        self.take_back_lent();
    }

    /// A spike of another worker sets out to the segments here.
    fn receive(&mut self, arena: &Arena, mut spike: Spike, list: &mut Vec<Held>) {
        let Ok(source) = spike.source() else { return };
        let only = spike.target().map_or(BROADCAST, NeuronId::raw);
        if let Some(target) = spike.target()
            && !self.crossing.is_here(target)
        {
            return;
        }
        let fired = spike.time_ns() / self.services.tick_length.as_nanos();
        let before = list.len();
        let cell = spike.cell().unwrap_or(NO_CELL);
        for &id in self.table.segments_of(source) {
            let segment = &self.table.segments[id as usize];
            if !reaches((&self.table, &self.crowds), segment, cell, &spike) {
                continue;
            }
            // Where it flies is known once there is somewhere to fly.
            let arrival = Arrival { segment: id, flight: u32::MAX, only, deferred: false };
            let due = fired + u64::from(segment.delay);
            list.push(Held { fired, phase: Phase::Publish, source: source.raw(), due, arrival });
        }
        let arrivals = list.len() - before;
        if arrivals == 0 {
            self.counts.unrouted += u64::from(spike.target().is_some());
            return;
        }
        if !self.copy_payload(arena, &mut spike) {
            list.truncate(before);
            return;
        }
        let (flight, place) = self.services.flights.place();
        *place = spike;
        self.services.flights.depart(flight, arrivals as u32, &self.services.arena);
        list[before..].iter_mut().for_each(|held| held.arrival.flight = flight);
    }

    /// A large payload of another worker is copied to where this one has its own; false, and counted, if it is not.
    pub(super) fn copy_payload(&mut self, theirs: &Arena, spike: &mut Spike) -> bool {
        let Some(block) = spike.arena_ref() else { return true };
        let payload = &mut self.crossing.payload;
        payload.clear();
        if theirs.read_into(block, payload).is_err() {
            self.counts.payload_gone += 1;
            return false;
        }
        match self.services.arena.write(payload) {
            Ok(block) => *spike = spike.moved_to(block),
            Err(_) => {
                self.services.saturated += 1;
                return false;
            }
        }
        true
    }

    /// What is held here and what came from others, each of which is in order, goes under way in one order.
    fn put_in_order(&mut self, foreign: &mut [Vec<Held>]) {
        let held = std::mem::take(&mut self.crossing.held);
        let mut lists = std::iter::once(&held).chain(&*foreign).filter(|list| !list.is_empty());
        match (lists.next(), lists.next()) {
            (Some(alone), None) => {
                alone.iter().for_each(|held| self.wheel.push(held.due, held.arrival));
            }
            _ => self.merge(&held, foreign),
        }
        self.crossing.held = held;
        self.crossing.held.clear();
        foreign.iter_mut().for_each(Vec::clear);
    }

    fn merge(&mut self, held: &[Held], foreign: &[Vec<Held>]) {
        let mut at = [0; WORKERS_MAX];
        loop {
            let lists = std::iter::once(held).chain(foreign.iter().map(Vec::as_slice)).enumerate();
            let heads = lists.filter_map(|(list, all)| Some((all.get(at[list])?, list)));
            let Some((first, list)) = heads.min_by_key(|(head, _)| head.key()) else { break };
            self.wheel.push(first.due, first.arrival);
            at[list] += 1;
        }
    }

    /// Everybody has ended this epoch, and so has copied what was lent in the one before.
    fn take_back_lent(&mut self) {
        let crossing = &mut self.crossing;
        for block in crossing.lent_before.drain(..) {
            // A block that is already gone needs no giving back.
            let _ = self.services.arena.release(block);
        }
        std::mem::swap(&mut crossing.lent, &mut crossing.lent_before);
    }
}
