//! Synapses of agents out of a state: each goes to the worker of its target.

use std::ops::Range;

use super::rows::{Columns, Eligible, Lag, Row};
use super::table::SynapseTable;
use crate::id::NeuronId;
use crate::plasticity::{Stock, StockColumns, Trace, TraceColumns};
use crate::state::{Section, StateError, StateReader};

/// The synapses of one projection as they were read.
struct Synapses {
    targets: Vec<NeuronId>,
    weights: Vec<f32>,
    lags: Vec<Lag>,
    eligible: Vec<Eligible>,
    initial: Vec<f32>,
    /// By number of the synapse.
    addressed: Vec<(usize, Trace)>,
}

/// The rows of one projection as they were read.
struct Rows {
    sources: Vec<u16>,
    delays: Vec<u32>,
    starts: Vec<usize>,
    fast: TraceColumns,
    slow: TraceColumns,
    arrived: Vec<u64>,
    stocks: StockColumns,
    efficacies: Vec<f32>,
}

const PAST: &str = "it must lie before the tick that comes next";

impl Rows {
    fn read(section: &Section<'_>, now: u64) -> Result<Self, StateError> {
        let count = section.count::<u16>("source")?;
        let synapses = section.count::<u16>("target")?;
        Ok(Self {
            sources: section.values("source", count)?,
            delays: section.values("delay", count)?,
            starts: section.starts("length", count, synapses)?,
            fast: TraceColumns::read(section, "arrivals", count, now)?,
            slow: TraceColumns::read(section, "arrivals.slow", count, now)?,
            arrived: section.up_to("arrived", count, now + 1, PAST)?,
            stocks: StockColumns::read(section, "stock", count, now)?,
            efficacies: section.values("efficacy", count)?,
        })
    }

    fn range(&self, row: usize) -> Range<usize> {
        self.starts[row]..self.starts[row + 1]
    }

    fn of(&self, row: usize) -> (Trace, Trace, u64, Stock, f32) {
        let (fast, slow) = (self.fast.get(row), self.slow.get(row));
        (fast, slow, self.arrived[row], self.stocks.get(row), self.efficacies[row])
    }
}

impl Synapses {
    fn read(
        section: &Section<'_>,
        (own, neurons): (&Columns, usize),
        now: u64,
    ) -> Result<Self, StateError> {
        let raw: Vec<u16> = section.all("target")?;
        let count = raw.len();
        let mut targets = Vec::with_capacity(count);
        for (index, &raw) in raw.iter().enumerate() {
            let id = NeuronId::new(raw).ok().filter(|id| id.index() < neurons);
            targets.push(
                id.ok_or_else(|| section.refuse("target", index, raw, "there is no such neuron"))?,
            );
        }
        let mut read = Self {
            targets,
            weights: section.values("weight", count)?,
            lags: Vec::new(),
            eligible: Vec::new(),
            initial: Vec::new(),
            addressed: Vec::new(),
        };
        if own.plastic {
            let counts = section.values::<u32>("lag.count", count)?;
            let means = section.values::<f32>("lag.mean", count)?;
            let lags = counts.into_iter().zip(means);
            read.lags = lags.map(|(count, mean_ticks)| Lag { count, mean_ticks }).collect();
            read.addressed = read_addressed(section, count, now)?;
        }
        if own.rewarded {
            let values = section.values::<f32>("eligible.value", count)?;
            let lasts = section.up_to::<u64>("eligible.last", count, now, PAST)?;
            let eligible = values.into_iter().zip(lasts);
            read.eligible = eligible.map(|(value, last)| Eligible { value, last }).collect();
        }
        if own.listed {
            read.initial = section.values("initial", count)?;
        }
        Ok(read)
    }
}

fn read_addressed(
    section: &Section<'_>,
    synapses: usize,
    now: u64,
) -> Result<Vec<(usize, Trace)>, StateError> {
    let count = section.count::<u64>("addressed.synapse")?;
    let places = section.values::<u64>("addressed.synapse", count)?;
    let traces = TraceColumns::read(section, "addressed", count, now)?;
    for (index, &place) in places.iter().enumerate() {
        if place >= synapses as u64 {
            let expected = "there is no such synapse";
            return Err(section.refuse("addressed.synapse", index, place, expected));
        }
    }
    let mut all: Vec<_> = (0..count).map(|at| (places[at] as usize, traces.get(at))).collect();
    all.sort_by_key(|&(place, _)| place);
    Ok(all)
}

impl SynapseTable {
    /// Takes over the state of a run whose last tick was `now`; see [`SynapseTable::save`].
    pub(crate) fn load(
        tables: &mut [&mut Self],
        home: impl Fn(NeuronId) -> usize,
        home_of: impl Fn(u32) -> usize,
        state: &StateReader<'_>,
        now: u64,
    ) -> Result<(), StateError> {
        let projections = tables.first().map_or(0, |table| table.projections.len());
        for table in &mut *tables {
            table.synapses = 0;
            table.learning.clear_index();
        }
        for projection in 0..projections {
            let section = state.section(&format!("synapses/{projection}"))?;
            load_projection(tables, &home, (section, projection), now)?;
        }
        load_learning(tables, &home, state.section("learning")?, now)?;
        load_scalings(tables, state)?;
        let structures = tables.first().map_or(0, |table| table.structures().len());
        for number in 0..structures {
            let projection = tables[0].structures()[number].projection;
            let section = state.section(&format!("structure/{number}"))?;
            let interval = section.up_to("interval", 1, now, PAST)?[0];
            for table in &mut *tables {
                table.homeostasis.structures[number].interval = interval;
            }
            tables[home_of(projection)].load_structure(number, section, now)?;
        }
        Ok(())
    }

    /// Empties all rows of a projection; returns how many there are.
    fn empty_rows(&mut self, projection: usize) -> usize {
        let columns = &mut self.projections[projection].columns;
        *columns = Columns::new(columns.plastic, columns.rewarded, columns.listed);
        let own = self
            .segments
            .iter_mut()
            .filter(|segment| segment.projection as usize == projection && segment.tie.is_none());
        own.map(|segment| segment.row = Row::default()).count()
    }

    /// Puts a synapse behind the others of its row.
    fn put(&mut self, id: u32, synapses: &Synapses, number: usize) {
        let segment = &mut self.segments[id as usize];
        let shared = &mut self.projections[segment.projection as usize];
        let (target, weight) = (synapses.targets[number], synapses.weights[number]);
        let position = shared.columns.insert(&mut segment.row, target.raw(), weight);
        let slot = (segment.row.start + position) as usize;
        let columns = &mut shared.columns;
        synapses.lags.get(number).into_iter().for_each(|&lag| columns.lags[slot] = lag);
        let eligible = synapses.eligible.get(number);
        eligible.into_iter().for_each(|&eligible| columns.eligible[slot] = eligible);
        synapses.initial.get(number).into_iter().for_each(|&w| columns.initial[slot] = w);
        if shared.rule.is_some() {
            self.learning.index(id, position, target);
        }
        let addressed = synapses.addressed.binary_search_by_key(&number, |&(place, _)| place);
        if let Ok(place) = addressed {
            self.learning.address(id, position, synapses.addressed[place].1);
        }
        self.synapses += 1;
    }

    fn load_structure(
        &mut self,
        number: usize,
        section: &Section<'_>,
        now: u64,
    ) -> Result<(), StateError> {
        let Self { segments, homeostasis, .. } = self;
        let structure = &mut homeostasis.structures[number];
        expect_projection(section, structure.projection)?;
        let count = structure.sources.len();
        let sources = section.values::<u16>("source", count)?;
        let traces = TraceColumns::read(section, "arrivals", count, now)?;
        for (index, (id, trace)) in structure.sources.iter_mut().enumerate() {
            if segments[*id as usize].source.raw() != sources[index] {
                let expected = "another source is at this place";
                return Err(section.refuse("source", index, sources[index], expected));
            }
            *trace = traces.get(index);
        }
        let targets = structure.candidates.len();
        let expected = section.values::<u16>("target", targets)?;
        let most = section.values::<u32>("most", targets)?;
        let tried = section.values::<u32>("tried", targets)?;
        let coincidences = section.values::<f32>("coincidences", targets)?;
        for (index, candidate) in structure.candidates.iter_mut().enumerate() {
            if candidate.target.raw() != expected[index] {
                let why = "another target is at this place";
                return Err(section.refuse("target", index, expected[index], why));
            }
            candidate.most = most[index];
            candidate.tried = (tried[index] != u32::MAX).then_some(tried[index]);
            if candidate.tried.is_some_and(|tried| tried as usize >= count) {
                let why = "there is no such source";
                return Err(section.refuse("tried", index, tried[index], why));
            }
            candidate.coincidences = coincidences[index];
        }
        Ok(())
    }
}

fn expect_projection(section: &Section<'_>, projection: u32) -> Result<(), StateError> {
    let found = section.value::<u32>("projection")?;
    if found == projection {
        return Ok(());
    }
    Err(section.refuse("projection", 0, found, "it is of another projection"))
}

fn load_projection(
    tables: &mut [&mut SynapseTable],
    home: impl Fn(NeuronId) -> usize,
    (section, projection): (&Section<'_>, usize),
    now: u64,
) -> Result<(), StateError> {
    let neurons = tables.first().map_or(0, |table| table.by_source.len());
    let mut missing: usize = tables.iter_mut().map(|table| table.empty_rows(projection)).sum();
    let rows = Rows::read(section, now)?;
    let own = &tables[0].projections[projection].columns;
    let synapses = Synapses::read(section, (own, neurons), now)?;
    let mut parts: Vec<Vec<usize>> = tables.iter().map(|_| Vec::new()).collect();
    let mut before = None;
    for row in 0..rows.sources.len() {
        let refuse = |why| Err(section.refuse("source", row, rows.sources[row], why));
        let (Ok(source), delay) = (NeuronId::new(rows.sources[row]), rows.delays[row]) else {
            return refuse("there is no such neuron");
        };
        // In order and different, so that no row is filled twice.
        if before.replace((source, delay)) >= Some((source, delay)) {
            return refuse("rows are in order of sources and delays");
        }
        let range = rows.range(row);
        if !synapses.targets[range.clone()].is_sorted() {
            return refuse("the synapses of a row are in order of targets");
        }
        parts.iter_mut().for_each(Vec::clear);
        range.for_each(|number| parts[home(synapses.targets[number])].push(number));
        for (table, part) in tables.iter_mut().zip(&parts) {
            let id = table.segment_at(source, projection as u32, delay);
            let id = id.filter(|&id| table.segments[id as usize].tie.is_none());
            let Some(id) = id else {
                if part.is_empty() {
                    continue;
                }
                return refuse("there is no such row here");
            };
            missing -= 1;
            let segment = &mut table.segments[id as usize];
            (segment.trace, segment.slow, segment.arrived, segment.stock, segment.efficacy) =
                rows.of(row);
            let columns = &mut table.projections[projection].columns;
            columns.reserve(&mut segment.row, part.len() as u32);
            part.iter().for_each(|&number| table.put(id, &synapses, number));
        }
    }
    if missing > 0 {
        let found = format!("{missing} rows fewer");
        return Err(section.misshapen("source", found, "a row for each that is here"));
    }
    Ok(())
}

fn load_learning(
    tables: &mut [&mut SynapseTable],
    home: impl Fn(NeuronId) -> usize,
    section: &Section<'_>,
    now: u64,
) -> Result<(), StateError> {
    let neurons = tables[0].learning.fired.len();
    let ids = || (0..neurons).filter_map(|index| NeuronId::from_index(index).ok());
    let fired = section.up_to::<u64>("fired", neurons, now + 1, PAST)?;
    for id in ids() {
        tables[home(id)].learning.fired[id.index()] = fired[id.index()];
    }
    for number in 0..tables[0].learning.rules.len() {
        let fast = TraceColumns::read(section, &format!("firings.{number}"), neurons, now)?;
        for id in ids() {
            tables[home(id)].learning.rules[number].post[id.index()] = fast.get(id.index());
        }
        if tables[0].learning.rules[number].rule.triplet.is_none() {
            continue;
        }
        let slow = TraceColumns::read(section, &format!("firings.{number}.slow"), neurons, now)?;
        for id in ids() {
            tables[home(id)].learning.rules[number].slow[id.index()] = slow.get(id.index());
        }
    }
    Ok(())
}

fn load_scalings(
    tables: &mut [&mut SynapseTable],
    state: &StateReader<'_>,
) -> Result<(), StateError> {
    for number in 0..tables.first().map_or(0, |table| table.homeostasis.scalings.len()) {
        let section = state.section(&format!("scaling/{number}"))?;
        for table in &mut *tables {
            let scaling = &mut table.homeostasis.scalings[number];
            expect_projection(section, scaling.projection)?;
            scaling.next = section.value("next")?;
            scaling.restless = section.value::<u8>("restless")? != 0;
            section.read_into("firings", &mut scaling.firings)?;
        }
    }
    Ok(())
}
