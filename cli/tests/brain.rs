//! A brain in a directory, and the commands that look at it from other processes.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use neuronbus::brain::{Brain, BrainError};
use serde_json::Value;
use support::{document, neuronbus, run, signal, stderr, stdout, until_listening};

/// A relay that runs until it is interrupted.
fn relay(dir: &Path) -> Child {
    relay_with(dir, &[])
}

fn relay_with(dir: &Path, more: &[&str]) -> Child {
    let dir = dir.to_str().unwrap();
    let mut command = neuronbus(&["run", "brains/relay.toml", "--quiet", "--dir", dir]);
    let mut child = command.args(more).spawn().unwrap();
    until_listening(&child);
    // The cortex is there once it beats.
    loop {
        let output = run(&["ps", dir, "--format", "json"]);
        if output.status.success() && document(&output)[0]["pulse"]["beats"] != 0 {
            return child;
        }
        assert!(child.try_wait().unwrap().is_none(), "the relay has ended");
    }
}

#[test]
fn a_running_brain_is_seen_tapped_and_fed_from_outside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo");
    let dir = path.to_str().unwrap();
    let mut child = relay(&path);

    let fired = document(&run(&[
        "fire",
        dir,
        "ear",
        "--payload",
        "hello",
        "--count",
        "3",
        "--format",
        "json",
    ]));
    assert_eq!(fired["taken"], true);
    let tapped = run(&["tap", dir, "ear", "--from-oldest", "--count", "3"]);
    let lines: Vec<Value> =
        stdout(&tapped).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!((&line["region"], &line["payload"]), (&"senses/ear".into(), &"hello".into()));
    }
    let brains = document(&run(&["ps", dir, "--format", "json"]));
    assert_eq!((&brains[0]["state"], &brains[0]["pid"]), (&"running".into(), &child.id().into()));
    assert_eq!(brains[0]["pulse"]["admitted"], 3);
    let text = stdout(&run(&["ps", dir]));
    assert!(text.contains("senses/ear") && text.contains("running"), "{text}");
    let doctor = document(&run(&["doctor", dir, "--format", "json"]));
    assert_eq!(doctor["dead"].as_array().unwrap().len(), 0);

    signal(&child, "INT");
    assert!(child.wait().unwrap().success());
    assert_eq!(document(&run(&["ps", dir, "--format", "json"]))[0]["state"], "ended");
}

/// As the README shows it, with fewer spikes.
#[test]
fn a_program_gets_every_answer_while_others_look_on_until_the_brain_is_interrupted() {
    const SPIKES: u64 = 50_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo");
    let dir = path.to_str().unwrap();
    let mut child = relay(&path);
    let mut tap = neuronbus(&["tap", dir, "ear", "--count", "1"]).spawn().unwrap();
    let brain = Brain::attach(&path).unwrap();
    let (mut voice, mut ear) = (brain.motor("voice").unwrap(), brain.sensory("ear").unwrap());

    let (mut sent, mut answered, mut looks) = (0u64, 0u64, Vec::new());
    while answered < SPIKES {
        if sent < SPIKES {
            match ear.fire(&sent.to_le_bytes()) {
                Ok(()) => sent += 1,
                Err(BrainError::Full { .. }) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        } else if voice.lag() == 0 {
            voice.wait(Duration::from_secs(60)).unwrap();
        }
        while let Some(heard) = voice.read() {
            assert_eq!(heard.payload, answered.to_le_bytes(), "in order");
            answered += 1;
        }
        if answered > SPIKES / 2 && looks.is_empty() {
            looks.push(document(&run(&["ps", dir, "--format", "json"])));
        }
    }
    assert_eq!((sent, answered, voice.read()), (SPIKES, SPIKES, None));
    let ends = |role: &str| {
        let doors = looks[0][0]["doors"].as_array().unwrap().iter();
        let ends = doors.flat_map(|door| door["attached"].as_array().unwrap());
        let own = |end: &&Value| end["role"] == role && end["pid"] == std::process::id();
        ends.filter(own).count()
    };
    assert_eq!((ends("writer"), ends("reader")), (1, 1), "{looks:?}");
    // One that came too late for all of the above sees this one.
    while tap.try_wait().unwrap().is_none() {
        ear.fire_within(b"more", Duration::from_secs(60)).unwrap();
        std::thread::yield_now();
        while voice.read().is_some() {}
    }
    assert!(stdout(&tap.wait_with_output().unwrap()).contains("senses/ear"));

    signal(&child, "INT");
    assert!(child.wait().unwrap().success());
    assert!(matches!(brain.check(), Err(BrainError::CortexEnded { .. })));
}

#[test]
fn the_doctor_finds_what_a_killed_cortex_left_and_the_next_one_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo");
    let dir = path.to_str().unwrap();
    let mut child = relay(&path);
    child.kill().unwrap();
    child.wait().unwrap();
    let sick = run(&["doctor", dir]);
    assert_eq!(sick.status.code(), Some(1));
    assert!(stdout(&sick).contains("dead"), "{}", stdout(&sick));
    let repaired = document(&run(&["doctor", dir, "--repair", "--format", "json"]));
    // The way out and the trace had the dead cortex as their writer.
    assert_eq!(repaired["repairs"]["writers"], 2);
    assert!(run(&["doctor", dir]).status.success());
    // What is sent meanwhile waits for the next.
    assert_eq!(document(&run(&["fire", dir, "ear", "--format", "json"]))["accepted"], 1);
    let mut next = relay(&path);
    let admitted =
        || document(&run(&["ps", dir, "--format", "json"]))[0]["pulse"]["admitted"].clone();
    while admitted() != 1 {}
    signal(&next, "TERM");
    assert!(next.wait().unwrap().success());
}

#[test]
fn a_place_without_a_brain_is_an_error_that_says_where() {
    for args in [&["ps", "no/such"][..], &["tap", "no/such", "*"], &["fire", "no/such", "ear"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(stderr(&output).contains("no/such/brain"), "{}", stderr(&output));
    }
    let output = run(&["run", "brains/relay.toml", "--for", "1s"]);
    assert!(stderr(&output).contains("no brain directory"), "{}", stderr(&output));
}

#[test]
fn a_journal_is_sent_into_a_running_brain_and_then_what_is_being_recorded_each_once() {
    const BEFORE: u64 = 300;
    const ALL: u64 = 600;
    let folder = tempfile::tempdir().unwrap();
    let (recorded, listens) = (folder.path().join("recorded"), folder.path().join("listens"));
    let journal = folder.path().join("journal");
    let journal = journal.to_str().unwrap();
    let durability = ["--journal", journal, "--durability", "page-cache"];
    let mut first = relay_with(&recorded, &durability);
    let mut second = relay(&listens);
    let mut ear = Brain::attach(&recorded).unwrap().sensory("ear").unwrap();
    let mut voice = Brain::attach(&listens).unwrap().motor("voice").unwrap();
    let mut fire = |numbers: std::ops::Range<u64>| {
        for number in numbers {
            ear.fire_within(&number.to_le_bytes(), Duration::from_secs(60)).unwrap();
        }
        assert!(ear.wait_until_taken(Duration::from_secs(60)).unwrap());
    };
    fire(0..BEFORE);
    let into = ["replay", journal, "--into", listens.to_str().unwrap(), "--gate", "ear"];
    let follow = ["--source", "senses/ear", "--follow", "--format", "json"];
    let replay = neuronbus(&[&into[..], &follow].concat()).spawn().unwrap();
    fire(BEFORE..ALL);
    for number in 0..ALL {
        let heard = voice.read_within(Duration::from_secs(60)).unwrap();
        let heard = heard.unwrap_or_else(|| panic!("{number} does not come"));
        assert_eq!(heard.payload, number.to_le_bytes(), "each once, in order");
    }
    signal(&replay, "INT");
    let done = document(&replay.wait_with_output().unwrap());
    assert_eq!((&done["sent"], &done["taken"]), (&ALL.into(), &true.into()));
    assert!(done["live_from"].as_u64().unwrap() <= done["next_sequence"].as_u64().unwrap());
    assert_eq!(voice.read(), None);

    // Asked again from there, there is nothing more; a faster one of the beginning sends that.
    let from = done["next_sequence"].to_string();
    let nothing = run(&[&into[..], &["--from", &from]].concat());
    assert!(stdout(&nothing).starts_with("0 records sent to senses/ear"), "{}", stdout(&nothing));
    let again =
        run(&[&into[..], &["--speed", "1000", "--until", "1", "--format", "json"]].concat());
    assert!(document(&again)["sent"].as_u64().unwrap() <= ALL);
    for child in [&mut first, &mut second] {
        signal(child, "INT");
        assert!(child.wait().unwrap().success());
    }
}
