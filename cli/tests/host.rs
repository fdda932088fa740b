//! The host brain on the machine that runs the tests.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod support;

use support::{document, neuronbus, run, stderr, stdout};

/// Resident memory of a process in KiB; nothing if it has ended.
fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
fn two_seconds_of_this_machine_are_a_report() {
    let args = ["run", "brains/host.toml", "--for", "2s", "--format", "json"];
    let mut child = neuronbus(&args).spawn().unwrap();
    let mut largest = 0;
    while child.try_wait().unwrap().is_none() {
        largest = largest.max(resident_kib(child.id()).unwrap_or(0));
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
    let document = document(&child.wait_with_output().unwrap());
    assert!(document["spikes"]["in"].as_u64().unwrap() > 0);
    assert!(document["ticks"].as_u64().unwrap() > 0);
    assert_eq!(document["spikes"]["lost"], 0);
    assert_eq!(document["pace"], "on-demand");
    assert!((2000..8000).contains(&document["wall_ms"].as_u64().unwrap()));
    assert!(document["latency_ns"]["gate_to_neuron"]["count"].as_u64().unwrap() > 0);
    let end = &document["axons"][0]["ends"][0];
    assert_eq!(end["published"], end["delivered"]);
    assert!(largest < 20 * 1024, "{largest} KiB resident");
}

#[test]
fn a_machine_without_senses_says_which_are_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare.toml");
    let empty = folder.path().join("nothing");
    std::fs::create_dir(&empty).unwrap();
    let text = format!(
        "[[region]]\npath = \"senses/host\"\nkind = \"host\"\nperiod = \"50 ms\"\nproc = {empty:?}\nsys = {empty:?}\n"
    );
    std::fs::write(&path, text).unwrap();
    let output = run(&["run", path.to_str().unwrap(), "--for", "300ms"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for sense in ["cpu", "memory", "pressure"] {
        assert!(text.contains(&format!("{sense} is off: ")), "{text}");
    }
}
