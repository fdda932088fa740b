//! What a memory can do, wherever it keeps what it remembers.

use neuronbus::event::{EventId, EventView, RecordError, TopicPattern};

/// An event that is remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct Engram {
    /// Its record, with an embedding.
    pub record: Vec<u8>,
    /// How important it was when it was stored, 0 to 1.
    pub importance: f32,
}

impl Engram {
    /// Its event.
    ///
    /// # Errors
    /// [`RecordError`] for bytes that are no record.
    pub fn event(&self) -> Result<EventView<'_>, RecordError> {
        EventView::open(&self.record)
    }
}

/// What is searched for.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The model whose vector this is.
    pub model: &'a str,
    /// The vector.
    pub vector: &'a [f32],
    /// How many are wanted, at most.
    pub k: usize,
    /// Only events of these topics.
    pub topics: Option<&'a TopicPattern>,
}

/// A memory that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The id of the event.
    pub id: EventId,
    /// Cosine of the two embeddings.
    pub score: f32,
}

/// Episodic links of an event, each in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// What it reminded of.
    pub to: Vec<EventId>,
    /// Which events were reminded of it.
    pub from: Vec<EventId>,
}

/// Why a memory could not do something; what it holds is as it was.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The event has no embedding.
    #[error("event {0} has no embedding, and cannot be remembered by what it means")]
    NoEmbedding(EventId),
    /// It is of another model than what is there.
    #[error("a vector of model {found:?} is refused: this memory holds vectors of {expected:?}")]
    Model {
        /// The model of the vector.
        found: String,
        /// The model of the memory.
        expected: String,
    },
    /// It has another length than what is there.
    #[error("a vector of {found} numbers is refused: this memory holds vectors of {expected}")]
    Dimensions {
        /// Of the vector.
        found: usize,
        /// Of the memory.
        expected: usize,
    },
    /// It has no direction.
    #[error("a vector of zeros, or with a number that is not finite, is refused")]
    Direction,
    /// The importance is no number from 0 to 1.
    #[error("an importance of {0} is refused: it is a number from 0 to 1")]
    Importance(f32),
    /// The bytes are no event.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The bytes are no snapshot.
    #[error("this is not a snapshot of a memory: {0}")]
    Snapshot(String),
    /// What it stands on failed, or cannot be reached.
    #[error("the store behind the memory failed: {0}")]
    Store(String),
}

impl MemoryError {
    /// Whether it says something about the store and not about what was asked: others may succeed later.
    #[must_use]
    pub fn is_of_store(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

/// Remembers events by what they mean.
///
/// All that implement it pass [`conformance`](crate::conformance). An id is stored once: storing it again replaces what
/// was there and keeps its links.
pub trait Memory: Send + std::fmt::Debug {
    /// Remembers an event.
    ///
    /// # Errors
    /// [`MemoryError`]; nothing was stored.
    fn store(&mut self, engram: &Engram) -> Result<(), MemoryError>;

    /// The most similar events, the most similar first; of equally similar ones the earlier.
    ///
    /// # Errors
    /// [`MemoryError`] for a vector of another model or length, or a store that fails.
    fn search(&mut self, query: &Query<'_>) -> Result<Vec<Found>, MemoryError>;

    /// An event by its id.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    fn get(&mut self, id: EventId) -> Result<Option<Engram>, MemoryError>;

    /// Links an event to one that it reminded of; both need not be remembered yet.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    fn link(&mut self, event: EventId, memory: EventId) -> Result<(), MemoryError>;

    /// The links of an event, both ways.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    fn links(&mut self, id: EventId) -> Result<Links, MemoryError>;

    /// Forgets an event and its links; false if it was not there.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    fn forget(&mut self, id: EventId) -> Result<bool, MemoryError>;

    /// How many events are remembered.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    fn count(&mut self) -> Result<usize, MemoryError>;

    /// Everything, as bytes.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    fn snapshot(&mut self) -> Result<Vec<u8>, MemoryError>;

    /// Becomes what a snapshot says.
    ///
    /// # Errors
    /// [`MemoryError::Snapshot`] for other bytes.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), MemoryError>;
}
