//! Streams of lines through the real command: counted to the last one, learned from, and the same each time.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod support;

use serde_json::Value;
use support::{causal_lines, document, feed, neuronbus, run, stderr, stdout};

const LINES: [&str; 4] = ["run", "brains/lines.toml", "--format", "json"];

fn position(document: &Value, from: &str, to: &str) -> Option<usize> {
    let links = document["links"].as_array().unwrap();
    links.iter().position(|link| link["from"] == from && link["to"] == to)
}

/// What was offered to the gate's ring is what came out of it, and what was read is what was offered or refused.
#[track_caller]
fn assert_accounted(document: &Value, lines: u64) {
    assert_eq!(document["spikes"]["in"], lines);
    assert_eq!(document["spikes"]["fired"], lines);
    assert_eq!(document["spikes"]["lost"], 0);
    let ends = document["axons"][0]["ends"].as_array().unwrap();
    assert_eq!(ends.len(), 1);
    let count = |key: &str| ends[0][key].as_u64().unwrap();
    assert_eq!(count("published"), lines);
    let parts = ["delivered", "waiting", "shed", "dropped", "lost"];
    assert_eq!(parts.map(count).iter().sum::<u64>(), lines);
    assert_eq!(count("delivered"), lines);
}

#[test]
fn the_document_has_the_promised_keys() {
    let document = document(&feed(&LINES, causal_lines(500, 3)));
    let text = ["brain", "pace", "digest"];
    text.iter().for_each(|key| assert!(document[key].is_string(), "{key}"));
    for key in ["ticks", "time_ms", "wall_ms", "neurons", "synapses", "seed", "alert_count"] {
        assert!(document[key].is_u64(), "{key}");
    }
    for key in ["links", "alerts", "axons", "gates", "refused", "faults", "notes"] {
        assert!(document[key].is_array(), "{key}");
    }
    for key in ["in", "delivered", "fired", "lost"] {
        assert!(document["spikes"][key].is_u64(), "spikes.{key}");
    }
    for path in ["gate_to_neuron", "tick"] {
        for key in ["p50", "p99", "p999", "max"] {
            assert!(document["latency_ns"][path][key].is_u64(), "latency_ns.{path}.{key}");
        }
    }
    let link = &document["links"][0];
    for key in ["from", "to", "from_address", "to_address"] {
        assert!(link[key].is_string(), "links[0].{key}");
    }
    assert!(link["weight"].is_f64() && link["delay_ms"].is_f64() && link["count"].is_u64());
}

#[test]
fn ten_thousand_lines_are_accounted_for_and_learned_from() {
    let output = feed(&LINES, causal_lines(10_000, 7));
    let document = document(&output);
    assert_accounted(&document, 10_000);
    assert_eq!(document["brain"], "lines");
    assert_eq!(position(&document, "alpha.down", "beta.slow"), Some(0));
    let link = &document["links"][0];
    assert_eq!(link["from_address"], "senses/lines:alpha.down");
    assert!((link["delay_ms"].as_f64().unwrap() - 3.0).abs() < 0.5, "{link}");
    assert_eq!(document["notes"][0], "lines: 10000 read = 10000 admitted + 0 refused + 0 blank");
}

#[test]
fn a_million_lines_show_what_follows_what() {
    let document = document(&feed(&LINES, causal_lines(1_000_000, 11)));
    assert_accounted(&document, 1_000_000);
    assert_eq!(position(&document, "alpha.down", "beta.slow"), Some(0));
    let reverse = position(&document, "beta.slow", "alpha.down");
    assert!(reverse.is_none_or(|at| at >= 10), "the reverse is link {reverse:?}");
    let weights: Vec<f64> = document["links"].as_array().unwrap().iter().map(weight).collect();
    assert!(weights.is_sorted_by(|a, b| a >= b), "{weights:?}");
}

fn weight(link: &Value) -> f64 {
    link["weight"].as_f64().unwrap()
}

#[test]
fn the_same_input_has_the_same_digest() {
    let input = causal_lines(5_000, 5);
    let digest = |args: &[&str], input: &str| document(&feed(args, input))["digest"].clone();
    let first = digest(&LINES, &input);
    assert_eq!(first.as_str().unwrap().len(), 64);
    assert_eq!(first, digest(&LINES, &input));
    let several: Vec<&str> = LINES.into_iter().chain(["--workers", "3"]).collect();
    let several = document(&feed(&several, input.as_str()));
    assert_eq!(several["digest"], first);
    assert_eq!(several["workers"].as_array().unwrap().len(), 3);
    let other = causal_lines(5_000, 6);
    assert_ne!(first, digest(&LINES, &other));
    let seeded: Vec<&str> = LINES.into_iter().chain(["--seed", "9"]).collect();
    assert_eq!(document(&feed(&seeded, input.as_str()))["seed"], 9);
}

#[test]
fn text_lines_are_grouped_by_what_stays_the_same() {
    let mut log = String::new();
    for n in 0..40 {
        log.push_str(&format!("connection {n} from 10.0.0.{n} closed\nworker {n} restarted\n"));
        log.push_str(&"nothing to do\n".repeat(98));
    }
    let output = feed(&["run", "brains/lines.toml", "--quiet"], log);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
    let text = stdout(&output);
    let wanted =
        "connection <*> from <*> closed precedes worker <*> restarted by about 1 ms, weight ";
    assert!(text.contains(wanted), "{text}");
    assert!(text.contains("(seen 40 times)"), "{text}");
    assert!(text.contains(": published 4,000 = delivered 4,000 + waiting 0 + shed 0"), "{text}");
    assert!(!text.contains('\x1b'), "colour without a terminal");
}

#[test]
fn errors_gather_into_an_alert() {
    let mut log = String::new();
    for n in 0..20 {
        log.push_str(&format!("2026-01-01T00:00:00 ERROR disk {n} failed\n"));
    }
    let output = feed(&LINES, log);
    let document = document(&output);
    assert_eq!(document["alert_count"], 1, "one, and then the reflex rests");
    assert_eq!(document["alerts"][0]["neuron"], "reflex/alert:alert");
    assert!(stderr(&output).contains("neuronbus: alert reflex/alert:alert at "));
}

#[test]
fn input_that_makes_no_sense_is_counted_and_shown_once() {
    let mut input = b"{\"topic\":\"a\"}\n".to_vec();
    input.extend(b"{\"topic\":\"a\", \"x\n{\"topic\":\"a\", \"y\n\xff\xfe\n");
    input.extend(vec![b'x'; 10 << 20]);
    input.extend(b"\n{\"topic\":\"a\"}\n");
    let document = document(&feed(&LINES, input));
    assert_eq!(document["spikes"]["in"], 2);
    let refused = document["refused"].as_array().unwrap();
    let total: u64 = refused.iter().map(|kind| kind["count"].as_u64().unwrap()).sum();
    assert_eq!(total, 4, "{refused:?}");
    assert!(refused.len() >= 3, "one entry a kind: {refused:?}");
    for kind in refused {
        assert!(kind["sample"].as_str().is_some_and(|sample| sample.len() < 500), "{kind}");
    }
    assert_eq!(document["notes"][0], "lines: 6 read = 2 admitted + 4 refused + 0 blank");
}

#[test]
fn another_field_may_name_the_topic() {
    let mut input = String::new();
    for n in 0..20 {
        let up = 1_700_000_000_000_u64 + 1000 * n;
        input.push_str(&format!("{{\"event\":\"up\",\"ts\":{up}}}\n"));
        input.push_str(&format!("{{\"event\":\"down\",\"ts\":{}}}\n", up + 12));
    }
    let args: Vec<&str> = LINES.into_iter().chain(["--topic-field", "event"]).collect();
    let document = document(&feed(&args, input));
    assert_eq!(position(&document, "up", "down"), Some(0));
    assert_eq!(document["links"][0]["delay_ms"], 12.0);
    // The first pair is what makes the two neurons; the synapse between them sees the others.
    assert_eq!(document["links"][0]["count"], 19);
    // The first line is time 0, the last comes 19,012 ms later, and its spike travels half a millisecond.
    assert_eq!(document["time_ms"], 19_013);
}

#[test]
fn lines_may_come_from_a_file_and_the_topology_go_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, dot) = (folder.path().join("in.jsonl"), folder.path().join("out.dot"));
    std::fs::write(&lines, causal_lines(1000, 2)).unwrap();
    let args = ["--input", lines.to_str().unwrap(), "--dot", dot.to_str().unwrap()];
    let args: Vec<&str> = LINES.into_iter().chain(args).collect();
    assert_accounted(&document(&run(&args)), 1000);
    let drawn = std::fs::read_to_string(dot).unwrap();
    assert!(drawn.starts_with("digraph") && drawn.contains("beta.slow"));

    let output = run(&["run", "brains/lines.toml", "--input", "no/such/file"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.starts_with("neuronbus: ") && said.contains("no/such/file"), "{said}");
}

#[test]
fn an_empty_input_is_a_short_run() {
    let document = document(&neuronbus(&LINES).output().unwrap());
    assert_eq!(document["spikes"]["in"], 0);
    assert_eq!(document["links"].as_array().unwrap().len(), 0);
}
