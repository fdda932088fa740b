//! Peers that are measured by programs of their own, in workspaces of their own, because their build would double that
//! of everything else or wants what not every machine has: `benches/zenoh` (300 crates), `benches/iceoryx2` (libclang).
//!
//! The first full run builds them, which takes some minutes; a run for a moment leaves out what was not built.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::{Sample, Scale};

/// A program that prints the figures it is asked for.
#[derive(Debug, Clone)]
pub struct Apart(PathBuf);

impl Apart {
    /// Zenoh, over TCP loopback between two sessions.
    #[must_use]
    pub fn zenoh(scale: Scale) -> Option<Self> {
        Self::find("zenoh", "zenoh-wires", "ZENOH_WIRES", scale)
    }

    /// iceoryx2, between two processes.
    #[must_use]
    pub fn iceoryx2(scale: Scale) -> Option<Self> {
        Self::find("iceoryx2", "iceoryx2-processes", "ICEORYX2_PROCESSES", scale)
    }

    /// The program of a folder, where it was built or is said to be; built now if this is no run for a moment.
    fn find(folder: &str, program: &str, variable: &str, scale: Scale) -> Option<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
        let built = folder.join("target/release").join(program);
        let path = std::env::var_os(variable).map_or(built, PathBuf::from);
        if path.exists() {
            return Some(Self(path));
        }
        if scale.argument().is_some() {
            eprintln!("left out: {program}, which a full run builds");
            return None;
        }
        eprintln!("building {program}, once");
        let manifest = folder.join("Cargo.toml");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args(["build", "--release", "--quiet", "--manifest-path"]).arg(manifest);
        let status = cargo.stdout(Stdio::null()).status();
        if status.is_ok_and(|status| status.success()) && path.exists() {
            return Some(Self(path));
        }
        eprintln!("left out: {program}, which cannot be built here");
        None
    }

    /// The median of some times, and their tail beside it.
    #[must_use]
    pub fn times(&self, what: &str, rounds: u64) -> Sample {
        let [p50, p99, p999] = self.figures(what, rounds);
        Sample { figure: p50, beside: vec![("p99", p99), ("p99.9", p999)] }
    }

    /// A rate.
    #[must_use]
    pub fn rate(&self, what: &str, messages: u64) -> Sample {
        let [rate] = self.figures(what, messages);
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
        figures.try_into().unwrap_or_else(|_| panic!("{:?} printed {text:?}: {said}", self.0))
    }
}
