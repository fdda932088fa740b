//! Following files that grow, are rotated, cut, removed, or are not there yet.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use neuronbus_host::follow::{Follower, Start};
use neuronbus_host::split::Piece;
use proptest::prelude::*;

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn poll(follower: &mut Follower) -> Vec<String> {
    poll_some(follower, usize::MAX)
}

fn poll_some(follower: &mut Follower, budget: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut take = |piece: Piece<'_>| {
        lines.push(match piece {
            Piece::Line(line) => String::from_utf8(line.to_vec()).unwrap(),
            Piece::TooLong(_) => "too long".to_owned(),
        });
    };
    follower.poll(budget, &mut take).unwrap();
    lines
}

#[test]
fn only_what_is_written_after_the_first_look_is_read_from_a_file_followed_from_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    append(&path, "old\n");
    let mut follower = Follower::new(&path, Start::End, 100);
    assert_eq!(poll(&mut follower), [""; 0]);
    append(&path, "new\nhal");
    assert_eq!(poll(&mut follower), ["new"]);
    append(&path, "f\n");
    assert_eq!(poll(&mut follower), ["half"]);
}

#[test]
fn a_rotated_file_is_read_to_its_end_before_the_new_one_is_read_from_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    append(&path, "one\n");
    let mut follower = Follower::new(&path, Start::Beginning, 100);
    assert_eq!(poll(&mut follower), ["one"]);
    append(&path, "two\nunfinished");
    fs::rename(&path, dir.path().join("app.log.1")).unwrap();
    append(&path, "three\n");
    assert_eq!(poll(&mut follower), ["two", "unfinished", "three"]);
    append(&path, "four\n");
    assert_eq!(poll(&mut follower), ["four"]);
}

#[test]
fn what_the_writer_still_adds_to_a_renamed_file_is_read_while_there_is_no_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("app.log"), dir.path().join("app.log.1"));
    append(&path, "one\n");
    let mut follower = Follower::new(&path, Start::Beginning, 100);
    assert_eq!(poll(&mut follower), ["one"]);
    fs::rename(&path, &old).unwrap();
    append(&old, "two\n");
    assert_eq!(poll(&mut follower), ["two"]);
    append(&old, "three\n");
    append(&path, "four\n");
    assert_eq!(poll(&mut follower), ["three", "four"]);
}

#[test]
fn a_file_that_is_cut_is_read_again_from_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    append(&path, "one\ntwo\n");
    let mut follower = Follower::new(&path, Start::End, 100);
    assert_eq!(poll(&mut follower), [""; 0]);
    File::create(&path).unwrap();
    append(&path, "new\n");
    assert_eq!(poll(&mut follower), ["new"]);
}

#[test]
fn a_file_that_is_not_there_is_waited_for_and_read_from_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let mut follower = Follower::new(&path, Start::End, 100);
    assert_eq!(poll(&mut follower), [""; 0]);
    assert!(!follower.is_open());
    append(&path, "first\n");
    assert_eq!(poll(&mut follower), ["first"]);
    assert!(follower.is_open());
    fs::remove_file(&path).unwrap();
    assert_eq!(poll(&mut follower), [""; 0]);
    append(&path, "second\n");
    assert_eq!(poll(&mut follower), ["second"]);
}

#[test]
fn a_look_reads_about_as_much_as_it_may_and_the_next_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let line = "x".repeat(63) + "\n";
    append(&path, &line.repeat(4096));
    let mut follower = Follower::new(&path, Start::Beginning, 100);
    let mut counts = Vec::new();
    while counts.last() != Some(&0) {
        counts.push(poll_some(&mut follower, 1).len());
    }
    assert_eq!(counts.iter().sum::<usize>(), 4096);
    assert!(counts.len() >= 4, "{counts:?}");
}

#[test]
fn a_directory_in_place_of_a_log_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut follower = Follower::new(dir.path(), Start::Beginning, 100);
    assert!(follower.poll(100, &mut |_| {}).is_err());
}

/// What may happen to a log.
#[derive(Debug, Clone)]
enum Event {
    Write(u8),
    Rotate,
    Look,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (1u8..20).prop_map(Event::Write),
        1 => Just(Event::Rotate),
        2 => Just(Event::Look),
    ];
    prop::collection::vec(event, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_line_is_lost_or_doubled_by_rotations_between_looks(events in events()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        let mut follower = Follower::new(&path, Start::Beginning, 100);
        let (mut written, mut read, mut looked) = (Vec::new(), Vec::new(), false);
        for (number, event) in events.into_iter().enumerate() {
            match event {
                Event::Write(lines) => {
                    for line in 0..lines {
                        let line = format!("{number}.{line}");
                        append(&path, &format!("{line}\n"));
                        written.push(line);
                    }
                }
                // A file that is rotated away before anybody has seen it is nowhere to be found.
                Event::Rotate if looked && path.exists() => {
                    fs::rename(&path, dir.path().join("app.log.1")).unwrap();
                    looked = false;
                }
                Event::Rotate => {}
                Event::Look => {
                    read.extend(poll(&mut follower));
                    looked = path.exists();
                }
            }
        }
        read.extend(poll(&mut follower));
        prop_assert_eq!(read, written);
    }
}
