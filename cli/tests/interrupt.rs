//! Signals: the first ends the run with a report, the second ends the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use support::{neuronbus, signal, stderr, until_listening};

#[test]
fn the_first_signal_drains_and_reports() {
    for name in ["INT", "TERM"] {
        let args = ["run", "brains/lines.toml", "--format", "json"];
        let mut child = neuronbus(&args).stdin(Stdio::piped()).spawn().unwrap();
        // The input stays open: only the signal can end this run.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"{\"topic\":\"a\"}\n").unwrap();
        until_listening(&child);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["brain"], "lines");
        assert!(stderr(&output).contains("ending"), "{name}");
    }
}

#[test]
fn the_second_signal_does_not_wait() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // A pipe holds 64 KiB: with all of it taken and nobody reading, the report can never be written.
    writer.write_all(&[b'.'; 64 << 10]).unwrap();
    let mut command = neuronbus(&["run", "brains/lines.toml"]);
    let mut child = command.stdin(Stdio::piped()).stdout(writer).spawn().unwrap();
    // The command holds a writer too, and an end that nobody writes to would be an end of the pipe.
    drop(command);
    until_listening(&child);
    signal(&child, "INT");
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let ending = said.next().unwrap().unwrap();
    assert_eq!(ending, "neuronbus: ending; interrupt again to leave at once");
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(reader);
}
