//! References from a hostile hand against a live arena, and a file of hostile bytes: refused or harmless.

#![no_main]

#[path = "../src/hostile.rs"]
mod hostile;

use libfuzzer_sys::fuzz_target;
use neuronbus::arena::Arena;
use neuronbus::spike::ArenaRef;

fn place(bytes: &[u8; 16]) -> ArenaRef {
    let word =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    ArenaRef { offset: word(0), length: word(4), generation: word(8), segment: word(12) }
}

/// Every call that follows a reference; whether one took it for real.
fn pry(arena: &Arena, place: ArenaRef) -> bool {
    let mut bytes = Vec::new();
    let read = arena.read_into(place, &mut bytes).is_ok();
    if let Ok(lease) = arena.lease(place) {
        assert_eq!(lease.len(), place.length as usize);
        std::hint::black_box(lease.iter().fold(0_u8, |sum, byte| sum ^ byte));
    }
    let retained = arena.retain(place).is_ok();
    let released = arena.release(place).is_ok();
    std::hint::black_box(arena.usage());
    read || retained || released
}

fn hostile_refs(bytes: &[u8]) {
    let arena = Arena::with_segments(2, 1024).expect("a valid shape");
    // The payload is the fuzzer's too, so it may imitate a block.
    let content = &bytes[..bytes.len().min(500)];
    let real = arena.write(content).expect("an empty arena has room");
    for bytes in bytes.as_chunks::<16>().0 {
        let hostile = place(bytes);
        let near = ArenaRef { offset: real.offset.wrapping_add(hostile.offset % 64), ..real };
        for place in [hostile, near, ArenaRef { length: hostile.length, ..real }] {
            assert!(place == real || !pry(&arena, place), "{place:?} is not {real:?}");
        }
    }
    assert_eq!(*arena.lease(real).expect("still there"), *content);
    arena.release(real).expect("one reference");
    assert_eq!(arena.usage().blocks, 0);
}

thread_local! {
    static FILE: (hostile::File, ArenaRef) = {
        let mut real = None;
        let file = hostile::File::new("arena", |path| {
            let arena = Arena::create(path, 2048).expect("a new file");
            real = Some(arena.write(b"real").expect("an empty arena has room"));
        });
        (file, real.expect("it was just written"))
    };
}

/// A file with the fuzzer's words over any of its own: what they say is believed by nobody.
fn hostile_file(bytes: &[u8]) {
    FILE.with(|(file, real)| {
        file.overwrite(bytes);
        let Ok(arena) = Arena::open(file.path()) else { return };
        for bytes in bytes.as_chunks::<16>().0.iter().take(16) {
            pry(&arena, place(bytes));
            pry(&arena, *real);
            let _ = arena.write(&bytes[..]);
        }
    });
}

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((0..=127, rest)) => hostile_refs(rest),
        Some((_, rest)) => hostile_file(rest),
        None => {}
    }
});
