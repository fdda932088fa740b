//! Two commands in two processes, joined by a tract over TCP.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod support;

use std::fs;
use std::path::Path;

use support::{causal_lines, document, feed, neuronbus, stderr};

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A brain that ships, with another port.
fn brain(folder: &Path, name: &str, port: u16) -> String {
    let text =
        fs::read_to_string(format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../brains/{}"), name));
    let path = folder.join(name);
    fs::write(&path, text.unwrap().replace("7700", &port.to_string())).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_one_process_reads_another_hears_to_the_last_line() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let receiver = brain(folder.path(), "tract-alerts.toml", port);
    let sender = brain(folder.path(), "tract-lines.toml", port);
    let receiver = neuronbus(&["run", &receiver, "--format", "json"]).spawn().unwrap();
    let lines = causal_lines(20_000, 5);
    let sent = document(&feed(&["run", &sender, "--format", "json"], lines));
    // It ends by itself, because the other one has.
    let received = document(&receiver.wait_with_output().unwrap());
    assert_eq!(sent["spikes"]["in"], 20_000);
    assert_eq!(received["spikes"]["in"], 20_000, "{sent:#}\n{received:#}");
    assert!(received["refused"].as_array().unwrap().is_empty(), "{received:#}");
    assert!(sent["refused"].as_array().unwrap().is_empty(), "{sent:#}");
    // One neuron for each topic on both sides; besides those here two doors, there a door, a reflex and a way out.
    assert_eq!(sent["neurons"].as_u64().unwrap() + 1, received["neurons"].as_u64().unwrap());
}

#[test]
fn an_address_that_is_taken_ends_the_run_with_a_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let port = taken.local_addr().unwrap().port();
    let path = brain(folder.path(), "tract-alerts.toml", port);
    let output = support::run(&["run", &path]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains(&format!("cannot listen at 127.0.0.1:{port}")), "{text}");
}
