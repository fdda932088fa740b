//! Timers, counters, faults, and where the run is.

use super::SnapshotError;
use crate::cortex::Cortex;
use crate::cortex::counts::{Counts, FaultEntry};
use crate::cortex::worker::{Body, Worker};
use crate::id::NeuronId;
use crate::state::{self, StateReader, StateWriter, Texts, TextsColumn};

/// Timers by tick and neuron, and the order in which those of a worker were asked for.
pub(super) fn save_timers(
    workers: &[&Worker],
    out: &mut StateWriter<'_>,
) -> Result<(), SnapshotError> {
    let timers = workers.iter().flat_map(|worker| worker.services.timers.in_order());
    let numbered = timers.zip(0..).map(|((tick, id, cell), asked)| (tick, id, cell, asked));
    let mut timers: Vec<(u64, NeuronId, u32, u64)> = numbered.collect();
    timers.sort_unstable();
    out.section("timers")?;
    out.column("tick", &timers.iter().map(|timer| timer.0).collect::<Vec<u64>>())?;
    out.column("neuron", &timers.iter().map(|timer| timer.1.raw()).collect::<Vec<u16>>())?;
    out.column("cell", &timers.iter().map(|timer| timer.2).collect::<Vec<u32>>())?;
    // The only column that depends on who computed.
    Ok(out.column(state::ASKED, &timers.iter().map(|timer| timer.3).collect::<Vec<u64>>())?)
}

pub(super) fn load_timers(
    workers: &mut [&mut Worker],
    next: u64,
    saved: &StateReader<'_>,
) -> Result<(), SnapshotError> {
    let section = saved.section("timers")?;
    let ticks: Vec<u64> = section.all("tick")?;
    let neurons = section.values::<u16>("neuron", ticks.len())?;
    let cells = section.values::<u32>("cell", ticks.len())?;
    let asked = section.values::<u64>(state::ASKED, ticks.len())?;
    let mut order: Vec<usize> = (0..ticks.len()).collect();
    order.sort_by_key(|&at| asked[at]);
    for at in order {
        let (tick, raw, cell) = (ticks[at], neurons[at], cells[at]);
        let id = NeuronId::new(raw).ok().filter(|id| id.index() < workers[0].cells.len());
        let Some(id) = id else {
            return Err(section.refuse("neuron", at, raw, "there is no such neuron").into());
        };
        let home = usize::from(workers[0].crossing.home(id)).min(workers.len() - 1);
        let worker = &mut *workers[home];
        if let Body::Crowd(crowd) = worker.cells[id.index()].body
            && cell >= worker.crowds.cells_of(crowd)
        {
            return Err(section.refuse("cell", at, cell, "there is no such cell").into());
        }
        if tick < next {
            return Err(section.refuse("tick", at, tick, "it must not be past").into());
        }
        worker.services.timers.set(tick, (id, cell));
    }
    Ok(())
}

impl Cortex {
    pub(super) fn save_ticking(&self, out: &mut StateWriter<'_>) -> Result<(), SnapshotError> {
        out.section("gates")?;
        let gates = |count: fn(&crate::cortex::Door) -> u64| -> Vec<u64> {
            self.doors.iter().map(count).collect()
        };
        out.column("emitted", &gates(|door| door.emitted))?;
        out.column("abandoned", &gates(|door| door.abandoned))?;
        out.section("counts")?;
        for (name, count) in self.counts().each() {
            out.value(name, *count)?;
        }
        let (mut neurons, mut messages) = (Texts::default(), Texts::default());
        let faults = self.faults();
        for fault in &faults {
            neurons.push(fault.neuron.as_bytes());
            messages.push(fault.message.as_bytes());
        }
        out.section("faults")?;
        out.column("tick", &faults.iter().map(|fault| fault.tick).collect::<Vec<u64>>())?;
        neurons.write("neuron", out)?;
        messages.write("message", out)?;
        out.section("clock")?;
        out.value("next", self.next)?;
        Ok(out.value("ticks", self.vitals.ticks)?)
    }

    pub(super) fn load_ticking(&mut self, saved: &StateReader<'_>) -> Result<(), SnapshotError> {
        let gates = saved.section("gates")?;
        let emitted = gates.values::<u64>("emitted", self.doors.len())?;
        let abandoned = gates.values::<u64>("abandoned", self.doors.len())?;
        for (at, door) in self.doors.iter_mut().enumerate() {
            (door.emitted, door.abandoned) = (emitted[at], abandoned[at]);
        }
        let section = saved.section("counts")?;
        let mut counts = Counts::default();
        for (name, count) in counts.each() {
            *count = section.value(name)?;
        }
        let section = saved.section("faults")?;
        let ticks: Vec<u64> = section.all("tick")?;
        let neurons = TextsColumn::read(section, "neuron", ticks.len())?;
        let messages = TextsColumn::read(section, "message", ticks.len())?;
        let fault = |(at, &tick): (usize, &u64)| FaultEntry {
            neuron: neurons.text(at),
            message: messages.text(at),
            tick,
        };
        let faults = ticks.iter().enumerate().map(fault).collect();
        for worker in self.workers_mut() {
            // What was counted while neurons were started is part of what was saved.
            worker.forget_counts();
        }
        (self.worker.counts, self.worker.faults.entries) = (counts, faults);
        let clock = saved.section("clock")?;
        // Far away from where ticks could be no numbers any more.
        self.next = clock.up_to("next", 1, 1 << 62, "no run gets to this tick")?[0];
        self.vitals.ticks = clock.value("ticks")?;
        Ok(())
    }
}
