//! Where two states differ first, by the names of neurons and synapses.

use std::fmt;

use crate::state::{Difference, Section, StateError, StateReader, TextsColumn, first_difference};

/// The first difference between two states, and what it is part of.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The neuron, cell, synapse, gate or counter that differs, by name.
    pub what: String,
    /// Which value of it, and both values.
    #[serde(flatten)]
    pub difference: Difference,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { section, column, left, right, .. } = &self.difference;
        let column = if column.is_empty() { section } else { column };
        write!(f, "{}: {column} is {left} in the first and {right} in the second", self.what)
    }
}

/// The first difference between two states as [`Cortex::snapshot`](crate::cortex::Cortex::snapshot) wrote them: neurons
/// first, then cells, synapses, what is under way, and what was counted. `None` if there is none.
///
/// # Errors
/// If one of them is no state.
pub fn compare(left: &[u8], right: &[u8]) -> Result<Option<Finding>, StateError> {
    let Some(difference) = first_difference(left, right)? else { return Ok(None) };
    let states = [StateReader::new(left)?, StateReader::new(right)?];
    // The one that has the value at all.
    let named = states.iter().find_map(|state| Names::of(state).ok()?.what(&difference));
    let what = named.unwrap_or_else(|| format!("section {}", difference.section));
    Ok(Some(Finding { what, difference }))
}

/// What is needed to name the parts of a state.
struct Names<'s, 'a> {
    state: &'s StateReader<'a>,
    addresses: Vec<String>,
    kinds: Vec<u8>,
}

/// How the section of neurons calls gates and populations.
const GATE: u8 = 1;
const POPULATION: u8 = 2;

impl<'s, 'a> Names<'s, 'a> {
    fn of(state: &'s StateReader<'a>) -> Result<Self, StateError> {
        let atlas = state.section("atlas")?;
        let regions: Vec<u16> = atlas.all("region")?;
        let names = TextsColumn::read(atlas, "name", regions.len())?;
        let blueprint = state.section("blueprint")?;
        let known = blueprint.count::<u64>("region.hash")?;
        let paths = TextsColumn::read(blueprint, "region", known)?;
        let address = |(at, &region): (usize, &u16)| {
            let region = usize::from(region);
            let path = if region < known { paths.text(region) } else { format!("?{region}") };
            format!("{path}:{}", names.text(at))
        };
        Ok(Self {
            state,
            addresses: regions.iter().enumerate().map(address).collect(),
            kinds: state.section("neurons")?.all("kind")?,
        })
    }

    fn neuron(&self, id: usize) -> Option<&str> {
        self.addresses.get(id).map(String::as_str)
    }

    /// The region of the neuron of a kind at a place among those of its kind.
    fn of_kind(&self, kind: u8, place: usize) -> Option<&str> {
        let ids = self.kinds.iter().enumerate().filter(|&(_, &other)| other == kind);
        let (id, _) = ids.clone().nth(place)?;
        Some(self.neuron(id)?.split(':').next().unwrap_or(""))
    }

    fn what(&self, difference: &Difference) -> Option<String> {
        let section = self.state.find(&difference.section)?;
        let (kind, number) = match difference.section.split_once('/') {
            Some((kind, number)) => (kind, number.parse().ok()?),
            None => (difference.section.as_str(), 0),
        };
        let (column, index) = (difference.column.as_str(), difference.index?);
        match kind {
            "neurons" | "learning" => {
                Some(format!("neuron {}", self.neuron(owner(section, column, index)?)?))
            }
            "crowd" => {
                let cell = owner(section, column, index)?;
                Some(format!("neuron {}[{cell}]", self.neuron(number)?))
            }
            "population" => {
                let region = self.of_kind(POPULATION, number)?;
                let cell = column.starts_with("state").then(|| format!("cell {index} of "));
                Some(format!("{}population {region}", cell.unwrap_or_default()))
            }
            "synapses" => self.synapse(section, column, index),
            "link" => self.cell_synapse(section, column, index),
            "timers" => {
                let neurons: Vec<u16> = section.all("neuron").ok()?;
                Some(format!("a timer of {}", self.neuron(usize::from(*neurons.get(index)?))?))
            }
            "gates" => Some(format!("gate {}", self.of_kind(GATE, index)?)),
            "flights" => Some("what is under way".to_owned()),
            "counts" => Some("the counters".to_owned()),
            _ => None,
        }
    }

    /// A synapse of agents, or what arrived at a row of them.
    fn synapse(&self, section: &Section<'_>, column: &str, index: usize) -> Option<String> {
        let sources: Vec<u16> = section.all("source").ok()?;
        let targets: Vec<u16> = section.all("target").ok()?;
        let of_synapse = ["target", "weight", "lag.", "eligible.", "initial"];
        if !of_synapse.iter().any(|name| column.starts_with(name)) {
            let source = usize::from(*sources.get(index)?);
            return Some(format!("the synapses of {}", self.neuron(source)?));
        }
        let starts = section.starts("length", sources.len(), targets.len()).ok()?;
        let source = usize::from(*sources.get(place(&starts, index)?)?);
        let target = usize::from(*targets.get(index)?);
        Some(format!("the synapse {} -> {}", self.neuron(source)?, self.neuron(target)?))
    }

    /// A synapse between cells of populations, or what they have seen.
    fn cell_synapse(&self, section: &Section<'_>, column: &str, index: usize) -> Option<String> {
        let end = |name| self.of_kind(POPULATION, section.value::<u32>(name).ok()? as usize);
        let (from, to) = (end("from")?, end("to")?);
        let (delay, name) = column.split_once('.').unwrap_or(("", column));
        let lengths = format!("{delay}.length");
        match (delay.parse::<u32>(), name) {
            (Ok(_), "weight" | "eligible" | "target") => {
                let rows = section.count::<u32>(&lengths).ok()?;
                let synapses = match name {
                    "target" => section.count::<u32>(column).ok()?,
                    _ => section.count::<f32>(column).ok()?,
                };
                let starts = section.starts(&lengths, rows, synapses).ok()?;
                let cell = place(&starts, index)?;
                let nth = index - starts[cell];
                Some(format!("synapse {nth} of cell {cell} in {from} -> {to}, delay {delay}"))
            }
            (Ok(_), _) => Some(format!("the synapses of cell {index} in {from} -> {to}")),
            _ => Some(format!("the synapses onto cell {index} in {from} -> {to}")),
        }
    }
}

/// Which part has an entry, given where each begins.
fn place(starts: &[usize], index: usize) -> Option<usize> {
    let part = starts.partition_point(|&start| start <= index).checked_sub(1)?;
    (part + 1 < starts.len()).then_some(part)
}

/// Which neuron or cell an entry of a column belongs to.
fn owner(section: &Section<'_>, column: &str, index: usize) -> Option<usize> {
    let count = section.count::<u32>("sequence").unwrap_or(usize::MAX);
    match column {
        "state.bytes" => {
            let starts = section.starts("state.lengths", count, section.bytes(column).ok()?.len());
            place(&starts.ok()?, index)
        }
        "evidence.kept" => Some(index),
        _ if column.starts_with("evidence.") => {
            let kept = section.count::<u64>("evidence.tick").ok()?;
            let starts = section.starts("evidence.kept", count, kept).ok()?;
            place(&starts, if column == "evidence.spike" { index / 64 } else { index })
        }
        _ => Some(index),
    }
}
