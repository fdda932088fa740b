//! Populations and what their synapses have learned, as a state: the same however they are cut into slices.
//!
//! A synapse that does not learn is drawn again when the topology is built, and is not written.

use std::io;

use super::{Link, Network};
use crate::population::columns::{Columns, Slots};
use crate::population::learning::Learning;
use crate::population::rows::Table;
use crate::state::{Section, StateError, StateReader, StateWriter};

/// The parts of a link that have targets, in order of these.
struct Parts<'a>(Vec<(&'a [Table], &'a Learning, u32)>);

impl<'a> Parts<'a> {
    fn of(networks: &[&'a Network], number: usize) -> Self {
        let parts = networks.iter().filter_map(|network| {
            let link = &network.links[number];
            let slice = &network.populations[link.to].slice;
            let learning = link.learning.as_ref().filter(|_| !slice.is_empty())?;
            Some((&link.tables[..], learning, slice.start))
        });
        Self(parts.collect())
    }

    /// The delays of all tables, longest first.
    fn delays(&self) -> Vec<u32> {
        delays_of(self.0.iter().flat_map(|(tables, ..)| *tables))
    }

    /// The tables of one delay: number, table, what it learns, first target.
    fn of_delay(&self, delay: u32) -> Vec<(usize, &'a Table, &'a Learning, u32)> {
        let each = self.0.iter().filter_map(|&(tables, learning, first)| {
            let number = tables.iter().position(|table| table.delay == delay)?;
            Some((number, &tables[number], learning, first))
        });
        each.collect()
    }
}

fn delays_of<'a>(tables: impl Iterator<Item = &'a Table>) -> Vec<u32> {
    let mut delays: Vec<u32> = tables.map(|table| table.delay).collect();
    delays.sort_unstable_by_key(|&delay| std::cmp::Reverse(delay));
    delays.dedup();
    delays
}

/// The rows of a column of each table, source by source: one piece where one table has them all.
fn rows<'a, T>(tables: &[(&'a Table, &'a [T])]) -> Vec<&'a [T]> {
    match tables {
        [(_, whole)] => vec![whole],
        _ => {
            let sources = tables.first().map_or(0, |(table, _)| table.starts.len() as u32 - 1);
            let of = |source| tables.iter().map(move |(table, all)| &all[table.row(source)]);
            (0..sources).flat_map(of).collect()
        }
    }
}

/// The same to be written to; `lengths` says how long each table's row of a source is.
fn rows_mut<T>(
    mut columns: Vec<&mut [T]>,
    sources: u32,
    length: impl Fn(usize, u32) -> usize,
) -> Vec<&mut [T]> {
    if columns.len() == 1 {
        return columns;
    }
    let mut pieces = Vec::with_capacity(columns.len() * sources as usize);
    for source in 0..sources {
        for (table, rest) in columns.iter_mut().enumerate() {
            let (row, behind) = std::mem::take(rest).split_at_mut(length(table, source));
            pieces.push(row);
            *rest = behind;
        }
    }
    pieces
}

impl Network {
    /// Writes what a run changes; the parts in order of workers, which is that of their slices.
    pub(crate) fn save(networks: &[&Self], out: &mut StateWriter<'_>) -> io::Result<()> {
        let Some(first) = networks.first() else { return Ok(()) };
        for number in 0..first.populations.len() {
            out.section(&format!("population/{number}"))?;
            let slices: Vec<&Columns> =
                networks.iter().map(|network| &network.columns[number]).collect();
            Columns::save(&slices, out)?;
            let told = |slot: usize| -> Vec<u32> {
                let here = |network: &&Self| {
                    let slice = network.populations[number].slice.clone();
                    let fired = network.histories[number].ticks[slot].clone();
                    fired.into_iter().filter(move |cell| slice.contains(cell))
                };
                networks.iter().flat_map(here).collect()
            };
            let slots = first.histories[number].ticks.len();
            Slots::write("fired", &(0..slots).map(told).collect::<Vec<_>>(), out)?;
        }
        for number in 0..first.links.len() {
            let parts = Parts::of(networks, number);
            if !parts.0.is_empty() {
                out.section(&format!("link/{number}"))?;
                out.value("from", first.links[number].from as u32)?;
                out.value("to", first.links[number].to as u32)?;
                save_link(&parts, out)?;
            }
        }
        Ok(())
    }

    /// Takes over the state of a run whose next tick is `next`.
    pub(crate) fn load(
        networks: &mut [&mut Self],
        state: &StateReader<'_>,
        next: u64,
    ) -> Result<(), StateError> {
        let (populations, links) =
            networks.first().map_or((0, 0), |first| (first.populations.len(), first.links.len()));
        for number in 0..populations {
            let section = state.section(&format!("population/{number}"))?;
            let mut slices: Vec<&mut Columns> =
                networks.iter_mut().map(|network| &mut network.columns[number]).collect();
            Columns::load(&mut slices, section, next)?;
            let slots = networks[0].histories[number].ticks.len();
            let ends = networks.iter().map(|network| network.populations[number].slice.end);
            let fired = Slots::read(section, "fired", slots, ends.max().unwrap_or(1))?;
            // Who hears nobody's cells is told of none.
            for network in networks.iter_mut().filter(|network| !network.is_empty()) {
                let own = network.histories[number].ticks.iter_mut();
                own.zip(fired.each()).for_each(|(told, cells)| {
                    told.clear();
                    told.extend_from_slice(cells);
                });
            }
        }
        for number in 0..links {
            let mut parts: Vec<(&mut Link, u32)> = Vec::new();
            for network in networks.iter_mut() {
                let Self { links, populations, .. } = &mut **network;
                let slice = &populations[links[number].to].slice;
                if links[number].learning.is_some() && !slice.is_empty() {
                    parts.push((&mut links[number], slice.len() as u32));
                }
            }
            if !parts.is_empty() {
                let section = state.section(&format!("link/{number}"))?;
                load_link(&mut parts, section, next.saturating_sub(1))?;
            }
        }
        Ok(())
    }
}

fn save_link(parts: &Parts<'_>, out: &mut StateWriter<'_>) -> io::Result<()> {
    let delays = parts.delays();
    out.column("delay", &delays)?;
    for delay in delays {
        let tables = parts.of_delay(delay);
        let Some(&(index, table, learning, _)) = tables.first() else { continue };
        let name = |column: &str| format!("{delay}.{column}");
        save_targets(delay, &tables, out)?;
        if !table.weights.is_empty() || tables.iter().any(|(_, t, ..)| !t.weights.is_empty()) {
            let weights: Vec<_> = tables.iter().map(|&(_, t, ..)| (t, &t.weights[..])).collect();
            out.parts(&name("weight"), rows(&weights))?;
        }
        let eligible: Option<Vec<_>> =
            tables.iter().map(|&(at, t, learning, _)| Some((t, learning.eligible(at)?))).collect();
        if let Some(eligible) = eligible {
            out.parts(&name("eligible"), rows(&eligible))?;
        }
        // What arrived is the same for all targets, wherever they are.
        learning.save_arrivals(index, name, out)?;
    }
    Learning::save_firings(&parts.0.iter().map(|part| part.1).collect::<Vec<_>>(), out)
}

/// How many synapses each source has, and which, where they go and come.
fn save_targets(
    delay: u32,
    tables: &[(usize, &Table, &Learning, u32)],
    out: &mut StateWriter<'_>,
) -> io::Result<()> {
    let sources = tables.first().map_or(0, |(_, table, ..)| table.starts.len() as u32 - 1);
    let row = |source| tables.iter().map(move |(_, table, ..)| table.row(source).len() as u32);
    let lengths: Vec<u32> = (0..sources).map(|source| row(source).sum()).collect();
    out.column(&format!("{delay}.length"), &lengths)?;
    if !tables.iter().any(|(_, _, learning, _)| learning.changes_structure()) {
        return Ok(());
    }
    let mut targets = Vec::new();
    for source in 0..sources {
        for (_, table, _, first) in tables {
            targets.extend(table.targets[table.row(source)].iter().map(|target| first + target));
        }
    }
    out.column(&format!("{delay}.target"), &targets)
}

fn load_link(
    parts: &mut [(&mut Link, u32)],
    section: &Section<'_>,
    now: u64,
) -> Result<(), StateError> {
    for (end, own) in [("from", parts[0].0.from), ("to", parts[0].0.to)] {
        let saved = section.value::<u32>(end)?;
        if saved as usize != own {
            return Err(section.refuse(end, 0, saved, "it is between other populations"));
        }
    }
    let delays = delays_of(parts.iter().flat_map(|(link, _)| &link.tables));
    let saved: Vec<u32> = section.all("delay")?;
    if saved != delays {
        return Err(section.misshapen("delay", format!("{saved:?}"), format!("{delays:?}")));
    }
    for delay in delays {
        let name = |column: &str| format!("{delay}.{column}");
        if parts[0].0.learning.as_ref().is_some_and(Learning::changes_structure) {
            load_targets(parts, delay, section)?;
        }
        let mut tables = Vec::new();
        for (link, _) in parts.iter_mut() {
            let Link { tables: all, learning: Some(learning), .. } = &mut **link else { continue };
            let Some(index) = all.iter().position(|table| table.delay == delay) else { continue };
            tables.push((index, &mut all[index], learning));
        }
        let starts: Vec<Vec<u32>> =
            tables.iter().map(|(_, table, _)| table.starts.clone()).collect();
        let sources = starts.first().map_or(0, |starts| starts.len() as u32 - 1);
        let length = |table: usize, source: u32| {
            let ends = &starts[table][source as usize..];
            (ends[1] - ends[0]) as usize
        };
        check_lengths(&starts, sources, section, &name("length"))?;
        if tables.iter().any(|(_, table, _)| !table.weights.is_empty()) {
            let weights = tables.iter_mut().map(|(_, table, _)| &mut table.weights[..]).collect();
            section.read_parts(&name("weight"), rows_mut(weights, sources, length))?;
        }
        let eligible: Option<Vec<&mut [f32]>> =
            tables.iter_mut().map(|(at, _, learning)| learning.eligible_mut(*at)).collect();
        if let Some(eligible) = eligible {
            section.read_parts(&name("eligible"), rows_mut(eligible, sources, length))?;
        }
        for (index, _, learning) in &mut tables {
            learning.load_arrivals(*index, section, name, now)?;
        }
    }
    let learning = parts.iter_mut().filter_map(|(link, _)| link.learning.as_mut());
    Learning::load_firings(&mut learning.collect::<Vec<_>>(), section)
}

/// Whether the rows are as long as they are here.
fn check_lengths(
    starts: &[Vec<u32>],
    sources: u32,
    section: &Section<'_>,
    name: &str,
) -> Result<(), StateError> {
    let saved = section.values::<u32>(name, sources as usize)?;
    let own =
        |source: usize| -> u32 { starts.iter().map(|ends| ends[source + 1] - ends[source]).sum() };
    match (0..sources as usize).find(|&source| saved[source] != own(source)) {
        Some(at) => Err(section.refuse(name, at, saved[at], "the row here has another length")),
        None => Ok(()),
    }
}

/// Makes the one table of each part anew, of the synapses that are onto its cells.
fn load_targets(
    parts: &mut [(&mut Link, u32)],
    delay: u32,
    section: &Section<'_>,
) -> Result<(), StateError> {
    let (column, lengths) = (format!("{delay}.target"), format!("{delay}.length"));
    let cells: u32 = parts.iter().map(|(_, cells)| cells).sum();
    let count = section.count::<u32>(&column)?;
    let expected = "there is no such cell";
    let targets = section.up_to(&column, count, cells.saturating_sub(1), expected)?;
    let sources = parts[0].0.tables[0].starts.len() - 1;
    let starts = section.starts(&lengths, sources, count)?;
    let mut first = 0;
    for (link, cells) in parts {
        let Link { tables, learning: Some(learning), .. } = &mut **link else { continue };
        let mut table = Table::default();
        (table.delay, table.weight) = (delay, tables[0].weight);
        table.starts.push(0);
        for ends in starts.windows(2) {
            let row = &targets[ends[0]..ends[1]];
            if !row.is_sorted() {
                let expected = "the synapses of a row are in order of targets";
                return Err(section.refuse(&column, ends[0], row[0], expected));
            }
            let own = row.iter().filter(|&&target| (first..first + *cells).contains(&target));
            table.targets.extend(own.map(|target| target - first));
            table.starts.push(table.targets.len() as u32);
        }
        table.weights.resize(table.targets.len(), 0.0);
        table.complete(true);
        tables[0] = table;
        learning.made_anew(&tables[0]);
        first += *cells;
    }
    Ok(())
}
