//! An arena in a file, seen by two processes.

#![allow(clippy::unwrap_used, reason = "a test that cannot start its peer has failed")]

use std::process::Command;

use neuronbus::arena::Arena;
use neuronbus::spike::ArenaRef;

const PATH: &str = "NEURONBUS_TEST_ARENA";

/// What the other process writes: longer than a spike, shorter than a segment.
fn contents() -> Vec<u8> {
    (0..5_000u32).flat_map(u32::to_le_bytes).collect()
}

/// The other process: opens the arena, writes a block and says where it lies.
fn write_and_say(path: &str) {
    let ArenaRef { offset, length, generation, segment } =
        Arena::open(path).unwrap().write(&contents()).unwrap();
    println!("block {offset} {length} {generation} {segment}");
}

#[test]
fn a_block_that_one_process_wrote_is_read_and_released_by_another() {
    if let Ok(path) = std::env::var(PATH) {
        return write_and_say(&path);
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("payloads.arena");
    let arena = Arena::create(&path, 1 << 20).unwrap();
    // The test binary is its own peer: the same test, told where the file is.
    let peer = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "a_block_that_one_process_wrote_is_read_and_released_by_another",
        ])
        .env(PATH, &path)
        .output()
        .unwrap();
    assert!(peer.status.success(), "{}", String::from_utf8_lossy(&peer.stderr));
    let said = String::from_utf8(peer.stdout).unwrap();
    let line = said.lines().find_map(|line| line.split_once("block ")).unwrap().1;
    let numbers: Vec<u32> = line.split(' ').map(|word| word.parse().unwrap()).collect();
    let [offset, length, generation, segment] = numbers[..] else { panic!("{line}") };
    let block = ArenaRef { offset, length, generation, segment };
    let mut read = Vec::new();
    arena.read_into(block, &mut read).unwrap();
    assert_eq!(read, contents());
    arena.release(block).unwrap();
    assert!(arena.read_into(block, &mut read).is_err(), "it is gone for everybody");
}
