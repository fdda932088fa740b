//! The memory that needs no server: in this process, and in a file if it is to survive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use neuronbus::event::EventId;
use neuronbus_nearest::SignIndex;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};

use crate::memory::{Engram, Found, Links, Memory, MemoryError, Query};

const ENGRAMS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("engrams");
const LINKS: TableDefinition<'_, [u8; 32], ()> = TableDefinition::new("links");

/// Remembers in this process, found by [`SignIndex`]; with a file, every change is in it when the call returns.
#[derive(Debug, Default)]
pub struct EmbeddedMemory {
    model: String,
    index: Option<SignIndex>,
    /// By their place in the index.
    engrams: Vec<Option<(EventId, Engram)>>,
    places: BTreeMap<EventId, u32>,
    links: BTreeSet<(EventId, EventId)>,
    back: BTreeSet<(EventId, EventId)>,
    file: Option<Database>,
}

/// What a snapshot holds, of whatever memory.
#[derive(Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) engrams: Vec<(Vec<u8>, f32)>,
    pub(crate) links: Vec<(EventId, EventId)>,
}

fn failed(error: impl Into<redb::Error>) -> MemoryError {
    MemoryError::Store(error.into().to_string())
}

/// The first id there can be: ranges by the first of a pair begin with it.
fn lowest() -> EventId {
    EventId::new(0, [0; 10])
}

impl EmbeddedMemory {
    /// A memory that ends with the process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A memory in a file, with all that the file holds; the file is made if it is not there.
    ///
    /// # Errors
    /// [`MemoryError::Store`] for a file that cannot be opened or is none of these.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, MemoryError> {
        let file = Database::create(path).map_err(failed)?;
        let write = file.begin_write().map_err(failed)?;
        write.open_table(ENGRAMS).map_err(failed)?;
        write.open_table(LINKS).map_err(failed)?;
        write.commit().map_err(failed)?;
        let mut memory = Self::default();
        let read = file.begin_read().map_err(failed)?;
        let engrams = read.open_table(ENGRAMS).map_err(failed)?;
        for entry in engrams.iter().map_err(failed)? {
            let (_, value) = entry.map_err(failed)?;
            memory.hold(&unpack(value.value())?)?;
        }
        let links = read.open_table(LINKS).map_err(failed)?;
        for entry in links.iter().map_err(failed)? {
            let (key, _) = entry.map_err(failed)?;
            if let (Some(from), Some(to)) = ends(key.value()) {
                memory.join(from, to);
            }
        }
        drop(read);
        memory.file = Some(file);
        Ok(memory)
    }

    /// The model whose vectors it holds; empty while it holds none.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Every event, in the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = (EventId, &Engram)> {
        self.places.iter().filter_map(|(&id, &place)| Some((id, self.at(place)?)))
    }

    /// An event by its id, where it lies.
    #[must_use]
    pub fn find(&self, id: EventId) -> Option<&Engram> {
        self.at(*self.places.get(&id)?)
    }

    /// Everything, as bytes.
    #[must_use]
    pub fn saved(&self) -> Vec<u8> {
        let engrams = self.iter().map(|(_, e)| (e.record.clone(), e.importance)).collect();
        let saved = Saved { engrams, links: self.links.iter().copied().collect() };
        // It holds bytes, numbers and ids.
        rmp_serde::to_vec_named(&saved).unwrap_or_default()
    }

    fn at(&self, place: u32) -> Option<&Engram> {
        self.engrams.get(place as usize)?.as_ref().map(|(_, engram)| engram)
    }

    fn fits(&self, model: &str, dimensions: usize) -> Result<(), MemoryError> {
        let Some(index) = self.index.as_ref().filter(|index| !index.is_empty()) else {
            return Ok(());
        };
        if model != self.model {
            let (found, expected) = (model.to_owned(), self.model.clone());
            return Err(MemoryError::Model { found, expected });
        }
        if dimensions != index.dimensions() {
            let expected = index.dimensions();
            return Err(MemoryError::Dimensions { found: dimensions, expected });
        }
        Ok(())
    }

    /// The id and the vector of what can be held, or why it cannot.
    fn checked(&self, engram: &Engram) -> Result<(EventId, Vec<f32>), MemoryError> {
        let event = engram.event()?;
        let id = event.id();
        if !(0.0..=1.0).contains(&engram.importance) {
            return Err(MemoryError::Importance(engram.importance));
        }
        let embedding = event.embedding().ok_or(MemoryError::NoEmbedding(id))?;
        self.fits(embedding.model, embedding.dimensions())?;
        let vector: Vec<f32> = embedding.values().collect();
        if SignIndex::has_direction(&vector) {
            Ok((id, vector))
        } else {
            Err(MemoryError::Direction)
        }
    }

    /// Puts what was checked into the index.
    fn hold(&mut self, engram: &Engram) -> Result<EventId, MemoryError> {
        let (id, vector) = self.checked(engram)?;
        if self.index.as_ref().is_none_or(SignIndex::is_empty) {
            let model = engram.event()?.embedding().map_or("", |embedding| embedding.model);
            model.clone_into(&mut self.model);
            self.index = Some(SignIndex::new(vector.len()));
            self.engrams.clear();
        }
        // It was put there just now, and what has a direction and the right length fits.
        let index = self.index.as_mut().expect("there is an index");
        let place = index.add(&vector).ok_or(MemoryError::Direction)?;
        if let Some(old) = self.places.insert(id, place) {
            index.remove(old);
            self.engrams[old as usize] = None;
        }
        if self.engrams.len() <= place as usize {
            self.engrams.resize(place as usize + 1, None);
        }
        self.engrams[place as usize] = Some((id, engram.clone()));
        Ok(id)
    }

    fn join(&mut self, from: EventId, to: EventId) {
        self.links.insert((from, to));
        self.back.insert((to, from));
    }

    /// Does something to the file, if there is one.
    fn write(
        &self,
        work: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), MemoryError> {
        let Some(file) = &self.file else { return Ok(()) };
        let write = file.begin_write().map_err(failed)?;
        work(&write).map_err(failed)?;
        write.commit().map_err(failed)
    }

    fn other_ends(pairs: &BTreeSet<(EventId, EventId)>, of: EventId) -> Vec<EventId> {
        let all = pairs.range((of, lowest())..);
        all.take_while(|(first, _)| *first == of).map(|&(_, other)| other).collect()
    }
}

/// Importance, then the record.
fn pack(engram: &Engram) -> Vec<u8> {
    let mut bytes = engram.importance.to_le_bytes().to_vec();
    bytes.extend_from_slice(&engram.record);
    bytes
}

fn unpack(bytes: &[u8]) -> Result<Engram, MemoryError> {
    let split = bytes.split_first_chunk::<4>();
    let (importance, record) =
        split.ok_or_else(|| MemoryError::Store("an entry of its file is cut short".to_owned()))?;
    let importance = f32::from_le_bytes(*importance);
    Ok(Engram { record: record.to_vec(), importance })
}

fn pair(from: EventId, to: EventId) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(from.as_bytes());
    bytes[16..].copy_from_slice(to.as_bytes());
    bytes
}

fn ends(bytes: [u8; 32]) -> (Option<EventId>, Option<EventId>) {
    let id = |at: usize| bytes[at..].first_chunk().copied().and_then(EventId::from_bytes);
    (id(0), id(16))
}

impl Memory for EmbeddedMemory {
    fn store(&mut self, engram: &Engram) -> Result<(), MemoryError> {
        let (id, _) = self.checked(engram)?;
        let bytes = pack(engram);
        // The file first: what it refuses was not stored.
        self.write(|write| {
            write.open_table(ENGRAMS)?.insert(*id.as_bytes(), bytes.as_slice())?;
            Ok(())
        })?;
        self.hold(engram).map(|_| ())
    }

    fn search(&mut self, query: &Query<'_>) -> Result<Vec<Found>, MemoryError> {
        self.fits(query.model, query.vector.len())?;
        if !query.vector.iter().all(|value| value.is_finite()) {
            return Err(MemoryError::Direction);
        }
        let Some(index) = &mut self.index else { return Ok(Vec::new()) };
        let engrams = &self.engrams;
        let topic = |place: u32| {
            let engram = engrams.get(place as usize).and_then(Option::as_ref);
            let event = engram.and_then(|(_, engram)| engram.event().ok());
            event.is_some_and(|event| query.topics.is_none_or(|t| t.matches(event.topic())))
        };
        let nearest = if query.topics.is_some() {
            index.nearest(query.vector, query.k, topic)
        } else {
            index.nearest(query.vector, query.k, |_| true)
        };
        let found = nearest.into_iter().filter_map(|(place, score)| {
            let (id, _) = engrams.get(place as usize)?.as_ref()?;
            Some(Found { id: *id, score })
        });
        let mut found: Vec<Found> = found.collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        Ok(found)
    }

    fn get(&mut self, id: EventId) -> Result<Option<Engram>, MemoryError> {
        Ok(self.find(id).cloned())
    }

    fn link(&mut self, event: EventId, memory: EventId) -> Result<(), MemoryError> {
        self.write(|write| {
            write.open_table(LINKS)?.insert(pair(event, memory), ())?;
            Ok(())
        })?;
        self.join(event, memory);
        Ok(())
    }

    fn links(&mut self, id: EventId) -> Result<Links, MemoryError> {
        let to = Self::other_ends(&self.links, id);
        Ok(Links { to, from: Self::other_ends(&self.back, id) })
    }

    fn forget(&mut self, id: EventId) -> Result<bool, MemoryError> {
        let Links { to, from } = self.links(id)?;
        let pairs = to.iter().map(|&to| (id, to)).chain(from.iter().map(|&from| (from, id)));
        let pairs: Vec<_> = pairs.collect();
        self.write(|write| {
            write.open_table(ENGRAMS)?.remove(*id.as_bytes())?;
            let mut links = write.open_table(LINKS)?;
            for &(from, to) in &pairs {
                links.remove(pair(from, to))?;
            }
            Ok(())
        })?;
        for (from, to) in pairs {
            self.links.remove(&(from, to));
            self.back.remove(&(to, from));
        }
        let Some(place) = self.places.remove(&id) else { return Ok(false) };
        self.engrams[place as usize] = None;
        if let Some(index) = &mut self.index {
            index.remove(place);
        }
        Ok(true)
    }

    fn count(&mut self) -> Result<usize, MemoryError> {
        Ok(self.places.len())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, MemoryError> {
        Ok(self.saved())
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), MemoryError> {
        let saved: Saved = rmp_serde::from_slice(bytes)
            .map_err(|error| MemoryError::Snapshot(error.to_string()))?;
        let mut restored = Self::default();
        for (record, importance) in saved.engrams {
            restored.hold(&Engram { record, importance })?;
        }
        saved.links.iter().for_each(|&(from, to)| restored.join(from, to));
        let all: Vec<_> = restored.iter().map(|(id, engram)| (id, pack(engram))).collect();
        let links = &restored.links;
        self.write(|write| {
            write.delete_table(ENGRAMS)?;
            write.delete_table(LINKS)?;
            let mut engrams = write.open_table(ENGRAMS)?;
            for (id, bytes) in &all {
                engrams.insert(*id.as_bytes(), bytes.as_slice())?;
            }
            let mut table = write.open_table(LINKS)?;
            for &(from, to) in links {
                table.insert(pair(from, to), ())?;
            }
            Ok(())
        })?;
        restored.file = self.file.take();
        *self = restored;
        Ok(())
    }
}
