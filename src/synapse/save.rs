//! The synapses of agents as a state: the same however they are divided among workers.

use std::io;

use super::structure::Structure;
use super::table::{Segment, SynapseTable};
use crate::id::NeuronId;
use crate::plasticity::{StockColumns, TraceColumns};
use crate::state::StateWriter;

/// A row and the parts of it that workers have, by their numbers.
struct Parted<'a> {
    source: NeuronId,
    delay: u32,
    parts: Vec<(&'a SynapseTable, u32)>,
}

impl Parted<'_> {
    /// What has arrived is the same in all parts.
    fn first(&self) -> &Segment {
        let (table, id) = self.parts[0];
        &table.segments[id as usize]
    }

    /// Its synapses in order of targets: table, segment and position in it.
    fn synapses(&self) -> Vec<(&SynapseTable, u32, u32)> {
        let each = self.parts.iter().flat_map(|&(table, id)| {
            let length = table.segments[id as usize].row.length;
            (0..length).map(move |position| (table, id, position))
        });
        let mut synapses: Vec<_> = each.collect();
        if self.parts.len() > 1 {
            // Stable: all synapses of one target are in one part.
            synapses.sort_by_key(|&(table, id, position)| {
                let segment = &table.segments[id as usize];
                let columns = &table.projections[segment.projection as usize].columns;
                columns.targets[(segment.row.start + position) as usize]
            });
        }
        synapses
    }
}

/// The rows of each projection, in order of sources and delays. Rows of crowds are not kept here.
fn rows_of<'a>(tables: &[&'a SynapseTable]) -> Vec<Vec<Parted<'a>>> {
    let Some(first) = tables.first() else { return Vec::new() };
    let mut rows: Vec<Vec<Parted<'a>>> = first.projections.iter().map(|_| Vec::new()).collect();
    for source in 0..first.by_source.len() {
        for table in tables {
            for &id in &table.by_source[source] {
                let Segment { projection, delay, source, tie, .. } = table.segments[id as usize];
                if tie.is_some() {
                    continue;
                }
                let rows = &mut rows[projection as usize];
                let known = rows.iter_mut().rev().take_while(|row| row.source == source);
                match known.into_iter().find(|row| row.delay == delay) {
                    Some(row) => row.parts.push((table, id)),
                    None => rows.push(Parted { source, delay, parts: vec![(table, id)] }),
                }
            }
        }
        for rows in &mut rows {
            let of_source =
                rows.iter().rev().take_while(|row| row.source.index() == source).count();
            let begin = rows.len() - of_source;
            rows[begin..].sort_by_key(|row| row.delay);
        }
    }
    rows
}

impl SynapseTable {
    /// Writes all that a run changes. `home` says which table has what belongs to a neuron, `home_of` which one has the
    /// targets of a projection.
    pub(crate) fn save(
        tables: &[&Self],
        home: impl Fn(NeuronId) -> usize,
        home_of: impl Fn(u32) -> usize,
        out: &mut StateWriter<'_>,
    ) -> io::Result<()> {
        let Some(first) = tables.first() else { return Ok(()) };
        for (projection, rows) in rows_of(tables).iter().enumerate() {
            out.section(&format!("synapses/{projection}"))?;
            save_rows(rows, out)?;
            first.save_synapses(projection, rows, out)?;
        }
        save_learning(tables, &home, out)?;
        for number in 0..first.homeostasis.scalings.len() {
            out.section(&format!("scaling/{number}"))?;
            save_scaling(tables, number, &home, out)?;
        }
        for number in 0..first.structures().len() {
            let projection = first.structures()[number].projection;
            let own = tables[home_of(projection)];
            out.section(&format!("structure/{number}"))?;
            own.save_structure(&own.structures()[number], out)?;
        }
        Ok(())
    }

    /// The columns with an entry a synapse; which there are is said by the projection.
    fn save_synapses(
        &self,
        projection: usize,
        rows: &[Parted<'_>],
        out: &mut StateWriter<'_>,
    ) -> io::Result<()> {
        let own = &self.projections[projection].columns;
        let count: usize = rows
            .iter()
            .flat_map(|row| &row.parts)
            .map(|&(table, id)| table.segments[id as usize].row.length as usize)
            .sum();
        let (mut targets, mut weights) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let (mut counts, mut means) = (Vec::new(), Vec::new());
        let (mut values, mut lasts, mut initial) = (Vec::new(), Vec::new(), Vec::new());
        let (mut places, mut addressed) = (Vec::new(), TraceColumns::default());
        for row in rows {
            let begin = targets.len();
            let synapses = row.synapses();
            for &(table, id, position) in &synapses {
                let columns = &table.projections[projection].columns;
                let slot = (table.segments[id as usize].row.start + position) as usize;
                targets.push(columns.targets[slot]);
                weights.push(columns.weights[slot]);
                if own.plastic {
                    counts.push(columns.lags[slot].count);
                    means.push(columns.lags[slot].mean_ticks);
                }
                if own.rewarded {
                    values.push(columns.eligible[slot].value);
                    lasts.push(columns.eligible[slot].last);
                }
                if own.listed {
                    initial.push(columns.initial[slot]);
                }
            }
            for &(table, id) in &row.parts {
                for (position, trace) in table.learning.addressed_of(id) {
                    let is_it = |&(other, segment, at): &(&Self, u32, u32)| {
                        std::ptr::eq(other, table) && (segment, at) == (id, position)
                    };
                    if let Some(place) = synapses.iter().position(is_it) {
                        places.push((begin + place) as u64);
                        addressed.push(trace);
                    }
                }
            }
        }
        out.column("target", &targets)?;
        out.column("weight", &weights)?;
        if own.plastic {
            out.column("lag.count", &counts)?;
            out.column("lag.mean", &means)?;
            out.column("addressed.synapse", &places)?;
            addressed.write("addressed", out)?;
        }
        if own.rewarded {
            out.column("eligible.value", &values)?;
            out.column("eligible.last", &lasts)?;
        }
        if own.listed {
            out.column("initial", &initial)?;
        }
        Ok(())
    }

    fn save_structure(&self, structure: &Structure, out: &mut StateWriter<'_>) -> io::Result<()> {
        out.value("projection", structure.projection)?;
        out.value("interval", structure.interval)?;
        let source = |&(id, _): &(u32, _)| self.segments[id as usize].source.raw();
        let sources: Vec<u16> = structure.sources.iter().map(source).collect();
        out.column("source", &sources)?;
        let mut traces = TraceColumns::default();
        structure.sources.iter().for_each(|(_, trace)| traces.push(trace));
        traces.write("arrivals", out)?;
        let all = &structure.candidates;
        let targets: Vec<u16> = all.iter().map(|candidate| candidate.target.raw()).collect();
        let most: Vec<u32> = all.iter().map(|candidate| candidate.most).collect();
        let tried = all.iter().map(|candidate| candidate.tried.unwrap_or(u32::MAX));
        let tried: Vec<u32> = tried.collect();
        let coincidences: Vec<f32> = all.iter().map(|candidate| candidate.coincidences).collect();
        out.column("target", &targets)?;
        out.column("most", &most)?;
        out.column("tried", &tried)?;
        out.column("coincidences", &coincidences)
    }
}

/// The columns with an entry a row.
fn save_rows(rows: &[Parted<'_>], out: &mut StateWriter<'_>) -> io::Result<()> {
    let (mut sources, mut delays, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    let (mut arrived, mut efficacies) = (Vec::new(), Vec::new());
    let (mut fast, mut slow) = (TraceColumns::default(), TraceColumns::default());
    let mut stocks = StockColumns::default();
    for row in rows {
        let segment = row.first();
        sources.push(row.source.raw());
        delays.push(row.delay);
        let parts = row.parts.iter().map(|&(table, id)| table.segments[id as usize].row.length);
        lengths.push(parts.sum::<u32>());
        fast.push(&segment.trace);
        slow.push(&segment.slow);
        arrived.push(segment.arrived);
        stocks.push(&segment.stock);
        efficacies.push(segment.efficacy);
    }
    out.column("source", &sources)?;
    out.column("delay", &delays)?;
    out.column("length", &lengths)?;
    fast.write("arrivals", out)?;
    slow.write("arrivals.slow", out)?;
    out.column("arrived", &arrived)?;
    stocks.write("stock", out)?;
    out.column("efficacy", &efficacies)
}

/// How often each neuron fired in this interval, and when that ends.
fn save_scaling(
    tables: &[&SynapseTable],
    number: usize,
    home: impl Fn(NeuronId) -> usize,
    out: &mut StateWriter<'_>,
) -> io::Result<()> {
    let all = || tables.iter().map(|table| &table.homeostasis.scalings[number]);
    let projection = tables[0].homeostasis.scalings[number].projection;
    // Who is quiet looks later at what has ended, and has nothing to scale then.
    let next = all().map(|scaling| scaling.next).max();
    out.value("projection", projection)?;
    out.value("next", next.unwrap_or(0))?;
    out.value("restless", u8::from(all().any(|scaling| scaling.restless)))?;
    let neurons = tables[0].homeostasis.scalings[number].firings.len();
    let ids = (0..neurons).filter_map(|index| NeuronId::from_index(index).ok());
    let own = |id: NeuronId| tables[home(id)].homeostasis.scalings[number].firings[id.index()];
    out.column("firings", &ids.map(own).collect::<Vec<u32>>())
}

/// What the firings of each neuron have left, rule by rule.
fn save_learning(
    tables: &[&SynapseTable],
    home: impl Fn(NeuronId) -> usize,
    out: &mut StateWriter<'_>,
) -> io::Result<()> {
    let first = &tables[0].learning;
    let ids = || (0..first.fired.len()).filter_map(|index| NeuronId::from_index(index).ok());
    out.section("learning")?;
    let fired = ids().map(|id| tables[home(id)].learning.fired[id.index()]);
    out.column("fired", &fired.collect::<Vec<u64>>())?;
    for number in 0..first.rules.len() {
        let (mut fast, mut slow) = (TraceColumns::default(), TraceColumns::default());
        for id in ids() {
            let state = &tables[home(id)].learning.rules[number];
            fast.push(&state.post[id.index()]);
            state.slow.get(id.index()).into_iter().for_each(|trace| slow.push(trace));
        }
        fast.write(&format!("firings.{number}"), out)?;
        if first.rules[number].rule.triplet.is_some() {
            slow.write(&format!("firings.{number}.slow"), out)?;
        }
    }
    Ok(())
}
