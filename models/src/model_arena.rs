//! What an arena and a shared header promise, as small programs that are run in every order.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::Arc;

use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use loom::thread;

use crate::arena::Arena;
use crate::shm::header::Format;
use crate::shm::trust::TrustedWriters;
use crate::spike::ArenaRef;

/// One segment with room for one block of a word.
fn arena() -> Arc<Arena> {
    Arc::new(Arena::with_segments(1, 64).unwrap())
}

fn block_of(word: u64) -> Vec<u8> {
    // Six words fill the segment, so that the next block needs it anew.
    let mut bytes = word.to_ne_bytes().to_vec();
    bytes.resize(48, 0);
    bytes
}

fn word_of(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes[..8].try_into().unwrap())
}

pub(crate) fn a_guessed_reference_shows_a_whole_block_or_none() {
    let arena = arena();
    let guess = arena.write(&block_of(7)).unwrap();
    arena.release(guess).unwrap();
    // The same place in the next generation, which the other thread is about to write.
    let guess = ArenaRef { generation: guess.generation + 1, ..guess };
    let other = Arc::clone(&arena);
    let reading = thread::spawn(move || {
        let mut bytes = Vec::new();
        if other.read_into(guess, &mut bytes).is_ok() {
            assert_eq!(word_of(&bytes), 8, "a checked block is written");
        }
    });
    // Refused only while the guess is being looked up.
    let _ = arena.write(&block_of(8));
    reading.join().unwrap();
}

pub(crate) fn a_released_block_is_overwritten_only_after_its_readers() {
    let arena = arena();
    let place = arena.write(&block_of(1)).unwrap();
    let other = Arc::clone(&arena);
    let reading = thread::spawn(move || {
        let word = word_of(&other.lease(place).unwrap());
        assert_eq!(word, 1, "a lease keeps its block");
        other.release(place).unwrap();
    });
    if let Ok(next) = arena.write(&block_of(2)) {
        assert_eq!(word_of(&arena.lease(next).unwrap()), 2);
    }
    reading.join().unwrap();
}

pub(crate) fn a_lease_outlives_the_last_reference() {
    let arena = arena();
    let place = arena.write(&block_of(1)).unwrap();
    let other = Arc::clone(&arena);
    let releasing = thread::spawn(move || {
        other.release(place).unwrap();
        other.write(&block_of(2)).is_ok()
    });
    if let Ok(lease) = arena.lease(place) {
        assert_eq!(word_of(&lease), 1, "a lease keeps its block");
    }
    releasing.join().unwrap();
}

pub(crate) fn of_two_last_releases_one_is_refused() {
    let arena = arena();
    let place = arena.write(&block_of(1)).unwrap();
    let other = Arc::clone(&arena);
    let releasing = thread::spawn(move || other.release(place).is_ok());
    let here = arena.release(place).is_ok();
    assert!(here ^ releasing.join().unwrap(), "exactly one release takes the reference");
    assert_eq!(arena.usage().in_use, 0);
    assert!(arena.write(&block_of(2)).is_ok(), "the segment is free again");
}

pub(crate) fn two_writers_get_two_places() {
    let arena = Arc::new(Arena::with_segments(1, 64).unwrap());
    let other = Arc::clone(&arena);
    let writing = thread::spawn(move || other.write(b"to").unwrap());
    let here = arena.write(b"fro").unwrap();
    let there = writing.join().unwrap();
    assert_eq!(&arena.lease(here).unwrap()[..], b"fro");
    assert_eq!(&arena.lease(there).unwrap()[..], b"to");
}

pub(crate) fn a_header_is_seen_whole_or_refused() {
    const FORMAT: Format = Format::new(*b"MODEL..\n", 1, "a model");
    let page: Arc<Vec<AtomicU64>> = Arc::new((0..16).map(|_| AtomicU64::new(0)).collect());
    let other = Arc::clone(&page);
    let making = thread::spawn(move || FORMAT.write(&other, &[5], 128));
    if let Err(wrong) = FORMAT.check(&page, 128) {
        assert_eq!(wrong.what, "magic", "whoever sees the magic sees the rest");
    } else {
        assert_eq!(crate::shm::header::field(&page, 0).load(Relaxed), 5);
    }
    making.join().unwrap();
}

pub(crate) fn a_copy_that_holds_nothing_is_whole_or_refused() {
    let arena = arena();
    let old = arena.write(&block_of(1)).unwrap();
    let other = Arc::clone(&arena);
    let copying = thread::spawn(move || {
        let mut copy = Vec::new();
        if other.peek(old, &mut copy).is_ok() {
            assert_eq!(word_of(&copy), 1, "a copy that was not refused is of its block");
        }
    });
    arena.release(old).unwrap();
    arena.write(&block_of(2)).unwrap();
    copying.join().unwrap();
}

pub(crate) fn a_look_in_place_is_whole_or_dropped() {
    let arena = arena();
    let old = arena.write(&block_of(1)).unwrap();
    let other = Arc::clone(&arena);
    let looking = thread::spawn(move || {
        if let Ok(seen) = other.look(old, TrustedWriters, word_of) {
            assert_eq!(seen, 1, "what came of a look that was not dropped is of its block");
        }
    });
    arena.release(old).unwrap();
    arena.write(&block_of(2)).unwrap();
    looking.join().unwrap();
}
