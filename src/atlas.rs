//! The directory: who is there, by name, by region and by capability.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::id::{IdError, NeuronId, RegionId};
use crate::neuron::AgentCard;

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
    names: BTreeMap<Arc<str>, NeuronId>,
}

#[derive(Debug, Clone)]
struct NeuronEntry {
    name: Arc<str>,
    region: RegionId,
    cells: u32,
    /// Most neurons have the empty card, and share it.
    card: Arc<AgentCard>,
}

/// The directory of a cortex. A gate holds the one of the start; a neuron always sees the present one.
#[derive(Debug, Clone)]
pub struct Atlas {
    regions: Vec<RegionEntry>,
    paths: BTreeMap<Arc<str>, RegionId>,
    neurons: Vec<NeuronEntry>,
    capabilities: BTreeMap<String, Vec<NeuronId>>,
    empty_card: Arc<AgentCard>,
}

impl Default for Atlas {
    fn default() -> Self {
        Self {
            regions: Vec::new(),
            paths: BTreeMap::new(),
            neurons: Vec::new(),
            capabilities: BTreeMap::new(),
            empty_card: Arc::new(AgentCard::default()),
        }
    }
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
    (1..=256).contains(&name.len()) && !name.chars().any(char::is_control)
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
        self.regions.push(RegionEntry { path, members: Vec::new(), names: BTreeMap::new() });
        Ok(id)
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
        let entry = &mut self.regions[region.index()];
        let name: Arc<str> = name.into();
        let Entry::Vacant(place) = entry.names.entry(name.clone()) else {
            let region = entry.path.to_string();
            return Err(NameError::NeuronTwice { region, name: name.to_string() });
        };
        let id = NeuronId::from_index(self.neurons.len())?;
        place.insert(id);
        entry.members.push(id);
        for capability in &card.capabilities {
            let holders = self.capabilities.entry(capability.clone()).or_default();
            if holders.last() != Some(&id) {
                holders.push(id);
            }
        }
        let empty = card == AgentCard::default();
        let card = if empty { self.empty_card.clone() } else { Arc::new(card) };
        self.neurons.push(NeuronEntry { name, region, cells: 1, card });
        Ok(id)
    }

    /// Says how many cells stand behind an endpoint.
    pub(crate) fn set_cells(&mut self, id: NeuronId, cells: u32) {
        self.neurons[id.index()].cells = cells;
    }

    /// How many cells stand behind an endpoint: 1 for an agent or a gate; 0 for an id that nobody has.
    #[must_use]
    pub fn cells(&self, id: NeuronId) -> u32 {
        self.neurons.get(id.index()).map_or(0, |entry| entry.cells)
    }

    /// How many neurons and gates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.neurons.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.neurons.is_empty()
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
        self.regions.get(region.index())?.names.get(name).copied()
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
        self.neurons.get(id.index()).map_or("", |entry| &entry.name)
    }

    /// The region of a neuron.
    #[must_use]
    pub fn region_of(&self, id: NeuronId) -> Option<RegionId> {
        self.neurons.get(id.index()).map(|entry| entry.region)
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
        self.neurons.get(id.index()).map_or(&self.empty_card, |entry| &entry.card)
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
