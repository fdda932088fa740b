//! What every memory must do; each adapter's tests call [`check`] with a way to make an empty one.

use neuronbus::event::{Embedding, Event, EventId, EventIds, TopicPattern};

use crate::memory::{Engram, Links, Memory, MemoryError, Query};

const MODEL: &str = "conformance";

/// An event that is remembered, with this vector.
///
/// # Panics
/// If the event is refused: a test that asks for one has a mistake.
#[must_use]
pub fn engram(topic: &str, n: u64, vector: &[f32], importance: f32) -> Engram {
    let embedding = Embedding { model: MODEL.to_owned(), values: vector.to_vec() };
    let event = Event::new(topic).body(n).id(id(n)).embedding(embedding);
    let mut record = Vec::new();
    let done = event.encode(&mut EventIds::new(n), n * 1000, &mut record);
    assert!(done.is_ok(), "{done:?}");
    Engram { record, importance }
}

/// The id of the n-th event of the suite.
#[must_use]
pub fn id(n: u64) -> EventId {
    let mut chance = [0; 10];
    chance[2..].copy_from_slice(&n.to_be_bytes());
    EventId::new(n, chance)
}

fn ids(
    memory: &mut dyn Memory,
    vector: &[f32],
    k: usize,
    topics: Option<&TopicPattern>,
) -> Result<Vec<EventId>, MemoryError> {
    let found = memory.search(&Query { model: MODEL, vector, k, topics })?;
    assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score), "{found:?}");
    Ok(found.iter().map(|found| found.id).collect())
}

/// Four directions, so that every order of cosines is known.
const VECTORS: [[f32; 4]; 5] = [
    [1.0, 0.0, 0.0, 0.0],
    [0.9, 0.4, 0.0, 0.0],
    [0.5, 0.8, 0.1, 0.0],
    [0.0, 0.0, 1.0, 0.2],
    [-1.0, 0.1, 0.0, 0.0],
];

fn fill(memory: &mut dyn Memory) -> Result<(), MemoryError> {
    for (n, vector) in VECTORS.iter().enumerate() {
        let topic = if n % 2 == 0 { "even.x" } else { "odd.x" };
        memory.store(&engram(topic, n as u64, vector, 0.5))?;
    }
    Ok(())
}

fn stores_and_finds(memory: &mut dyn Memory) -> Result<(), MemoryError> {
    assert_eq!(memory.count()?, 0);
    assert_eq!(ids(memory, &[1.0, 0.0, 0.0, 0.0], 3, None)?, []);
    assert_eq!(memory.get(id(0))?, None);
    fill(memory)?;
    assert_eq!(memory.count()?, 5);
    assert_eq!(ids(memory, &[2.0, 0.0, 0.0, 0.0], 3, None)?, [id(0), id(1), id(2)]);
    assert_eq!(ids(memory, &[0.0, 0.0, 1.0, 0.0], 1, None)?, [id(3)]);
    assert_eq!(ids(memory, &[1.0, 0.0, 0.0, 0.0], 10, None)?.len(), 5);
    assert_eq!(ids(memory, &[1.0, 0.0, 0.0, 0.0], 0, None)?, []);
    let odd = TopicPattern::new("odd.#").ok();
    assert_eq!(ids(memory, &[1.0, 0.0, 0.0, 0.0], 3, odd.as_ref())?, [id(1), id(3)]);
    let found = memory.get(id(2))?;
    assert_eq!(found, Some(engram("even.x", 2, &VECTORS[2], 0.5)));
    Ok(())
}

fn replaces_and_forgets(memory: &mut dyn Memory) -> Result<(), MemoryError> {
    memory.link(id(1), id(0))?;
    memory.store(&engram("odd.x", 1, &[0.0, 0.0, 0.0, 1.0], 0.25))?;
    assert_eq!(memory.count()?, 5);
    assert_eq!(ids(memory, &[0.0, 0.0, 0.0, 1.0], 1, None)?, [id(1)]);
    assert_eq!(memory.get(id(1))?.map(|engram| engram.importance), Some(0.25));
    assert_eq!(memory.links(id(1))?.to, [id(0)], "a link outlives what is replaced");
    assert!(memory.forget(id(1))?);
    assert!(!memory.forget(id(1))?);
    assert_eq!(memory.count()?, 4);
    assert!(!ids(memory, &[0.0, 0.0, 0.0, 1.0], 5, None)?.contains(&id(1)));
    assert_eq!(memory.links(id(0))?, Links::default());
    memory.store(&engram("odd.x", 1, &VECTORS[1], 0.5))
}

fn links_both_ways(memory: &mut dyn Memory) -> Result<(), MemoryError> {
    for (from, to) in [(3, 0), (3, 2), (4, 0), (3, 0)] {
        memory.link(id(from), id(to))?;
    }
    assert_eq!(memory.links(id(3))?, Links { to: vec![id(0), id(2)], from: vec![] });
    assert_eq!(memory.links(id(0))?, Links { to: vec![], from: vec![id(3), id(4)] });
    Ok(())
}

fn refuses(memory: &mut dyn Memory) -> Result<(), MemoryError> {
    let query = |model, vector| Query { model, vector, k: 3, topics: None };
    let other = memory.search(&query("other", &[1.0, 0.0, 0.0, 0.0]));
    assert!(matches!(other, Err(MemoryError::Model { .. })), "{other:?}");
    let short = memory.search(&query(MODEL, &[1.0, 0.0]));
    assert!(matches!(short, Err(MemoryError::Dimensions { found: 2, expected: 4 })), "{short:?}");
    let odd = memory.search(&query(MODEL, &[f32::NAN, 0.0, 0.0, 0.0]));
    assert!(matches!(odd, Err(MemoryError::Direction)), "{odd:?}");
    let zeros = memory.store(&engram("a", 9, &[0.0; 4], 0.5));
    assert!(matches!(zeros, Err(MemoryError::Direction)), "{zeros:?}");
    let longer = memory.store(&engram("a", 9, &[1.0; 5], 0.5));
    assert!(matches!(longer, Err(MemoryError::Dimensions { .. })), "{longer:?}");
    let important = memory.store(&engram("a", 9, &[1.0; 4], 1.5));
    assert!(matches!(important, Err(MemoryError::Importance(_))), "{important:?}");
    let bytes = memory.store(&Engram { record: b"NBEV".to_vec(), importance: 0.5 });
    assert!(matches!(bytes, Err(MemoryError::Record(_))), "{bytes:?}");
    assert_eq!(memory.count()?, 5, "nothing of that was stored");
    Ok(())
}

fn saves_and_restores(memory: &mut dyn Memory) -> Result<(), MemoryError> {
    let before = ids(memory, &[0.3, 0.3, 0.3, 0.1], 5, None)?;
    let snapshot = memory.snapshot()?;
    for n in 0..5 {
        memory.forget(id(n))?;
    }
    assert_eq!(memory.count()?, 0);
    memory.restore(&snapshot)?;
    assert_eq!(ids(memory, &[0.3, 0.3, 0.3, 0.1], 5, None)?, before);
    assert_eq!(memory.links(id(3))?.to, [id(0), id(2)]);
    assert_eq!(memory.snapshot()?, snapshot);
    let refused = memory.restore(b"no snapshot");
    assert!(matches!(refused, Err(MemoryError::Snapshot(_))), "{refused:?}");
    assert_eq!(memory.count()?, 5);
    Ok(())
}

/// Whether an empty memory behaves as one must.
///
/// # Errors
/// What the memory refused that it must not refuse.
///
/// # Panics
/// Where it does something else.
pub fn check(memory: &mut dyn Memory) -> Result<(), MemoryError> {
    stores_and_finds(memory)?;
    replaces_and_forgets(memory)?;
    links_both_ways(memory)?;
    refuses(memory)?;
    saves_and_restores(memory)
}
