//! Finds a neuron by its region and name: an open table of ids, four bytes a neuron, probed in a line.
//!
//! Names come from outside too (a line of a log can name a topic), so they are hashed with the key of this process:
//! nobody can choose names that all meet in one place. Where an id stands in the table is therefore chance; what is
//! found is not, and nobody walks over the table.

use std::hash::{BuildHasher as _, RandomState};

use crate::id::{NeuronId, RegionId};

const EMPTY: u16 = u16::MAX;

#[derive(Debug, Clone, Default)]
pub(super) struct NameIndex {
    /// A power of two of places, at most half of them taken.
    places: Vec<u16>,
    taken: usize,
    key: RandomState,
}

impl NameIndex {
    /// The id that stands for a name in a region, or the place where it would stand.
    pub(super) fn find<'a>(
        &self,
        wanted: (RegionId, &str),
        named: impl Fn(NeuronId) -> (RegionId, &'a str),
    ) -> Result<NeuronId, usize> {
        let Some(last) = self.places.len().checked_sub(1) else { return Err(0) };
        let mut place = self.key.hash_one(wanted) as usize & last;
        // bound: half of the places are empty
        while let Ok(id) = NeuronId::new(self.places[place]) {
            if named(id) == wanted {
                return Ok(id);
            }
            place = (place + 1) & last;
        }
        Err(place)
    }

    /// Makes room for so many more, so that a place that is found stays where it is.
    pub(super) fn reserve<'a>(
        &mut self,
        more: usize,
        named: impl Fn(NeuronId) -> (RegionId, &'a str),
    ) {
        let wanted = ((self.taken + more) * 2).next_power_of_two();
        if wanted <= self.places.len() {
            return;
        }
        let old = std::mem::replace(&mut self.places, vec![EMPTY; wanted.max(16)]);
        for id in old.into_iter().filter_map(|raw| NeuronId::new(raw).ok()) {
            if let Err(place) = self.find(named(id), &named) {
                self.places[place] = id.raw();
            }
        }
    }

    /// Puts an id where [`find`](Self::find) said that it would stand.
    pub(super) fn put(&mut self, place: usize, id: NeuronId) {
        self.places[place] = id.raw();
        self.taken += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again_and_no_other() {
        let mut index = NameIndex::default();
        let region = |n: usize| RegionId::from_index(n % 3).unwrap();
        let names: Vec<String> = (0..5_000).map(|n| format!("{}", n / 2)).collect();
        let named = |id: NeuronId| (region(id.index()), names[id.index()].as_str());
        for n in 0..names.len() {
            index.reserve(1, named);
            let id = NeuronId::from_index(n).unwrap();
            let place = index.find(named(id), named).expect_err("it is not there yet");
            index.put(place, id);
        }
        for n in 0..names.len() {
            let id = NeuronId::from_index(n).unwrap();
            assert_eq!(index.find(named(id), named), Ok(id));
        }
        assert!(index.find((region(0), "nobody"), named).is_err());
        assert!(index.places.len() <= 4 * names.len(), "{}", index.places.len());
    }
}
