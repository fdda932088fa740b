//! The files of a brain directory with anything in them: opening and using them refuses or goes on, and never panics.
//!
//! `NEURONBUS_MUTATIONS=1000000 cargo test --release -p neuronbus --test brain_hostile` runs longer.

#![allow(clippy::unwrap_used, reason = "a test that cannot write its files has failed")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use neuronbus::brain::{Brain, Directory, Door, Overheard};
use neuronbus::prelude::*;

const MUTATIONS: u64 = 500;

/// A generator that is the same everywhere (xorshift64*, Vigna 2016).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % bound
    }
}

fn builder(path: &Path) -> neuronbus::cortex::CortexBuilder {
    let mut builder = Cortex::builder();
    let ear = Door::sensory().slots(8).payloads(4096);
    let ear = builder.region(Region::open_to_others("senses/ear", ear));
    let voice = Door::motor().slots(8).readers(2).payloads(4096);
    let voice = builder.region(Region::open_to_others("motor/voice", voice));
    builder.project(ear, voice, Projection::all_to_all());
    builder.directory(Directory::at(path).trace(8));
    builder
}

/// A small directory through which something has gone, and what is in its files.
fn pristine(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut cortex = builder(path).build().unwrap();
    let mut ear = Brain::attach(path).unwrap().sensory("ear").unwrap();
    for length in [3, 100, 40, 120] {
        ear.fire(&vec![7; length]).unwrap();
    }
    cortex.tick().unwrap();
    cortex.tick().unwrap();
    drop((ear, cortex));
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.map(|file| (file.clone(), std::fs::read(file).unwrap())).collect();
    files.sort();
    files
}

/// Everything that a peer, an observer, a doctor and a cortex do with the files.
fn use_all(path: &Path) {
    if let Ok(brain) = Brain::observe(path) {
        let _ = (brain.check(), brain.pulse(), brain.census());
        if let Ok(tap) = brain.tap("*") {
            let mut tap = tap.from_oldest();
            for _ in 0..20 {
                if tap.poll() == Overheard::Nothing {
                    break;
                }
            }
        }
    }
    if let Ok(brain) = Brain::attach(path) {
        if let Ok(mut voice) = brain.motor("voice") {
            let _ = (voice.read().is_some(), voice.lag(), voice.wait(Duration::ZERO));
        }
        if let Ok(mut ear) = brain.sensory("ear") {
            for length in [3, 100, 200] {
                let _ = ear.fire(&vec![9; length]);
            }
            let _ = ear.account();
        }
        let _ = brain.repair();
    }
    if let Ok(mut cortex) = builder(path).build() {
        let _ = (cortex.tick(), cortex.tick());
    }
}

/// Found by the fuzz target `brain_table`.
#[test]
fn a_way_out_with_two_lanes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain");
    pristine(&path);
    let table = path.join("brain");
    let mut bytes = std::fs::read(&table).unwrap();
    // Behind two regions and one door: direction, region, lanes.
    let lanes = 4480 + 2 * 256 + 128 + 16..4480 + 2 * 256 + 128 + 24;
    assert_eq!(bytes[lanes.clone()], 1_u64.to_ne_bytes());
    bytes[lanes].copy_from_slice(&2_u64.to_ne_bytes());
    std::fs::write(&table, bytes).unwrap();
    let refused = Brain::attach(&path).and_then(|brain| brain.motor("voice")).unwrap_err();
    assert!(refused.to_string().contains("lanes of a door is 0x2, expected 0x1"), "{refused}");
}

#[test]
fn whatever_the_files_hold_is_refused_or_harmless() {
    // In memory, where there is some to share: on a disk every rewritten file is waited for.
    let shared = neuronbus::brain::default_path("");
    std::fs::create_dir_all(&shared).unwrap();
    let folder = tempfile::tempdir_in(shared).unwrap();
    let path = folder.path().join("brain");
    let files = pristine(&path);
    let mutations = std::env::var("NEURONBUS_MUTATIONS").ok().and_then(|n| n.parse().ok());
    let mut random = Seeded(0x9e37_79b9);
    for _ in 0..mutations.unwrap_or(MUTATIONS) {
        let (file, whole) = &files[random.below(files.len() as u64) as usize];
        let mut bytes = whole.clone();
        for _ in 0..=random.below(3) {
            // Mostly where the words are that everything hangs on.
            let range = if random.below(4) == 0 { bytes.len() } else { bytes.len().min(6144) };
            let at = random.below(range as u64 / 8) as usize * 8;
            let word = match random.below(5) {
                0 => 0,
                1 => u64::MAX,
                2 => 1 << random.below(64),
                3 => random.below(4096),
                _ => random.below(u64::MAX) << 16 | random.below(1 << 16),
            };
            bytes[at..at + 8].copy_from_slice(&word.to_ne_bytes());
        }
        if random.below(16) == 0 {
            bytes.truncate(random.below(bytes.len() as u64) as usize);
        }
        File::create(file).unwrap().write_all(&bytes).unwrap();
        use_all(&path);
        for (file, whole) in &files {
            File::create(file).unwrap().write_all(whole).unwrap();
        }
    }
}
