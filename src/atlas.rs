//! The directory: who is there, by name, by region and by capability.

mod index;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{IdError, NeuronId, RegionId};
use crate::neuron::AgentCard;
use index::NameIndex;

/// Why a path or a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The path of a region is malformed.
    #[error("{0:?} is not a region path: parts of letters, digits, '-', '_' and '.' joined by '/'")]
    Path(String),
    /// The name of a neuron is malformed.
    #[error("a neuron cannot be named {0:?}: a name is 1 to 256 bytes without control characters")]
    Name(String),
    /// Two regions have one path.
    #[error("there are two regions {0:?}")]
    RegionTwice(String),
    /// Two neurons of a region have one name.
    #[error("there are two neurons {name:?} in region {region:?}")]
    NeuronTwice {
        /// The region's path.
        region: String,
        /// The name.
        name: String,
    },
    /// All ids are taken.
    #[error(transparent)]
    Id(#[from] IdError),
}

#[derive(Debug, Clone)]
struct RegionEntry {
    path: Arc<str>,
    members: Vec<NeuronId>,
}

#[derive(Debug, Clone)]
struct NeuronEntry {
    /// Where its name ends among the names; it begins where that of the neuron before ends.
    name_end: u32,
    cells: u32,
    region: RegionId,
}

/// Who there is by number, their names in one piece of memory: fifty thousand agents are fifty thousand names.
#[derive(Debug, Clone, Default)]
struct Roster {
    entries: Vec<NeuronEntry>,
    names: String,
}

impl Roster {
    fn name(&self, id: NeuronId) -> &str {
        let Some(entry) = self.entries.get(id.index()) else { return "" };
        let before = id.index().checked_sub(1).map_or(0, |before| self.entries[before].name_end);
        &self.names[before as usize..entry.name_end as usize]
    }

    /// By what it is found.
    fn key(&self, id: NeuronId) -> (RegionId, &str) {
        (self.entries[id.index()].region, self.name(id))
    }
}

static EMPTY_CARD: AgentCard = AgentCard { description: String::new(), capabilities: Vec::new() };

/// The directory of a cortex. A gate holds the one of the start; a neuron always sees the present one.
#[derive(Debug, Clone, Default)]
pub struct Atlas {
    regions: Vec<RegionEntry>,
    paths: BTreeMap<Arc<str>, RegionId>,
    roster: Roster,
    index: NameIndex,
    capabilities: BTreeMap<String, Vec<NeuronId>>,
    /// Of those whose card is not empty.
    cards: BTreeMap<NeuronId, AgentCard>,
}

/// Whether a path is one or more parts joined by `/`.
fn is_path(path: &str) -> bool {
    let part_ok = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    path.len() <= 256 && path.split('/').all(part_ok)
}

pub(crate) fn is_name(name: &str) -> bool {
    let controls = || {
        if name.is_ascii() {
            name.bytes().any(|byte| byte.is_ascii_control())
        } else {
            name.chars().any(char::is_control)
        }
    };
    (1..=256).contains(&name.len()) && !controls()
}

/// Whether one path lies above another, by whole parts: `cortex` is no parent of `cortexx`.
#[must_use]
pub fn is_parent_of(parent: &str, child: &str) -> bool {
    child.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/'))
}

impl Atlas {
    pub(crate) fn add_region(&mut self, path: &str) -> Result<RegionId, NameError> {
        if !is_path(path) {
            return Err(NameError::Path(path.to_owned()));
        }
        if self.paths.contains_key(path) {
            return Err(NameError::RegionTwice(path.to_owned()));
        }
        let id = RegionId::from_index(self.regions.len())?;
        let path: Arc<str> = path.into();
        self.paths.insert(path.clone(), id);
        self.regions.push(RegionEntry { path, members: Vec::new() });
        Ok(id)
    }

    /// Makes room in a region for so many neurons more, whose names have so many bytes.
    pub(crate) fn reserve(&mut self, region: RegionId, neurons: usize, bytes: usize) {
        let neurons = neurons.min(NeuronId::LIMIT);
        self.regions[region.index()].members.reserve(neurons);
        self.roster.entries.reserve(neurons);
        self.roster.names.reserve(bytes);
        self.index.reserve(neurons, |id| self.roster.key(id));
    }

    pub(crate) fn add_neuron(
        &mut self,
        region: RegionId,
        name: &str,
        card: AgentCard,
    ) -> Result<NeuronId, NameError> {
        if !is_name(name) {
            return Err(NameError::Name(name.to_owned()));
        }
        let Self { regions, roster, index, .. } = self;
        index.reserve(1, |id| roster.key(id));
        let Err(place) = index.find((region, name), |id| roster.key(id)) else {
            let region = regions[region.index()].path.to_string();
            return Err(NameError::NeuronTwice { region, name: name.to_owned() });
        };
        let id = NeuronId::from_index(roster.entries.len())?;
        index.put(place, id);
        regions[region.index()].members.push(id);
        roster.names.push_str(name);
        // Names are at most 256 bytes, and fewer than 2^16.
        let name_end = roster.names.len() as u32;
        roster.entries.push(NeuronEntry { name_end, cells: 1, region });
        for capability in &card.capabilities {
            let holders = self.capabilities.entry(capability.clone()).or_default();
            if holders.last() != Some(&id) {
                holders.push(id);
            }
        }
        if card != EMPTY_CARD {
            self.cards.insert(id, card);
        }
        Ok(id)
    }

    /// Says how many cells stand behind an endpoint.
    pub(crate) fn set_cells(&mut self, id: NeuronId, cells: u32) {
        self.roster.entries[id.index()].cells = cells;
    }

    /// How many cells stand behind an endpoint: 1 for an agent or a gate; 0 for an id that nobody has.
    #[must_use]
    pub fn cells(&self, id: NeuronId) -> u32 {
        self.roster.entries.get(id.index()).map_or(0, |entry| entry.cells)
    }

    /// How many neurons and gates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.entries.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roster.entries.is_empty()
    }

    /// Every neuron and gate, in the order they were added.
    pub fn neurons(&self) -> impl Iterator<Item = NeuronId> + '_ {
        self.regions.iter().flat_map(|region| region.members.iter().copied())
    }

    /// Every region, in the order they were added.
    pub fn regions(&self) -> impl Iterator<Item = RegionId> + '_ {
        (0..self.regions.len()).filter_map(|index| RegionId::from_index(index).ok())
    }

    /// The region at a path.
    #[must_use]
    pub fn region(&self, path: &str) -> Option<RegionId> {
        self.paths.get(path).copied()
    }

    /// The path of a region.
    #[must_use]
    pub fn path(&self, region: RegionId) -> &str {
        self.regions.get(region.index()).map_or("", |entry| &entry.path)
    }

    /// The neurons of a region, in the order they were added.
    #[must_use]
    pub fn members(&self, region: RegionId) -> &[NeuronId] {
        self.regions.get(region.index()).map_or(&[], |entry| &entry.members)
    }

    /// The neuron of this name in the region at this path.
    #[must_use]
    pub fn neuron(&self, region: &str, name: &str) -> Option<NeuronId> {
        self.neuron_in(self.region(region)?, name)
    }

    /// The neuron of this name in a region.
    #[must_use]
    pub fn neuron_in(&self, region: RegionId, name: &str) -> Option<NeuronId> {
        self.index.find((region, name), |id| self.roster.key(id)).ok()
    }

    /// The neuron at an address `region/path:name`.
    #[must_use]
    pub fn resolve(&self, address: &str) -> Option<NeuronId> {
        let (region, name) = address.split_once(':')?;
        self.neuron(region, name)
    }

    /// The name of a neuron in its region; empty for an id that nobody has.
    #[must_use]
    pub fn name(&self, id: NeuronId) -> &str {
        self.roster.name(id)
    }

    /// The region of a neuron.
    #[must_use]
    pub fn region_of(&self, id: NeuronId) -> Option<RegionId> {
        self.roster.entries.get(id.index()).map(|entry| entry.region)
    }

    /// Where a neuron is found: `region/path:name`.
    #[must_use]
    pub fn address(&self, id: NeuronId) -> String {
        match self.region_of(id) {
            Some(region) => format!("{}:{}", self.path(region), self.name(id)),
            None => format!("?:{id}"),
        }
    }

    /// What a neuron tells about itself.
    #[must_use]
    pub fn card(&self, id: NeuronId) -> &AgentCard {
        self.cards.get(&id).unwrap_or(&EMPTY_CARD)
    }

    /// The neurons that can do something, in the order they were added.
    #[must_use]
    pub fn with_capability(&self, capability: &str) -> &[NeuronId] {
        self.capabilities.get(capability).map_or(&[], Vec::as_slice)
    }

    /// The neurons of the region at a path and of all regions below it, region by region in the order of their paths.
    #[must_use]
    pub fn under(&self, path: &str) -> Vec<NeuronId> {
        let members = |id: RegionId| self.regions[id.index()].members.iter().copied();
        // '0' is the character after '/': the range holds exactly the paths below.
        let (first, end) = (format!("{path}/"), format!("{path}0"));
        let below = self.paths.range::<str, _>((
            std::ops::Bound::Included(first.as_str()),
            std::ops::Bound::Excluded(end.as_str()),
        ));
        self.region(path).into_iter().chain(below.map(|(_, &id)| id)).flat_map(members).collect()
    }
}
