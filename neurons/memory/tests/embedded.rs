//! The embedded memory: what all memories do, that its file survives, and that its index finds what is near.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use neuronbus_memory::conformance::{check, engram, id};
use neuronbus_memory::{EmbeddedMemory, Memory, SignIndex};
use proptest::prelude::*;

#[test]
fn the_embedded_memory_does_what_every_memory_must() {
    check(&mut EmbeddedMemory::new()).unwrap();
}

#[test]
fn a_memory_in_a_file_does_so_too_and_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.redb");
    let mut memory = EmbeddedMemory::open(&path).unwrap();
    check(&mut memory).unwrap();
    let before = memory.snapshot().unwrap();
    drop(memory);
    let mut again = EmbeddedMemory::open(&path).unwrap();
    assert_eq!(again.snapshot().unwrap(), before);
    again.forget(id(3)).unwrap();
    drop(again);
    let mut again = EmbeddedMemory::open(&path).unwrap();
    assert_eq!((again.count().unwrap(), again.links(id(0)).unwrap().from), (4, vec![id(4)]));
}

#[test]
fn a_file_that_is_no_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.redb");
    std::fs::write(&path, b"something else, and long enough to look at".repeat(200)).unwrap();
    let refused = EmbeddedMemory::open(&path).unwrap_err();
    assert!(refused.is_of_store(), "{refused}");
}

#[test]
fn another_model_may_come_when_everything_was_forgotten() {
    let mut memory = EmbeddedMemory::new();
    memory.store(&engram("a", 1, &[1.0, 0.0], 0.5)).unwrap();
    assert!(memory.store(&engram("a", 2, &[1.0, 0.0, 0.0], 0.5)).is_err());
    memory.forget(id(1)).unwrap();
    memory.store(&engram("a", 2, &[1.0, 0.0, 0.0], 0.5)).unwrap();
}

/// Numbers that look like chance and are the same everywhere.
fn drawn(seed: u64, n: usize) -> f32 {
    let word = neuronbus::math::random(seed, n as u64, 0, 0);
    (word >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
}

/// Vectors around centres, as texts are around subjects.
fn clustered(count: usize, dimensions: usize, clusters: usize) -> Vec<Vec<f32>> {
    let vector = |n: usize| {
        let centre = n % clusters;
        let at = |d: usize| drawn(1, centre * dimensions + d) + 0.7 * drawn(2, n * dimensions + d);
        (0..dimensions).map(at).collect()
    };
    (0..count).map(vector).collect()
}

#[test]
fn five_of_the_nearest_are_found_among_twenty_thousand() {
    let vectors = clustered(20_000, 128, 200);
    let mut index = SignIndex::new(128);
    vectors.iter().for_each(|vector| {
        index.add(vector).unwrap();
    });
    let (mut found, mut wanted) = (0, 0);
    for n in 0..60 {
        let near = |d: usize| vectors[n * 331][d] + 0.3 * drawn(9, n * 128 + d);
        let query: Vec<f32> = (0..128).map(near).collect();
        let exact = index.exactly_nearest(&query, 5);
        let fast = index.nearest(&query, 5, |_| true);
        wanted += exact.len();
        found += exact.iter().filter(|hit| fast.contains(hit)).count();
    }
    let recall = f64::from(found as u32) / f64::from(wanted as u32);
    assert!(recall >= 0.95, "recall@5 is {recall}");
}

proptest! {
    #[test]
    fn up_to_some_hundred_vectors_the_index_is_exact_through_all_changes(
        steps in prop::collection::vec((any::<bool>(), prop::collection::vec(-9_i8..9, 8)), 1..120),
        query in prop::collection::vec(-9_i8..9, 8), k in 0_usize..9,
    ) {
        let floats = |numbers: &[i8]| numbers.iter().map(|&n| f32::from(n)).collect::<Vec<_>>();
        let mut index = SignIndex::new(8);
        let mut held = Vec::new();
        for (add, vector) in &steps {
            if *add || held.is_empty() {
                held.extend(index.add(&floats(vector)));
            } else {
                index.remove(held.remove(vector[0].unsigned_abs() as usize % held.len()));
            }
        }
        prop_assert_eq!(index.len(), held.len());
        let query = floats(&query);
        prop_assert_eq!(index.nearest(&query, k, |_| true), index.exactly_nearest(&query, k));
    }
}
