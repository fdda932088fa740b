//! All populations, and one tick of the part of them that a worker has.
//!
//! A population can be cut into slices, one for each worker. A worker has the columns of its own slice, the synapses
//! onto its own cells, and who fired anywhere: what others' cells fired it is told between two epochs, before the
//! first of those spikes can arrive.

mod digest;
mod saving;

use std::ops::Range;

use super::columns::Columns;
use super::learning::Learning;
use super::memory::is_room_for;
use super::monitor::{Monitors, WeightMonitor, WeightSeen};
use super::rows::{self, Plan, Table};
use super::{Cells, Record};
use crate::id::NeuronId;
use crate::projection::{Projection, ProjectionError};
use crate::time::TickLength;

/// Which population an endpoint is, and how many cells it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PopulationEnd {
    pub(crate) population: u16,
    pub(crate) cells: u32,
}

/// Who fired, for as long as a spike may travel.
#[derive(Debug)]
struct History {
    ticks: Vec<Vec<u32>>,
    /// Whose cells are not in order, because some were told of late.
    mixed: Option<usize>,
}

impl History {
    #[inline]
    fn slot(&self, tick: u64) -> usize {
        tick as usize & (self.ticks.len() - 1)
    }

    /// Who fired so many ticks before `now`; before the first tick, only whom others have told of.
    fn fired(&self, now: u64, delay: u32) -> &[u32] {
        &self.ticks[self.slot(now.wrapping_sub(u64::from(delay)))]
    }

    /// Adds cells to those of a tick that has been computed.
    fn add_late(&mut self, tick: u64, cells: &[u32]) {
        let slot = self.slot(tick);
        if self.mixed != Some(slot) {
            self.put_in_order();
        }
        self.ticks[slot].extend_from_slice(cells);
        self.mixed = Some(slot);
    }

    /// Puts what was told of late in its place: once, as there may be thousands of cells of many ticks.
    fn put_in_order(&mut self) {
        if let Some(slot) = self.mixed.take() {
            self.ticks[slot].sort_unstable();
        }
    }
}

/// The synapses of one projection, as far as their targets are here.
#[derive(Debug)]
struct Link {
    from: usize,
    to: usize,
    inhibitory: bool,
    tables: Vec<Table>,
    learning: Option<Learning>,
    monitor: Option<WeightMonitor>,
}

/// The synapses of one projection between two populations, summed up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bundle {
    pub(crate) synapses: u64,
    /// The sum of the weights.
    pub(crate) weights: f64,
    pub(crate) longest_delay: u32,
    pub(crate) plastic: bool,
}

#[derive(Debug)]
struct Population {
    endpoint: NeuronId,
    /// How many cells it has on all workers.
    count: u32,
    /// The cells that are here.
    slice: Range<u32>,
    /// Who of them fired in this tick, by position in the slice.
    fired: Vec<u32>,
    /// Whether cells of other workers hear these.
    heard_elsewhere: bool,
    /// What agents and gates add to every cell in this tick: what excites, and what inhibits.
    drive: (f32, f32),
    /// What rewards add up to in this tick.
    reward: f32,
    record: Option<Vec<(u64, u32)>>,
    monitors: Monitors,
}

/// The populations of a worker.
#[derive(Debug, Default)]
pub(crate) struct Network {
    populations: Vec<Population>,
    columns: Vec<Columns>,
    histories: Vec<History>,
    links: Vec<Link>,
    pub(crate) delivered: u64,
    pub(crate) firings: u64,
}

impl Network {
    /// Whether no cell is here.
    pub(crate) fn is_empty(&self) -> bool {
        self.populations.iter().all(|population| population.slice.is_empty())
    }

    /// Adds a population of so many cells, of which a slice is here.
    pub(crate) fn add(
        &mut self,
        endpoint: NeuronId,
        cells: &Cells,
        (count, slice): (u32, Range<u32>),
        records: &[Record],
        (length, seed): (TickLength, u64),
    ) -> PopulationEnd {
        let stream = 1 << 32 | u64::from(endpoint.raw());
        self.columns.push(Columns::new(cells, slice.clone(), length, seed, stream));
        self.histories.push(History { ticks: vec![Vec::new(); 2], mixed: None });
        self.populations.push(Population {
            endpoint,
            count,
            monitors: Monitors::new(records, &slice, length),
            slice,
            fired: Vec::new(),
            heard_elsewhere: false,
            drive: (0.0, 0.0),
            reward: 0.0,
            record: records.contains(&Record::Spikes).then(Vec::new),
        });
        PopulationEnd { population: (self.populations.len() - 1) as u16, cells: count }
    }

    /// Makes the synapses of a projection between two populations onto the cells that are here.
    pub(crate) fn connect(
        &mut self,
        from: PopulationEnd,
        to: PopulationEnd,
        spec: &Projection,
        (length, seed): (TickLength, u64),
    ) {
        let plan = Plan {
            spec,
            sources: from.cells,
            targets: self.populations[usize::from(to.population)].slice.clone(),
            recurrent: from == to,
            length,
            seed,
            // Populations draw from streams with bit 32, agents from those below.
            salt: 1 << 33 | self.links.len() as u64,
        };
        let mut tables = plan.build();
        // By the description and not by the tables: these are other ones on each worker.
        let longest = spec.longest_delay(|span| length.ticks(span));
        let history = &mut self.histories[usize::from(from.population)];
        let slots = (longest as usize + 1).next_power_of_two();
        if slots > history.ticks.len() {
            history.ticks.resize(slots, Vec::new());
        }
        let learning = Learning::new(&plan, &tables);
        tables.iter_mut().for_each(|table| table.complete(learning.is_some()));
        self.links.push(Link {
            from: usize::from(from.population),
            to: usize::from(to.population),
            inhibitory: spec.inhibitory,
            tables,
            learning,
            monitor: spec.record_weights.map(|every| WeightMonitor::new(every, length)),
        });
    }

    /// An agent's or a gate's spike drives every cell of a population in this tick.
    pub(crate) fn drive_all(&mut self, population: u16, drive: f32) {
        let sums = &mut self.populations[usize::from(population)].drive;
        let sum = if drive < 0.0 { &mut sums.1 } else { &mut sums.0 };
        *sum += drive;
    }

    /// A reward reaches every cell of a population in this tick.
    pub(crate) fn reward(&mut self, population: u16, amount: f32) {
        self.populations[usize::from(population)].reward += amount;
    }

    /// Whether the cells of a population fire by themselves and hear nothing.
    pub(crate) fn is_source(&self, end: PopulationEnd) -> bool {
        self.columns.get(usize::from(end.population)).is_some_and(Columns::is_source)
    }

    /// Whether two populations can have the projection between them.
    pub(crate) fn check(
        &self,
        spec: &Projection,
        from: PopulationEnd,
        to: PopulationEnd,
    ) -> Result<(), ProjectionError> {
        let refuse = |feature, why| Err(ProjectionError::Unsupported { feature, why });
        if self.is_source(to) {
            return refuse("a projection", "its target is a source, which hears nothing");
        }
        if spec.dendrite.is_some() || spec.silent || spec.lossless {
            return refuse("a dendrite, silence or losslessness", "both ends are populations");
        }
        if spec.inhibitory && spec.is_plastic() {
            return refuse("plasticity", "inhibitory synapses between populations do not learn");
        }
        spec.fits((from.cells, to.cells), from == to)?;
        let synapses = spec.connector.expected(from.cells, to.cells);
        let bytes = rows::bytes_of(spec, synapses);
        if synapses >= 1 << 32 {
            return Err(ProjectionError::TooMany { synapses, bytes });
        }
        if !is_room_for(bytes) {
            return Err(ProjectionError::Memory { synapses, bytes });
        }
        Ok(())
    }

    /// One tick of all populations.
    pub(crate) fn tick(&mut self, now: u64) {
        self.histories.iter_mut().for_each(History::put_in_order);
        for (columns, population) in self.columns.iter_mut().zip(&mut self.populations) {
            columns.advance(now);
            let drive = std::mem::take(&mut population.drive);
            if drive != (0.0, 0.0) {
                columns.drive_all(drive.0, drive.1);
            }
        }
        for link in &mut self.links {
            if let Some(learning) = &mut link.learning {
                learning.begin(now);
                learning.reward(self.populations[link.to].reward, &mut link.tables);
            }
            for (index, table) in link.tables.iter_mut().enumerate() {
                let fired = self.histories[link.from].fired(now, table.delay);
                let input = self.columns[link.to].input(link.inhibitory);
                self.delivered += match &mut link.learning {
                    Some(learning) => learning.arrive(now, (index, table), fired, input),
                    None => table.deliver(fired, input),
                };
            }
        }
        self.populations.iter_mut().for_each(|population| population.reward = 0.0);
        self.fire(now);
        for link in &mut self.links {
            let Some(learning) = &mut link.learning else { continue };
            let fired = &self.populations[link.to].fired;
            let history = &self.histories[link.from];
            learning.settle(now, &mut link.tables, fired, |delay| history.fired(now, delay));
        }
        self.look(now);
    }

    /// Lets the monitors write down what they are there for.
    fn look(&mut self, now: u64) {
        for (population, columns) in self.populations.iter_mut().zip(&self.columns) {
            let Population { monitors, fired, slice, .. } = population;
            monitors.look(now, fired.len(), |cell| columns.potential(cell - slice.start));
        }
        for link in &mut self.links {
            if let Some(monitor) = &mut link.monitor {
                monitor.look(now, &link.tables, self.populations[link.to].slice.start);
            }
        }
    }

    /// Spikes of a population by bins, and the length of a bin in ticks, over all workers.
    pub(crate) fn recorded_rates(parts: &[&Self], population: u16) -> Option<(Vec<u64>, u64)> {
        Monitors::rates(&Self::monitors(parts, population)?)
    }

    /// Tick, cell and potential of what a population has written down, over all workers.
    pub(crate) fn recorded_potentials(
        parts: &[&Self],
        population: u16,
    ) -> Option<Vec<(u64, u32, f32)>> {
        Monitors::potentials(&Self::monitors(parts, population)?)
    }

    fn monitors<'a>(parts: &[&'a Self], population: u16) -> Option<Vec<&'a Monitors>> {
        let of = |part: &&'a Self| Some(&part.populations.get(usize::from(population))?.monitors);
        parts.iter().map(of).collect()
    }

    /// What the projections between two populations have written down of their weights, over all workers; `None` if
    /// none was told to.
    pub(crate) fn recorded_weights(parts: &[&Self], from: u16, to: u16) -> Option<Vec<WeightSeen>> {
        let (from, to) = (usize::from(from), usize::from(to));
        let links = parts.iter().flat_map(|part| &part.links);
        let between = links.filter(|link| link.from == from && link.to == to);
        let monitors: Vec<_> = between.filter_map(|link| link.monitor.as_ref()).collect();
        (!monitors.is_empty()).then(|| WeightMonitor::merged(&monitors))
    }

    fn fire(&mut self, now: u64) {
        let states = self.columns.iter_mut().zip(&mut self.histories);
        for ((columns, history), population) in states.zip(&mut self.populations) {
            let Population { slice, fired, record, .. } = population;
            fired.clear();
            columns.fire(now, fired);
            self.firings += fired.len() as u64;
            let cells = fired.iter().map(|&position| slice.start + position);
            let slot = history.slot(now);
            let told = &mut history.ticks[slot];
            told.clear();
            told.extend(cells.clone());
            if let Some(record) = record {
                record.extend(cells.map(|cell| (now, cell)));
            }
        }
    }

    /// Who fired in a tick, by population: its endpoint and its cells.
    pub(crate) fn fired(&self, now: u64) -> impl Iterator<Item = (NeuronId, &[u32])> {
        let fired = self.histories.iter().map(move |history| history.fired(now, 0));
        self.populations.iter().map(|population| population.endpoint).zip(fired)
    }

    /// Says that cells of other workers hear a population.
    pub(crate) fn hear_elsewhere(&mut self, population: u16) {
        self.populations[usize::from(population)].heard_elsewhere = true;
    }

    /// Who fired here in a tick and is heard elsewhere: population and cells.
    pub(crate) fn fired_for_others(&self, now: u64) -> impl Iterator<Item = (u16, &[u32])> {
        let populations = self.populations.iter().zip(&self.histories).enumerate();
        populations.filter(|(_, (population, _))| population.heard_elsewhere).filter_map(
            move |(number, (_, history))| {
                let cells = history.fired(now, 0);
                (!cells.is_empty()).then_some((number as u16, cells))
            },
        )
    }

    /// Whether a population is there, and has these cells.
    pub(crate) fn has_cells(&self, population: u16, cells: &[u32]) -> bool {
        let population = self.populations.get(usize::from(population));
        population.is_some_and(|population| cells.iter().all(|&cell| cell < population.count))
    }

    /// Cells of another worker have fired in a tick.
    pub(crate) fn fired_elsewhere(&mut self, population: u16, tick: u64, cells: &[u32]) {
        let Some(&first) = cells.first() else { return };
        // Where nothing is that could hear it, nothing forgets it either.
        if self.is_empty() {
            return;
        }
        let history = &mut self.histories[usize::from(population)];
        let slot = history.slot(tick);
        let told = &mut history.ticks[slot];
        // Each worker tells of its own slice, in order: there is one place for all of them.
        let place = told.partition_point(|&cell| cell < first);
        told.splice(place..place, cells.iter().copied());
    }

    /// The same, of workers that run freely: it may be of any of their ticks, and counts as of this one.
    pub(crate) fn fired_late(&mut self, population: u16, tick: u64, cells: &[u32]) {
        // Where nothing is that could hear it, nothing forgets it either.
        if !self.is_empty() {
            self.histories[usize::from(population)].add_late(tick, cells);
        }
    }

    /// Takes over what a part of another worker has written down, in order of ticks and cells.
    pub(crate) fn take_records(&mut self, other: &mut Self) {
        for (own, other) in self.populations.iter_mut().zip(&mut other.populations) {
            let (Some(own), Some(other)) = (&mut own.record, &mut other.record) else { continue };
            // What is new began no earlier than the first that the other has.
            let begin = other.first().map_or(own.len(), |&(tick, _)| {
                own.partition_point(|&(earlier, _)| earlier < tick)
            });
            own.append(other);
            own[begin..].sort_unstable();
        }
    }

    pub(crate) fn recorded(&self, population: u16) -> Option<&[(u64, u32)]> {
        self.populations.get(usize::from(population))?.record.as_deref()
    }

    pub(crate) fn potential(&self, population: u16, cell: u32) -> Option<f32> {
        let slice = &self.populations.get(usize::from(population))?.slice;
        let here = slice.contains(&cell).then(|| cell - slice.start)?;
        self.columns[usize::from(population)].potential(here)
    }

    /// How many synapses there are.
    pub(crate) fn synapses(&self) -> u64 {
        let tables = self.links.iter().flat_map(|link| &link.tables);
        tables.map(|table| table.len() as u64).sum()
    }

    /// How many synapses went while it ran, and how many came.
    pub(crate) fn rewired(&self) -> (u64, u64) {
        let learning = self.links.iter().filter_map(|link| link.learning.as_ref());
        learning.map(Learning::rewired).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// How many cells are here.
    pub(crate) fn cells(&self) -> u64 {
        self.populations.iter().map(|population| population.slice.len() as u64).sum()
    }

    /// Every synapse between two populations: source, target, weight (below zero if it inhibits), delay in ticks.
    pub(crate) fn each(&self, from: u16, to: u16, mut visit: impl FnMut(u32, u32, f32, u32)) {
        let between = |link: &&Link| link.from == usize::from(from) && link.to == usize::from(to);
        let first = self.populations.get(usize::from(to)).map_or(0, |to| to.slice.start);
        for table in self.links.iter().filter(between).flat_map(|link| &link.tables) {
            for source in 0..table.starts.len() as u32 - 1 {
                for slot in table.row(source) {
                    visit(
                        source,
                        first + table.target_of(slot),
                        table.weight_of(slot),
                        table.delay,
                    );
                }
            }
        }
    }

    /// What connects two populations, seen as one over all workers: source, target, and the edge between them.
    pub(crate) fn each_bundle(parts: &[&Self], mut visit: impl FnMut(NeuronId, NeuronId, Bundle)) {
        let Some(first) = parts.first() else { return };
        for (number, link) in first.links.iter().enumerate() {
            let mut bundle = Bundle {
                plastic: link.learning.as_ref().is_some_and(Learning::is_plastic),
                ..Bundle::default()
            };
            for table in parts.iter().flat_map(|part| &part.links[number].tables) {
                bundle.synapses += table.len() as u64;
                bundle.longest_delay = bundle.longest_delay.max(table.delay);
                bundle.weights +=
                    (0..table.len()).map(|slot| f64::from(table.weight_of(slot))).sum::<f64>();
            }
            let end = |population: usize| first.populations[population].endpoint;
            visit(end(link.from), end(link.to), bundle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_without_cells_keeps_nothing_of_what_cells_elsewhere_fire() {
        let here = |slice: Range<u32>| {
            let (id, cells) = (NeuronId::new(0).unwrap(), Cells::poisson(1.0));
            let mut network = Network::default();
            network.add(id, &cells, (10, slice), &[], (TickLength::default(), 0));
            for tick in 0..100 {
                network.fired_elsewhere(0, tick, &[7, 8, 9]);
            }
            network.histories[0].ticks.iter().map(Vec::len).sum::<usize>()
        };
        assert_eq!(here(0..0), 0);
        assert!(here(0..5) > 0, "cells that are here may hear it");
    }
}
