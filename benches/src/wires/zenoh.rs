//! Zenoh, measured by a program of its own, because its 300 crates would double the build of everything else:
//! `cargo build --release --manifest-path benches/zenoh/Cargo.toml`.

use std::path::PathBuf;
use std::process::Command;

use crate::harness::Sample;

/// The program, where it was built.
pub(super) struct Zenoh(PathBuf);

impl Zenoh {
    pub(super) fn find() -> Option<Self> {
        let built = concat!(env!("CARGO_MANIFEST_DIR"), "/zenoh/target/release/zenoh-wires");
        let path = std::env::var_os("ZENOH_WIRES").map_or(PathBuf::from(built), PathBuf::from);
        if path.exists() {
            return Some(Self(path));
        }
        eprintln!("left out: Zenoh, which is built apart; see benches/zenoh/Cargo.toml");
        None
    }

    pub(super) fn round_trip(&self, rounds: u64) -> Sample {
        let [p50, p99, p999] = self.figures("round-trip", rounds);
        Sample { figure: p50, beside: vec![("p99", p99), ("p99.9", p999)] }
    }

    pub(super) fn one_way(&self, messages: u64) -> Sample {
        let [rate] = self.figures("one-way", messages);
        rate.into()
    }

    /// What the program prints: figures between blanks.
    fn figures<const N: usize>(&self, what: &str, count: u64) -> [f64; N] {
        let output = Command::new(&self.0).args([what, &count.to_string()]).output();
        let output = output.expect("the program was there a moment ago");
        let text = String::from_utf8_lossy(&output.stdout);
        let figures: Vec<f64> =
            text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let said = String::from_utf8_lossy(&output.stderr);
        figures.try_into().unwrap_or_else(|_| panic!("zenoh-wires printed {text:?}: {said}"))
    }
}
