//! Populations that a description declares, run by the command.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod support;

use serde_json::Value;
use support::{document, run, stderr, stdout};

fn cuba(workers: &str) -> Value {
    let args = ["run", "brains/cuba.toml", "--cortex-time", "300 ms", "--workers", workers];
    document(&run(&[&args[..], &["--format", "json"]].concat()))
}

#[test]
fn a_described_network_runs_for_its_time_and_says_how_often_its_cells_fired() {
    let one = cuba("1");
    assert_eq!(one["ticks"], 3_000);
    assert_eq!(one["time_ms"], 300);
    let populations = one["populations"].as_array().unwrap();
    let paths: Vec<&str> = populations.iter().map(|p| p["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["excitatory", "inhibitory"]);
    for population in populations {
        assert_eq!(population["latest_hz"].as_array().unwrap().len(), 6);
        let mean = population["mean_hz"].as_f64().unwrap();
        assert!((2.0..30.0).contains(&mean), "{mean} Hz a cell");
    }
    let two = cuba("2");
    assert_eq!(one["digest"], two["digest"]);
    assert_eq!(one["populations"], two["populations"]);
}

#[test]
fn the_report_for_people_has_a_line_for_each_population() {
    let output = run(&["run", "brains/cuba.toml", "--cortex-time", "100 ms", "--quiet"]);
    let text = stdout(&output);
    let at = text.find("populations\n").unwrap_or_else(|| panic!("{text}{}", stderr(&output)));
    let lines: Vec<&str> = text[at..].lines().skip(1).take(2).collect();
    assert!(lines[0].contains("excitatory") && lines[0].contains("3,200 cells"), "{text}");
    assert!(lines[1].contains("inhibitory") && lines[1].contains(" Hz  "), "{text}");
}

#[test]
fn a_network_whose_workers_wait_for_nobody_is_replayed_to_its_digest() {
    let place = tempfile::tempdir().unwrap();
    let journal = place.path().join("journal");
    let journal = journal.to_str().unwrap();
    let free = ["--workers", "2", "--exchange", "free", "--journal", journal];
    let run_for = ["run", "brains/cuba.toml", "--cortex-time", "60 ms", "--format", "json"];
    let live = document(&run(&[&run_for[..], &free].concat()));
    // The description says nothing of free workers: the journal does.
    let again = run(&["replay", journal, "--workers", "2", "--format", "json"]);
    let again = document(&again);
    assert_eq!(again["digest"], live["digest"]);
    assert_eq!(again["verified"], true);

    let refused = run(&["run", "brains/lines.toml", "--workers", "2", "--exchange", "free"]);
    assert!(stderr(&refused).contains("is refused with workers that run freely"), "{refused:?}");
}
