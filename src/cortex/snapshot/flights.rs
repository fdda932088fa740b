//! Spikes under way, in one order for any number of workers.
//!
//! Within a tick, arrivals come in the order of their key (tick fired, source, cell, sequence, row); one that waits out
//! a refractory pause concerns one target only and stays behind what was in front of it on its worker. So the lists of
//! all workers can be merged into the one that a single worker would have, and divided again.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;

use super::SnapshotError;
use crate::context::Sent;
use crate::cortex::wheel::Arrival;
use crate::cortex::worker::{Admitted, Worker};
use crate::id::NeuronId;
use crate::spike::{BROADCAST, NO_CELL, Spike};
use crate::state::{Section, StateError, StateReader, StateWriter, Texts, TextsColumn};
use crate::time::Tick;

/// Spikes with their payloads, as columns.
#[derive(Default)]
struct Spikes {
    spikes: Vec<u8>,
    payloads: Texts,
    /// Whether a payload was no longer in the arena.
    gone: Vec<u8>,
}

impl Spikes {
    fn push(&mut self, worker: &Worker, spike: &Spike) {
        self.spikes.extend_from_slice(spike.nowhere().as_bytes());
        let mut payload = Vec::new();
        let block = spike.arena_ref();
        let read =
            block.is_none_or(|block| worker.services.arena.read_into(block, &mut payload).is_ok());
        self.payloads.push(&payload);
        self.gone.push(u8::from(!read));
    }

    fn write(&self, name: &str, out: &mut StateWriter<'_>) -> io::Result<()> {
        out.column(&format!("{name}.spike"), &self.spikes)?;
        out.column(&format!("{name}.gone"), &self.gone)?;
        self.payloads.write(&format!("{name}.payload"), out)
    }
}

/// Spikes with their payloads, as they were read.
struct SpikesRead<'a> {
    spikes: Vec<Spike>,
    payloads: TextsColumn<'a>,
    gone: Vec<u8>,
}

impl<'a> SpikesRead<'a> {
    fn read(section: &Section<'a>, name: &str, worker: &Worker) -> Result<Self, StateError> {
        let spikes = Spike::read_all(section, &format!("{name}.spike"))?;
        let refuse = |index, spike: &Spike, expected| {
            Err(section.refuse(&format!("{name}.spike"), index, format!("{spike:?}"), expected))
        };
        let neurons = worker.cells.len();
        for (index, spike) in spikes.iter().enumerate() {
            let known = |id: NeuronId| id.index() < neurons;
            let Some(source) = spike.source().ok().filter(|&id| known(id)) else {
                return refuse(index, spike, "its source must be there");
            };
            if spike.cell().is_some_and(|cell| cell >= worker.atlas.cells(source)) {
                return refuse(index, spike, "the cell that fired it must be there");
            }
            if spike.target().is_some_and(|id| !known(id)) {
                return refuse(index, spike, "its target must be there");
            }
        }
        let payloads = TextsColumn::read(section, &format!("{name}.payload"), spikes.len())?;
        let column = format!("{name}.gone");
        let gone = section.values::<u8>(&column, spikes.len())?;
        let kept = |&at: &usize| gone[at] != 0 && spikes[at].arena_ref().is_none();
        if let Some(at) = (0..gone.len()).find(kept) {
            return Err(section.refuse(&column, at, gone[at], "it carries its payload itself"));
        }
        Ok(Self { spikes, payloads, gone })
    }

    /// A spike with its payload in the arena of a worker.
    fn put(&self, index: usize, worker: &Worker) -> Result<Spike, SnapshotError> {
        let spike = self.spikes[index];
        if spike.arena_ref().is_none() || self.gone[index] != 0 {
            return Ok(spike);
        }
        let payload = self.payloads.get(index);
        match worker.services.arena.write(payload) {
            Ok(block) => Ok(spike.moved_to(block)),
            Err(source) => Err(SnapshotError::Room { bytes: payload.len(), source }),
        }
    }
}

/// An arrival, and by what it is ordered.
struct Due<'a> {
    tick: u64,
    arrival: Arrival,
    spike: &'a Spike,
    projection: u32,
    delay: u32,
}

/// What a spike is known by, on whichever worker.
type Name = (u64, u16, u32, u32);

fn name(spike: &Spike) -> Name {
    let source = spike.source().map_or(BROADCAST, NeuronId::raw);
    (spike.time_ns(), source, spike.cell().unwrap_or(NO_CELL), spike.sequence())
}

impl Due<'_> {
    fn order(&self, other: &Self) -> Ordering {
        let (a, b) = (name(self.spike), name(other.spike));
        let key = |due: &Self, (time, source, cell, _): Name| {
            // False comes first: what was put off stays behind what it came behind, and before what comes later.
            (due.tick, !due.arrival.deferred, time, source, cell)
        };
        let first = key(self, a).cmp(&key(other, b));
        // Sequences wrap; those of one source in one tick lie close together.
        let sequence = || (a.3.wrapping_sub(b.3) as i32).cmp(&0);
        let row = || (self.projection, self.delay).cmp(&(other.projection, other.delay));
        first.then_with(sequence).then_with(row)
    }

    /// Whether it is the same arrival, at the synapses of another worker.
    fn is_same(&self, other: &Self) -> bool {
        !self.arrival.deferred
            && !other.arrival.deferred
            && self.arrival.only == other.arrival.only
            && self.order(other) == Ordering::Equal
    }
}

/// The arrivals of all workers, merged; each with the worker that has its spike.
fn merged<'a>(workers: &[&'a Worker], next: u64) -> Vec<(usize, Due<'a>)> {
    let mut lists: Vec<std::vec::IntoIter<Due<'a>>> = Vec::with_capacity(workers.len());
    for worker in workers {
        let mut list = Vec::new();
        worker.wheel.each(next, |tick, &arrival| {
            let segment = &worker.table.segments[arrival.segment as usize];
            let (projection, delay) = (segment.projection, segment.delay);
            let spike = worker.services.flights.spike(arrival.flight);
            list.push(Due { tick, arrival, spike, projection, delay });
        });
        lists.push(list.into_iter());
    }
    let mut all: Vec<(usize, Due<'a>)> = Vec::new();
    loop {
        let heads = lists.iter().enumerate();
        let heads = heads.filter_map(|(place, list)| Some((place, list.as_slice().first()?)));
        let first = heads.min_by(|(_, a), (_, b)| a.order(b)).map(|(place, _)| place);
        let Some(due) = first.and_then(|place| Some((place, lists[place].next()?))) else {
            return all;
        };
        for (_, list) in lists.iter_mut().enumerate().filter(|&(other, _)| other != due.0) {
            if list.as_slice().first().is_some_and(|head| head.is_same(&due.1)) {
                list.next();
            }
        }
        all.push(due);
    }
}

/// Writes everything that is under way, waits for a gate, or was handed in for the next tick.
pub(super) fn save(
    workers: &[&Worker],
    next: u64,
    out: &mut StateWriter<'_>,
) -> Result<(), SnapshotError> {
    let (mut spikes, mut known) = (Spikes::default(), BTreeMap::<Name, u32>::new());
    let mut number = |worker: &Worker, spike: &Spike| {
        let next = known.len() as u32;
        *known.entry(name(spike)).or_insert_with(|| {
            spikes.push(worker, spike);
            next
        })
    };
    let (mut ticks, mut numbers, mut projections) = (Vec::new(), Vec::new(), Vec::new());
    let (mut delays, mut only, mut deferred) = (Vec::new(), Vec::new(), Vec::new());
    for (place, due) in merged(workers, next) {
        ticks.push(due.tick);
        numbers.push(number(workers[place], due.spike));
        projections.push(due.projection);
        delays.push(due.delay);
        only.push(due.arrival.only);
        deferred.push(u8::from(due.arrival.deferred));
    }
    let (mut gates, mut held, mut reached) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sent, mut admitted) = (Vec::new(), Spikes::default());
    let (mut targets, mut drives) = (Vec::<u16>::new(), Vec::<f32>::new());
    for worker in workers {
        let spike = |flight| worker.services.flights.spike(flight);
        for (gate, outlet) in worker.outlets.iter().enumerate() {
            for &(flight, tick) in &outlet.held {
                gates.push(gate as u16);
                held.push(number(worker, spike(flight)));
                reached.push(tick.0);
            }
        }
        sent.extend(worker.services.outbox.iter().map(|sent| number(worker, spike(sent.flight))));
        for admission in &worker.admitted {
            admitted.push(worker, &admission.spike);
            targets.push(admission.target.raw());
            drives.push(admission.drive);
        }
    }
    out.section("flights")?;
    spikes.write("flight", out)?;
    out.column("due.tick", &ticks)?;
    out.column("due.flight", &numbers)?;
    out.column("due.projection", &projections)?;
    out.column("due.delay", &delays)?;
    out.column("due.only", &only)?;
    out.column("due.deferred", &deferred)?;
    out.column("held.gate", &gates)?;
    out.column("held.flight", &held)?;
    out.column("held.reached", &reached)?;
    out.column("sent.flight", &sent)?;
    admitted.write("admitted", out)?;
    out.column("admitted.target", &targets)?;
    Ok(out.column("admitted.drive", &drives)?)
}

/// The spikes under way on one worker while they are put there.
struct Landing<'s, 'a> {
    spikes: &'s SpikesRead<'a>,
    /// Where each lies here, if it does.
    flights: Vec<Option<u32>>,
    /// How many arrivals refer to it.
    pending: Vec<u32>,
}

impl Landing<'_, '_> {
    fn place(&mut self, number: usize, worker: &mut Worker) -> Result<u32, SnapshotError> {
        if let Some(flight) = self.flights[number] {
            return Ok(flight);
        }
        let spike = self.spikes.put(number, worker)?;
        let (flight, place) = worker.services.flights.place();
        *place = spike;
        self.flights[number] = Some(flight);
        Ok(flight)
    }

    fn refer(&mut self, number: usize, worker: &mut Worker) -> Result<u32, SnapshotError> {
        self.pending[number] += 1;
        self.place(number, worker)
    }

    /// Everything refers to its spike.
    fn settle(self, worker: &mut Worker) {
        for (flight, pending) in self.flights.into_iter().zip(self.pending) {
            if let Some(flight) = flight.filter(|_| pending > 0) {
                let services = &mut worker.services;
                services.flights.depart(flight, pending, &services.arena);
            }
        }
    }
}

/// Puts everything under way again; see [`save`].
pub(super) fn load(
    workers: &mut [&mut Worker],
    next: u64,
    state: &StateReader<'_>,
) -> Result<(), SnapshotError> {
    let section = state.section("flights")?;
    let spikes = SpikesRead::read(section, "flight", workers[0])?;
    let count = spikes.spikes.len();
    let landing =
        || Landing { spikes: &spikes, flights: vec![None; count], pending: vec![0; count] };
    let mut landings: Vec<Landing<'_, '_>> = workers.iter().map(|_| landing()).collect();
    workers.iter_mut().for_each(|worker| worker.wheel.resume(next));
    load_due(workers, &mut landings, next, section)?;
    load_held(workers[0], &mut landings[0], section)?;
    let sent = numbers(section, "sent.flight", count)?;
    for &number in &sent {
        let spike = spikes.spikes[number];
        let flight = landings[0].place(number, workers[0])?;
        let (_, source, cell, _) = name(&spike);
        // A spike whose source is nobody was refused.
        let Ok(source) = NeuronId::new(source) else { continue };
        let target = spike.target().map_or(BROADCAST, NeuronId::raw);
        workers[0].services.outbox.push(Sent { source, cell, target, flight });
    }
    for (landing, worker) in landings.into_iter().zip(workers.iter_mut()) {
        landing.settle(worker);
    }
    load_admitted(workers, section)
}

fn numbers(section: &Section<'_>, name: &str, spikes: usize) -> Result<Vec<usize>, StateError> {
    let numbers: Vec<u32> = section.all(name)?;
    match numbers.iter().position(|&number| number as usize >= spikes) {
        Some(at) => Err(section.refuse(name, at, numbers[at], "there is no such spike")),
        None => Ok(numbers.into_iter().map(|number| number as usize).collect()),
    }
}

fn load_due(
    workers: &mut [&mut Worker],
    landings: &mut [Landing<'_, '_>],
    next: u64,
    section: &Section<'_>,
) -> Result<(), SnapshotError> {
    let spikes = landings[0].spikes;
    let numbers = numbers(section, "due.flight", spikes.spikes.len())?;
    let count = numbers.len();
    let ticks = section.values::<u64>("due.tick", count)?;
    let projections = section.values::<u32>("due.projection", count)?;
    let delays = section.values::<u32>("due.delay", count)?;
    let only = section.values::<u16>("due.only", count)?;
    let deferred = section.values::<u8>("due.deferred", count)?;
    for at in 0..count {
        let refuse = |column, value: u64, why| Err(section.refuse(column, at, value, why).into());
        let (number, tick) = (numbers[at], ticks[at]);
        let source = NeuronId::new(name(&spikes.spikes[number]).1).ok();
        let target = NeuronId::new(only[at]).ok();
        if target.is_some_and(|id| id.index() >= workers[0].cells.len()) {
            return refuse("due.only", u64::from(only[at]), "there is no such neuron");
        }
        let mut arrives = false;
        for (worker, landing) in workers.iter_mut().zip(&mut *landings) {
            if target.is_some_and(|target| !worker.crossing.is_here(target)) {
                continue;
            }
            let segment =
                source.and_then(|id| worker.table.segment_at(id, projections[at], delays[at]));
            let Some(segment) = segment else { continue };
            if !worker.wheel.reaches(tick, next) {
                return refuse("due.tick", tick, "it is past, or further away than any delay");
            }
            let flight = landing.refer(number, worker)?;
            let (only, deferred) = (only[at], deferred[at] != 0);
            worker.wheel.push(tick, Arrival { segment, flight, only, deferred });
            arrives = true;
        }
        if !arrives {
            return refuse("due.projection", u64::from(projections[at]), "there is no such row");
        }
    }
    Ok(())
}

fn load_held(
    worker: &mut Worker,
    landing: &mut Landing<'_, '_>,
    section: &Section<'_>,
) -> Result<(), SnapshotError> {
    let held = numbers(section, "held.flight", landing.spikes.spikes.len())?;
    let gates = section.values::<u16>("held.gate", held.len())?;
    let reached = section.values::<u64>("held.reached", held.len())?;
    for (at, number) in held.into_iter().enumerate() {
        let gate = usize::from(gates[at]);
        if gate >= worker.outlets.len() {
            return Err(section.refuse("held.gate", at, gate, "there is no such gate").into());
        }
        let flight = landing.refer(number, worker)?;
        worker.outlets[gate].held.push((flight, Tick(reached[at])));
    }
    Ok(())
}

fn load_admitted(workers: &mut [&mut Worker], section: &Section<'_>) -> Result<(), SnapshotError> {
    let spikes = SpikesRead::read(section, "admitted", workers[0])?;
    let count = spikes.spikes.len();
    let targets = section.values::<u16>("admitted.target", count)?;
    let drives = section.values::<f32>("admitted.drive", count)?;
    for (at, (&raw, &drive)) in targets.iter().zip(&drives).enumerate() {
        let target = NeuronId::new(raw).ok().filter(|id| id.index() < workers[0].cells.len());
        let Some(target) = target else {
            let expected = "there is no such neuron";
            return Err(section.refuse("admitted.target", at, raw, expected).into());
        };
        let home = usize::from(workers[0].crossing.home(target)).min(workers.len() - 1);
        let spike = spikes.put(at, workers[home])?;
        workers[home].admitted.push(Admitted { spike, target, drive });
    }
    Ok(())
}
