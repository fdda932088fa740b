//! A brain that gives events their meaning, context and memories, described in a file and run by the command.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{document, feed, neuronbus, run, stderr, stdout};

const RUN: [&str; 4] = ["run", "brains/meaning.toml", "--format", "json"];

fn event(topic: &str, key: &str, user: &str, amount: u32) -> String {
    let context = json!({"user": {"id": user}, "order": {"amount": amount}});
    json!({"topic": topic, "key": key, "context": context}).to_string() + "\n"
}

/// Five orders of which two failed payments are for billing, and one parcel is for shipping.
fn events() -> String {
    [
        event("payment.failed", "o-1", "ada", 30),
        event("payment_failure", "o-2", "ada", 5),
        event("failed_card_payment", "o-3", "ada", 70),
        event("parcel.delivered", "o-4", "bob", 90),
        event("payment.succeeded", "o-5", "ada", 20),
        event("billing.declined", "o-6", "bob", 50),
    ]
    .concat()
}

fn handled(document: &Value) -> Vec<(&str, &str)> {
    let all = document["handled"].as_array().unwrap().iter();
    all.map(|one| (one["handler"].as_str().unwrap(), one["event"]["key"].as_str().unwrap()))
        .collect()
}

#[test]
fn events_find_their_handlers_by_meaning_context_and_memory() {
    let output = feed(&RUN, events());
    let document = document(&output);
    let expected = [("desk/billing", "o-1"), ("desk/shipping", "o-4"), ("desk/billing", "o-3")];
    let mut found = handled(&document);
    found.sort_unstable();
    let mut sorted = expected;
    sorted.sort_unstable();
    assert_eq!(found, sorted, "{document:#}");
    assert_eq!(document["handled_count"], 3);
    let of = |key: &str| {
        let all = document["handled"].as_array().unwrap();
        all.iter().find(|one| one["event"]["key"] == key).unwrap()
    };
    // Billing gets what is known of ada, and what a failed payment reminds of.
    let third = of("o-3");
    assert_eq!(third["from"], "memory:hippocampus");
    assert_eq!(third["event"]["context"]["user"], json!({"id": "ada", "role": "customer"}));
    assert_eq!(third["event"]["context"]["shop"]["currency"], "EUR");
    assert_eq!(third["event"]["context"]["memory"]["related"][0]["topic"], "payment.failed");
    // Shipping gets the event from its concept, without memories.
    assert_eq!(of("o-4")["from"], "language:parcel delivered");
    assert_eq!(of("o-4")["event"]["context"].get("memory"), None);
    let notes = document["notes"].as_array().unwrap();
    let read = "events: 6 read = 6 admitted + 0 refused + 0 blank";
    assert!(notes.iter().any(|note| note == read), "{notes:?}");
    assert!(stderr(&output).contains("neuronbus: handled {"), "{}", stderr(&output));
}

#[test]
fn the_same_events_give_the_same_digest_on_any_number_of_workers_and_in_a_replay() {
    let place = tempfile::tempdir().unwrap();
    let journal = place.path().join("journal");
    let journal = journal.to_str().unwrap();
    let first = document(&feed(&RUN, events()))["digest"].clone();
    let args: Vec<&str> = RUN.into_iter().chain(["--workers", "2"]).collect();
    assert_eq!(document(&feed(&args, events()))["digest"], first);
    let args: Vec<&str> = RUN.into_iter().chain(["--journal", journal]).collect();
    assert_eq!(document(&feed(&args, events()))["digest"], first);
    let again = document(&run(&["replay", journal, "--format", "json"]));
    assert_eq!((&again["digest"], &again["verified"]), (&first, &json!(true)));
    let other = events().replace("payment.succeeded", "payment.failed");
    assert_ne!(document(&feed(&RUN, other))["digest"], first);
}

#[test]
fn the_report_for_people_lists_what_was_handled() {
    let text = stdout(&feed(&["run", "brains/meaning.toml", "--quiet"], events()));
    assert!(text.contains("\nhandled (3)\n"), "{text}");
    let line = "desk/billing: failed_card_payment o-3, from memory:hippocampus";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_check_says_the_chain_back() {
    let text = stdout(&run(&["check", "brains/meaning.toml"]));
    for line in [
        "language       concepts  2 concepts by the model static",
        "context        context   knows something in 3 scopes at first",
        "language      -> memory         all-to-all, of \"payment failed\" alone, weight 0, \
         delay 1 tick, filtered",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("probably not meant"), "{text}");
}

#[test]
fn what_is_no_event_is_counted_and_shown() {
    let input = events() + "{\"topic\": \"a\", \"colour\": 3}\nnot json\n{\"topic\": \"a b*\"}\n\n";
    let document = document(&feed(&RUN, input));
    assert_eq!(document["handled_count"], 3);
    let refused = &document["refused"].as_array().unwrap()[0];
    assert_eq!((&refused["kind"], &refused["count"]), (&json!("event-refused"), &json!(3)));
    assert!(refused["sample"].as_str().unwrap().contains("colour"), "{refused}");
}

const EXAMPLES: &str = "text,label
the card was declined,payment failed
my credit card was rejected,payment failed
\"card payment declined, again\",payment failed
credit card payment rejected,payment failed
will it rain tomorrow,weather
is rain likely tomorrow,weather
rain or snow tomorrow,weather
will it snow or rain,weather
";

const CALIBRATED: &str = "[brain]\npace = \"free\"\narena = \"1 MiB\"\n\
    [[region]]\npath = \"in\"\nkind = \"events\"\n\
    [[region]]\npath = \"language\"\nkind = \"concepts\"\nfile = \"concepts.json\"\n\
    text-field = \"text\"\n\
    [[region]]\npath = \"out\"\nkind = \"handler\"\noutput = \"handled.jsonl\"\n\
    [[projection]]\nfrom = \"in\"\nto = \"language\"\n\
    [[projection]]\nfrom = \"language:weather\"\nto = \"out\"\n";

/// Runs in a folder of its own, to the end of an input.
fn within(folder: &Path, args: &[&str], input: &str) -> std::process::Output {
    std::fs::write(folder.join("input.jsonl"), input).unwrap();
    let mut command = neuronbus(args);
    command.current_dir(folder).stdin(std::fs::File::open(folder.join("input.jsonl")).unwrap());
    command.output().unwrap()
}

#[test]
fn what_calibration_finds_is_kept_with_the_brain_and_used_by_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("my.toml"), CALIBRATED).unwrap();
    std::fs::write(folder.join("examples.csv"), EXAMPLES).unwrap();
    let said = ["will it rain or snow today", "my card payment was rejected", "bananas are ripe"];
    let said = said.map(|text| json!({"topic": "said", "body": {"text": text}}).to_string() + "\n");
    let said = said.concat();
    let run = ["run", "my.toml", "--format", "json", "--journal", "journal"];

    // Before the first calibration there is nothing to run by.
    let refused = within(folder, &run, &said);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("B011 cannot be read: region[1].file"), "{refused:?}");

    let calibrate = ["calibrate", "examples.csv", "--folds", "4", "--brain", "my.toml"];
    let output = within(folder, &calibrate, "");
    assert!(stdout(&output).contains("written to concepts.json"), "{output:?}");
    let live = document(&within(folder, &run, &said));
    let written = std::fs::read_to_string(folder.join("handled.jsonl")).unwrap();
    let written: Vec<Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(written.len(), 1, "{written:#?}");
    assert_eq!(written[0]["event"]["body"]["text"], "will it rain or snow today");
    assert_eq!(live["handled"].as_array().unwrap(), &written);

    // What is explained is what the run goes by.
    let explain = ["explain", "will it rain or snow today", "--brain", "my.toml"];
    let told = stdout(&within(folder, &explain, ""));
    assert!(told.contains("weather:") && told.contains("; fires"), "{told}");

    // The run was recorded with the concepts it had, whatever becomes of the file.
    let file = std::fs::read_to_string(folder.join("concepts.json")).unwrap();
    std::fs::remove_file(folder.join("concepts.json")).unwrap();
    let again = document(&within(folder, &["replay", "journal", "--format", "json"], ""));
    assert_eq!((&again["digest"], &again["verified"]), (&live["digest"], &json!(true)));

    let other = file.replacen("\"made_with\": \"", "\"made_with\": \"another-", 1);
    std::fs::write(folder.join("concepts.json"), other).unwrap();
    let refused = within(folder, &["check", "my.toml"], "");
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("region language: its thresholds are for"), "{refused:?}");
}

#[test]
fn a_brain_that_is_not_made_for_calibration_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let examples = folder.path().join("examples.csv");
    std::fs::write(&examples, EXAMPLES).unwrap();
    let refused = |brain: &str| {
        let output = run(&["calibrate", examples.to_str().unwrap(), "--brain", brain]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        stderr(&output)
    };
    let told = refused("brains/meaning.toml");
    assert!(told.contains("region language has no `file` for its concepts"), "{told}");
    let told = refused("brains/lines.toml");
    assert!(told.contains("it has no region of kind \"concepts\""), "{told}");
}
