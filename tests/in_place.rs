//! Large payloads of another process, looked at where they lie.

#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]
#![allow(unsafe_code, reason = "a promise about the writers, who are this test")]

use std::time::Duration;

use neuronbus::arena::{Arena, ArenaError};
use neuronbus::brain::{Brain, BrainError, Door, TrustedWriters};
use neuronbus::prelude::*;
use neuronbus::spike::ArenaRef;

/// A promise that this test keeps.
fn trust() -> TrustedWriters {
    // SAFETY: nothing here writes to a block while a look at it uses its bytes.
    unsafe { TrustedWriters::promised() }
}

const LONG: Duration = Duration::from_secs(60);
const LARGE: usize = 1_000_000;

#[test]
fn a_reader_looks_at_a_payload_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    let mut builder = Cortex::builder();
    let doors = [Door::sensory(), Door::motor()].map(|door| door.payloads(32 << 20));
    let [ear, voice] = doors;
    let ear = builder.region(Region::open_to_others("senses/ear", ear));
    let voice = builder.region(Region::open_to_others("motor/voice", voice));
    builder.project(ear, voice, Projection::all_to_all()).arena(64 << 20).directory(&path);
    let running = builder.build().unwrap().spawn().unwrap();
    let brain = Brain::attach(&path).unwrap();
    let (mut voice, mut ear) = (brain.motor("voice").unwrap(), brain.sensory("ear").unwrap());
    assert_eq!(voice.look(trust(), |_, _| ()).unwrap(), None, "nothing is there yet");

    let mut places = Vec::new();
    for number in 0..8u8 {
        let sent = vec![number; if number % 2 == 0 { LARGE } else { 5 }];
        ear.fire_within(&sent, LONG).unwrap();
        assert!(voice.wait(LONG).unwrap());
        let seen = voice.look(trust(), |spike, bytes| {
            assert_eq!(spike.arena_ref().is_some(), bytes.len() == LARGE);
            (bytes.as_ptr().addr(), bytes == sent)
        });
        let (place, equal) = seen.unwrap().unwrap();
        assert!(equal, "payload {number}");
        if sent.len() == LARGE {
            places.push(place);
        }
    }
    places.dedup();
    assert_eq!(
        places.len(),
        4,
        "each payload lies in a place of its own, and none was copied to one"
    );
    assert_eq!((voice.refused(), voice.lag()), (0, 0));
    drop(running);
}

#[test]
fn what_came_of_a_look_at_a_block_that_was_given_on_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payloads.arena");
    let arena = Arena::create(&path, 1 << 16).unwrap();
    // As another process maps it.
    let other = Arena::open(&path).unwrap();
    let place = arena.write(&[1; 100]).unwrap();
    assert_eq!(other.look(place, trust(), <[u8]>::len), Ok(100));
    let looked = other.look(place, trust(), |bytes| {
        let length = bytes.len();
        arena.release(place).unwrap();
        for _ in 0..1000 {
            let block = arena.write(&[2; 1000]).unwrap();
            arena.release(block).unwrap();
        }
        length
    });
    assert_eq!(looked, Err(ArenaError::Stale { place }));
    assert!(other.look(place, trust(), |_| panic!("it is gone")).is_err());
}

#[test]
fn what_is_no_block_is_not_looked_at() {
    let arena = Arena::anonymous(1 << 16).unwrap();
    let place = arena.write(&[1; 100]).unwrap();
    for altered in [
        ArenaRef { length: 101, ..place },
        ArenaRef { offset: place.offset + 1, ..place },
        ArenaRef { offset: u32::MAX, ..place },
        ArenaRef { generation: place.generation + 1, ..place },
        ArenaRef { segment: u32::MAX, ..place },
    ] {
        let looked = arena.look(altered, trust(), |_| panic!("{altered:?} is no block"));
        assert!(looked.is_err());
    }
    let refused = BrainError::from(ArenaError::Stale { place });
    assert!(matches!(refused, BrainError::Arena(_)));
}
