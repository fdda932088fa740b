//! Journals through the real command: killed and taken up, replayed, explained, forked and compared.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use neuronbus::cortex::{Cortex, Recording};
use neuronbus::journal::{JournalError, Level, Options, Retention, Scan, verify};
use neuronbus::recorded::Recorded;
use neuronbus::time::Ticks;
use neuronbus_connectome::{Brain, LineSource, Overrides};
use serde_json::Value;
use support::{Seeded, causal_lines, document, neuronbus, run, stderr, stdout};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The records that another process finds: what the one that writes has said is kept.
fn kept(journal: &Path) -> Vec<(u64, u8, Vec<u8>)> {
    let mut scan = match Scan::open(journal) {
        Ok(scan) => scan,
        // It is being made.
        Err(JournalError::Missing { .. } | JournalError::Damaged(_)) => return Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let mut records = Vec::new();
    while let Some(record) = scan.next() {
        let record = record.unwrap();
        records.push((record.tick, record.kind, record.body.to_vec()));
    }
    records
}

/// Waits until a journal holds more than so many records, or the process has ended; whether it does.
fn grows_beyond(journal: &Path, count: usize, child: &mut Child) -> bool {
    // bound: the process writes, or ends
    for _ in 0..3_000 {
        if kept(journal).len() > count {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    panic!("{}: nothing was recorded for 15 s", journal.display());
}

/// The host brain with senses that fire at nearly every reading, many times a second.
fn nervous_brain(place: &Path) -> PathBuf {
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../brains/host.toml");
    let brain = std::fs::read_to_string(repository).unwrap();
    let changes = [
        ("period = \"500 ms\"", "period = \"10 ms\""),
        ("warm-up = 10 ", "warm-up = 2 "),
        ("width = 4.0 ", "width = 0.05 "),
        ("refractory = \"30 s\"", "refractory = \"20 ms\""),
        ("priority-at-least = 112", "priority-at-least = 1"),
    ];
    let brain = changes.iter().fold(brain, |brain, (from, to)| {
        assert!(brain.contains(from), "{from}");
        brain.replace(from, to)
    });
    let path = place.join("nervous.toml");
    std::fs::write(&path, brain).unwrap();
    path
}

#[test]
fn the_host_brain_is_killed_a_hundred_times_and_forgets_nothing() {
    let place = tempfile::tempdir().unwrap();
    let brain = nervous_brain(place.path());
    let journal = place.path().join("journal");
    let args = ["run", text(&brain), "--quiet", "--journal", text(&journal)];
    let mut random = Seeded::new(11);
    let mut before: Vec<(u64, u8, Vec<u8>)> = Vec::new();
    for life in 0..100 {
        let durability = ["page-cache", "synced"][life % 2];
        let mut child = neuronbus(&args).args(["--durability", durability]).spawn().unwrap();
        assert!(grows_beyond(&journal, before.len() + 1, &mut child), "life {life}");
        std::thread::park_timeout(Duration::from_micros(random.below(20_000)));
        let acknowledged = kept(&journal);
        child.kill().unwrap();
        child.wait().unwrap();
        let after = kept(&journal);
        assert!(after.len() >= acknowledged.len(), "life {life}");
        assert!(after[..acknowledged.len()] == acknowledged, "life {life}");
        assert!(after[..before.len()] == before, "life {life}");
        before = after;
    }
    let last = document(&run(&[&args[..], &["--for", "300 ms", "--format", "json"]].concat()));
    let learned = last["links"].as_array().unwrap();
    assert!(learned.iter().any(|link| link["count"].as_u64().unwrap() > 1), "{learned:?}");
    assert!(verify(&journal).is_ok());
    let replayed = document(&run(&["replay", text(&journal), "--format", "json"]));
    assert_eq!(replayed["verified"], true);
    assert_eq!(replayed["digest"], last["digest"]);
    let short = run(&["replay", text(&journal), "--snapshot", "--format", "json"]);
    assert_eq!(document(&short)["digest"], last["digest"]);
    let began = |record: &&(u64, u8, Vec<u8>)| {
        matches!(Recorded::read(record.1, &record.2), Ok(Recorded::Began))
    };
    assert_eq!(kept(&journal).iter().filter(began).count(), 101);
}

#[test]
fn lines_that_were_interrupted_again_and_again_teach_what_they_would_have_taught_at_once() {
    let place = tempfile::tempdir().unwrap();
    let lines = place.path().join("lines.jsonl");
    std::fs::write(&lines, causal_lines(40_000, 5)).unwrap();
    let brain = ["run", "brains/lines.toml", "--quiet", "--format", "json", "--input"];
    let whole = document(&run(&[&brain[..], &[text(&lines)]].concat()));

    let journal = place.path().join("journal");
    let args = [&brain[..], &[text(&lines), "--journal", text(&journal)]].concat();
    let mut random = Seeded::new(3);
    let mut killed = 0;
    let last = loop {
        let seen = kept(&journal).len();
        let mut child = neuronbus(&args).spawn().unwrap();
        if grows_beyond(&journal, seen + 1, &mut child) && killed < 6 {
            std::thread::park_timeout(Duration::from_micros(random.below(10_000)));
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        if output.status.code() == Some(0) {
            break document(&output);
        }
        killed += 1;
    };
    assert_eq!(last["digest"], whole["digest"], "killed {killed} times");
    assert_eq!(last["links"], whole["links"]);
}

/// A journal of a run of some lines of which many are errors, so that there are alerts.
fn recorded(place: &Path) -> PathBuf {
    let mut lines = String::new();
    let mut random = Seeded::new(9);
    for n in 0..3_000_u64 {
        let (topic, level) = match random.below(10) {
            0 => ("disk.full", "error"),
            1 => ("cpu.hot", "error"),
            _ => ("all.well", "info"),
        };
        lines += &format!("{{\"topic\":\"{topic}\",\"level\":\"{level}\",\"ts\":{}}}\n", n * 20);
    }
    let input = place.join("errors.jsonl");
    std::fs::write(&input, lines).unwrap();
    let journal = place.join("journal");
    let output = run(&[
        "run",
        "brains/lines.toml",
        "--quiet",
        "--input",
        text(&input),
        "--journal",
        text(&journal),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    journal
}

/// Records a run of lines with a snapshot, or a place for one, after every 300 of them; the digest at its end.
fn record_lines(place: &Path, change: impl Fn(&mut Recording)) -> (PathBuf, String) {
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../brains/lines.toml");
    let brain = Brain::read(Path::new(repository)).unwrap();
    let lines = place.join("lines.jsonl");
    std::fs::write(&lines, causal_lines(3_000, 5)).unwrap();
    let (mut builder, journal) = (Cortex::builder(), place.join("journal"));
    let input = Some(LineSource::File { path: lines, follow: false });
    brain.assemble(&mut builder, Overrides { input, ..Overrides::default() }).unwrap();
    let mut recording = Recording::in_directory(&journal).every_records(100, 300);
    recording.description = std::fs::read(repository).unwrap();
    recording.options = Options { segment_bytes: 32 << 10, thread: false, ..Options::default() };
    change(&mut recording);
    builder.journal(recording);
    let mut cortex = builder.build().unwrap();
    // Two ticks for a line, so that all have entered in six thousand.
    for _ in 0..70 {
        cortex.run_for(Ticks(100)).unwrap();
        cortex.sync_journal(Level::PageCache).unwrap();
    }
    cortex.close();
    (journal, cortex.digest().to_string())
}

#[test]
fn a_snapshot_is_taken_by_another_process_and_a_run_is_taken_up_from_it() {
    let place = tempfile::tempdir().unwrap();
    let (journal, digest) =
        record_lines(place.path(), |recording| recording.snapshots_elsewhere = true);
    assert_eq!(neuronbus::snapshot::list(&journal).unwrap().len(), 0);
    let taken = document(&run(&["journal", "snapshot", text(&journal), "--format", "json"]));
    let tick = taken["tick"].as_u64().unwrap();
    assert!(tick > 4_000, "{taken}");
    let again = stdout(&run(&["journal", "snapshot", text(&journal)]));
    assert!(again.contains("there is one of tick"), "{again}");
    let short = document(&run(&["replay", text(&journal), "--snapshot", "--format", "json"]));
    assert_eq!((&short["snapshot"], &short["digest"]), (&tick.into(), &digest.clone().into()));
    assert_eq!(short["verified"], true);
    // The same lines again: all of them had entered, as the snapshot's record of the gates says.
    let lines = place.path().join("lines.jsonl");
    let input = ["--input", text(&lines), "--journal", text(&journal), "--format", "json"];
    let gone_on = run(&[&["run", "brains/lines.toml", "--quiet"][..], &input].concat());
    assert_eq!(document(&gone_on)["digest"], digest);
}

#[test]
fn a_described_brain_takes_in_each_record_of_another_journal_once() {
    let place = tempfile::tempdir().unwrap();
    let (recorded, _) = record_lines(place.path(), |_| {});
    let inputs = kept(&recorded)
        .iter()
        .filter(|(_, kind, body)| {
            let what = Recorded::read(*kind, body).unwrap();
            matches!(what, Recorded::Drive { .. } | Recorded::Fire { .. })
        })
        .count();
    let brain = place.path().join("past.toml");
    let description = format!(
        "[brain]\npace = \"free\"\n\
         [[region]]\npath = \"past\"\nkind = \"journal\"\njournal = \"{}\"\n\
         [[region]]\npath = \"reflex\"\nkind = \"reflex\"\n\
         [[projection]]\nfrom = \"past\"\nto = \"reflex\"\n",
        recorded.display()
    );
    std::fs::write(&brain, description).unwrap();
    let own = place.path().join("own");
    let args = ["run", text(&brain), "--quiet", "--format", "json", "--journal", text(&own)];
    let note = |report: &Value| report["gates"][0]["notes"][0].as_str().unwrap().to_owned();
    let first = document(&run(&args));
    assert_eq!(first["spikes"]["in"].as_u64().unwrap(), inputs as u64);
    assert!(note(&first).contains(&format!("{inputs} records entered")), "{}", note(&first));
    let second = document(&run(&args));
    assert_eq!(second["spikes"]["in"], first["spikes"]["in"], "the replay's, and none after it");
    assert!(note(&second).contains(": 0 records entered"), "{}", note(&second));
}

#[test]
fn a_run_whose_beginning_was_forgotten_is_replayed_from_its_oldest_snapshot() {
    let place = tempfile::tempdir().unwrap();
    let (journal, digest) = record_lines(place.path(), |recording| {
        recording.options.retention = Retention { bytes: Some(0), age: None };
    });
    let first = Scan::open(&journal).unwrap().segment_start();
    assert!(first > 0, "nothing was forgotten");

    let replayed = document(&run(&["replay", text(&journal), "--format", "json"]));
    assert_eq!(replayed["verified"], true);
    assert!(replayed["snapshot"].as_u64().unwrap() > 0);
    assert_eq!(replayed["digest"], digest);
    let same = stdout(&run(&["diff", text(&journal), text(&journal)]));
    assert!(same.contains("the runs are the same"), "{same}");
    let fork = place.path().join("fork");
    let refused = run(&["fork", text(&journal), text(&fork), "--at", "1000000"]);
    assert!(stderr(&refused).contains("whose beginning was forgotten"), "{}", stderr(&refused));

    let states = neuronbus::snapshot::list(&journal).unwrap();
    let [(_, one), (_, other)] = &states[..] else { panic!("{states:?}") };
    let same = stdout(&run(&["diff", text(one), text(one)]));
    assert_eq!(same, "the states are the same\n");
    let differ = document(&run(&["diff", text(one), text(other), "--format", "json"]));
    assert!(differ["what"].as_str().is_some_and(|what| !what.is_empty()), "{differ}");
}

#[test]
fn a_replay_is_verified_shows_what_is_asked_for_and_stops_where_it_is_told() {
    let place = tempfile::tempdir().unwrap();
    let journal = recorded(place.path());
    let whole = document(&run(&["replay", text(&journal), "--format", "json"]));
    assert_eq!((whole["verified"].clone(), whole["refused"].clone()), (true.into(), 0.into()));
    let two = run(&["replay", text(&journal), "--format", "json", "--workers", "2"]);
    assert_eq!(document(&two)["digest"], whole["digest"]);

    let show = ["--until", "30000", "--show", "disk.full"];
    let part = run(&[&["replay", text(&journal)][..], &show].concat());
    assert!(stdout(&part).contains("senses/lines:disk.full has potential"), "{}", stdout(&part));
    let part =
        document(&run(&[&["replay", text(&journal), "--format", "json"][..], &show].concat()));
    assert_eq!(part["next_tick"], 30_000);
    assert_ne!(part["digest"], whole["digest"]);

    let other = run(&["replay", text(&journal), "--brain", "brains/relay.toml"]);
    assert!(stderr(&other).contains("nothing is compared"), "{}", stderr(&other));
    assert_eq!(run(&["replay", text(&journal), "--show", "nobody"]).status.code(), Some(2));
    assert_eq!(run(&["replay", "/nowhere"]).status.code(), Some(1));
}

#[test]
fn an_alert_is_explained_down_to_the_lines_that_led_to_it() {
    let place = tempfile::tempdir().unwrap();
    let journal = recorded(place.path());
    let alert = "reflex/alert:alert#0";
    let why = document(&run(&["why", text(&journal), alert, "--format", "json"]));
    assert_eq!(why["spike"], alert);
    let roots = why["roots"].as_array().unwrap();
    assert!(roots.len() >= 3, "three errors at least: {roots:?}");
    let nodes = why["nodes"].as_array().unwrap();
    let is_error = |node: &Value| {
        let spike = node["spike"].as_str().unwrap();
        ["disk.full", "cpu.hot"].iter().any(|topic| spike.contains(topic))
    };
    assert!(nodes.iter().filter(|node| is_error(node)).count() >= 3);
    assert!(!nodes.iter().any(|node| node["spike"].as_str().unwrap().contains("all.well")));

    let tree = stdout(&run(&["why", text(&journal), alert]));
    assert!(tree.starts_with(alert) && tree.contains("(admitted)"), "{tree}");
    let dot = stdout(&run(&["why", text(&journal), alert, "--format", "dot"]));
    assert!(dot.starts_with("digraph why") && dot.contains("->"), "{dot}");
    let root = roots[0].as_str().unwrap();
    let effects = stdout(&run(&["why", text(&journal), root, "--effects"]));
    assert!(effects.contains(alert), "{effects}");
    assert_eq!(run(&["why", text(&journal), "reflex/alert:alert#99999"]).status.code(), Some(2));
}

#[test]
fn a_fork_in_which_the_reflex_is_harder_to_rouse_differs_from_there_on() {
    let place = tempfile::tempdir().unwrap();
    let journal = recorded(place.path());
    let fork = place.path().join("fork");
    let change = ["--at", "40000", "--threshold", "reflex/alert:alert = 1000"];
    let made = run(&[&["fork", text(&journal), text(&fork)][..], &change].concat());
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let same = stdout(&run(&["diff", text(&journal), text(&journal)]));
    assert!(same.contains("the runs are the same"), "{same}");

    let diff = document(&run(&["diff", text(&journal), text(&fork), "--format", "json"]));
    assert_eq!(diff["same"], false);
    let first = &diff["first"][0];
    assert!(first["tick"].as_u64().unwrap() >= 40_000, "{first}");
    assert_eq!((first["run"].clone(), diff["neurons"].as_array().unwrap().len()), (1.into(), 1));
    assert_eq!(diff["neurons"][0][0], "reflex/alert:alert");
    assert!(diff["state"]["what"].as_str().is_some_and(|what| !what.is_empty()), "{diff}");
    let words = stdout(&run(&["diff", text(&journal), text(&fork)]));
    assert!(words.contains("only in 1  reflex/alert:alert"), "{words}");
    assert!(words.contains("first difference of the states at the end"), "{words}");

    let there = run(&[&["fork", text(&journal), text(&fork)][..], &change].concat());
    assert_eq!(there.status.code(), Some(1), "a journal is not written over");
    let wrong = ["--at", "1", "--weight", "all.well = 1"];
    let wrong = run(&[&["fork", text(&journal), "/nowhere/fork"][..], &wrong].concat());
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
}
